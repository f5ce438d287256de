//! The authorization code flow (OpenID Connect Core, section 3.1), with PKCE (RFC 7636) and the issuer's name (RFC 9207).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AuthUrl, ClientId, CsrfToken, IssuerUrl, JsonWebKeySet, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope,
    core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient},
};
use serde::{Deserialize, Serialize};

use super::{Account, metadata::Server};
use crate::{
    error::Result,
    provider::{
        Returned,
        oauth::{misconfigured, nonsense, refused},
    },
    random,
    secret::Secret,
};

/// A device's way to the server and back: what has to be known when it returns.
#[derive(Serialize, Deserialize)]
pub(crate) struct Trip {
    redirect_uri: String,
    pub(super) nonce: String,
    verifier: String,
}

/// What the URL asks for.
pub(crate) struct Ask<'a> {
    pub(crate) trip: &'a Trip,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: &'a str,
    pub(crate) login_hint: Option<String>,
}

impl Trip {
    /// A way that ends at a URL of ours.
    pub(crate) fn new(redirect_uri: &str) -> Result<Self> {
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            nonce: URL_SAFE_NO_PAD.encode(random::bytes::<16>()?),
            // RFC 7636, section 4.1: 32 bytes make the 43 characters that it asks for.
            verifier: URL_SAFE_NO_PAD.encode(random::bytes::<32>()?),
        })
    }

    /// What exchanges a code (RFC 6749, section 4.1.3).
    pub(super) fn exchange<'a>(&'a self, code: &'a Secret) -> [(&'static str, &'a str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &self.verifier),
        ]
    }
}

/// The URL that the device opens (OpenID Connect Core, section 3.1.2.1).
pub(super) fn authorization_url(account: &Account, server: &Server, ask: &Ask<'_>) -> Result<String> {
    let no_url = |source| misconfigured("the authorization endpoint or the public URL is no URL").with_source(source);
    let client = CoreClient::new(
        ClientId::new(account.client_id.clone()),
        IssuerUrl::new(account.issuer.clone()).map_err(no_url)?,
        JsonWebKeySet::default(),
    )
    .disable_openid_scope()
    .set_auth_uri(AuthUrl::new(server.endpoints.authorization.clone()).map_err(no_url)?)
    .set_redirect_uri(RedirectUrl::new(ask.trip.redirect_uri.clone()).map_err(no_url)?);
    let (state, nonce) = (ask.state.to_owned(), ask.trip.nonce.clone());
    let verifier = PkceCodeVerifier::new(ask.trip.verifier.clone());
    let mut request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
        .add_scopes(ask.scopes.iter().cloned().map(Scope::new))
        .add_prompt(CoreAuthPrompt::None)
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    if let Some(hint) = &ask.login_hint {
        request = request.set_login_hint(LoginHint::new(hint.clone()));
    }
    Ok(request.url().0.into())
}

/// Reads what the device came back with: the code, if the server gave one.
///
/// A browser brings `iss`, which is looked at before anything else. An app hands in the code alone; that the code belongs to this
/// check, the server then finds by the PKCE verifier.
pub(super) fn read_return(account: &Account, server: &Server, returned: &Returned) -> Result<Secret> {
    if matches!(returned, Returned::Browser { .. }) {
        match returned.parameter("iss") {
            Some(iss) if iss != account.issuer => return Err(nonsense("the device came back from another issuer")),
            None if server.sends_iss => return Err(nonsense("the device came back without the issuer's name")),
            _ => {}
        }
    }
    if let Some(word) = returned.parameter("error") {
        return Err(refused(None, &word, account.words));
    }
    let code = returned.parameter("code").filter(|code| !code.is_empty());
    code.map(Secret::new).ok_or_else(|| nonsense("the device came back without a code"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{
        error::ErrorKind,
        provider::openid::tests::{account, endpoints},
    };

    const STATE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const BACK: &str = "https://app.example/handset/redirect/open_gateway";

    fn server(sends_iss: bool) -> Server {
        Server { endpoints: endpoints(), sends_iss }
    }

    fn asked(login_hint: Option<String>) -> (Trip, String) {
        let trip = Trip::new(BACK).unwrap();
        let scopes = ["openid", "dpv:X", "do:it"].map(str::to_owned).into();
        let ask = Ask { trip: &trip, scopes, state: STATE, login_hint };
        let url = authorization_url(&account(), &server(false), &ask).unwrap();
        (trip, url)
    }

    fn pairs(url: &str) -> BTreeMap<String, String> {
        let query = url.split_once('?').unwrap().1;
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
        assert_eq!(map.len(), pairs.len(), "no parameter twice");
        map
    }

    #[test]
    fn the_device_is_sent_with_what_the_profile_asks_for() {
        let (trip, url) = asked(None);
        assert!(url.starts_with("https://as.example/authorize?tenant=1&"), "{url}");
        let asked = pairs(&url);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(trip.verifier.as_bytes()));
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", BACK),
            ("scope", "openid dpv:X do:it"),
            ("state", STATE),
            ("nonce", &trip.nonce),
            ("prompt", "none"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value, "{name}");
        }
        assert_eq!(asked.len(), 10, "{asked:?}");
    }

    #[test]
    fn a_hint_is_sent_where_there_is_one() {
        let (_, url) = asked(Some("tel:+37126123456".to_owned()));
        let asked = pairs(&url);
        assert_eq!((asked["login_hint"].as_str(), asked["state"].as_str()), ("tel:+37126123456", STATE));
    }

    #[test]
    fn nonce_and_verifier_are_fresh_and_survive_being_written_down() {
        let (one, other) = (Trip::new(BACK).unwrap(), Trip::new(BACK).unwrap());
        assert_ne!(one.nonce, other.nonce);
        assert_ne!(one.verifier, other.verifier);
        assert_eq!(one.verifier.len(), 43);
        let read: Trip = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!((&read.nonce, &read.verifier), (&one.nonce, &one.verifier));
        let sent: BTreeMap<_, _> =
            read.exchange(&Secret::new("c0de")).into_iter().map(|(k, v)| (k, v.to_owned())).collect();
        assert_eq!((sent["grant_type"].as_str(), sent["code"].as_str()), ("authorization_code", "c0de"));
        assert_eq!((sent["redirect_uri"].as_str(), &sent["code_verifier"]), (BACK, &one.verifier));
    }

    #[test]
    fn what_a_device_brings_back_is_read() {
        let back = |query: &str, sends_iss| {
            let returned = Returned::Browser { url: format!("https://app.example/redirect?{query}") };
            read_return(&account(), &server(sends_iss), &returned)
        };
        assert_eq!(back("code=c0de&state=s", false).unwrap().expose(), "c0de");
        assert_eq!(back("code=c0de&iss=https%3A%2F%2Fas.example", true).unwrap().expose(), "c0de");
        for (query, sends_iss, kind) in [
            ("state=s", false, ErrorKind::Unavailable),
            ("code=", false, ErrorKind::Unavailable),
            ("code=c0de&iss=https://evil.example", false, ErrorKind::Unavailable),
            ("code=c0de&iss=https://as.example/", false, ErrorKind::Unavailable),
            ("code=c0de", true, ErrorKind::Unavailable),
            ("error=access_denied&code=c0de", false, ErrorKind::Unavailable),
            ("error=login_required", false, ErrorKind::Unavailable),
            ("error=consent_required", false, ErrorKind::Unavailable),
            ("error=server_error", false, ErrorKind::Unavailable),
            ("error=temporarily_unavailable", false, ErrorKind::Unavailable),
            ("error=invalid_request", false, ErrorKind::Misconfigured),
            ("error=unauthorized_client", false, ErrorKind::Misconfigured),
            ("error=invalid_scope", false, ErrorKind::Misconfigured),
            ("error=unsupported_response_type", false, ErrorKind::Misconfigured),
            ("error=%2B37126123456", false, ErrorKind::Misconfigured),
        ] {
            let error = back(query, sends_iss).unwrap_err();
            assert_eq!(error.kind(), kind, "{query}");
            assert!(!format!("{error:?}").contains("26123456"), "{error:?}");
        }
        let app = Returned::App { code: Secret::new("c0de") };
        assert_eq!(read_return(&account(), &server(true), &app).unwrap().expose(), "c0de");
    }
}
