//! Operator tokens, and the assertions that present them at the token endpoint.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{Emulator, NAME, authorize::is_known, now, once, seconds, token::Pairs};
use crate::{error::Result, sandbox::random, secret::Secret};

/// What a SIM has shown itself with.
pub(super) struct OperatorToken {
    pub(super) sim: String,
    client_id: String,
    expires: SystemTime,
    used: bool,
}

impl Emulator {
    /// An operator token of a SIM, for one client.
    pub(super) fn operator_token(&self, sim: &str, client_id: &str) -> Result<Secret> {
        // As long as a real one may be, and with what base64 may bring.
        let token = format!("{}+/.{}==", random::alphanumeric(300)?, random::alphanumeric(300)?);
        let life = self.common.knobs.dials(NAME, Some(sim)).token_lifetime().min(LIFE);
        let given =
            OperatorToken { sim: sim.to_owned(), client_id: client_id.to_owned(), expires: now() + life, used: false };
        self.state().operator_tokens.add(token.clone(), given);
        Ok(Secret::new(token))
    }

    /// The SIM of a token that is good for the one client, and from now on is not.
    pub(super) fn spend_operator_token(&self, token: &str) -> Option<String> {
        let mut state = self.state();
        let token = state.operator_tokens.find(token)?;
        let good = !token.used && token.client_id == self.client_id && now() < token.expires;
        token.used |= good;
        good.then(|| token.sim.clone())
    }

    /// A token for an assertion (RFC 7523, section 3; the profile's section on the flow).
    pub(super) fn asserted(&self, form: &Pairs) -> Result<Value, &'static str> {
        // The assertion says the scope, and who the client is: nothing else may.
        let [(_, _), (_, _)] = form.as_slice() else { return Err("invalid_request") };
        let assertion = once(form, "assertion").ok_or("invalid_request")?;
        let claims = self.keys.signed_by_client(&assertion).ok_or("invalid_grant")?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(&*self.client_id) {
            return Err("invalid_grant");
        }
        let scope = text("scope").filter(|scope| is_known(scope)).ok_or("invalid_scope")?;
        self.is_timely(&claims, "/token").ok_or("invalid_grant")?;
        let sim = match text("sub").and_then(|subject| subject.split_once(':')) {
            Some(("operatortoken", token)) => Some(self.spend_operator_token(token).ok_or("invalid_grant")?),
            // It is known whom the assertion names, and no more.
            Some(("tel", _)) => None,
            _ => return Err("invalid_grant"),
        };
        self.give(sim, scope, None).ok_or("server_error")
    }

    /// Whether a client's assertion is for this endpoint, for now, for at most five minutes, and here for the first time.
    pub(super) fn is_timely(&self, claims: &Value, endpoint: &str) -> Option<()> {
        let here = claims.get("aud")?.as_str() == Some(&format!("{}{endpoint}", self.issuer));
        let (issued, expires) = (claims.get("iat")?.as_u64()?, claims.get("exp")?.as_u64()?);
        let now = seconds(now());
        let timely = issued <= now + 5 && expires > now && expires.checked_sub(issued)? <= 300;
        let id = claims.get("jti")?.as_str().filter(|id| !id.is_empty())?;
        let mut state = self.state();
        if !here || !timely || state.assertions.find(id).is_some() {
            return None;
        }
        state.assertions.add(id.to_owned(), ());
        Some(())
    }
}

/// How long an operator token is good.
const LIFE: Duration = Duration::from_secs(60);
