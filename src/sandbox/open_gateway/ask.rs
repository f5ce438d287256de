//! Requests, read.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use crate::sandbox::{device::SIM, handset::e164};

/// A request, as far as it can be read.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    pub(super) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Self { method, path: uri.path().to_owned(), query, headers, body }
    }

    /// The value of a header that is there once.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    pub(super) fn sim(&self) -> Option<String> {
        self.header(SIM).map(e164)
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    pub(super) fn query(&self, name: &str) -> Option<String> {
        once(&self.query, name)
    }

    pub(super) fn form(&self, name: &str) -> Option<String> {
        let pairs: Vec<_> = form_urlencoded::parse(&self.body).into_owned().collect();
        once(&pairs, name)
    }
}

/// The value of a parameter that is there once and not empty.
pub(super) fn once(pairs: &[(String, String)], name: &str) -> Option<String> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Some(value.clone()),
        _ => None,
    }
}

/// Whether a parameter is there more than once (RFC 6749, section 3.1: an error).
pub(super) fn repeated(pairs: &[(String, String)]) -> bool {
    pairs.iter().enumerate().any(|(place, (name, _))| pairs.iter().skip(place + 1).any(|(other, _)| other == name))
}
