//! Whose request is it? The application says so, or a cookie stands for a visitor. And which browser sent it?

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
    extensions.get::<Subject>().cloned().or_else(|| of_cookie(verifier, headers))
}

/// The visitor of a request's cookie.
pub(crate) fn of_cookie(verifier: &Verifier, headers: &HeaderMap) -> Option<Subject> {
    let (_, secret) = secrets(headers).find(|(name, _)| *name == NAME)?;
    verifier.visitor(&secret).ok()
}

/// Every name of the browser that sent a request: its subject, and what stands for each step that began in it.
pub(crate) fn names(verifier: &Verifier, extensions: &Extensions, headers: &HeaderMap) -> Vec<Subject> {
    let steps = secrets(headers).filter(|(name, _)| name.starts_with(STEP)).take(MOST_STEPS);
    let steps = steps.filter_map(|(_, secret)| verifier.visitor(&secret).ok());
    let visitor = extensions.get::<Subject>().and_then(|_| of_cookie(verifier, headers));
    subject(verifier, extensions, headers).into_iter().chain(visitor).chain(steps).collect()
}

/// A new visitor: its subject, and the cookie that it comes back with.
pub(crate) fn newcomer(verifier: &Verifier) -> Result<(Subject, HeaderValue)> {
    let secret: [u8; SECRET] = random::bytes()?;
    Ok((verifier.visitor(&secret)?, cookie(NAME, &secret, "")?))
}

/// What one browser keeps for one step, in a cookie of the step's own: so steps in two tabs do not take each other's away, and
/// one that begins with a form of another site, which comes without cookies, takes nothing away at all.
#[cfg(feature = "entra")]
pub(crate) struct StepKey {
    /// Which of a browser's keys it is; no secret.
    pub(crate) name: String,
    pub(crate) secret: [u8; SECRET],
}

#[cfg(feature = "entra")]
impl StepKey {
    pub(crate) fn random() -> Result<Self> {
        Ok(Self { name: URL_SAFE_NO_PAD.encode(random::bytes::<6>()?), secret: random::bytes()? })
    }

    /// The key of this name, if the browser has it.
    pub(crate) fn find(name: &str, headers: &HeaderMap) -> Option<Self> {
        let (_, secret) = secrets(headers).find(|(cookie, _)| cookie.strip_prefix(STEP) == Some(name))?;
        Some(Self { name: name.to_owned(), secret })
    }

    /// The cookie that it is kept in.
    pub(crate) fn cookie(&self, life: std::time::Duration) -> Result<HeaderValue> {
        cookie(&format!("{STEP}{}", self.name), &self.secret, &format!("; Max-Age={}", life.as_secs()))
    }

    /// The name that the browser has by it.
    pub(crate) fn browser(&self, verifier: &Verifier) -> Result<Subject> {
        verifier.visitor(&self.secret)
    }
}

/// The cookie in which a browser brings a proof.
#[cfg(feature = "ui")]
pub(crate) fn proof_cookie(token: &str, life: std::time::Duration) -> Result<HeaderValue> {
    host_cookie(PROOF, token, &format!("; Max-Age={}", life.as_secs()))
}

/// The proof that a browser brings in its cookies.
pub(crate) fn proof(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(PROOF)?.strip_prefix('='))
}

/// Takes the proof out of the cookies.
pub(crate) fn remove_proof(headers: &mut HeaderMap) {
    let is_other = |pair: &&str| pair.trim().split('=').next() != Some(PROOF);
    let lines = headers.get_all(COOKIE).iter().map(|line| match line.to_str() {
        Ok(text) => HeaderValue::try_from(text.split(';').filter(is_other).collect::<Vec<_>>().join(";").trim()).ok(),
        Err(_) => Some(line.clone()),
    });
    let lines: Vec<HeaderValue> = lines.flatten().filter(|line| !line.is_empty()).collect();
    headers.remove(COOKIE);
    lines.into_iter().for_each(|line| {
        headers.append(COOKIE, line);
    });
}

fn cookie(name: &str, secret: &[u8], more: &str) -> Result<HeaderValue> {
    host_cookie(name, &URL_SAFE_NO_PAD.encode(secret), more)
}

/// Lax: a browser that comes back from another site's page shows the cookie to ours.
fn host_cookie(name: &str, value: &str, more: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(format!("{name}={value}; Path=/{more}; Secure; HttpOnly; SameSite=Lax"))
        .map_err(|source| Error::new(ErrorKind::Unavailable, "a cookie cannot be made").with_source(source))
}

/// The cookies of a request whose values are secrets of ours, by their names.
fn secrets(headers: &HeaderMap) -> impl Iterator<Item = (&str, [u8; SECRET])> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        Some((name, URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()?))
    })
}

/// `__Host-` binds the cookie to this host, over HTTPS only (RFC 6265bis, section 4.1.3.2).
const NAME: &str = "__Host-handset";
const STEP: &str = "__Host-handset-step-";
const PROOF: &str = "__Host-handset-proof";
const SECRET: usize = 16;

/// More steps than anybody takes at once; who sends more cookies buys no more work with them.
const MOST_STEPS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(headers: &HeaderMap) -> Option<[u8; SECRET]> {
        secrets(headers).find(|(name, _)| *name == NAME).map(|(_, secret)| secret)
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let value = URL_SAFE_NO_PAD.encode([7; SECRET]);
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, format!("a=b; __Host-handsetter={value}").parse().unwrap());
        assert_eq!(visitor(&headers), None);
        headers.append(COOKIE, format!("c=d; {NAME}={value}; e=f").parse().unwrap());
        assert_eq!(visitor(&headers), Some([7; SECRET]));
    }

    #[test]
    fn other_values_are_no_visitor() {
        for value in ["", "short", "*", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, format!("{NAME}={value}").parse().unwrap());
            assert_eq!(visitor(&headers), None, "{value}");
        }
    }

    #[test]
    fn a_proof_is_taken_out_of_the_cookies_and_nothing_else_is() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, format!("a=b; {PROOF}=token; {PROOF}er=c").parse().unwrap());
        headers.append(COOKIE, format!("{PROOF}=again").parse().unwrap());
        headers.append(COOKIE, HeaderValue::from_bytes(b"d=\xff").unwrap());
        assert_eq!(proof(&headers), Some("token"));
        remove_proof(&mut headers);
        assert_eq!(proof(&headers), None);
        let left: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(left, [format!("a=b; {PROOF}er=c").as_bytes(), b"d=\xff"]);
    }

    #[cfg(feature = "entra")]
    #[test]
    fn a_key_comes_back_by_its_name_and_is_no_visitor() {
        let key = StepKey { name: "a".to_owned(), secret: [7; SECRET] };
        let line = key.cookie(std::time::Duration::from_secs(600)).unwrap();
        assert!(line.to_str().unwrap().ends_with("; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"));
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, line.to_str().unwrap().split(';').next().unwrap().parse().unwrap());
        assert_eq!(StepKey::find("a", &headers).unwrap().secret, key.secret);
        assert!(StepKey::find("", &headers).is_none() && StepKey::find("b", &headers).is_none());
        assert_eq!(visitor(&headers), None);
    }
}
