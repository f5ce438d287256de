//! What a step of the hosted page is taken for, and where the person goes on afterwards.

use serde::{Deserialize, Serialize};

use super::way_back;
use crate::{
    channel::Channel,
    error::Result,
    ids::{Action, Binding, Subject},
    parameters::Parameters,
    phone::PhoneNumber,
    policy::Policy,
    step_page::{Asked, Errand, Words},
    verifier::{Facts, StartRequest},
};

/// A request for the page that was found good.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Hosted {
    action: String,
    pub(super) binding: Option<String>,
    channel: Option<Channel>,
    pub(super) locale: Option<String>,
    pub(super) return_to: String,
    pub(super) cancel_to: Option<String>,
    asks_number: bool,
    asks_email: Asked,
}

impl Hosted {
    /// Reads the query that a person came with; the log says what is wrong with it.
    pub(super) fn read(
        said: &Parameters,
        facts: &Facts,
        policy: &Policy,
        words: &Words,
        origins: &[String],
    ) -> Option<Self> {
        let writes_email = policy.routes().any(|route| route.channel() == Channel::Email);
        let read = Self::read_or_say(said, facts, writes_email, words, origins);
        read.inspect_err(|why| tracing::info!(why, "request for the step page refused")).ok()
    }

    fn read_or_say(
        said: &Parameters,
        facts: &Facts,
        writes_email: bool,
        words: &Words,
        origins: &[String],
    ) -> Result<Self, &'static str> {
        let action =
            said.one("action").and_then(|name| Action::new(name).ok()).ok_or("`action` is missing or is none")?;
        let back =
            |text| way_back::checked(text, origins).ok_or("`return_to` and `cancel_to` are paths of this origin");
        let return_to = back(said.one("return_to").ok_or("`return_to` is missing")?)?;
        let cancel_to = said.one("cancel_to").map(back).transpose()?;
        let asked = said.one("binding").map(Binding::new).transpose().map_err(|_| "`binding` is none")?;
        // What the application knows goes before what the browser brings.
        let binding = match (&facts.binding, asked) {
            (Some(own), Some(asked)) if *own != asked => return Err("`binding` is another transaction"),
            (own, asked) => asked.or_else(|| own.clone()),
        };
        let channel = said.one("channel").map(str::parse).transpose().map_err(|_| "`channel` is none")?;
        Ok(Self {
            action: action.as_str().to_owned(),
            binding: binding.map(|binding| binding.as_str().to_owned()),
            channel,
            // Messages speak the language of the page.
            locale: Some(said.one("locale").filter(|tag| is_tag(tag)).map_or_else(|| words.tag(), str::to_owned)),
            return_to,
            cancel_to,
            asks_number: facts.phone.is_none(),
            asks_email: match (&facts.email, channel) {
                (Some(_), _) => Asked::No,
                (None, Some(Channel::Email)) => Asked::Yes,
                (None, _) if writes_email => Asked::MayBe,
                _ => Asked::No,
            },
        })
    }

    /// The origins besides this one that a form may end up at, as sources of a Content Security Policy.
    pub(super) fn targets(&self) -> String {
        let ways = [Some(&self.return_to), self.cancel_to.as_ref()].into_iter().flatten();
        ways.filter_map(|url| way_back::origin(url)).collect::<Vec<_>>().join(" ")
    }
}

impl Errand for Hosted {
    const KIND: &'static str = "hosted step";

    fn request(&self, _: &str, subject: Subject, phone: PhoneNumber) -> Result<StartRequest> {
        let mut request = StartRequest::new(subject, phone, Action::new(self.action.as_str())?);
        request.binding = self.binding.as_deref().map(Binding::new).transpose()?;
        request.channel = self.channel;
        request.locale.clone_from(&self.locale);
        Ok(request)
    }

    fn asks_number(&self) -> bool {
        self.asks_number
    }

    fn asks_email(&self) -> Asked {
        self.asks_email
    }
}

fn is_tag(tag: &str) -> bool {
    (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
