//! Reads settings so that whatever is wrong has a place, and no secret is among them.
//!
//! A reader of our own and not that of `toml`: it sees which fields are a [`Secret`](crate::Secret), fetches those, refuses the ones
//! that are written down, and tells of nothing that stands in the file but keys.

use std::{borrow::Cow, fmt, ops::Range};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor, value::StrDeserializer,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::secrets::Secrets;

/// The settings that a text holds.
pub(super) fn settings<T: DeserializeOwned>(text: &str, secrets: &Secrets<'_>) -> Result<T, Wrong> {
    let table = DeTable::parse(text).map_err(|error| {
        // Not its whole text, which shows the line.
        Wrong { message: error.message().to_owned(), keys: Vec::new(), at: error.span() }
    })?;
    let whole = Spanned::new(0..0, DeValue::Table(table.into_inner()));
    T::deserialize(Node { value: &whole, secrets })
}

/// What is wrong with settings, and where.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    /// From the outermost key to the one that it is about.
    pub(super) keys: Vec<String>,
    pub(super) at: Option<Range<usize>>,
}

impl Wrong {
    fn under(mut self, key: &str, at: Range<usize>) -> Self {
        self.keys.insert(0, key.to_owned());
        self.at.get_or_insert(at);
        self
    }
}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), keys: Vec::new(), at: None }
    }

    /// Without the value, which may be a secret at the wrong place.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("this is {}, and has to be {}", kind(found), in_words(expected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("this has to be {}", in_words(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("this has to be {}", one_of(expected)))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("there is no such key here; write {}", one_of(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing; {}", hint(field)))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

/// The newtype of what is a secret when it is a reference, and else stands among the settings as a text.
pub(super) const SECRET_OR_TEXT: &str = "SecretOrText";

/// A value at its place.
#[derive(Clone, Copy)]
struct Node<'a> {
    value: &'a Spanned<DeValue<'a>>,
    secrets: &'a Secrets<'a>,
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(written) => match i64::from_str_radix(written.as_str(), written.radix()) {
                Ok(integer) => visitor.visit_i64(integer),
                Err(_) => Err(de::Error::custom("this number is too large")),
            },
            DeValue::Float(written) => match written.as_str().parse() {
                Ok(float) => visitor.visit_f64(float),
                Err(_) => Err(de::Error::custom("this is no number")),
            },
            DeValue::Boolean(yes) => visitor.visit_bool(*yes),
            DeValue::Datetime(time) => visitor.visit_string(time.to_string()),
            DeValue::Array(elements) => {
                visitor.visit_seq(Elements { elements: elements.iter().enumerate(), secrets: self.secrets })
            }
            DeValue::Table(table) => {
                let mut pairs: Vec<_> = table.iter().collect();
                // The first fault of the file is told first.
                pairs.sort_by_key(|(key, _)| key.span().start);
                visitor.visit_map(Pairs { pairs: pairs.into_iter(), value: None, secrets: self.secrets })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        match (name, self.value.get_ref()) {
            ("Secret", _) => {}
            (SECRET_OR_TEXT, DeValue::String(text)) => return visitor.visit_str(text),
            (SECRET_OR_TEXT, DeValue::Table(_)) => {}
            _ => return visitor.visit_newtype_struct(self),
        }
        let secret = self.secrets.fetch(self.value.get_ref()).map_err(de::Error::custom)?;
        visitor.visit_newtype_struct(StrDeserializer::<Wrong>::new(&secret))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.value.get_ref() {
            DeValue::String(text) => visitor.visit_enum(text.as_ref().into_deserializer()),
            _ => Err(de::Error::unknown_variant("", variants)),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}

type Key<'a> = &'a Spanned<Cow<'a, str>>;
type Value<'a> = &'a Spanned<DeValue<'a>>;

struct Pairs<'a> {
    pairs: std::vec::IntoIter<(Key<'a>, Value<'a>)>,
    value: Option<(Key<'a>, Value<'a>)>,
    secrets: &'a Secrets<'a>,
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some((key, value)) = self.pairs.next() else { return Ok(None) };
        self.value = Some((key, value));
        let name = key.get_ref().as_ref();
        seed.deserialize(StrDeserializer::new(name)).map(Some).map_err(|wrong: Wrong| wrong.under(name, key.span()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some((key, value)) = self.value.take() else { return Err(de::Error::custom("a value without a key")) };
        seed.deserialize(Node { value, secrets: self.secrets }).map_err(|wrong| wrong.under(key.get_ref(), key.span()))
    }
}

struct Elements<'a, I> {
    elements: I,
    secrets: &'a Secrets<'a>,
}

impl<'a, 'de, I: Iterator<Item = (usize, Value<'a>)>> SeqAccess<'de> for Elements<'a, I> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some((place, value)) = self.elements.next() else { return Ok(None) };
        let node = Node { value, secrets: self.secrets };
        seed.deserialize(node).map(Some).map_err(|wrong| wrong.under(&format!("[{place}]"), value.span()))
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "`true` or `false`",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Str(_) => "a text",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

/// In the words of a file, where serde has those of Rust.
fn in_words(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a string" | "path string" => "a text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "i64" | "u8" | "u16" | "u32" | "u64" => "a whole number that is not too large".to_owned(),
        struct_of if struct_of.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => format!("`{one}`"),
        [most @ .., last] => format!("`{}` or `{last}`", most.join("`, `")),
    }
}

/// What to write where something is missing.
fn hint(field: &str) -> &'static str {
    match field {
        "policy" => "write `policy = \"policy.toml\"`",
        "proof" => "write `[proof]` and below it `key = { algorithm = \"hs256\", secret = { env = \"NAME\" } }`",
        "key" => "write `key = { algorithm = \"hs256\", secret = { env = \"NAME\" } }`",
        "algorithm" => "write the algorithm of the key, such as `algorithm = \"es256\"`",
        "secret" | "token" | "api_key" | "client_secret" | "subject_secret" => {
            "write `{ env = \"NAME\" }` or `{ file = \"path\" }` after it"
        }
        "header" => "write `header = \"x-forwarded-for\"` or \"forwarded\", or the name that your proxy sets",
        "trusted_proxies" => "write `trusted_proxies = 1`, or how many proxies of your own there are",
        "proxy" => "write `proxy = \"nginx\"`, \"traefik\" or \"envoy\"",
        "signing_key" => "write `signing_key = { algorithm = \"rs256\", secret = { file = \"oidc.pem\" } }`",
        "issuer" => "write `issuer = \"https://phone.example.com\"`, the URL by which it is known",
        "id" => "write `id = \"keycloak\"`, the `client_id` by which the server knows itself",
        "redirect_uris" => "write `redirect_uris = [\"https://..\"]`, as the server shows them",
        "number_from" => "write `number_from = [\"login_hint\"]`, \"request\", \"id_token_hint\" or \"typed\"",
        "keys" => "write `keys = \"keys.json\"`, a file with a JSON Web Key Set",
        "path" => "write `path = \"/transfer/**\"`, say",
        _ => "write it here",
    }
}
