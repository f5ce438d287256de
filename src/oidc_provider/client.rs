//! The identity servers that may send people here, and what each of them is trusted with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use http::Uri;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::jwt::TrustedKeys;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Action,
    secret::Secret,
};

/// An identity server that may send people here.
///
/// It shows who it is by a secret or by signed assertions, it is answered at its redirect URIs and nowhere else, and at least one
/// [`NumberSource`] says which number a person has to show.
///
/// ```
/// use handset::{Secret, oidc_provider::Client};
///
/// let client = Client::new("keycloak")
///     .name("Example Bank")
///     .secret(&Secret::new("pNTmaqxpAmNxzQlDpNTmaqxpAmNxzQlD"))
///     .redirect_uri("https://login.example.com/realms/bank/broker/phone/endpoint")
///     .number_from_login_hint();
/// # let _ = client;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Client {
    id: String,
    name: Option<String>,
    secret: Option<Result<[u8; 32]>>,
    keys: Option<Value>,
    redirect_uris: Vec<String>,
    numbers: BTreeSet<NumberSource>,
    hint: Option<HintIssuer>,
    action: Option<Action>,
    acrs: BTreeMap<String, Action>,
    takes_secret_post: bool,
    has_userinfo: bool,
}

/// Who said which number is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NumberSource {
    /// The client's issuer, in a signed `id_token_hint`.
    IdTokenHint,
    /// The client, in a signed request object.
    Request,
    /// Whoever made the link: `login_hint` of a request that is not signed.
    LoginHint,
    /// The person, on the page.
    Typed,
}

/// An issuer whose `id_token_hint` names the number, in its claim `phone_number`.
#[derive(Clone, Debug)]
pub struct HintIssuer {
    issuer: String,
    keys: Value,
    audience: Option<String>,
}

impl HintIssuer {
    /// An issuer by its `iss`, with its public keys as a JSON Web Key Set (RFC 7517).
    pub fn new(issuer: impl Into<String>, keys: Value) -> Self {
        Self { issuer: issuer.into(), keys, audience: None }
    }

    /// The `aud` of its hints. Default: the issuer URL of this provider.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }
}

impl Client {
    /// A client by its `client_id`: 1 to 128 characters of printable ASCII without spaces.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            secret: None,
            keys: None,
            redirect_uris: Vec::new(),
            numbers: BTreeSet::new(),
            hint: None,
            action: None,
            acrs: BTreeMap::new(),
            takes_secret_post: false,
            has_userinfo: false,
        }
    }

    /// What people know it by; the page says so. Default: its id.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its secret, for `client_secret_basic`: at least 32 characters, from a generator.
    pub fn secret(mut self, secret: &Secret) -> Self {
        let secret = secret.expose();
        self.secret = Some(match secret.len() {
            32.. => Ok(Sha256::digest(secret).into()),
            _ => Err(misconfigured("a client's secret has at least 32 characters; make one with a generator")),
        });
        self
    }

    /// The SHA-256 of its secret in hexadecimal digits, so that this side does not have the secret. Only a secret from a generator
    /// cannot be found from it.
    pub fn secret_sha256(mut self, digits: &str) -> Self {
        self.secret = Some(
            from_hex(digits).ok_or_else(|| misconfigured("the hash of a client's secret is 64 hexadecimal digits")),
        );
        self
    }

    /// Its public keys as a JSON Web Key Set (RFC 7517): for `private_key_jwt` and for signed request objects.
    pub fn keys(mut self, set: Value) -> Self {
        self.keys = Some(set);
        self
    }

    /// Where it is answered. Compared to the letter; HTTPS, a scheme of an app's own, or HTTP on this machine.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Takes the number from `login_hint`, signed or not. The browser carries it, so that whoever sits there can put another one in its
    /// place: what comes back shows possession of *that* number, and the client compares `phone_number` with the account's.
    pub fn number_from_login_hint(mut self) -> Self {
        self.numbers.insert(NumberSource::LoginHint);
        self
    }

    /// Takes the number from the `login_hint` of request objects that the client has signed with one of its [`keys`](Self::keys).
    pub fn number_from_request(mut self) -> Self {
        self.numbers.insert(NumberSource::Request);
        self
    }

    /// Takes number and subject from an `id_token_hint` of this issuer.
    pub fn number_from_id_token_hint(mut self, issuer: HintIssuer) -> Self {
        self.numbers.insert(NumberSource::IdTokenHint);
        self.hint = Some(issuer);
        self
    }

    /// Has the person type the number where nothing else names it: for servers that cannot send one, and for enrolment.
    pub fn number_typed(mut self) -> Self {
        self.numbers.insert(NumberSource::Typed);
        self
    }

    /// The action by which the policy knows its checks. Default: `oidc:` and the client's id.
    pub fn action(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    /// Has checks that ask for this `acr` run under another action. What comes back then has that `acr`.
    pub fn acr(mut self, acr: impl Into<String>, action: Action) -> Self {
        self.acrs.insert(acr.into(), action);
        self
    }

    /// Takes the secret in the body of token requests too (`client_secret_post`), where bodies are logged more often than headers.
    pub fn allow_secret_post(mut self) -> Self {
        self.takes_secret_post = true;
        self
    }

    /// Gives an access token that opens `/userinfo`, once: for servers that do not read the `id_token`. Otherwise the access token
    /// opens nothing.
    pub fn with_userinfo(mut self) -> Self {
        self.has_userinfo = true;
        self
    }

    /// Whether everything that was said fits together, for a provider of this issuer.
    #[cfg(feature = "cli")]
    pub(crate) fn check(&self, issuer: &str) -> Result<()> {
        self.clone().register(issuer).map(|_| ())
    }

    /// Checks everything that was said.
    pub(super) fn register(self, issuer: &str) -> Result<Registered> {
        let fault = |what: &str| Error::new(ErrorKind::Misconfigured, format!("client `{}`: {what}", self.id));
        if self.id.is_empty() || self.id.len() > 128 || !self.id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(fault("an id has 1 to 128 characters of ASCII without spaces"));
        }
        let within = |source: Error| fault("see below").with_source(source);
        let secret = self.secret.clone().transpose().map_err(within)?;
        let keys = self.keys.as_ref().map(TrustedKeys::read_set).transpose().map_err(within)?;
        if secret.is_none() && keys.is_none() {
            return Err(fault("it has neither a secret nor keys, so that anybody could be it"));
        }
        if self.redirect_uris.is_empty() {
            return Err(fault("it has no redirect URI"));
        }
        let redirects = self.redirect_uris.iter().map(|uri| Redirect::read(uri)).collect::<Option<Vec<_>>>();
        let redirects = redirects.ok_or_else(|| {
            fault("a redirect URI is whole and without `#`, `*` or credentials: HTTPS, an app's own scheme, or HTTP on this machine")
        })?;
        if self.numbers.is_empty() {
            return Err(fault(
                "nothing says where its numbers come from: see `number_from_login_hint` and its neighbours",
            ));
        }
        if self.numbers.contains(&NumberSource::Request) && keys.is_none() {
            return Err(fault("its signed requests need its keys"));
        }
        let hint = self.hint.as_ref().map(|hint| Hints::of(hint, issuer)).transpose().map_err(within)?;
        let action = self.action.clone().map_or_else(|| Action::new(format!("oidc:{}", self.id)), Ok);
        let action =
            action.map_err(|source| fault("its id makes no name of an action; set one").with_source(source))?;
        Ok(Registered {
            name: self.name.unwrap_or_else(|| self.id.clone()),
            id: self.id,
            secret,
            keys,
            redirects,
            numbers: self.numbers,
            hint,
            action,
            acrs: self.acrs,
            takes_secret_post: self.takes_secret_post,
            has_userinfo: self.has_userinfo,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

/// A client whose settings fit together.
pub(super) struct Registered {
    pub(super) id: String,
    pub(super) name: String,
    secret: Option<[u8; 32]>,
    pub(super) keys: Option<TrustedKeys>,
    redirects: Vec<Redirect>,
    pub(super) numbers: BTreeSet<NumberSource>,
    pub(super) hint: Option<Hints>,
    pub(super) action: Action,
    pub(super) acrs: BTreeMap<String, Action>,
    pub(super) takes_secret_post: bool,
    pub(super) has_userinfo: bool,
}

impl Registered {
    /// Whether it is answered there.
    pub(super) fn redirects_to(&self, uri: &str) -> bool {
        self.redirect(uri).is_some()
    }

    /// What a page may send a form to, so that the browser lets it go on to this redirect URI.
    pub(super) fn form_target(&self, uri: &str) -> &str {
        self.redirect(uri).map_or("", |redirect| &redirect.form_target)
    }

    /// Whether this is its secret, in a time that does not tell.
    pub(super) fn has_secret(&self, secret: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        self.secret.is_some_and(|own| own.ct_eq(&digest).into())
    }

    pub(super) fn uses_secret(&self) -> bool {
        self.secret.is_some()
    }

    fn redirect(&self, uri: &str) -> Option<&Redirect> {
        self.redirects.iter().find(|redirect| redirect.uri == uri)
    }
}

/// Whose hints count, and with which audience.
pub(super) struct Hints {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) keys: TrustedKeys,
}

impl Hints {
    fn of(hint: &HintIssuer, ours: &str) -> Result<Self> {
        let audience = hint.audience.clone().unwrap_or_else(|| ours.to_owned());
        Ok(Self { issuer: hint.issuer.clone(), audience, keys: TrustedKeys::read_set(&hint.keys)? })
    }
}

struct Redirect {
    uri: String,
    form_target: String,
}

impl Redirect {
    fn read(text: &str) -> Option<Self> {
        // These would end a directive or a source in the page's policy, or stand for more than one URI.
        if !text.bytes().all(|b| b.is_ascii_graphic() && !b"#*;,'\"\\<>".contains(&b)) {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let form_target = match scheme {
            "https" | "http" => {
                let uri: Uri = text.parse().ok()?;
                let (authority, host) = (uri.authority()?.as_str(), uri.host()?);
                let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
                if authority.contains('@') || (scheme == "http" && !here) {
                    return None;
                }
                format!("{scheme}://{authority}")
            }
            // RFC 8252, section 7.1: an app's own scheme is a domain name turned round.
            _ if scheme.contains('.') && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) => {
                format!("{scheme}:")
            }
            _ => return None,
        };
        (!rest.is_empty()).then(|| Self { uri: text.to_owned(), form_target })
    }
}

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn whole() -> Client {
        Client::new("rp")
            .secret(&Secret::new(SECRET))
            .redirect_uri("https://rp.example/callback")
            .number_from_login_hint()
    }

    #[test]
    fn a_secret_matches_by_its_hash_only() {
        let hash: String = Sha256::digest(SECRET).iter().map(|byte| format!("{byte:02x}")).collect();
        for client in [whole(), whole().secret_sha256(&hash)] {
            let client = client.register("https://op.example").unwrap();
            assert!(client.has_secret(SECRET) && !client.has_secret("") && !client.has_secret(&hash));
        }
        assert!(!format!("{:?}", whole()).contains(SECRET));
    }

    #[test]
    fn redirect_uris_are_compared_to_the_letter() {
        let client = whole().redirect_uri("com.example.app:/back").register("https://op.example").unwrap();
        assert_eq!(client.form_target("https://rp.example/callback"), "https://rp.example");
        assert_eq!(client.form_target("com.example.app:/back"), "com.example.app:");
        for other in [
            "https://rp.example/callback/",
            "https://rp.example/callback?x=1",
            "https://RP.example/callback",
            "https://rp.example/",
            "https://rp.example.evil/callback",
            "",
        ] {
            assert!(!client.redirects_to(other), "{other}");
        }
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        let bare = || Client::new("rp").redirect_uri("https://rp.example/callback");
        for client in [
            bare().number_typed(),
            bare().secret(&Secret::new("short")).number_typed(),
            bare().secret_sha256("abc").number_typed(),
            bare().secret(&Secret::new(SECRET)),
            whole().number_from_request(),
            whole().keys(json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })),
            Client::new("rp").secret(&Secret::new(SECRET)).number_typed(),
            Client::new("Rp").secret(&Secret::new(SECRET)).redirect_uri("https://rp.example/").number_typed(),
            whole().redirect_uri("http://rp.example/callback"),
            whole().redirect_uri("https://rp.example/#part"),
            whole().redirect_uri("https://*.example/"),
            whole().redirect_uri("https://user@rp.example/"),
            whole().redirect_uri("javascript:alert(1)"),
            whole().redirect_uri("data:text/html,x"),
        ] {
            let error = client.register("https://op.example").map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        }
    }
}
