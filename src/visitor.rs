//! Whose request is it? The application says so, or a cookie stands for a visitor.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Extensions, HeaderMap, HeaderValue, header::COOKIE};

use crate::{
    error::{Error, ErrorKind, Result},
    ids::Subject,
    random,
    verifier::Verifier,
};

/// The subject of a request: the application's own, from the extensions, else that of the visitor's cookie.
pub(crate) fn subject(verifier: &Verifier, extensions: &Extensions, headers: &HeaderMap) -> Option<Subject> {
    extensions.get::<Subject>().cloned().or_else(|| {
        let secret = cookie(headers)?;
        verifier.visitor(&secret).ok()
    })
}

/// A new visitor: its subject, and the cookie that it comes back with.
pub(crate) fn newcomer(verifier: &Verifier) -> Result<(Subject, HeaderValue)> {
    let secret: [u8; SECRET] = random::bytes()?;
    let subject = verifier.visitor(&secret)?;
    let value = URL_SAFE_NO_PAD.encode(secret);
    let cookie = HeaderValue::from_str(&format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")).map_err(
        |source| Error::new(ErrorKind::Unavailable, "the visitor's cookie cannot be made").with_source(source),
    )?;
    Ok((subject, cookie))
}

fn cookie(headers: &HeaderMap) -> Option<[u8; SECRET]> {
    let mut pairs =
        headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?;
    URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()
}

/// `__Host-` binds the cookie to this host, over HTTPS only (RFC 6265bis, section 4.1.3.2).
const NAME: &str = "__Host-handset";
const SECRET: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let value = URL_SAFE_NO_PAD.encode([7; SECRET]);
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; __Host-handsetter=x".parse().unwrap());
        assert_eq!(cookie(&headers), None);
        headers.append(COOKIE, format!("c=d; {NAME}={value}; e=f").parse().unwrap());
        assert_eq!(cookie(&headers), Some([7; SECRET]));
    }

    #[test]
    fn other_values_are_no_visitor() {
        for value in ["", "short", "*", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, format!("{NAME}={value}").parse().unwrap());
            assert_eq!(cookie(&headers), None, "{value}");
        }
    }
}
