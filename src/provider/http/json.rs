//! JSON as vendors write it.

use bytes::Bytes;
use http::Response;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// Reads a JSON object. Left to itself, serde reads a struct from a list of its values as well.
pub(in crate::provider) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// What a problem is about (RFC 9457): the end of its `type`, behind the `#`. None for an answer that is none.
pub(in crate::provider) fn problem(answer: &Response<Bytes>) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        r#type: String,
    }
    let problem: Problem = object(answer.body()).filter(|_| !answer.status().is_success())?;
    problem.r#type.rsplit_once('#').map(|(_, end)| end.to_owned())
}

/// A text, or a number as one; an empty text is none.
pub(in crate::provider) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<NumberOrText>::deserialize(deserializer)? {
        Some(NumberOrText::Number(number)) => Some(number.to_string()),
        Some(NumberOrText::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}

/// A whole number, or a text that holds one.
pub(in crate::provider) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    text(deserializer)?.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(default)]
    struct Both {
        #[serde(deserialize_with = "text")]
        text: Option<String>,
        #[serde(deserialize_with = "integer")]
        number: Option<i64>,
    }

    #[test]
    fn numbers_are_texts_and_texts_numbers() {
        for (json, text, number) in [
            (r#"{"text":"07","number":"-7"}"#, Some("07"), Some(-7)),
            (r#" {"text":7,"number":7}"#, Some("7"), Some(7)),
            (r#"{"text":"","number":""}"#, None, None),
            (r#"{"text":null,"number":null}"#, None, None),
            ("{}", None, None),
        ] {
            let both = object::<Both>(json.as_bytes()).unwrap();
            assert_eq!((both.text.as_deref(), both.number), (text, number), "{json}");
        }
    }

    #[test]
    fn a_problem_is_known_by_the_end_of_its_type() {
        for (status, body, known) in [
            (403, r#"{"type":"https://x.example/errors#forbidden","status":403}"#, Some("forbidden")),
            (403, r#"{"type":"about:blank"}"#, None),
            (403, r#"{"type":7}"#, None),
            (403, "<html>", None),
            (200, r#"{"type":"https://x.example/errors#forbidden"}"#, None),
        ] {
            let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            assert_eq!(problem(&answer).as_deref(), known, "{status} {body}");
        }
    }

    #[test]
    fn what_is_no_object_of_that_kind_is_nothing() {
        for json in ["", "[\"7\",7]", "null", "{", r#"{"text":{}}"#, r#"{"text":1.5}"#, r#"{"number":"seven"}"#] {
            assert!(object::<Both>(json.as_bytes()).is_none(), "{json}");
        }
    }
}
