//! The page with the phones. Its files are plain HTML, CSS and JavaScript, and part of the program.

use axum::{
    Router,
    response::{IntoResponse, Redirect},
    routing::get,
};
use http::{HeaderName, header};

/// The page and what it loads.
pub(super) fn router() -> Router {
    let page = include_str!("page/page.html");
    let router = Router::new().route(PATH, get(async move || file("text/html; charset=utf-8", page)));
    FILES.iter().fold(router, |router, &(name, kind, text)| {
        router.route(&format!("{PATH}/{name}"), get(async move || file(kind, text)))
    })
}

/// Leads whoever opens the sandbox's address in a browser to the page.
pub(super) fn home() -> Router {
    Router::new().route("/", get(async || Redirect::temporary(PATH)))
}

/// Where the page is.
pub(super) const PATH: &str = "/phones";

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    (HEADERS, [(header::CONTENT_TYPE, kind)], text)
}

/// Name, type and text.
const FILES: [(&str, &str, &str); 12] = [
    ("activity.js", JAVASCRIPT, include_str!("page/activity.js")),
    ("browser.js", JAVASCRIPT, include_str!("page/browser.js")),
    ("call.js", JAVASCRIPT, include_str!("page/call.js")),
    ("dom.js", JAVASCRIPT, include_str!("page/dom.js")),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("knobs.js", JAVASCRIPT, include_str!("page/knobs.js")),
    ("page.css", CSS, include_str!("page/page.css")),
    ("page.js", JAVASCRIPT, include_str!("page/page.js")),
    ("phone.css", CSS, include_str!("page/phone.css")),
    ("phone.js", JAVASCRIPT, include_str!("page/phone.js")),
    ("settings.js", JAVASCRIPT, include_str!("page/settings.js")),
    ("wire.js", JAVASCRIPT, include_str!("page/wire.js")),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const CSS: &str = "text/css; charset=utf-8";

/// Nothing but the page's own files is loaded, and nothing but the sandbox is asked: texts on the page come from whoever can
/// reach the sandbox.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];
