//! What the person sees: plain pages that work without JavaScript.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    error::Result,
    phone::PhoneNumber,
    provider::{CodeSource, Prompt},
    random,
    verifier::Check,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A choice of phones.
pub(super) fn choice(ticket: &str, action: &str, phones: &[PhoneNumber], said: &str) -> Result<Response<Full<Bytes>>> {
    page(StatusCode::OK, "Which phone?", "'self'", None, |_| {
        html! {
            (saying(said))
            @for (place, phone) in phones.iter().enumerate() {
                form method="post" action=(action) {
                    input type="hidden" name="step" value=(ticket);
                    input type="hidden" name="phone" value=(place);
                    button name="do" value="start" { (phone) }
                }
            }
            (cancel(ticket, action))
        }
    })
}

/// What the check asks of the person.
pub(super) fn check(
    ticket: &str,
    action: &str,
    check: &Check,
    phone: &PhoneNumber,
    said: &str,
) -> Result<Response<Full<Bytes>>> {
    let title = match &check.prompt {
        Prompt::EnterCode { .. } => "Enter the code",
        Prompt::PressKeys { .. } => "Answer the call",
        Prompt::OpenUrl { .. } => "Confirm with your phone",
        _ => "One moment",
    };
    let waits = !matches!(check.prompt, Prompt::EnterCode { .. });
    let again = waits.then(|| format!("{WAIT}; url={action}?step={ticket}"));
    page(StatusCode::OK, title, "'self'", again.as_deref(), |_| {
        html! {
            (saying(said))
            (prompt(ticket, action, &check.prompt, phone))
            @if !check.next_channels.is_empty() {
                form method="post" action=(action) {
                    input type="hidden" name="step" value=(ticket);
                    button name="do" value="next" { "Try another way" }
                }
            }
            (cancel(ticket, action))
        }
    })
}

fn prompt(ticket: &str, action: &str, prompt: &Prompt, phone: &PhoneNumber) -> Markup {
    match prompt {
        Prompt::EnterCode { length, source } => html! {
            p { (whence(*source)) " " b { (phone) } "." }
            form method="post" action=(action) {
                input type="hidden" name="step" value=(ticket);
                label for="code" { "The " (length) " digits" }
                input #code name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="20" required autofocus;
                button name="do" value="code" { "Continue" }
            }
        },
        Prompt::PressKeys { digits } => html! {
            p { "Your phone " b { (phone) } " rings. Answer, and press " b { (digits) } "." }
        },
        Prompt::OpenUrl { url, mobile_data } => html! {
            p {
                "Open this on the phone " b { (phone) }
                @if *mobile_data { ", over its mobile data and not over Wi-Fi" }
                ", and come back here."
            }
            p { a href=(url) target="_blank" rel="noopener noreferrer" { "Confirm with this phone" } }
        },
        _ => html! { p { "Waiting for your phone " b { (phone) } "." } },
    }
}

fn whence(source: CodeSource) -> &'static str {
    match source {
        CodeSource::Message => "A text message with a code goes to",
        CodeSource::Call => "A call that says a code goes to",
        CodeSource::CallerId => "There is a short call; do not answer. The code is the end of the number that calls",
        CodeSource::Email => "An e-mail with a code is sent beside",
    }
}

fn cancel(ticket: &str, action: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name="step" value=(ticket);
            button name="do" value="cancel" { "Cancel" }
        }
    }
}

/// Hands fields on to Entra: by itself where there is JavaScript, else by a button.
pub(super) fn hand_on(to: &str, fields: &[(&str, &str)]) -> Result<Response<Full<Bytes>>> {
    page(StatusCode::OK, "Back to the sign-in", to, None, |nonce| {
        html! {
            form method="post" action=(to) {
                @for (name, value) in fields {
                    input type="hidden" name=(name) value=(value);
                }
                button { "Continue" }
            }
            script nonce=(nonce) { (PreEscaped("document.forms[0].submit()")) }
        }
    })
}

/// Tells the person, when there is nobody else to tell.
pub(super) fn plain(status: StatusCode, title: &str, text: &str) -> Response<Full<Bytes>> {
    let made = page(status, title, "'none'", None, |_| html! { p { (text) } });
    made.unwrap_or_else(|_| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    })
}

/// Nothing is loaded, framed or posted but what the page itself brings; `target` is where its forms may go.
fn page(
    status: StatusCode,
    title: &str,
    target: &str,
    refresh: Option<&str>,
    body: impl FnOnce(&str) -> Markup,
) -> Result<Response<Full<Bytes>>> {
    let nonce = URL_SAFE_NO_PAD.encode(random::bytes::<16>()?);
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(refresh) = refresh { meta http-equiv="refresh" content=(refresh); }
                title { (title) }
                style nonce=(nonce) { (PreEscaped(include_str!("style.css"))) }
            }
            body { main { h1 { (title) } (body(&nonce)) } }
        }
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; form-action {target}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = Response::new(Full::from(text.into_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // The policy is made of a nonce of ours and of constants.
    headers.extend(HeaderValue::from_str(&policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    Ok(response)
}

/// What a step has to say, by the word that it goes by in the URL.
fn saying(word: &str) -> Markup {
    let text = SAYINGS.iter().find(|(known, _)| *known == word).map(|(_, text)| *text);
    html! { @if let Some(text) = text { p role="alert" { (text) } } }
}

const SAYINGS: [(&str, &str); 7] = [
    ("wrong", "That was not the code. Try again."),
    ("malformed", "The code has digits only."),
    ("wait", "Too many attempts. Wait a while."),
    ("last", "There is no other way to reach this phone."),
    ("sent", "It is on its way again."),
    ("again", "That did not work. Try again."),
    ("denied", "This phone cannot be used. Choose another one."),
];

/// `origin`, not `no-referrer`: that would make the form's `Origin` null.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "strict-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Seconds until the page looks again.
const WAIT: u8 = 3;
