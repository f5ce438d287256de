//! The page on which a person takes the step, where no application shows one: plain HTML, forms and links, no script.
//!
//! It changes nothing when it is looked at. What it does, its forms do.

mod document;
mod notice;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use maud::{Markup, html};

use crate::{
    channel::Channel,
    check::Status,
    phone::PhoneNumber,
    provider::{CodeSource, Prompt},
    verifier::Check,
};

pub(crate) use document::Document;
pub(crate) use notice::Notice;

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
    /// Where a form may end up besides here, if anywhere: browsers hold redirects after a form against `form-action`.
    pub(crate) form_target: &'a str,
}

/// How far the person is.
#[cfg_attr(
    not(all(feature = "oidc-provider", feature = "entra")),
    expect(dead_code, reason = "each of the two that show the page has stages of its own")
)]
pub(crate) enum Stage<'a> {
    /// Nothing was sent.
    Begin {
        /// Whether the person says which number.
        asks_number: bool,
    },
    /// Nothing was sent, and the person says which of these, by its place.
    Choice(&'a [PhoneNumber]),
    /// A check is there.
    Check(&'a Check),
    /// The check that there was is gone.
    Over,
}

impl StepPage<'_> {
    /// The page as an answer.
    pub(crate) fn response(&self, status: StatusCode) -> Response<Full<Bytes>> {
        let body = html! {
            p { (self.asking) " wants to know that you have " @match &self.phone {
                Some(phone) => { "the phone with the number " b { (phone) } }
                None => "your phone"
            } "." }
            @if let Some(notice) = self.notice { p #notice role="alert" { (notice.text()) } }
            (self.stage())
            (self.form(html! { button.quiet name="do" value="cancel" { "Cancel" } }))
        };
        let form_action = format!("'self' {}", self.form_target);
        let document = Document {
            title: self.title(),
            body,
            form_action: form_action.trim_end(),
            refresh: self.is_waiting().then_some(self.here),
            script: None,
        };
        document.response(status)
    }

    fn title(&self) -> &'static str {
        match self.stage {
            Stage::Begin { .. } => "Your phone",
            Stage::Choice(_) => "Which phone?",
            Stage::Check(check) if check.status == Status::Pending => match check.prompt {
                Prompt::EnterCode { .. } => "Enter the code",
                Prompt::PressKeys { .. } => "Answer the call",
                Prompt::OpenUrl { .. } => "Confirm with your phone",
                _ => "One moment",
            },
            Stage::Check(_) | Stage::Over => "This check is over",
        }
    }

    fn stage(&self) -> Markup {
        match self.stage {
            Stage::Begin { asks_number } => self.begin(asks_number),
            Stage::Choice(phones) => self.choice(phones),
            Stage::Check(check) if check.status == Status::Pending => self.pending(check),
            Stage::Check(_) | Stage::Over => self.form(html! { button name="do" value="start" { "Start again" } }),
        }
    }

    fn begin(&self, asks_number: bool) -> Markup {
        self.form(html! {
            @if asks_number {
                label { "Your number, with + and the country code"
                    input name="phone" type="tel" autocomplete="tel" required maxlength="64" autofocus
                        aria-invalid=[self.invalid()] aria-describedby=[self.described_by()];
                }
            }
            button name="do" value="start" { "Continue" }
        })
    }

    fn choice(&self, phones: &[PhoneNumber]) -> Markup {
        html! {
            @for (place, phone) in phones.iter().enumerate() {
                (self.form(html! {
                    input type="hidden" name="phone" value=(place);
                    button name="do" value="start" { (phone) }
                }))
            }
        }
    }

    fn pending(&self, check: &Check) -> Markup {
        html! {
            (self.prompt(check))
            @if check.channel.is_some() {
                (self.form(html! { button.quiet name="do" value="start" { "Try this again" } }))
            }
            @if let Some(next) = check.next_channels.first() {
                (self.form(html! { button.quiet name="do" value="next" { (offer(*next)) } }))
            }
        }
    }

    fn prompt(&self, check: &Check) -> Markup {
        match &check.prompt {
            Prompt::EnterCode { length, source } => self.form(html! {
                label { (question(*source, *length))
                    input name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="32" autofocus
                        aria-invalid=[self.invalid()] aria-describedby=[self.described_by()];
                }
                button name="do" value="answer" { "Confirm" }
            }),
            // In place of this page, which two of would be when the browser comes back.
            Prompt::OpenUrl { url, mobile_data } if check.comes_back => html! {
                p { "This needs the browser of the phone itself. Open the link there" @if *mobile_data {
                    ", over mobile data and not over Wi-Fi"
                } ". It brings you back to this page." }
                p { a.go href=(url) rel="noreferrer" { "Open the link" } }
            },
            Prompt::OpenUrl { url, mobile_data } => html! {
                p { "Open this link on the phone itself" @if *mobile_data { ", over its mobile data and not over Wi-Fi" }
                    ". Then come back to this page." }
                p { a.go href=(url) target="_blank" rel="noopener noreferrer" { "Open the link" } }
            },
            Prompt::PressKeys { digits } => html! {
                p { "Your phone rings. Answer, and press " b.keys { (digits) } "." }
            },
            Prompt::OperatorToken => html! { p { "This way needs an app of the operator. Use another one." } },
            _ => html! { p { "This page looks again by itself." } },
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

    fn invalid(&self) -> Option<&'static str> {
        self.notice.filter(|notice| notice.is_of_input()).map(|_| "true")
    }

    fn described_by(&self) -> Option<&'static str> {
        self.invalid().map(|_| "notice")
    }
}

/// A page that says why nothing goes on here.
pub(crate) fn dead_end(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let (title, body) = ("This does not work", html! { p { (text) } });
    Document { title, body, form_action: "'none'", refresh: None, script: None }.response(status)
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

#[cfg(test)]
mod tests {
    use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
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
        assert_eq!(response.headers()[REFERRER_POLICY], "strict-origin");
    }
}
