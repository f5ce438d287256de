//! Reading an authorization request (OpenID Connect Core, section 3.1.2; RFC 7636; RFC 9101). Pure: it asks nobody but the policy.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    OidcProvider,
    client::{NumberSource, Registered},
    jwt::{Audience, Times},
    ticket::Wanted,
};
use crate::{ids::Action, parameters::Parameters, phone::PhoneNumber, policy::StepUp, verifier::Facts};

/// A request that can be served.
pub(super) struct Asked<'p> {
    pub(super) client: &'p Registered,
    pub(super) wanted: Wanted,
    /// The number, unless the person is to say it.
    pub(super) phone: Option<PhoneNumber>,
}

/// A request that cannot.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is not known where to send the person: a page says what is wrong.
    Page(&'static str),
    /// The client is told.
    Client(Told),
}

/// An error for the client (RFC 6749, section 4.1.2.1).
#[derive(Debug)]
pub(super) struct Told {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

/// Where a client is told what is wrong, once that is known.
struct Back {
    redirect_uri: String,
    state: Option<String>,
}

impl Back {
    fn tell(&self, error: &'static str, description: &'static str) -> Refusal {
        let (redirect_uri, state) = (self.redirect_uri.clone(), self.state.clone());
        Refusal::Client(Told { redirect_uri, state, error, description })
    }

    fn invalid(&self, description: &'static str) -> Refusal {
        self.tell("invalid_request", description)
    }
}

/// Reads a request of a person's browser.
pub(super) fn read<'p>(
    provider: &'p OidcProvider,
    query: &str,
    facts: &Facts,
    now: SystemTime,
) -> Result<Asked<'p>, Refusal> {
    let outer = Parameters::read(query.as_bytes())
        .ok_or(Refusal::Page("The link that brought you here says something twice."))?;
    let client = outer
        .one("client_id")
        .and_then(|id| provider.client(id))
        .ok_or(Refusal::Page("The application that sent you here is not known here."))?;
    let (said, back, is_signed) = signed_or_plain(provider, client, outer, now)?;
    check_flow(&said, &back)?;
    let claims = Claims::read(&said, &back)?;
    let (action, acr) = action(client, provider, &said, &claims, facts, now, &back)?;
    let named = number(client, &said, is_signed, now, &back)?;
    if let (Some(wanted), Some((phone, ..))) = (claims.phone_number(), &named)
        && PhoneNumber::parse(wanted, None).ok().as_ref() != Some(phone)
    {
        return Err(back.invalid("`claims` asks for another number than the one that is named"));
    }
    let (phone, number_from, subject) = match named {
        Some((phone, from, subject)) => (Some(phone), from, subject),
        None if client.numbers.contains(&NumberSource::Typed) => (None, NumberSource::Typed, None),
        None => return Err(back.invalid("nothing that this client is trusted with names a phone number")),
    };
    let wanted = Wanted {
        client: client.id.clone(),
        redirect_uri: back.redirect_uri,
        state: back.state,
        nonce: said.one("nonce").map(str::to_owned),
        challenge: said.one("code_challenge").unwrap_or_default().to_owned(),
        action: action.as_str().to_owned(),
        acr,
        number_from,
        subject,
        only_subject: claims.subject().map(str::to_owned),
        locale: said.words("ui_locales").find(|tag| is_locale(tag)).map(str::to_owned),
    };
    Ok(Asked { client, wanted, phone })
}

/// The parameters that count, and where errors go. Of a request with a signed object only the object counts (RFC 9101, section 5).
fn signed_or_plain(
    provider: &OidcProvider,
    client: &Registered,
    outer: Parameters,
    now: SystemTime,
) -> Result<(Parameters, Back, bool), Refusal> {
    let back = |said: &Parameters| {
        let redirect_uri = said.one("redirect_uri").filter(|uri| client.redirects_to(uri))?.to_owned();
        Some(Back { redirect_uri, state: said.one("state").map(str::to_owned) })
    };
    let nowhere = Refusal::Page("The application that sent you here did not say where it can be answered.");
    if outer.one("request_uri").is_some() {
        return Err(
            back(&outer).map_or(nowhere, |back| back.tell("request_uri_not_supported", "send `request` itself"))
        );
    }
    let (said, is_signed) = match outer.one("request") {
        None => (outer, false),
        Some(object) => match request_object(provider, client, object, now) {
            Ok(said) => (said, true),
            Err(why) => {
                tracing::warn!(client = client.id, why, "request object refused");
                let told = |back: Back| back.tell("invalid_request_object", "the request object is not good");
                return Err(back(&outer).map_or(nowhere, told));
            }
        },
    };
    match back(&said) {
        Some(back) if long(&said) => Err(back.invalid("`state` or `nonce` is longer than 2048 bytes")),
        Some(back) => Ok((said, back, is_signed)),
        None => Err(nowhere),
    }
}

fn long(said: &Parameters) -> bool {
    ["state", "nonce"].into_iter().any(|name| said.one(name).is_some_and(|value| value.len() > 2048))
}

fn request_object(
    provider: &OidcProvider,
    client: &Registered,
    object: &str,
    now: SystemTime,
) -> Result<Parameters, &'static str> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        aud: Audience,
        client_id: String,
        #[serde(flatten)]
        times: Times,
        #[serde(flatten)]
        said: Map<String, Value>,
    }
    let keys = client.keys.as_ref().ok_or("the client has no keys")?;
    let claims: Claims = keys.read(object, &["oauth-authz-req+jwt", "JWT"])?;
    if claims.iss != client.id || claims.client_id != client.id {
        return Err("another client's");
    }
    if !claims.aud.has(provider.issuer()) {
        return Err("for somebody else");
    }
    // An assertion that shows who the client is has its id as subject (RFC 9101, section 10.8).
    if claims.said.get("sub").is_some_and(|sub| *sub == client.id) {
        return Err("an assertion and no request");
    }
    if ["request", "request_uri"].into_iter().any(|name| claims.said.contains_key(name)) {
        return Err("a request within a request");
    }
    claims.times.fit(now)?;
    Ok(Parameters::of_claims(claims.said))
}

fn check_flow(said: &Parameters, back: &Back) -> Result<(), Refusal> {
    match said.one("response_type") {
        Some("code") => {}
        Some(_) => return Err(back.tell("unsupported_response_type", "only the code flow is served")),
        None => return Err(back.invalid("`response_type` is missing")),
    }
    if said.one("response_mode").is_some_and(|mode| mode != "query") {
        return Err(back.invalid("`response_mode` is `query`"));
    }
    if said.one("registration").is_some() {
        return Err(back.tell("registration_not_supported", "clients are registered by hand"));
    }
    if !said.words("scope").any(|scope| scope == "openid") {
        return Err(back.tell("invalid_scope", "`scope` has to contain `openid`"));
    }
    let challenge = said.one("code_challenge").unwrap_or_default();
    let is_hash = challenge.len() == 43 && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if said.one("code_challenge_method") != Some("S256") || !is_hash {
        return Err(back.invalid("PKCE with `S256` is required"));
    }
    if said.one("max_age").is_some_and(|age| age.parse::<u64>().is_err()) {
        return Err(back.invalid("`max_age` is a number of seconds"));
    }
    check_prompt(said, back)
}

/// Every step is taken anew, so that `max_age` is always met and `none` never is.
fn check_prompt(said: &Parameters, back: &Back) -> Result<(), Refusal> {
    let prompts: Vec<&str> = said.words("prompt").collect();
    match prompts.as_slice() {
        ["none"] => Err(back.tell("login_required", "the step is always taken by the person")),
        prompts if prompts.contains(&"none") => Err(back.invalid("`prompt` `none` stands alone")),
        _ => Ok(()),
    }
}

/// The parameter `claims` (OpenID Connect Core, section 5.5), as far as it changes what is done.
#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    id_token: Map<String, Value>,
}

impl Claims {
    fn read(said: &Parameters, back: &Back) -> Result<Self, Refusal> {
        let wrong = |_| back.invalid("`claims` is no JSON of the right form");
        said.one("claims").map_or_else(|| Ok(Self::default()), |text| serde_json::from_str(text).map_err(wrong))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.id_token.get(name)?.get("value")?.as_str()
    }

    fn subject(&self) -> Option<&str> {
        self.value("sub")
    }

    fn phone_number(&self) -> Option<&str> {
        self.value("phone_number")
    }

    /// The values that are asked for, and whether nothing else will do.
    fn acr(&self) -> Option<(Vec<&str>, bool)> {
        let acr = self.id_token.get("acr")?;
        let listed = acr.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let values: Vec<&str> = acr.get("value").and_then(Value::as_str).into_iter().chain(listed).collect();
        let essential = acr.get("essential").and_then(Value::as_bool).unwrap_or_default();
        (!values.is_empty()).then_some((values, essential))
    }
}

/// The action of the check, and the `acr` by the client's own name if it asks for one that it has.
fn action(
    client: &Registered,
    provider: &OidcProvider,
    said: &Parameters,
    claims: &Claims,
    facts: &Facts,
    now: SystemTime,
    back: &Back,
) -> Result<(Action, Option<String>), Refusal> {
    let (asked, essential) = claims.acr().unwrap_or_else(|| (said.words("acr_values").collect(), false));
    let own = asked.iter().find_map(|acr| client.acrs.get_key_value(*acr));
    let (action, named) = own.map_or((&client.action, None), |(acr, action)| (action, Some(acr.clone())));
    let acr = match provider.verifier().step_up(action, facts, now) {
        StepUp::Deny { rule, .. } => {
            tracing::info!(client = client.id, %rule, "the policy denies it");
            return Err(back.tell("access_denied", "the policy does not allow it"));
        }
        StepUp::Allow => super::DEFAULT_ACR.into(),
        StepUp::Require(requirement) => requirement.acr,
    };
    if essential && named.is_none() && !asked.contains(&&*acr) {
        return Err(back.tell("unmet_authentication_requirements", "none of these `acr` is given here"));
    }
    Ok((action.clone(), named))
}

type Named = (PhoneNumber, NumberSource, Option<String>);

/// The number that the person has to show, by what this client is trusted with. All that name one have to name the same.
fn number(
    client: &Registered,
    said: &Parameters,
    is_signed: bool,
    now: SystemTime,
    back: &Back,
) -> Result<Option<Named>, Refusal> {
    let hinted = match (said.one("id_token_hint"), &client.hint) {
        (Some(hint), Some(_)) => Some(by_hint(client, hint, now).map_err(|why| {
            tracing::warn!(client = client.id, why, "id_token_hint refused");
            back.invalid("the `id_token_hint` is not good")
        })?),
        // Clients may send back tokens of ours, as OpenID Connect has it; they name nothing.
        _ => None,
    };
    let source = match is_signed {
        true if client.numbers.contains(&NumberSource::Request) => Some(NumberSource::Request),
        _ => client.numbers.get(&NumberSource::LoginHint).copied(),
    };
    let asked = source.zip(said.one("login_hint")).map(|(source, hint)| (telephone(hint), source));
    match (hinted, asked) {
        (Some(hinted), Some((Some(asked), _))) if asked != hinted.0 => {
            Err(back.invalid("`login_hint` and `id_token_hint` name different numbers"))
        }
        (Some(hinted), _) => Ok(Some(hinted)),
        (None, Some((Some(asked), source))) => Ok(Some((asked, source, None))),
        (None, Some((None, _))) if !client.numbers.contains(&NumberSource::Typed) => {
            Err(back.invalid("`login_hint` is no phone number such as `tel:+12025550123`"))
        }
        (None, _) => Ok(None),
    }
}

/// Number and subject of a hint that the client's issuer signed.
fn by_hint(client: &Registered, hint: &str, now: SystemTime) -> Result<Named, &'static str> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        aud: Audience,
        sub: String,
        phone_number: String,
        #[serde(flatten)]
        times: Times,
    }
    let trusted = client.hint.as_ref().ok_or("no issuer is configured")?;
    let claims: Claims = trusted.keys.read(hint, &["JWT"])?;
    if claims.iss != trusted.issuer {
        return Err("another issuer's");
    }
    if !claims.aud.has(&trusted.audience) {
        return Err("for somebody else");
    }
    claims.times.fit(now)?;
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err("`sub` has 1 to 255 bytes");
    }
    let phone = PhoneNumber::parse(&claims.phone_number, None).map_err(|_| "`phone_number` is no number")?;
    Ok((phone, NumberSource::IdTokenHint, Some(claims.sub)))
}

/// A global number as a `tel` URI (RFC 3966), or as it stands in E.164. Parameters such as an extension are no part of a number.
pub(super) fn telephone(text: &str) -> Option<PhoneNumber> {
    let has_scheme = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:"));
    let number = if has_scheme { text.get(4..)? } else { text };
    number.starts_with('+').then(|| PhoneNumber::parse(number, None).ok()).flatten()
}

fn is_locale(tag: &str) -> bool {
    (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_a_tel_uri() {
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        for text in ["tel:+37126123456", "TEL:+371-26-123-456", "tel:+371(26)123.456", "+37126123456"] {
            assert_eq!(telephone(text), Some(phone), "{text}");
        }
        for text in ["tel:26123456", "26123456", "tel:+37126123456;ext=1", "ada", "tel:", "", "tél:+37126123456"] {
            assert_eq!(telephone(text), None, "{text}");
        }
    }
}
