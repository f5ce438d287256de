//! The page of a step: what there is to show, and the forms for what there is to do.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use maud::{Markup, html};

use super::{Asked, Brand, Document, Notice, document::Refresh, number, picture, words::Words};
use crate::{
    channel::Channel,
    check::Status,
    email,
    phone::PhoneNumber,
    provider::{CodeSource, Prompt},
    verifier::Check,
};

/// What there is to show.
pub(crate) struct StepPage<'a> {
    pub(crate) words: &'a Words,
    pub(crate) brand: &'a Brand,
    /// Who asks, by the name that people know.
    pub(crate) asking: Option<&'a str>,
    /// What the person confirms by it, as the application describes it.
    pub(crate) transaction: Option<&'a str>,
    /// Of which number; shown masked.
    pub(crate) phone: Option<PhoneNumber>,
    /// Where e-mails go, if anywhere; shown masked.
    pub(crate) email: Option<&'a str>,
    /// Whether the person has said that number, and may say another one.
    pub(crate) may_change: bool,
    pub(crate) stage: Stage<'a>,
    /// What came of the last click.
    pub(crate) notice: Option<Notice>,
    pub(crate) now: SystemTime,
    /// Where the page itself is, for pages that look again.
    pub(crate) here: &'a str,
    /// Where the script waits for something else to see.
    pub(crate) changes: Option<&'a str>,
    /// Where its forms go, and what they carry along.
    pub(crate) form_action: &'a str,
    pub(crate) hidden: &'a [(&'a str, &'a str)],
    /// Where a form may end up besides here, if anywhere: browsers hold redirects after a form against `form-action`.
    pub(crate) form_target: &'a str,
}

/// How far the person is.
#[cfg_attr(not(feature = "entra"), expect(dead_code, reason = "only Entra's step has several numbers"))]
pub(crate) enum Stage<'a> {
    /// Nothing was sent.
    Begin {
        /// Whether the person says which number.
        asks_number: bool,
        /// Whether the person says an address for e-mail.
        asks_email: Asked,
    },
    /// Nothing was sent, and the person says which of these, by its place.
    Choice(&'a [PhoneNumber]),
    /// A check is there.
    Check(&'a Check),
    /// The check that there was is gone.
    Over,
    /// The person called it off.
    CalledOff,
}

impl StepPage<'_> {
    /// The page as an answer.
    pub(crate) fn response(&self, status: StatusCode) -> Response<Full<Bytes>> {
        let title = self.words.say(self.title());
        let form_action = format!("'self' {}", self.form_target);
        let document = Document {
            title: &title,
            body: self.body(),
            brand: self.brand,
            language: (&self.words.tag(), self.words.direction()),
            form_action: form_action.trim_end(),
            refresh: self.is_waiting().then_some(Refresh { url: self.here, changes: self.changes }),
            script: Some(include_str!("script.js")),
        };
        document.response(status)
    }

    fn body(&self) -> Markup {
        html! {
            @if !matches!(self.stage, Stage::CalledOff) {
                p.asks { (self.asks()) }
                (self.facts())
            }
            @if let Some(notice) = self.notice {
                p #notice .good[notice.is_good()] role=(if notice.is_good() { "status" } else { "alert" }) {
                    (notice.text(self.words, self.check().and_then(|check| check.channel)))
                }
            }
            (self.stage())
            @if !matches!(self.stage, Stage::CalledOff) {
                div.ways {
                    @if self.may_change && self.phone.is_some() { (self.quiet("change", &self.words.say("button-change"))) }
                    (self.quiet("cancel", &self.words.say("button-cancel")))
                }
            }
        }
    }

    fn title(&self) -> &'static str {
        match self.stage {
            Stage::Begin { .. } => "title-begin",
            Stage::Choice(_) => "title-choice",
            Stage::Check(check) if check.status == Status::Pending => match check.prompt {
                Prompt::EnterCode { source: CodeSource::CallerId, .. } => "title-caller",
                Prompt::EnterCode { .. } => "title-code",
                Prompt::PressKeys { .. } => "title-keys",
                Prompt::OpenUrl { .. } => "title-link",
                _ => "title-wait",
            },
            Stage::CalledOff => "title-cancelled",
            Stage::Check(_) | Stage::Over => "title-over",
        }
    }

    fn asks(&self) -> String {
        match self.asking {
            Some(asking) => self.words.say_with("asks", [("asking", asking.into())]),
            None => self.words.say("asks-plain"),
        }
    }

    /// Of which number, and for what.
    fn facts(&self) -> Markup {
        html! {
            @let email = self.email.filter(|_| self.check().is_some_and(|check| check.channel == Some(Channel::Email)));
            @if self.phone.is_some() || self.transaction.is_some() {
                dl {
                    @if let Some(transaction) = self.transaction {
                        div { dt { (self.words.say("transaction")) } dd { bdi { (transaction) } } }
                    }
                    @if let Some(phone) = &self.phone {
                        div { dt { (self.words.say("number")) } dd { bdi dir="ltr" { (phone) } } }
                    }
                    @if let Some(email) = email {
                        div { dt { (self.words.say("email")) } dd { bdi dir="ltr" { (email::masked(email)) } } }
                    }
                }
            }
        }
    }

    fn stage(&self) -> Markup {
        match self.stage {
            Stage::Begin { asks_number, asks_email } => self.begin(asks_number, asks_email),
            Stage::Choice(phones) => self.choice(phones),
            Stage::Check(check) if check.status == Status::Pending => self.pending(check),
            Stage::Check(_) | Stage::Over => self.restart(),
            Stage::CalledOff => html! { p { (self.words.say("hint-cancelled")) } (self.restart()) },
        }
    }

    fn begin(&self, asks_number: bool, asks_email: Asked) -> Markup {
        let described_by = |asked: bool| self.described_by().filter(|_| asked);
        let is_of_email = self.notice == Some(Notice::NoEmail);
        self.form(html! {
            @if asks_number { (number::fields(self.words, described_by(!is_of_email))) }
            @if asks_email != Asked::No { (self.email_field(asks_email, described_by(is_of_email))) }
            button name="do" value="start" { (self.words.say("button-start")) }
        })
    }

    fn email_field(&self, asked: Asked, described_by: Option<&str>) -> Markup {
        let is_needed = asked == Asked::Yes;
        let described_by = described_by.into_iter().chain((!is_needed).then_some("email-hint"));
        let described_by = described_by.collect::<Vec<_>>().join(" ");
        html! {
            label for="email" { (self.words.say("label-email")) }
            input #email name="email" type="email" autocomplete="email" inputmode="email" maxlength="320" dir="ltr"
                required[is_needed] aria-invalid=[(self.notice == Some(Notice::NoEmail)).then_some("true")]
                aria-describedby=[Some(described_by).filter(|ids| !ids.is_empty())];
            @if !is_needed { p.small #email-hint { (self.words.say("hint-email")) } }
        }
    }

    fn choice(&self, phones: &[PhoneNumber]) -> Markup {
        html! {
            @for (place, phone) in phones.iter().enumerate() {
                (self.form(html! {
                    input type="hidden" name="phone" value=(place);
                    button name="do" value="start" { bdi dir="ltr" { (phone) } }
                }))
            }
        }
    }

    fn restart(&self) -> Markup {
        self.form(html! { button name="do" value="start" { (self.words.say("button-restart")) } })
    }

    fn pending(&self, check: &Check) -> Markup {
        html! {
            (self.prompt(check))
            @if let Some(channel) = check.channel {
                section aria-labelledby="missing" {
                    p #missing { (self.words.say("missing")) }
                    (self.again(check, channel))
                    @if let Some(next) = self.next_channel(check) {
                        (self.quiet("next", &self.with_channel("offer", next)))
                    }
                }
            }
        }
    }

    /// The next way to reach the person; where nobody has said an address, that is no e-mail.
    fn next_channel(&self, check: &Check) -> Option<Channel> {
        check.next_channels.iter().copied().find(|next| *next != Channel::Email || self.email.is_some())
    }

    /// The same once more, when it is due.
    fn again(&self, check: &Check, channel: Channel) -> Markup {
        let wait = check.resend_after.and_then(|due| due.duration_since(self.now).ok());
        let seconds = wait.map_or(0, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        html! {
            (self.form(html! {
                button.quiet name="do" value="start" data-seconds=[(seconds > 0).then_some(seconds)]
                    aria-describedby=[(seconds > 0).then_some("again-in")] { (self.with_channel("button-again", channel)) }
            }))
            @if seconds > 0 {
                p.small #again-in { (self.words.say_with("again-in", [("seconds", seconds.into())])) }
            }
        }
    }

    fn prompt(&self, check: &Check) -> Markup {
        match &check.prompt {
            Prompt::EnterCode { length, source } => self.code(check, *length, *source),
            // In place of this page, which two of would be when the browser comes back.
            Prompt::OpenUrl { url, mobile_data } => html! {
                p { (self.words.say(if check.comes_back { "hint-link-back" } else { "hint-link" }))
                    @if *mobile_data { " " (self.words.say("hint-mobile-data")) } }
                p { a.go href=(url) target=[(!check.comes_back).then_some("_blank")] rel="noopener noreferrer" {
                    (self.words.say("button-link"))
                } }
                (self.waits())
            },
            Prompt::PressKeys { digits } => html! {
                p { (self.words.say("hint-keys")) }
                p.keys dir="ltr" { @for digit in digits.chars() { kbd { (digit) } } }
                (self.waits())
            },
            Prompt::OperatorToken => html! { p { (self.words.say("hint-operator-token")) } },
            _ => self.waits(),
        }
    }

    fn code(&self, check: &Check, length: u8, source: CodeSource) -> Markup {
        let asked =
            self.words.say_with("label-code", [("source", source_word(source).into()), ("length", length.into())]);
        html! {
            @if source == CodeSource::CallerId {
                p { (self.words.say("hint-caller")) }
                (picture::caller(length, &self.words.say_with("picture-caller", [("length", length.into())])))
            }
            (self.form(html! {
                label for="code" { (asked) }
                input.code #code name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required maxlength="32"
                    dir="ltr" autofocus spellcheck="false" data-length=(length) data-source=(source_word(source))
                    aria-invalid=[self.described_by().map(|_| "true")] aria-describedby=(self.code_is_described_by());
                p.small #left {
                    (self.words.say_with("attempts-left", [("count", check.attempts_left.into())]))
                    " " (self.words.say("hint-secret"))
                }
                button name="do" value="answer" { (self.words.say("button-answer")) }
            }))
        }
    }

    fn waits(&self) -> Markup {
        html! { p.waits role="status" { (self.words.say("hint-wait")) } }
    }

    fn quiet(&self, does: &str, label: &str) -> Markup {
        self.form(html! { button.quiet name="do" value=(does) { (label) } })
    }

    fn form(&self, fields: Markup) -> Markup {
        html! {
            form method="post" action=(self.form_action) {
                @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                (fields)
            }
        }
    }

    fn with_channel(&self, message: &str, channel: Channel) -> String {
        self.words.say_with(message, [("channel", channel.as_str().into())])
    }

    fn check(&self) -> Option<&Check> {
        match self.stage {
            Stage::Check(check) => Some(check),
            _ => None,
        }
    }

    fn is_waiting(&self) -> bool {
        self.check().is_some_and(|check| {
            check.status == Status::Pending && !matches!(check.prompt, Prompt::EnterCode { .. } | Prompt::OperatorToken)
        })
    }

    /// What says what is wrong with what was typed.
    fn described_by(&self) -> Option<&'static str> {
        self.notice.filter(|notice| notice.is_of_input()).map(|_| "notice")
    }

    fn code_is_described_by(&self) -> &'static str {
        self.described_by().map_or("left", |_| "notice left")
    }
}

fn source_word(source: CodeSource) -> &'static str {
    match source {
        CodeSource::Message => "message",
        CodeSource::Call => "call",
        CodeSource::CallerId => "caller_id",
        CodeSource::Email => "email",
    }
}
