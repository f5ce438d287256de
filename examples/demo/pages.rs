//! The page, its style and its script, and the headers that keep them safe.

use std::sync::Arc;

use axum::{
    Extension, Router,
    http::{HeaderName, HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{session::Session, ways::options};

/// The page, with the balance of the session and the ways that there are.
pub(crate) async fn index(Extension(session): Extension<Arc<Session>>) -> Response {
    let page = include_str!("index.html").replacen("€2,500.00", &euros(session.balance()), 1);
    file("text/html; charset=utf-8", page.replacen("<!-- ways -->", &options(), 1))
}

pub(crate) fn assets() -> Router {
    let router = Router::new();
    ASSETS.iter().fold(router, |router, &(path, kind, text)| router.route(path, get(async move || file(kind, text))))
}

/// Puts the headers on every answer.
pub(crate) fn secured(site: Router) -> Router {
    site.layer(map_response(|mut response: Response| async {
        response.headers_mut().extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }))
}

fn file(kind: &'static str, body: impl Into<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    (headers, body.into()).into_response()
}

fn euros(amount: i64) -> String {
    match amount / 1000 {
        0 => format!("€{amount}.00"),
        thousands => format!("€{thousands},{:03}.00", amount % 1000),
    }
}

/// Path, type and text.
const ASSETS: [(&str, &str, &str); 7] = [
    ("/style.css", "text/css; charset=utf-8", include_str!("style.css")),
    ("/bank.js", JAVASCRIPT, include_str!("bank.js")),
    ("/handset.js", JAVASCRIPT, include_str!("handset.js")),
    ("/people.js", JAVASCRIPT, include_str!("people.js")),
    ("/steps.js", JAVASCRIPT, include_str!("steps.js")),
    ("/words.js", JAVASCRIPT, include_str!("words.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("favicon.svg")),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];
