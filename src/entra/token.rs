//! The answer: an `id_token` with one class and one method.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{Config, step::Step};
use crate::{channel::Channel, error::Result};

/// Signs the answer to a step, of which `method` was the means.
pub(super) fn sign(config: &Config, step: &Step, method: &'static str, now: SystemTime) -> Result<String> {
    let claims = json!({
        "iss": config.issuer,
        "aud": config.client.id,
        "sub": step.subject,
        "nonce": step.nonce,
        "iat": seconds(now),
        "exp": seconds(now + LIFETIME),
        "acr": step.acr,
        "amr": [method],
    });
    config.keys.signing().sign("JWT", &claims)
}

/// The one method of Microsoft's list that a channel is; none for a channel that shows nothing about a phone.
///
/// Whatever rings is `tel`, also where the caller's number is the code. A silent check is `pop`: the network vouches for the SIM that is in the
/// phone. `hwk` would say that we had seen a key at work, and we have seen none.
pub(super) fn method(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Sms => Some("sms"),
        Channel::VoiceCode | Channel::FlashCall | Channel::KeyPress => Some("tel"),
        Channel::SilentNetwork => Some("pop"),
        Channel::Email => None,
    }
}

/// A `NumericDate` of RFC 7519, section 2.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The browser hands it on at once; this leaves room for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f7_every_channel_has_one_method_of_microsofts_list_or_none() {
        let theirs = ["face", "fido", "fpt", "hwk", "iris", "otp", "pop", "retina", "sc", "sms", "swk", "tel", "vbm"];
        for (channel, expected) in [
            (Channel::Sms, Some("sms")),
            (Channel::VoiceCode, Some("tel")),
            (Channel::FlashCall, Some("tel")),
            (Channel::KeyPress, Some("tel")),
            (Channel::SilentNetwork, Some("pop")),
            (Channel::Email, None),
        ] {
            assert_eq!(method(channel), expected);
            assert!(expected.is_none_or(|method| theirs.contains(&method)));
        }
    }
}
