//! The page on which a person takes the step, where no application shows one: plain HTML, forms and links, no script.
//!
//! It changes nothing when it is looked at. What it does, its forms do.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use http_body_util::Full;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::{
    channel::Channel,
    check::Status,
    phone::PhoneNumber,
    provider::{CodeSource, Prompt},
    verifier::Check,
};

/// What there is to show.
pub(crate) struct StepPage<'a> {
    /// The application that asks, by the name that people know.
    pub(crate) asking: &'a str,
    /// Of which number; shown masked.
    pub(crate) phone: Option<PhoneNumber>,
    pub(crate) stage: Stage<'a>,
    /// What came of the last click.
    pub(crate) notice: Option<Notice>,
    /// Where the page itself is, for pages that look again.
    pub(crate) here: &'a str,
    /// Where its forms go, and what they carry along.
    pub(crate) form_action: &'a str,
    pub(crate) hidden: &'a [(&'a str, &'a str)],
    /// Where a form may end up besides here: browsers hold redirects after a form against `form-action`.
    pub(crate) form_target: &'a str,
}

/// How far the person is.
pub(crate) enum Stage<'a> {
    /// Nothing was sent.
    Begin {
        /// Whether the person says which number.
        asks_number: bool,
    },
    /// A check is there.
    Check(&'a Check),
    /// The check that there was is gone.
    Over,
}

/// What came of the last click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Incorrect,
    NoCode,
    NoNumber,
    NoMoreChannels,
    NotNow,
    TooMany,
    Unavailable,
    Unreachable,
}

impl StepPage<'_> {
    /// The page as an answer.
    pub(crate) fn response(&self, status: StatusCode) -> Response<Full<Bytes>> {
        let body = html! {
            p { (self.asking) " wants to know that you have the phone" @if let Some(phone) = &self.phone {
                " with the number " b { (phone.to_string()) }
            } "." }
            @if let Some(notice) = self.notice { p.notice role="alert" { (notice.text()) } }
            (self.stage())
            (self.form(html! { button.quiet name="do" value="cancel" { "Cancel" } }))
        };
        let refresh = self.is_waiting().then_some(self.here);
        answer(status, "Your phone", refresh, &body, self.form_target)
    }

    fn stage(&self) -> Markup {
        match self.stage {
            Stage::Begin { asks_number } => self.begin(asks_number),
            Stage::Check(check) if check.status == Status::Pending => self.pending(check),
            Stage::Check(_) | Stage::Over => html! {
                p { "This check is over." }
                (self.form(html! { button name="do" value="start" { "Start again" } }))
            },
        }
    }

    fn begin(&self, asks_number: bool) -> Markup {
        self.form(html! {
            @if asks_number {
                label { "Your number, with + and the country code"
                    input name="phone" type="tel" autocomplete="tel" required maxlength="64" autofocus;
                }
            }
            button name="do" value="start" { "Continue" }
        })
    }

    fn pending(&self, check: &Check) -> Markup {
        html! {
            (self.prompt(&check.prompt))
            @if check.channel.is_some() {
                (self.form(html! { button.quiet name="do" value="start" { "Try this again" } }))
            }
            @if let Some(next) = check.next_channels.first() {
                (self.form(html! { button.quiet name="do" value="next" { (offer(*next)) } }))
            }
        }
    }

    fn prompt(&self, prompt: &Prompt) -> Markup {
        match prompt {
            Prompt::EnterCode { length, source } => self.form(html! {
                label { (question(*source, *length))
                    input name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="32" autofocus;
                }
                button name="do" value="answer" { "Confirm" }
            }),
            Prompt::OpenUrl { url, mobile_data } => html! {
                p { "Open this link on the phone itself" @if *mobile_data { ", over its mobile data and not over Wi-Fi" }
                    ". Then come back to this page." }
                p { a href=(url) target="_blank" rel="noopener noreferrer" { "Open the link" } }
            },
            Prompt::PressKeys { digits } => html! {
                p { "Your phone rings. Answer, and press " b.keys { (digits) } "." }
            },
            Prompt::OperatorToken => html! { p { "This way needs an app of the operator. Use another one." } },
            _ => html! { p { "One moment. This page looks again by itself." } },
        }
    }

    fn is_waiting(&self) -> bool {
        match self.stage {
            Stage::Check(check) if check.status == Status::Pending => {
                !matches!(check.prompt, Prompt::EnterCode { .. } | Prompt::OperatorToken)
            }
            _ => false,
        }
    }

    fn form(&self, fields: Markup) -> Markup {
        html! {
            form method="post" action=(self.form_action) {
                @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                (fields)
            }
        }
    }
}

impl Notice {
    /// The word for it in a URL.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Incorrect => "incorrect",
            Self::NoCode => "no-code",
            Self::NoNumber => "no-number",
            Self::NoMoreChannels => "no-more-channels",
            Self::NotNow => "not-now",
            Self::TooMany => "too-many",
            Self::Unavailable => "unavailable",
            Self::Unreachable => "unreachable",
        }
    }

    /// The notice that a URL has a word for.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Incorrect => "That code is not right. Look again.",
            Self::NoCode => "A code has digits only.",
            Self::NoNumber => "That is no phone number. Begin with + and the country code.",
            Self::NoMoreChannels => "There is no other way to reach you.",
            Self::NotNow => "That cannot be done now. See below.",
            Self::TooMany => "There were too many attempts. Try again later.",
            Self::Unavailable => "Your phone cannot be reached right now. Try again in a while.",
            Self::Unreachable => "This number cannot be reached.",
        }
    }

    const ALL: [Self; 8] = [
        Self::Incorrect,
        Self::NoCode,
        Self::NoNumber,
        Self::NoMoreChannels,
        Self::NotNow,
        Self::TooMany,
        Self::Unavailable,
        Self::Unreachable,
    ];
}

/// A page that says why nothing goes on here.
pub(crate) fn dead_end(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    answer(status, "This does not work", None, &html! { p { (text) } }, "")
}

fn question(source: CodeSource, length: u8) -> String {
    match source {
        CodeSource::Message => format!("The {length} digits of the text message"),
        CodeSource::Call => format!("The {length} digits that the call reads out"),
        CodeSource::CallerId => format!("The last {length} digits of the number that calls you. Do not answer"),
        CodeSource::Email => format!("The {length} digits of the e-mail"),
    }
}

fn offer(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "Send a text message instead",
        Channel::VoiceCode => "Call and read a code out instead",
        Channel::FlashCall => "Call from a number that is the code instead",
        Channel::KeyPress => "Call and have me press keys instead",
        Channel::Email => "Write an e-mail instead",
        Channel::SilentNetwork => "Ask my operator instead",
    }
}

fn answer(
    status: StatusCode,
    title: &str,
    refresh: Option<&str>,
    body: &Markup,
    form_target: &str,
) -> Response<Full<Bytes>> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                @if let Some(url) = refresh { meta http-equiv="refresh" content=(format!("{LOOK_AGAIN};url={url}")); }
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    let mut response = Response::new(Full::from(page.into_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {form_target}; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    // A target is made of a URL that was checked; should it not fit a header, nothing may be sent anywhere.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// Seconds until a page that waits looks again.
const LOOK_AGAIN: u8 = 3;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;background:#f4f4f2;color:#1b1b1b}\
main{max-width:26rem;margin:8vh auto;padding:1.5rem}\
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.6rem;margin:.3rem 0 1rem}\
button{font:inherit;padding:.6rem 1.2rem;border:1px solid #1b1b1b;background:#1b1b1b;color:#fff}\
button.quiet{background:none;color:inherit;border-color:#767676;margin-top:.6rem}\
.notice{border-left:.3rem solid #b00020;padding-left:.8rem}.keys{font-size:1.6rem}";

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn shown(response: Response<Full<Bytes>>) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    fn page<'a>(asking: &'a str, hidden: &'a [(&'a str, &'a str)]) -> StepPage<'a> {
        StepPage {
            asking,
            phone: Some(PhoneNumber::parse("+37126123456", None).unwrap()),
            stage: Stage::Begin { asks_number: false },
            notice: Some(Notice::Incorrect),
            here: "/step?ticket=x",
            form_action: "/step",
            hidden,
            form_target: "https://rp.example",
        }
    }

    #[tokio::test]
    async fn what_others_wrote_is_escaped_and_the_number_masked() {
        let hidden = [("ticket", r#""><script>alert(1)</script>"#)];
        let text = shown(page("<b>Bank</b>", &hidden).response(StatusCode::OK)).await;
        assert!(!text.contains("<script>") && !text.contains("<b>Bank"), "{text}");
        assert!(text.contains("+371******56") && !text.contains("26123456"), "{text}");
    }

    #[test]
    fn nothing_may_frame_the_page_or_run_in_it() {
        let response = page("Bank", &[]).response(StatusCode::OK);
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self' https://rp.example;"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
    }

    #[test]
    fn every_notice_has_a_word() {
        for notice in Notice::ALL {
            assert_eq!(Notice::of_word(notice.word()), Some(notice));
        }
        assert_eq!(Notice::of_word("<script>"), None);
    }
}
