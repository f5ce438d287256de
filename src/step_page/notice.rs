//! What came of the last click, in a word for the URL and in words for the person.

use super::words::Words;
use crate::{
    channel::Channel,
    error::{Error, ErrorKind},
};

/// What came of the last click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Again,
    Denied,
    Early,
    Incorrect,
    Moved,
    NoCode,
    NoEmail,
    NoMoreChannels,
    NoNumber,
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
            ErrorKind::Denied => Some(Self::Denied),
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
            Self::Again => "again",
            Self::Denied => "denied",
            Self::Early => "early",
            Self::Incorrect => "incorrect",
            Self::Moved => "moved",
            Self::NoCode => "no-code",
            Self::NoEmail => "no-email",
            Self::NoMoreChannels => "no-more-channels",
            Self::NoNumber => "no-number",
            Self::NotConfirmed => "not-confirmed",
            Self::NotNow => "not-now",
            Self::TooMany => "too-many",
            Self::Unavailable => "unavailable",
            Self::Unreachable => "unreachable",
        }
    }

    /// What the person is told, whose message comes over this channel.
    pub(super) fn text(self, words: &Words, channel: Option<Channel>) -> String {
        match self {
            Self::Moved => words.say_with("moved", [("channel", channel.map_or("", Channel::as_str).into())]),
            other => words.say(&format!("notice-{}", other.word())),
        }
    }

    /// Whether it is about what was typed.
    pub(super) fn is_of_input(self) -> bool {
        matches!(self, Self::Incorrect | Self::NoCode | Self::NoEmail | Self::NoNumber)
    }

    /// Whether it is good news.
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Again | Self::Moved)
    }

    pub(super) const ALL: [Self; 14] = [
        Self::Again,
        Self::Denied,
        Self::Early,
        Self::Incorrect,
        Self::Moved,
        Self::NoCode,
        Self::NoEmail,
        Self::NoMoreChannels,
        Self::NoNumber,
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
