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
