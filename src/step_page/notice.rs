//! What came of the last click, in a word for the URL and in words for the person.

use crate::error::{Error, ErrorKind};

/// What came of the last click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Incorrect,
    NoCode,
    NoNumber,
    NoMoreChannels,
    NotConfirmed,
    NotNow,
    TooMany,
    Unavailable,
    Unreachable,
}

impl Notice {
    /// What an error of the verifier means for the person; nothing where the page says it by itself.
    pub(crate) fn of_error(error: &Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::InvalidInput => Some(Self::NoCode),
            ErrorKind::RateLimited => Some(Self::TooMany),
            ErrorKind::NoMoreChannels => Some(Self::NoMoreChannels),
            ErrorKind::NotExpected => Some(Self::NotNow),
            ErrorKind::Rejected => Some(Self::Unreachable),
            ErrorKind::CheckEnded => None,
            _ => {
                tracing::error!(?error, "phone step failed");
                Some(Self::Unavailable)
            }
        }
    }

    /// The notice that a URL has a word for.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }

    /// The word for it in a URL.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Incorrect => "incorrect",
            Self::NoCode => "no-code",
            Self::NoNumber => "no-number",
            Self::NoMoreChannels => "no-more-channels",
            Self::NotConfirmed => "not-confirmed",
            Self::NotNow => "not-now",
            Self::TooMany => "too-many",
            Self::Unavailable => "unavailable",
            Self::Unreachable => "unreachable",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Incorrect => "That code is not right. Look again.",
            Self::NoCode => "A code has digits only.",
            Self::NoNumber => "That is no phone number. Begin with + and the country code.",
            Self::NoMoreChannels => "There is no other way to reach you.",
            Self::NotConfirmed => "Your operator has not confirmed this number. Try again, or use another way.",
            Self::NotNow => "That cannot be done now. See below.",
            Self::TooMany => "There were too many attempts. Try again later.",
            Self::Unavailable => "Your phone cannot be reached right now. Try again in a while.",
            Self::Unreachable => "This number cannot be reached.",
        }
    }

    /// Whether it is about what was typed.
    pub(super) fn is_of_input(self) -> bool {
        matches!(self, Self::Incorrect | Self::NoCode | Self::NoNumber)
    }

    const ALL: [Self; 9] = [
        Self::Incorrect,
        Self::NoCode,
        Self::NoNumber,
        Self::NoMoreChannels,
        Self::NotConfirmed,
        Self::NotNow,
        Self::TooMany,
        Self::Unavailable,
        Self::Unreachable,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_has_a_word() {
        for notice in Notice::ALL {
            assert_eq!(Notice::of_word(notice.word()), Some(notice));
        }
        assert_eq!(Notice::of_word("<script>"), None);
    }
}
