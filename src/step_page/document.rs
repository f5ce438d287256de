//! A page as an answer: what is not in it may not run or load, nobody may frame it, and its forms go where it says.

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

use super::brand::Brand;
use crate::random;

/// What a page consists of.
pub(crate) struct Document<'a> {
    pub(crate) title: &'a str,
    pub(crate) body: Markup,
    pub(crate) brand: &'a Brand,
    /// The tag of its language, and how that is written.
    pub(crate) language: (&'a str, &'static str),
    /// Where its forms may go, as sources of a Content Security Policy.
    pub(crate) form_action: &'a str,
    /// Where the browser looks again by itself.
    pub(crate) refresh: Option<Refresh<'a>>,
    /// The one script that may run.
    pub(crate) script: Option<&'static str>,
}

/// How a page that waits looks again.
#[derive(Clone, Copy)]
pub(crate) struct Refresh<'a> {
    pub(crate) url: &'a str,
    /// Where the script waits for something to see, in place of looking again and again.
    pub(crate) changes: Option<&'a str>,
}

impl Document<'_> {
    /// The page as an answer.
    pub(crate) fn response(&self, status: StatusCode) -> Response<Full<Bytes>> {
        // Without a nonce nothing runs and the page is plain; it still works.
        let nonce = random::bytes::<16>().map(|bytes| STANDARD.encode(bytes)).unwrap_or_default();
        let mut response = Response::new(Full::from(self.html(&nonce).into_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        // A target is made of a URL that was checked; should it not fit a header, nothing may be sent anywhere.
        let policy =
            HeaderValue::try_from(self.policy(&nonce)).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        if let Some(endpoint) = &self.brand.reports
            && let Ok(endpoints) = HeaderValue::try_from(format!("csp=\"{endpoint}\""))
        {
            headers.insert("reporting-endpoints", endpoints);
        }
        response
    }

    fn html(&self, nonce: &str) -> Markup {
        let (language, direction) = self.language;
        html! {
            (DOCTYPE)
            html lang=(language) dir=(direction) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    meta name="color-scheme" content="light dark";
                    @match self.refresh {
                        Some(Refresh { url, changes: None }) => (look_again(url)),
                        Some(Refresh { url, changes: Some(_) }) => noscript { (look_again(url)) },
                        None => {}
                    }
                    title { (self.title) @if let Some(name) = &self.brand.name { " – " (name) } }
                    style nonce=(nonce) { (PreEscaped(STYLE)) (PreEscaped(&self.brand.style)) }
                }
                body data-changes=[self.refresh.and_then(|refresh| refresh.changes)] {
                    main {
                        (self.brand.mark())
                        h1 { (self.title) }
                        (self.body)
                    }
                    @if let Some(script) = self.script { script nonce=(nonce) { (PreEscaped(script)) } }
                }
            }
        }
    }

    fn policy(&self, nonce: &str) -> String {
        let script =
            self.script.map_or_else(String::new, |_| format!("script-src 'nonce-{nonce}'; connect-src 'self'; "));
        let image = self.brand.logo.as_ref().map_or("", |_| "img-src 'self' data:; ");
        let report = self.brand.reports.as_ref();
        let report = report.map_or_else(String::new, |to| format!("; report-to csp; report-uri {to}"));
        format!(
            "default-src 'none'; {script}style-src 'nonce-{nonce}'; {image}form-action {}; frame-ancestors 'none'; \
             base-uri 'none'{report}",
            self.form_action
        )
    }
}

fn look_again(url: &str) -> Markup {
    html! { meta http-equiv="refresh" content=(format!("{LOOK_AGAIN};url={url}")); }
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
