//! A provider whose messages can be read.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::{
    channel::Channel,
    check::Expected,
    error::{Error, Result},
    phone::PhoneNumber,
    provider::{Handle, Order, Provider, Settle, Started},
    secret::Code,
};

/// A provider that writes every message into a book instead of sending it. Clones share the book.
///
/// ```
/// use handset::testing::CodeBook;
///
/// let book = CodeBook::default();
/// let for_the_verifier = book.clone();
/// assert!(book.messages().is_empty());
/// # let _ = for_the_verifier;
/// ```
#[derive(Clone, Debug, Default)]
pub struct CodeBook {
    pages: Arc<Mutex<Pages>>,
}

#[derive(Debug, Default)]
struct Pages {
    messages: Vec<Message>,
    failures: VecDeque<Error>,
}

/// A message in a [`CodeBook`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message {
    /// To whom.
    pub phone: PhoneNumber,
    /// How.
    pub channel: Channel,
    /// With which code.
    pub code: Code,
    /// What the policy has it say, with `{code}` where the code goes.
    pub text: Option<String>,
}

impl CodeBook {
    /// Every message so far, the oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.with(|pages| pages.messages.clone())
    }

    /// The code of the last message.
    #[must_use]
    pub fn last_code(&self) -> Option<Code> {
        self.with(|pages| pages.messages.last().map(|message| message.code.clone()))
    }

    /// Lets the next order fail; several failures are used up in turn.
    pub fn fail_next(&self, error: Error) {
        self.with(|pages| pages.failures.push_back(error));
    }

    fn with<T>(&self, look: impl FnOnce(&mut Pages) -> T) -> T {
        look(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, order: &Order) -> Result<Started> {
        self.with(|pages| {
            if let Some(error) = pages.failures.pop_front() {
                return Err(error);
            }
            let (code, text) = (order.code.clone(), order.message.clone());
            pages.messages.push(Message { phone: order.phone, channel: order.channel, code, text });
            let expected = Expected::code(order.code.clone());
            Ok(Started::new(Handle::new(pages.messages.len().to_string()), Settle::LocalCode(expected)))
        })
    }
}

/// Policy files know it as `code_book`, with the channels `sms` and `voice_code`.
impl Provider for CodeBook {
    fn name(&self) -> &'static str {
        "code_book"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms, Channel::VoiceCode]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        ready(self.write(order)).boxed()
    }
}
