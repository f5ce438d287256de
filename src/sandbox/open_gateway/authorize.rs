//! `GET /authorize`: who is the device?

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::{Ask, CODE_LIFE, Emulator, Grant, Reply, now, repeated};
use crate::sandbox::{
    knob::{Dials, Knob, OverWifi},
    random,
};

impl Emulator {
    pub(super) fn authorize(&self, ask: &Ask, dials: &Dials) -> Reply {
        // Who asks and where the answer goes is settled first: a wrong one of these is never redirected to.
        let known = ask.query("client_id").is_some_and(|id| id == self.client_id);
        let Some(redirect_uri) = ask.query("redirect_uri").filter(|uri| self.may_go_to(uri)).filter(|_| known) else {
            let message = "Unknown client_id or redirect_uri";
            return Reply::new(StatusCode::BAD_REQUEST, json!({ "code": 400, "message": message }));
        };
        if dials.has(&Knob::Lost) {
            // The device is never led back.
            return Reply::new(StatusCode::OK, json!({}));
        }
        let mut outcome = match self.grant(ask, dials, &redirect_uri) {
            Ok(code) => vec![("code", code)],
            Err((error, description)) => {
                vec![("error", error.to_owned()), ("error_description", description.to_owned())]
            }
        };
        outcome.extend(ask.query("state").map(|state| ("state", state)));
        outcome.push(("iss", self.issuer.clone()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(outcome).finish();
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        let mut reply = Reply::new(StatusCode::FOUND, json!({}));
        if let Ok(location) = HeaderValue::from_str(&format!("{redirect_uri}{joint}{query}")) {
            reply.headers.insert(header::LOCATION, location);
        }
        reply
    }

    /// A code for the device, or an error and its description.
    fn grant(&self, ask: &Ask, dials: &Dials, redirect_uri: &str) -> Result<String, (&'static str, &'static str)> {
        let wrong = |description| Err(("invalid_request", description));
        if repeated(&ask.query) {
            return wrong("a parameter is there twice");
        }
        if ask.query("response_type").as_deref() != Some("code") {
            return Err(("unsupported_response_type", "response_type is code"));
        }
        let scope = ask.query("scope").filter(|scope| is_known(scope)).ok_or(("invalid_scope", "no such scope"))?;
        let nonce = ask.query("nonce");
        if ask.query("state").is_none() || (openid(&scope) && nonce.is_none()) {
            return wrong("state and nonce are needed");
        }
        if ask.query("prompt").is_some_and(|prompt| prompt != "none") {
            return wrong("there is nobody to prompt");
        }
        let challenge = ask.query("code_challenge").filter(|challenge| challenge.len() == 43);
        let (Some(challenge), Some("S256")) = (challenge, ask.query("code_challenge_method").as_deref()) else {
            return wrong("code_challenge by S256 is needed");
        };
        let sim = ask.sim();
        if sim.is_none() && dials.over_wifi() == OverWifi::Refuse {
            return Err(("access_denied", "the device did not come over the mobile network"));
        }
        let broken = |_| ("server_error", "no random numbers");
        let code = random::alphanumeric(32).map_err(broken)?;
        let (redirect_uri, expires) = (redirect_uri.to_owned(), now() + CODE_LIFE);
        let grant = Grant { sim, redirect_uri, scope, nonce, challenge, expires, used: false, token: None };
        self.state().codes.add(code.clone(), grant);
        Ok(code)
    }

    fn may_go_to(&self, uri: &str) -> bool {
        let absolute = (uri.starts_with("https://") || uri.starts_with("http://")) && !uri.contains('#');
        let registered = &self.state().redirect_uris;
        absolute && (registered.is_empty() || registered.iter().any(|known| known == uri))
    }
}

/// Whether a scope is one that the operator knows: the old form, which is one value, or one purpose and the operation.
pub(super) fn is_known(scope: &str) -> bool {
    let values: Vec<&str> = scope.split(' ').collect();
    if let [only] = values.as_slice()
        && let Some(purpose) =
            only.strip_prefix("dpv:").and_then(|rest| rest.strip_suffix("#number-verification-verify-read"))
    {
        return is_purpose(purpose);
    }
    let purposes = values.iter().filter(|v| v.strip_prefix("dpv:").is_some_and(is_purpose)).count();
    let operations = values.iter().filter(|v| **v == "number-verification:verify").count();
    let rest = values.iter().filter(|v| **v == "openid").count();
    purposes == 1 && operations == 1 && rest <= 1 && values.len() == 2 + rest
}

fn is_purpose(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether an `id_token` is asked for.
pub(super) fn openid(scope: &str) -> bool {
    scope.split(' ').any(|value| value == "openid")
}
