//! What the client must do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the client must do next.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prompt {
    /// Have the person type a code.
    EnterCode {
        /// How many digits it has.
        length: u8,
        /// Where the person finds it.
        source: CodeSource,
    },
    /// Open a URL on the phone itself.
    OpenUrl {
        /// The URL. Whoever opens it on another phone spoils the check.
        url: String,
        /// Whether it has to go over the phone's mobile data, not over Wi-Fi.
        mobile_data: bool,
    },
    /// Have the person answer the call and press these keys.
    PressKeys {
        /// The keys.
        digits: String,
    },
    /// Have the app on the phone get an operator token (GSMA TS.43), and hand it in as the code.
    OperatorToken,
    /// Nothing yet: ask again.
    Wait,
}

impl Prompt {
    /// Whether a client can be told this: a URL of printable ASCII (RFC 3986), no longer than phones open.
    pub(crate) fn can_be_shown(&self) -> bool {
        match self {
            Self::OpenUrl { url, .. } => url.len() <= MAX_URL && url.bytes().all(|b| b.is_ascii_graphic()),
            _ => true,
        }
    }
}

/// Shows the kind, not the URL or the keys.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnterCode { length, source } => write!(f, "EnterCode({length} digits, {source:?})"),
            Self::OpenUrl { mobile_data, .. } => write!(f, "OpenUrl(mobile_data: {mobile_data})"),
            Self::PressKeys { .. } => f.write_str("PressKeys"),
            Self::OperatorToken => f.write_str("OperatorToken"),
            Self::Wait => f.write_str("Wait"),
        }
    }
}

/// Where the person finds the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodeSource {
    /// In a text message.
    Message,
    /// Spoken in a call.
    Call,
    /// The last digits of the number that called.
    CallerId,
    /// In an e-mail.
    Email,
}

/// The longest URL that a phone is given, in bytes.
const MAX_URL: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_a_url_is_of_printable_ascii_and_not_too_long() {
        let can_be_shown = |url: &str| Prompt::OpenUrl { url: url.to_owned(), mobile_data: true }.can_be_shown();
        assert!(can_be_shown("https://vendor.example/check?id=%E2%80%AE"));
        assert!(can_be_shown(&"x".repeat(MAX_URL)) && !can_be_shown(&"x".repeat(MAX_URL + 1)));
        for unseen in ["\r\n", "\0", "\u{7f}", " ", "\u{202e}", "é"] {
            assert!(!can_be_shown(&format!("https://vendor.example/{unseen}")), "{unseen:?}");
        }
        assert!(Prompt::Wait.can_be_shown());
    }
}
