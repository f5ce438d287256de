//! The wrapping of messages in version 2 of the API. Pure: `now` is an argument.
//!
//! It hides a message from a glance and no more. Whoever knows one message and its wrapped form can read and write others,
//! and nothing tells who wrote one. So nothing is believed because it opened: what counts is HTTPS to the vendor's host.
//!
//! ```text
//!  message = the digits of the Unix time, last one first, then "." and the JSON text
//!  wrapped = base64url of (each byte + a byte of the user id + a byte of the API key) mod 128
//! ```
//!
//! Both keys repeat, and both begin with their last byte.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The two keys of an account. Prints nothing.
#[derive(Clone, Copy)]
pub(crate) struct Cipher<'a> {
    user_id: &'a str,
    api_key: &'a str,
}

impl<'a> Cipher<'a> {
    /// Takes the keys. With an empty one nothing can be wrapped or opened.
    pub(crate) fn new(user_id: &'a str, api_key: &'a str) -> Self {
        Self { user_id, api_key }
    }

    /// Wraps `text`; `None` unless it is ASCII, for the eighth bit of a byte would be lost.
    pub(crate) fn seal(self, text: &str, now: SystemTime) -> Option<String> {
        if !text.is_ascii() || self.user_id.is_empty() || self.api_key.is_empty() {
            return None;
        }
        let time: String = seconds(now).to_string().chars().rev().collect();
        let message = format!("{time}.{text}").into_bytes();
        let wrapped: Vec<u8> =
            message.iter().zip(self.keys()).map(|(byte, key)| byte.wrapping_add(key) % ALPHABET).collect();
        Some(URL_SAFE_NO_PAD.encode(wrapped))
    }

    /// Opens what was wrapped at most [`TIME_LIMIT`] before or after `now`, or says why not. Takes both alphabets of base64,
    /// with padding or without, in lines or in one piece.
    pub(crate) fn open(self, wrapped: &str, now: SystemTime) -> Result<String, &'static str> {
        let bytes = decode(wrapped).ok_or(GARBLED)?;
        // 128 divides 256, so a borrow out of the byte does not matter. What is left is ASCII.
        let message: String =
            bytes.iter().zip(self.keys()).map(|(byte, key)| char::from(byte.wrapping_sub(key) % ALPHABET)).collect();
        let (time, text) = message.split_once('.').ok_or(GARBLED)?;
        if time.is_empty() || !time.bytes().all(|b| b.is_ascii_digit()) {
            return Err(GARBLED);
        }
        // Digits that are no time of a computer are as far away as can be.
        let time = time.chars().rev().collect::<String>().parse().unwrap_or(u64::MAX);
        if time.abs_diff(seconds(now)) > TIME_LIMIT.as_secs() {
            return Err(OUT_OF_TIME);
        }
        Ok(text.to_owned())
    }

    /// What is added to each byte: both keys over and over, each with its last byte first. Nothing when one is empty.
    fn keys(self) -> impl Iterator<Item = u8> {
        let endless = |key: &'a str| key.bytes().cycle().skip(key.len().saturating_sub(1));
        endless(self.user_id).zip(endless(self.api_key)).map(|(one, other)| one.wrapping_add(other))
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let whole: String = text.split_ascii_whitespace().collect();
    URL_SAFE_NO_PAD.decode(whole.replace('+', "-").replace('/', "_").trim_end_matches('=')).ok()
}

/// Whole seconds since 1970, 0 before.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A message that was not wrapped with these keys, or not at all.
const GARBLED: &str = "sent a message that does not open: check `user_id` and `api_key`";

/// A message that was wrapped too long ago, or too far in the future.
const OUT_OF_TIME: &str = "sent a message from another time: check the clock of this machine";

/// How old a message may be, and how far in the future.
const TIME_LIMIT: Duration = Duration::from_secs(480);

/// ASCII.
const ALPHABET: u8 = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// Frozen: made by an independent program. The first two are from the vendor's document.
    #[derive(Deserialize)]
    struct Vector {
        user_id: String,
        api_key: String,
        unix_time: u64,
        text: String,
        blob: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("testdata/cipher.json")).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn every_vector_is_met_to_the_byte() {
        for Vector { user_id, api_key, unix_time, text, blob } in vectors() {
            let cipher = Cipher::new(&user_id, &api_key);
            assert_eq!(cipher.seal(&text, at(unix_time)).unwrap(), blob);
            assert_eq!(cipher.open(&blob, at(unix_time)).unwrap(), text);
        }
    }

    #[test]
    fn a_message_is_good_for_eight_minutes_in_both_directions() {
        let cipher = Cipher::new("acme", "0123456789abcdef0123456789abcdef");
        let wrapped = cipher.seal("{}", at(1_700_000_000)).unwrap();
        for now in [1_700_000_000, 1_699_999_520, 1_700_000_480] {
            assert_eq!(cipher.open(&wrapped, at(now)).unwrap(), "{}");
        }
        for now in [0, 1_699_999_519, 1_700_000_481, u64::from(u32::MAX)] {
            assert_eq!(cipher.open(&wrapped, at(now)), Err(OUT_OF_TIME));
        }
    }

    #[test]
    fn a_time_that_is_none_is_out_of_time() {
        let cipher = Cipher::new("x", "k");
        let forged = "9".repeat(30) + ".{}";
        let bytes: Vec<u8> = forged.bytes().zip(cipher.keys()).map(|(b, k)| b.wrapping_add(k) % 128).collect();
        assert_eq!(cipher.open(&URL_SAFE_NO_PAD.encode(bytes), at(1)), Err(OUT_OF_TIME));
    }

    #[test]
    fn every_spelling_of_base64_is_taken() {
        for Vector { user_id, api_key, unix_time, text, blob } in vectors() {
            let standard = blob.replace('-', "+").replace('_', "/") + ["", "", "==", "="][blob.len() % 4];
            let (head, tail) = standard.split_at(standard.len() / 2);
            for spelt in [standard.clone(), format!("{head}\r\n {tail}\n")] {
                assert_eq!(Cipher::new(&user_id, &api_key).open(&spelt, at(unix_time)).unwrap(), text);
            }
        }
    }

    #[test]
    fn what_cannot_be_wrapped_or_opened_is_refused() {
        let (now, key) = (at(1_519_012_727), "fe01ce2a7fbac8fafaed7c982a04e229");
        assert!(Cipher::new("demo", key).seal("{\"a\":\"\u{e9}\"}", now).is_none());
        assert!(Cipher::new("", key).seal("{}", now).is_none() && Cipher::new("demo", "").seal("{}", now).is_none());
        let request = &vectors()[0].blob;
        for (user_id, key, blob) in [
            ("demO", key, request.as_str()),
            ("demo", "922e40a289c7deafaf8cabf7a2ec10ef", request),
            ("", key, request),
            ("demo", key, ""),
            ("demo", key, "AAAAA"),
            ("demo", key, "A*AA"),
        ] {
            assert_eq!(Cipher::new(user_id, key).open(blob, now), Err(GARBLED), "{user_id} {blob}");
        }
    }

    proptest! {
        #[test]
        fn what_is_wrapped_opens(
            text in "[ -~\\n]{0,200}", user_id in ".{1,50}", api_key in "[0-9a-f]{1,40}",
            time in 0..u64::from(u32::MAX), late in 0..=480_u64,
        ) {
            let cipher = Cipher::new(&user_id, &api_key);
            let wrapped = cipher.seal(&text, at(time)).unwrap();
            prop_assert_eq!(cipher.open(&wrapped, at(time + late)).unwrap(), text.clone());
            prop_assert_eq!(cipher.open(&wrapped, at(time + 481)), Err(OUT_OF_TIME));
            prop_assert_eq!(cipher.open(&wrapped, at(time.saturating_sub(late))).unwrap(), text);
        }

        #[test]
        fn any_text_opens_or_is_refused(blob in any::<String>(), time in 0..u64::from(u32::MAX)) {
            let _ = Cipher::new("acme", "0123456789abcdef").open(&blob, at(time));
        }
    }
}
