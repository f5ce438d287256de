//! The page, its style and its script, and the headers that keep them safe.

use std::sync::Arc;

use axum::{
    Extension, Router,
    http::{HeaderName, HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::session::Session;

/// The page, with the balance of the session.
pub(crate) async fn index(Extension(session): Extension<Arc<Session>>) -> Response {
    let page = include_str!("index.html").replacen("€2,500.00", &euros(session.balance()), 1);
    file("text/html; charset=utf-8", page)
}

pub(crate) fn assets() -> Router {
    let style = || async { file("text/css; charset=utf-8", include_str!("style.css")) };
    let script = || async { file("text/javascript; charset=utf-8", include_str!("app.js")) };
    let icon = || async { file("image/svg+xml", include_str!("favicon.svg")) };
    Router::new().route("/style.css", get(style)).route("/app.js", get(script)).route("/favicon.svg", get(icon))
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

const HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];
