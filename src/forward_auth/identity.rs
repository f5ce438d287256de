//! Whose request it is, and which number the account has, as the proxy says it.

use http::{Extensions, HeaderMap, HeaderName};

use super::{Refused, proxy::only};
use crate::{ids::Subject, phone::PhoneNumber, verifier::Facts};

/// The headers that a proxy sets after its own authentication.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(crate) subject: Option<HeaderName>,
    pub(crate) phone: Option<HeaderName>,
}

impl Identity {
    /// Puts what the headers say where the layer and the endpoints look for it. A header that is to be there, and is not there
    /// once and usable, refuses the request: neither a visitor's cookie nor another phone may take its place.
    pub(crate) fn apply(&self, headers: &HeaderMap, extensions: &mut Extensions) -> Result<(), Refused> {
        if let Some(name) = &self.subject {
            let subject = text(headers, name).and_then(|text| Subject::new(text).ok());
            extensions.insert(subject.ok_or(Refused::NoSubject)?);
        }
        if let Some(name) = &self.phone {
            let phone = text(headers, name).and_then(|text| PhoneNumber::parse(text, None).ok());
            let facts = extensions.get::<Facts>().cloned().unwrap_or_default();
            extensions.insert(facts.with_phone(phone.ok_or(Refused::NoPhone)?));
        }
        Ok(())
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    std::str::from_utf8(only(headers, name.as_str())?.as_bytes()).ok()
}
