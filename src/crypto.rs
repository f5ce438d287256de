//! Which cryptography signs and verifies.

use crate::error::{Error, ErrorKind, Result};

/// Tells `jsonwebtoken` which cryptography to use, before it is used: left to itself it panics when another crate of the
/// program has turned on the other one as well.
pub(crate) fn install() -> Result<()> {
    // A second call changes nothing, and says so.
    #[cfg(feature = "aws-lc")]
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    #[cfg(all(feature = "rust-crypto", not(feature = "aws-lc")))]
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
    if cfg!(any(feature = "aws-lc", feature = "rust-crypto")) {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::Misconfigured,
            "this build has no cryptography: turn on the feature `aws-lc` or `rust-crypto` of `handset`",
        ))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
