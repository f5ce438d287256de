//! A page as an answer: it loads nothing, nobody may frame it, and its forms go where it says.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use http_body_util::Full;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

/// What a page consists of.
pub(crate) struct Document<'a> {
    pub(crate) title: &'a str,
    pub(crate) body: Markup,
    /// Where its forms may go, as sources of a Content Security Policy.
    pub(crate) form_action: &'a str,
    /// Where the browser looks again by itself.
    pub(crate) refresh: Option<&'a str>,
    /// The one script that may run.
    pub(crate) script: Option<&'static str>,
}

impl Document<'_> {
    /// The page as an answer.
    pub(crate) fn response(&self, status: StatusCode) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.html().into_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        // A target is made of a URL that was checked; should it not fit a header, nothing may be sent anywhere.
        let policy = HeaderValue::try_from(self.policy()).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        response
    }

    fn html(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    @if let Some(url) = self.refresh {
                        meta http-equiv="refresh" content=(format!("{LOOK_AGAIN};url={url}"));
                    }
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main { h1 { (self.title) } (self.body) }
                    @if let Some(script) = self.script { script { (PreEscaped(script)) } }
                }
            }
        }
    }

    fn policy(&self) -> String {
        let script = self.script.map_or_else(String::new, |script| format!("script-src {}; ", source(script)));
        format!(
            "default-src 'none'; {script}style-src {}; form-action {}; frame-ancestors 'none'; base-uri 'none'",
            source(STYLE),
            self.form_action
        )
    }
}

/// The source that allows one text and no other.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// Seconds until a page that waits looks again.
const LOOK_AGAIN: u8 = 3;

const STYLE: &str = include_str!("style.css");

/// The origin, and never a URL with what is in it; without the origin a form that goes to another site would have `Origin: null`.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "strict-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];
