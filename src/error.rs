//! One error type for the whole crate: branch on its kind, show its text, follow its source.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for people. Match on [`Error::kind`], not on this text.
///
/// ```
/// use handset::{ErrorKind, PhoneNumber};
///
/// let error = PhoneNumber::parse("26123456", None).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// ```
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    provider: Option<&'static str>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request can never succeed as asked: mend it.
    InvalidInput,
    /// There is no open check of that id for this subject: it ended, or it never was.
    CheckEnded,
    /// The policy forbids it.
    Denied,
    /// Try again after [`Error::retry_after`].
    RateLimited,
    /// Every route of the plan has been used.
    NoMoreChannels,
    /// The check does not take this step now: its prompt says what it waits for.
    NotExpected,
    /// The idempotency key was used before with another request.
    IdempotencyKeyReused,
    /// The provider will not serve this number on this channel; another route may.
    Rejected,
    /// A provider, the store or the limiter could not be reached, or answered nonsense.
    Unavailable,
    /// The provider has no such operation.
    Unsupported,
    /// Settings, a policy file or a key cannot be used; found when the verifier is built.
    Misconfigured,
}

impl Error {
    /// Makes an error. The message is for people: lower case, no full stop, no secret in it.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), provider: None, retry_after: None, source: None }
    }

    /// Names the provider that caused it.
    #[must_use]
    pub fn with_provider(mut self, provider: &'static str) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Keeps the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The provider that caused it, if one did.
    #[must_use]
    pub fn provider(&self) -> Option<&'static str> {
        self.provider
    }

    /// How long to wait before trying again, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.provider {
            Some(provider) => write!(f, "{provider}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Prints the text and every source, so that `fn main() -> Result<()>` reads well.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut next = StdError::source(self);
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_the_whole_chain() {
        let inner = Error::new(ErrorKind::Unavailable, "connection refused");
        let outer =
            Error::new(ErrorKind::Unavailable, "could not order the call").with_provider("numcheck").with_source(inner);
        assert_eq!(format!("{outer:?}"), "numcheck: could not order the call: connection refused");
    }
}
