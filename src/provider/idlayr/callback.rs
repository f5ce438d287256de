//! What the vendor's server posts when a check has ended, and how a device brings the vendor's signature along.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};

use super::{Version, wire};
use crate::{
    callback::{Message, Verified, refused},
    error::{ErrorKind, Result},
    provider::{Handle, Report, Verdict, http::object},
};

/// Reads a callback whose signature was checked.
///
/// With v0.2 it decides nothing: the vendor tells of the end that our own exchange has brought about. With v0.1 it says what
/// asking would say.
pub(super) fn read(verified: &Verified, version: Version) -> Result<Report> {
    let product = verified.headers().get("x-tru-callback").map(|value| value.as_bytes());
    if product.is_some_and(|product| product != b"phone_check") {
        return Err(refused("the callback is about another product"));
    }
    let unreadable = || wire::VENDOR.error(ErrorKind::InvalidInput, "called with something that is not its JSON");
    let check: wire::Check = object(verified.body()).ok_or_else(unreadable)?;
    // A check without a result leaves ours as it is: another channel may still do.
    let verdict = match version {
        Version::V0_1 => check.verdict().unwrap_or(Verdict::Pending),
        Version::V0_2 => Verdict::Pending,
    };
    let mut report = Report::new(verdict);
    report.handle = Some(Handle::new(check.check_id.clone()));
    report.id = Some(check.check_id);
    Ok(report)
}

/// What a device brought back as a signed message; `None` when it carries no signature. `Authorization` and `Date` come in
/// base64 as query parameters; signed is the URL without the two.
pub(super) fn signed_return(url: &str) -> Option<Message> {
    let (path, query) = url.split_once('?')?;
    let mut headers = HeaderMap::new();
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let name = match pair.split('=').next() {
            Some("authorization") => header::AUTHORIZATION,
            Some("date") => header::DATE,
            _ => {
                rest.push(pair);
                continue;
            }
        };
        let (_, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
        // An unescaped `+` of base64 has become a blank.
        let value = STANDARD.decode(value.replace(' ', "+")).ok()?;
        headers.append(name, HeaderValue::from_bytes(&value).ok()?);
    }
    let url = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    headers.contains_key(header::AUTHORIZATION).then(|| Message::new(Method::GET, url, headers, Bytes::new()))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use futures_util::future::{BoxFuture, FutureExt, ready};

    use super::*;
    use crate::{
        callback::{Freshness, RawCallback, Scheme, http_signature},
        crypto,
    };

    const ID: &str = "c69bc0e6-a429-11ea-bb37-0242ac130002";

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../callback/testdata/signed.json")).unwrap()
    }

    #[test]
    fn e1_a_signed_return_is_accepted_and_one_changed_byte_is_not() {
        crypto::install().unwrap();
        let vectors = vectors();
        let url = vectors["redirect"].as_str().unwrap();
        let now = httpdate::parse_http_date(vectors["date"].as_str().unwrap()).unwrap();
        let keys = http_signature::rsa_keys(
            serde_json::from_slice(include_bytes!("../../callback/testdata/jwks.json")).unwrap(),
        );
        let check = |url: &str| {
            let message = signed_return(url).ok_or_else(|| refused("unsigned"))?;
            let signed = http_signature::Signed::read(&message, Freshness::default(), now)?;
            signed.verify(&keys[&signed.key_id])
        };
        check(url).unwrap();
        check(&url.replace("%3D", "=").replace("%2B", "+")).expect("the base64 need not be escaped");
        for (from, to) in [
            ("code=94dae426fg", "code=94dae426ff"),
            ("check_id=c69", "check_id=c68"),
            ("state=c3R", "state=c3S"),
            ("&reference_id=my+ref", ""),
            ("reference_id=my+ref", "reference_id=my%20ref"),
            ("app.example.com", "evil.example.com"),
            ("&date=TW9u", "&date=VHVl"),
            ("&date=", "&dated="),
            ("authorization=U2ln", "authorization=V2ln"),
            ("?state", "?a=b&state"),
        ] {
            assert!(url.contains(from), "{from}");
            assert!(check(&url.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(signed_return("https://app.example.com/r?code=1&date=x").is_none());
    }

    /// Whether the sender is checked is another test's matter.
    #[derive(Debug)]
    struct Anybody;

    impl Scheme for Anybody {
        fn check<'a>(&'a self, _: &'a Message, _: SystemTime) -> BoxFuture<'a, Result<()>> {
            ready(Ok(())).boxed()
        }
    }

    fn read(product: &'static str, body: &'static str, version: Version) -> Result<Report> {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-tru-callback"),
            HeaderValue::from_static(product),
        )]);
        let message =
            Message::new(Method::POST, "https://app.example.com/", headers, Bytes::from_static(body.as_bytes()));
        let verified =
            RawCallback::new(message).verify(&Anybody, SystemTime::UNIX_EPOCH).now_or_never().unwrap().unwrap();
        super::read(&verified, version)
    }

    #[test]
    fn a_callback_of_v0_1_says_what_asking_would_say() {
        for (rest, verdict) in [
            (r#""status":"COMPLETED","match":true"#, Verdict::Match),
            (r#""status":"COMPLETED","match":false"#, Verdict::NoMatch),
            (r#""status":"COMPLETED""#, Verdict::Pending),
            (r#""status":"EXPIRED""#, Verdict::Pending),
            (r#""status":"ERROR","match":true,"error_code":"mno_timeout""#, Verdict::Pending),
            (r#""status":"PENDING","match":true"#, Verdict::Pending),
        ] {
            let body: &'static str = format!(r#"{{"check_id":"{ID}",{rest}}}"#).leak();
            let report = read("phone_check", body, Version::V0_1).unwrap();
            assert_eq!(report.verdict, verdict, "{rest}");
            assert_eq!((report.handle, report.id.as_deref()), (Some(Handle::new(ID)), Some(ID)));
            assert_eq!(read("phone_check", body, Version::V0_2).unwrap().verdict, Verdict::Pending);
        }
    }

    #[test]
    fn callbacks_of_other_products_and_shapes_are_refused() {
        let body = r#"{"check_id":"1","status":"COMPLETED","match":true}"#;
        assert_eq!(read("subscriber_check", body, Version::V0_1).unwrap_err().kind(), ErrorKind::Denied);
        for body in ["", "[]", "{}", r#"{"check_id":1,"status":"COMPLETED"}"#] {
            assert_eq!(read("phone_check", body, Version::V0_1).unwrap_err().kind(), ErrorKind::InvalidInput, "{body}");
        }
    }
}
