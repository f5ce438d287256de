//! What all vendors' words have in common: requests in the making, and what an answer means that says nothing better.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    request::Builder,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{json, with_retry_after};
use crate::error::{Error, ErrorKind, Result};

/// One vendor, in whose name errors are made.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct Vendor {
    name: &'static str,
    unauthorized: &'static str,
}

impl Vendor {
    /// `unauthorized` is what an operator is told when the vendor refuses the account.
    pub(in crate::provider) const fn new(name: &'static str, unauthorized: &'static str) -> Self {
        Self { name, unauthorized }
    }

    /// A request, to be completed.
    pub(in crate::provider) fn request(self, method: Method, url: String) -> Draft {
        Draft { vendor: self, parts: Request::builder().method(method).uri(url) }
    }

    /// Reads an answer that is a JSON object. What is wrong with another is not told: it would quote the body.
    pub(in crate::provider) fn read<T: DeserializeOwned>(self, answer: &Response<Bytes>) -> Result<T> {
        json::object(answer.body()).ok_or_else(|| self.nonsense("answered with something that is not its JSON"))
    }

    /// What the status of an answer means where the vendor's own words say no more.
    pub(in crate::provider) fn refusal(self, status: StatusCode, answer: &Response<Bytes>) -> Error {
        let (kind, message) = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (ErrorKind::Misconfigured, self.unauthorized),
            // Another number would fare no better, so this is no `Rejected`.
            StatusCode::PAYMENT_REQUIRED => (ErrorKind::Misconfigured, "wants the account to be paid"),
            StatusCode::TOO_MANY_REQUESTS => (ErrorKind::RateLimited, "takes no more requests for now"),
            status if status.is_client_error() => (ErrorKind::Rejected, "does not accept the request"),
            _ => (ErrorKind::Unavailable, "answered with an unexpected status"),
        };
        with_retry_after(self.error(kind, message), answer)
    }

    /// The error of an answer that makes no sense.
    pub(in crate::provider) fn nonsense(self, message: &'static str) -> Error {
        self.error(ErrorKind::Unavailable, message)
    }

    pub(in crate::provider) fn error(self, kind: ErrorKind, message: &'static str) -> Error {
        Error::new(kind, message).with_provider(self.name)
    }
}

/// A request in the making.
#[derive(Debug)]
pub(in crate::provider) struct Draft {
    vendor: Vendor,
    parts: Builder,
}

impl Draft {
    /// Adds a header that shows who we are, and is hidden wherever the request is printed.
    pub(in crate::provider) fn credentials(self, name: HeaderName, value: &str) -> Result<Self> {
        let unsendable = "the credentials have characters that cannot be sent";
        let mut value =
            HeaderValue::from_str(value).map_err(|_| self.vendor.error(ErrorKind::Misconfigured, unsendable))?;
        value.set_sensitive(true);
        Ok(Self { parts: self.parts.header(name, value), ..self })
    }

    /// Completes it with a body in JSON.
    pub(in crate::provider) fn json(self, body: &impl Serialize) -> Result<Request<Bytes>> {
        let text = serde_json::to_vec(body)
            .map_err(|source| self.vendor.nonsense("the request cannot be written").with_source(source))?;
        self.body("application/json", text)
    }

    /// Completes it with a body of a media type.
    pub(in crate::provider) fn body(self, kind: &'static str, body: impl Into<Bytes>) -> Result<Request<Bytes>> {
        Self { parts: self.parts.header(CONTENT_TYPE, kind), ..self }.complete(body.into())
    }

    /// Completes it without a body, which a `POST` says (RFC 9110, section 8.6).
    pub(in crate::provider) fn empty(self) -> Result<Request<Bytes>> {
        let parts = match self.parts.method_ref() {
            Some(&Method::POST) => self.parts.header(CONTENT_LENGTH, 0),
            _ => self.parts,
        };
        Self { parts, ..self }.complete(Bytes::new())
    }

    fn complete(self, body: Bytes) -> Result<Request<Bytes>> {
        let no_url = self.vendor.error(ErrorKind::Misconfigured, "`base_url` makes no URL");
        self.parts.body(body).map_err(|source| no_url.with_source(source))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::AUTHORIZATION;

    use super::*;

    const VENDOR: Vendor = Vendor::new("acme", "refuses the `token`");

    fn draft(url: &str) -> Draft {
        VENDOR.request(Method::POST, url.to_owned())
    }

    #[test]
    fn a_request_hides_its_credentials() {
        let request = draft("https://x.example/").credentials(AUTHORIZATION, "s3cret").unwrap().json(&["a"]).unwrap();
        assert_eq!(
            (request.headers()["authorization"].as_bytes(), &request.body()[..]),
            (&b"s3cret"[..], &b"[\"a\"]"[..])
        );
        assert_eq!(request.headers()["content-type"], "application/json");
        assert!(!format!("{request:?}").contains("s3cret"));
        assert_eq!(draft("https://x.example/").empty().unwrap().headers()["content-length"], "0");
    }

    #[test]
    fn what_cannot_be_sent_is_a_matter_of_the_settings() {
        let bad = [
            draft("https://x.example/").credentials(AUTHORIZATION, "s3cret\n").map(drop),
            draft("a b").empty().map(drop),
        ];
        for error in bad.map(Result::unwrap_err) {
            assert_eq!((error.kind(), error.provider()), (ErrorKind::Misconfigured, Some("acme")));
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn a_status_says_whose_matter_it_is() {
        for (status, kind) in [
            (401, ErrorKind::Misconfigured),
            (402, ErrorKind::Misconfigured),
            (403, ErrorKind::Misconfigured),
            (404, ErrorKind::Rejected),
            (429, ErrorKind::RateLimited),
            (304, ErrorKind::Unavailable),
        ] {
            let answer = Response::builder().status(status).header("retry-after", "17").body(Bytes::new()).unwrap();
            let error = VENDOR.refusal(answer.status(), &answer);
            assert_eq!((error.kind(), error.provider()), (kind, Some("acme")), "{status}");
            assert_eq!(error.retry_after(), (status == 429).then_some(Duration::from_secs(17)));
        }
    }
}
