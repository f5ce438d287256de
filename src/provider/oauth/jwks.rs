//! Public keys of a server (RFC 7517).

use std::collections::HashMap;

use bytes::Bytes;
use http::Response;
use jsonwebtoken::DecodingKey;

use super::refusal::{nonsense, refusal};
use crate::{
    cache::KeySet,
    error::{ErrorKind, Result},
};

/// Reads a server's public keys, by their names. The only key of a set is found without a name, too.
pub(crate) fn read_keys(
    answer: &Response<Bytes>,
    words: fn(&str) -> Option<(ErrorKind, &'static str)>,
) -> Result<HashMap<String, DecodingKey>> {
    if !answer.status().is_success() {
        return Err(refusal(answer, words));
    }
    let set: KeySet = serde_json::from_slice(answer.body())
        .map_err(|source| nonsense("answered with something that is no key set").with_source(source))?;
    let mut keys = set.by_name(|_| true);
    if let (1, Some(only)) = (keys.len(), keys.values().next().cloned()) {
        keys.insert(String::new(), only);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, body: &Value) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
    }

    #[test]
    fn keys_are_found_by_name_and_strange_ones_are_passed_over() {
        crate::crypto::install().unwrap();
        let point = json!({ "kty": "EC", "crv": "P-256", "kid": "a",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
        let mut other = point.clone();
        other["kid"] = json!("b");
        let strange = json!({ "kty": "XYZ", "kid": "c" });
        let names = |keys: &[&Value]| {
            let read = read_keys(&answer(200, &json!({ "keys": keys })), |_| None).unwrap();
            let mut names: Vec<String> = read.into_keys().collect();
            names.sort();
            names
        };
        assert_eq!(names(&[&point, &other, &strange]), ["a", "b"]);
        assert_eq!(names(&[&point, &strange]), ["", "a"]);
        assert!(names(&[]).is_empty());
        assert!(read_keys(&answer(200, &json!([])), |_| None).is_err());
        assert_eq!(read_keys(&answer(503, &json!({})), |_| None).unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
