//! How a check reaches the phone.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// How a check reaches the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channel {
    /// A text message with a code.
    Sms,
    /// A call that speaks a code.
    VoiceCode,
    /// A call that is not answered: its caller's number is the code.
    FlashCall,
    /// A call on which a shown key is pressed.
    KeyPress,
    /// A message to an e-mail address.
    Email,
    /// The mobile network says which number the device has.
    SilentNetwork,
}

impl Channel {
    /// Every channel, in the order of declaration.
    pub const ALL: [Self; 6] =
        [Self::Sms, Self::VoiceCode, Self::FlashCall, Self::KeyPress, Self::Email, Self::SilentNetwork];

    /// The name as it stands in policy files and answers, such as `flash_call`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::VoiceCode => "voice_code",
            Self::FlashCall => "flash_call",
            Self::KeyPress => "key_press",
            Self::Email => "email",
            Self::SilentNetwork => "silent_network",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join("`, `");
            Error::new(ErrorKind::InvalidInput, format!("unknown channel; known are `{known}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_is_known_by_its_name() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse::<Channel>().unwrap(), channel);
            assert_eq!(serde_json::to_string(&channel).unwrap(), format!("\"{channel}\""));
        }
    }
}
