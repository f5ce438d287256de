//! How each kind of proxy says which request it asks about.

use http::{HeaderMap, HeaderValue, Method, Uri, request::Parts};

use super::{Refused, path};

/// A kind of reverse proxy, by what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// nginx with `auth_request`, which sends what its configuration says: `X-Original-Method` and `X-Original-URI`.
    Nginx,
    /// Traefik's `ForwardAuth` and Caddy's `forward_auth`: `X-Forwarded-Method` and `X-Forwarded-Uri`.
    Traefik,
    /// Envoy's `ext_authz` over HTTP: the method and the path of the request itself. What Envoy puts before the path
    /// (`path_prefix`) is taken away by the router that this service is nested in.
    Envoy,
}

/// The request that a proxy asks about.
#[derive(Debug)]
pub(super) struct Original {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// The segments of its path.
    pub(super) path: Vec<String>,
}

impl Original {
    pub(super) fn of(proxy: Proxy, parts: &Parts) -> Result<Self, Refused> {
        let (method, uri) = match proxy {
            Proxy::Nginx => headers(&parts.headers, "x-original-method", "x-original-uri"),
            Proxy::Traefik => headers(&parts.headers, "x-forwarded-method", "x-forwarded-uri"),
            Proxy::Envoy => parts.uri.path_and_query().map(|uri| (parts.method.clone(), uri.as_str())),
        }
        .ok_or(Refused::NoOriginal)?;
        let path = path::segments(uri).map_err(Refused::Ambiguous)?;
        // Only for the way back from the step page, which leads to the start where this is none.
        let uri = uri.parse().unwrap_or_default();
        Ok(Self { method, uri, path })
    }
}

fn headers<'h>(headers: &'h HeaderMap, method: &str, uri: &str) -> Option<(Method, &'h str)> {
    let method = Method::from_bytes(only(headers, method)?.as_bytes()).ok()?;
    Some((method, std::str::from_utf8(only(headers, uri)?.as_bytes()).ok()?))
}

/// The value of a header that is there once.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
