//! Which cryptography signs and verifies.

use jsonwebtoken::crypto::CryptoProvider;

use crate::error::{Error, ErrorKind, Result};

/// Tells `jsonwebtoken` which cryptography to use, before it is used: left to itself it panics when another crate of the
/// program has turned on the other one as well.
pub(crate) fn install() -> Result<()> {
    // A second call changes nothing, and says so.
    let _ = chosen()?.install_default();
    Ok(())
}

/// Signs claims as a JSON Web Token with our own choice of cryptography, whatever another part of the program has told
/// `jsonwebtoken` to use: RSA in pure Rust would leak the key by its timing (RUSTSEC-2023-0071).
#[cfg(feature = "open-gateway")]
pub(crate) fn signed(
    header: &jsonwebtoken::Header,
    claims: &impl serde::Serialize,
    key: &jsonwebtoken::EncodingKey,
) -> Result<String> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let signer = chosen()?.signer_factory;
    let sign = || -> jsonwebtoken::errors::Result<String> {
        let parts = [serde_json::to_vec(header)?, serde_json::to_vec(claims)?];
        let text = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = signer(&header.alg, key)?.try_sign(text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    };
    sign().map_err(|source| Error::new(ErrorKind::Misconfigured, "the private key does not sign").with_source(source))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn chosen() -> Result<&'static CryptoProvider> {
    #[cfg(feature = "aws-lc")]
    let chosen = Some(&jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER);
    #[cfg(all(feature = "rust-crypto", not(feature = "aws-lc")))]
    let chosen = Some(&jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER);
    #[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
    let chosen = None;
    chosen.ok_or_else(|| {
        Error::new(
            ErrorKind::Misconfigured,
            "this build has no cryptography: turn on the feature `aws-lc` or `rust-crypto` of `handset`",
        )
    })
}
