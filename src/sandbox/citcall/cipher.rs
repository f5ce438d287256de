//! The vendor's wrapping of messages as its servers do it: two layers, one key after the other. Shares nothing with the
//! client's.

use std::time::SystemTime;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Serialize;

/// Wraps a message in ASCII, with the time in front of it.
pub(super) fn wrap(text: &str, user_id: &str, api_key: &str, now: SystemTime) -> String {
    let mut message = reversed(&unix_time(now).to_string()).into_bytes();
    message.push(b'.');
    message.extend_from_slice(text.as_bytes());
    for key in [user_id, api_key] {
        shift(&mut message, key.as_bytes(), 1);
    }
    ENGINE.encode(message)
}

/// Opens a message of the last or next 480 seconds.
pub(super) fn unwrap(blob: &str, user_id: &str, api_key: &str, now: SystemTime) -> Option<String> {
    let mut message = ENGINE.decode(blob).ok()?;
    for key in [api_key, user_id] {
        shift(&mut message, key.as_bytes(), -1);
    }
    let message = String::from_utf8(message).ok()?;
    let dot = message.find('.')?;
    let (time, text) = (message.get(..dot)?, message.get(dot + 1..)?);
    if !time.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let age = i128::from(unix_time(now)) - reversed(time).parse::<i128>().ok()?;
    (-480..=480).contains(&age).then(|| text.to_owned())
}

/// JSON as PHP writes it: ASCII, with `/` escaped.
pub(super) fn ascii_json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '/' => ascii.push_str("\\/"),
            c if c.is_ascii() => ascii.push(c),
            c => ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    ascii
}

/// One layer: adds the key, or takes it away. The first byte meets the last of the key, the second the first, and so on.
fn shift(bytes: &mut [u8], key: &[u8], direction: i16) {
    for (place, byte) in bytes.iter_mut().enumerate() {
        let by = (place + key.len()).checked_sub(1).and_then(|at| key.get(at.checked_rem(key.len())?)).copied();
        let shifted = i16::from(*byte) + direction * i16::from(by.unwrap_or_default());
        *byte = u8::try_from(shifted.rem_euclid(128)).unwrap_or_default();
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn unix_time(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Without padding when it writes, with or without when it reads.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::citcall::cipher::Cipher;

    const ID: &str = "acme";
    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_frozen_vectors_are_met() {
        let vectors: Vec<Value> =
            serde_json::from_str(include_str!("../../provider/citcall/testdata/cipher.json")).unwrap();
        for vector in vectors {
            let [id, key, text, blob] =
                ["user_id", "api_key", "text", "blob"].map(|name| vector[name].as_str().unwrap());
            let time = at(vector["unix_time"].as_u64().unwrap());
            assert_eq!(wrap(text, id, key, time), blob);
            assert_eq!(unwrap(blob, id, key, time).as_deref(), Some(text));
        }
    }

    #[test]
    fn only_messages_of_these_eight_minutes_open() {
        let blob = wrap("{}", ID, KEY, at(1_700_000_000));
        for (now, opens) in
            [(1_699_999_519, false), (1_699_999_520, true), (1_700_000_480, true), (1_700_000_481, false)]
        {
            assert_eq!(unwrap(&blob, ID, KEY, at(now)).is_some(), opens, "{now}");
        }
        for (blob, id, key) in
            [("", ID, KEY), ("A*AA", ID, KEY), (&blob, "acmE", KEY), (&blob, ID, "k"), (&blob, "", "")]
        {
            assert_eq!(unwrap(blob, id, key, at(1_700_000_000)), None);
        }
    }

    #[test]
    fn json_is_ascii_as_php_writes_it() {
        assert_eq!(ascii_json(&json!({ "a": "a/b \u{e9} \u{1f600}" })), r#"{"a":"a\/b \u00e9 \ud83d\ude00"}"#);
    }

    proptest! {
        #[test]
        fn what_one_side_wraps_the_other_opens(
            text in "[ -~]{0,120}", id in "[!-~]{1,40}", key in "[!-~]{1,40}",
            time in 500..u64::from(u32::MAX), skew in 0..=960_u64,
        ) {
            let client = Cipher::new(&id, &key);
            let there = at(time + skew - 480);
            let (ours, theirs) = (wrap(&text, &id, &key, at(time)), client.seal(&text, at(time)).unwrap());
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(client.open(&ours, there).unwrap(), text.clone());
            prop_assert_eq!(unwrap(&theirs, &id, &key, there), Some(text));
        }
    }
}
