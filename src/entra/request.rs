//! What Entra asks, read from the form that the browser brings. Nothing of it is signed but the hint.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Client, config::guid};
use crate::secret::Secret;

/// A request that can be served if its hint is good.
pub(super) struct Asked {
    pub(super) nonce: String,
    pub(super) state: Option<String>,
    pub(super) hint: Secret,
    /// The one class that the answer will name.
    pub(super) acr: &'static str,
    /// The methods of ours that the answer may name.
    pub(super) amr: Vec<&'static str>,
    /// The subject, if the request insists on one.
    pub(super) subject: Option<String>,
}

/// Why a request is not served.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not known to come from our client, so nobody but the person in front of it is told.
    Stranger(&'static str),
    /// Entra is told.
    Told {
        /// The error code (OpenID Connect Core, section 3.1.2.6).
        error: &'static str,
        /// What goes back with it.
        state: Option<String>,
        /// For the log.
        why: &'static str,
    },
}

/// Reads the form. Parameters that are not named here are left alone, as Microsoft asks.
pub(super) fn read(client: &Client, body: &[u8]) -> Result<Asked, Fault> {
    let fields = form(body).ok_or(Fault::Stranger("a parameter stands there twice"))?;
    let field = |name| fields.get(name).map(String::as_str).unwrap_or_default();
    if field("client_id") != client.id {
        return Err(Fault::Stranger("`client_id` is not the one that is configured"));
    }
    if field("redirect_uri") != client.cloud.redirect_uri() {
        return Err(Fault::Stranger("`redirect_uri` is not the one of Microsoft's cloud"));
    }
    let state = fields.get("state").cloned();
    if state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(Fault::Stranger("`state` is too long"));
    }
    let told = |error, why| Fault::Told { error, state: state.clone(), why };
    // Microsoft's table writes `Id_token`, its requests `id_token`.
    if !field("response_type").eq_ignore_ascii_case("id_token") {
        return Err(told("unsupported_response_type", "`response_type` is not `id_token`"));
    }
    if field("response_mode") != "form_post" {
        return Err(told("invalid_request", "`response_mode` is not `form_post`"));
    }
    if !field("scope").split(' ').any(|scope| scope == "openid") {
        return Err(told("invalid_scope", "`scope` is without `openid`"));
    }
    if !(1..=LONGEST_NONCE).contains(&field("nonce").len()) {
        return Err(told("invalid_request", "`nonce` is missing or too long"));
    }
    let wanted: Claims = serde_json::from_str(field("claims"))
        .map_err(|_| told("invalid_request", "`claims` is no request for claims"))?;
    let wanted = wanted.id_token.unwrap_or_default();
    let acr =
        wanted.acr.as_ref().and_then(acr).ok_or_else(|| told(UNMET, "no `acr` is asked for that a phone meets"))?;
    let amr = amr(wanted.amr.as_ref());
    if amr.is_empty() {
        return Err(told(UNMET, "no `amr` is asked for that a phone can have"));
    }
    if field("id_token_hint").is_empty() {
        return Err(told("invalid_request", "`id_token_hint` is missing"));
    }
    let (nonce, hint) = (field("nonce").to_owned(), Secret::new(field("id_token_hint")));
    let subject = wanted.sub.and_then(|sub| sub.value);
    Ok(Asked { nonce, state, hint, acr, amr, subject })
}

/// The fields of a form, none of which may stand there twice (RFC 6749, section 3.1).
pub(super) fn form(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(fields)
}

/// Microsoft's name for the request, for the log; only if it is an id and not anything at all.
pub(super) fn correlation(body: &[u8]) -> Option<String> {
    guid(form(body)?.get("client-request-id")?)
}

/// The first class of those asked for that possession of a phone meets.
fn acr(wanted: &Wanted) -> Option<&'static str> {
    let ours = |asked: &str| POSSESSION.into_iter().find(|ours| *ours == asked);
    wanted.all().find_map(ours)
}

/// Those of our methods that are asked for; all when no list is given.
fn amr(wanted: Option<&Wanted>) -> Vec<&'static str> {
    let open = wanted.is_none_or(|wanted| wanted.all().next().is_none());
    OURS.into_iter()
        .filter(|ours| open || wanted.is_some_and(|wanted| wanted.all().any(|asked| asked == *ours)))
        .collect()
}

/// A request for claims (OpenID Connect Core, section 5.5).
#[derive(Deserialize)]
struct Claims {
    id_token: Option<Requests>,
}

#[derive(Default, Deserialize)]
struct Requests {
    acr: Option<Wanted>,
    amr: Option<Wanted>,
    sub: Option<Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    value: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

impl Wanted {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.value.iter().chain(&self.values).map(String::as_str)
    }
}

/// The classes of Microsoft's list that possession meets.
const POSSESSION: [&str; 4] =
    ["possessionorinherence", "knowledgeorpossession", "knowledgeorpossessionorinherence", "possession"];

/// The methods of Microsoft's list that a step of ours can be: see [`method`](super::token::method).
const OURS: [&str; 3] = ["sms", "tel", "pop"];

/// OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
const UNMET: &str = "unmet_authentication_requirements";

/// Bytes. It is carried in a URL, encrypted, and URLs of more than eight thousand bytes do not pass every proxy.
const LONGEST_STATE: usize = 4096;
const LONGEST_NONCE: usize = 512;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::entra::Cloud;

    fn client() -> Client {
        Client::new("handset-mfa", "600b719b-3766-4dc5-95a6-3c4a8dc31885").cloud(Cloud::UsGovernment)
    }

    fn read_with(changes: &[(&str, &str)]) -> Result<Asked, Fault> {
        let claims = claims(&json!(["possessionorinherence"]), &json!(["face", "otp", "sms", "tel"]));
        let mut fields = BTreeMap::from([
            ("scope", "openid"),
            ("response_type", "id_token"),
            ("response_mode", "form_post"),
            ("client_id", "handset-mfa"),
            ("redirect_uri", Cloud::UsGovernment.redirect_uri()),
            ("nonce", "n"),
            ("state", "s"),
            ("id_token_hint", "h"),
            ("client-request-id", "9c1f"),
            ("claims", &claims),
        ]);
        fields.extend(changes.iter().copied());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        read(&client(), body.as_bytes())
    }

    fn claims(acr: &Value, amr: &Value) -> String {
        json!({ "id_token": { "acr": { "essential": true, "values": acr }, "amr": { "essential": true, "values": amr } } })
            .to_string()
    }

    #[test]
    fn a_request_as_documented_is_read() {
        let asked = read_with(&[]).unwrap_or_else(|fault| panic!("{fault:?}"));
        assert_eq!((asked.acr, asked.amr.as_slice()), ("possessionorinherence", ["sms", "tel"].as_slice()));
        assert_eq!((asked.nonce.as_str(), asked.state.as_deref(), asked.hint.expose()), ("n", Some("s"), "h"));
        assert!(read_with(&[("response_type", "Id_token")]).is_ok());
        assert!(read_with(&[("scope", "profile openid")]).is_ok());
    }

    #[test]
    fn strangers_are_not_answered_elsewhere() {
        for change in [
            ("client_id", ""),
            ("client_id", "another"),
            ("redirect_uri", ""),
            ("redirect_uri", "https://evil.example/common/federation/externalauthprovider"),
            ("redirect_uri", Cloud::Global.redirect_uri()),
            ("redirect_uri", "https://login.microsoftonline.us/common/federation/externalauthprovider/"),
            ("state", &"s".repeat(LONGEST_STATE + 1)),
        ] {
            assert!(matches!(read_with(&[change]), Err(Fault::Stranger(_))), "{change:?}");
        }
        assert!(matches!(read(&client(), b"client_id=handset-mfa&client_id=handset-mfa"), Err(Fault::Stranger(_))));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_state() {
        let nothing = claims(&json!(["knowledge", "inherence", "knowledgeorinherence", 7]), &json!(["sms"]));
        let inherence = claims(&json!(["inherence"]), &json!(["sms"]));
        let faces = claims(&json!(["possession"]), &json!(["face", "otp"]));
        for (change, code) in [
            (("response_type", "code"), "unsupported_response_type"),
            (("response_mode", "query"), "invalid_request"),
            (("scope", "openidx profile"), "invalid_scope"),
            (("nonce", ""), "invalid_request"),
            (("nonce", &*"n".repeat(LONGEST_NONCE + 1)), "invalid_request"),
            (("id_token_hint", ""), "invalid_request"),
            (("claims", ""), "invalid_request"),
            (("claims", "{}"), UNMET),
            (("claims", &nothing), "invalid_request"),
            (("claims", &inherence), UNMET),
            (("claims", &faces), UNMET),
        ] {
            let Err(Fault::Told { error, state, .. }) = read_with(&[change]) else { panic!("{change:?}") };
            assert_eq!((error, state.as_deref()), (code, Some("s")), "{change:?}");
        }
    }

    #[test]
    fn only_an_id_gets_into_the_log() {
        let id = "5f1c9a43-9f2e-4c3a-8f0e-1f1b6a1d9c2e";
        assert_eq!(correlation(format!("client-request-id={id}").as_bytes()).as_deref(), Some(id));
        for text in ["", "client-request-id=", "client-request-id=a%0Ab", "client-request-id=5f1c9a43"] {
            assert_eq!(correlation(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_first_class_that_a_phone_meets_is_named() {
        for (asked, named) in [
            (json!(["inherence", "possession", "possessionorinherence"]), "possession"),
            (json!(["knowledgeorpossession"]), "knowledgeorpossession"),
            (json!(["knowledgeorpossessionorinherence"]), "knowledgeorpossessionorinherence"),
        ] {
            let claims = claims(&asked, &json!([]));
            let asked = read_with(&[("claims", &claims)]).unwrap_or_else(|fault| panic!("{fault:?}"));
            assert_eq!((asked.acr, asked.amr.as_slice()), (named, OURS.as_slice()));
        }
    }
}
