//! Open Gateway's words: requests built, answers read. No I/O.
//!
//! Sources: CAMARA Number Verification 0.3.1, 1.0, 1.1, 2.0 and 2.1; the CAMARA security and interoperability profile; RFC 6749,
//! RFC 7636, RFC 9207.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use openidconnect::{
    AuthUrl, ClientId, CsrfToken, IssuerUrl, JsonWebKeySet, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope,
    core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Config, NAME, NumberForm, metadata::Server, sign::Client};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    provider::{Handle, Order, ReturnTo, Returned, Verdict, http::with_retry_after},
    random,
    secret::Secret,
};

/// What has to be known when the device comes back. It is the handle of the order, and sealed where it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Errand {
    correlator: String,
    phone: String,
    redirect_uri: String,
    pub(super) nonce: String,
    verifier: String,
}

impl Errand {
    pub(super) fn new(order: &Order, return_to: &ReturnTo) -> Result<Self> {
        Ok(Self {
            correlator: correlator(&order.check_id),
            phone: order.phone.to_e164(),
            redirect_uri: return_to.url.clone(),
            nonce: URL_SAFE_NO_PAD.encode(random::bytes::<16>()?),
            // RFC 7636, section 4.1: 32 bytes make the 43 characters that it asks for.
            verifier: URL_SAFE_NO_PAD.encode(random::bytes::<32>()?),
        })
    }

    pub(super) fn to_handle(&self) -> Result<Handle> {
        let text = serde_json::to_string(self);
        text.map(Handle::new).map_err(|source| nonsense("the order cannot be written down").with_source(source))
    }

    pub(super) fn read(handle: &Handle) -> Result<Self> {
        // No source: it could show a part of the handle.
        serde_json::from_str(handle.as_str()).map_err(|_| nonsense("the order was written by something else"))
    }
}

/// The URL that the device opens (OpenID Connect Core, section 3.1.2.1). `state` is the verifier's and says nothing of the number.
pub(super) fn authorization_url(config: &Config, server: &Server, errand: &Errand, state: &str) -> Result<String> {
    let no_url = |source| misconfigured("the authorization endpoint or the public URL is no URL").with_source(source);
    let client = CoreClient::new(
        ClientId::new(config.client_id.clone()),
        IssuerUrl::new(config.issuer.clone()).map_err(no_url)?,
        JsonWebKeySet::default(),
    )
    .disable_openid_scope()
    .set_auth_uri(AuthUrl::new(server.endpoints.authorization.clone()).map_err(no_url)?)
    .set_redirect_uri(RedirectUrl::new(errand.redirect_uri.clone()).map_err(no_url)?);
    let (state, nonce) = (state.to_owned(), errand.nonce.clone());
    let verifier = PkceCodeVerifier::new(errand.verifier.clone());
    let mut request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
        .add_scopes(config.scopes().into_iter().map(Scope::new))
        .add_prompt(CoreAuthPrompt::None)
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    if config.login_hint {
        request = request.set_login_hint(LoginHint::new(format!("tel:{}", errand.phone)));
    }
    Ok(request.url().0.into())
}

/// Reads what the device came back with: the code, if the server gave one.
///
/// A browser brings `iss`, which is looked at before anything else. An app hands in the code alone; that the code belongs to this
/// check, the server then finds by the PKCE verifier.
pub(super) fn read_return(config: &Config, server: &Server, returned: &Returned) -> Result<Secret> {
    if matches!(returned, Returned::Browser { .. }) {
        match returned.parameter("iss") {
            Some(iss) if iss != config.issuer => return Err(nonsense("the device came back from another issuer")),
            None if server.sends_iss => return Err(nonsense("the device came back without the issuer's name")),
            _ => {}
        }
    }
    if let Some(word) = returned.parameter("error") {
        return Err(refused(None, &word));
    }
    let code = returned.parameter("code").filter(|code| !code.is_empty());
    code.map(Secret::new).ok_or_else(|| nonsense("the device came back without a code"))
}

/// Exchanges a code (RFC 6749, section 4.1.3).
pub(super) fn exchange(
    config: &Config,
    client: &Client,
    server: &Server,
    errand: &Errand,
    code: &Secret,
    now: SystemTime,
) -> Result<Request<Bytes>> {
    let endpoint = &server.endpoints.token;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.expose())
        .append_pair("redirect_uri", &errand.redirect_uri)
        .append_pair("code_verifier", &errand.verifier);
    if let Some(assertion) = client.assertion(config, endpoint, now)? {
        form.append_pair("client_id", &config.client_id)
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", &assertion);
    }
    let mut request = request(Method::POST, endpoint, "application/x-www-form-urlencoded", form.finish().into())?;
    if let Client::Basic(credentials) = client {
        request.headers_mut().insert(header::AUTHORIZATION, credentials.clone());
    }
    Ok(request)
}

/// What a code was exchanged for. Whatever else the server gives, a refresh token too, is not read.
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: Secret,
    token_type: String,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    pub(super) id_token: Option<Secret>,
}

impl Grant {
    /// For how long the token is used at most. The profile allows no more than 300 seconds, whatever a server says.
    pub(super) fn lifetime(&self) -> Duration {
        self.expires_in.map_or(LONGEST_TOKEN, Duration::from_secs).min(LONGEST_TOKEN)
    }
}

/// Reads the answer to [`exchange`].
pub(super) fn read_grant(answer: &Response<Bytes>) -> Result<Grant> {
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer));
    }
    // No source: it could show a part of the token.
    let grant: Grant =
        serde_json::from_slice(answer.body()).map_err(|_| nonsense("answered without an access token"))?;
    if !grant.token_type.eq_ignore_ascii_case("bearer") || grant.access_token.expose().is_empty() {
        return Err(nonsense("answered with an access token that is no bearer token"));
    }
    Ok(grant)
}

/// Asks whether the number is that of the device. It takes the token, which is good for one use.
pub(super) fn verify(config: &Config, errand: &Errand, grant: Grant) -> Result<Request<Bytes>> {
    let body = match config.number {
        NumberForm::Plain => serde_json::json!({ "phoneNumber": errand.phone }),
        NumberForm::Hashed => serde_json::json!({ "hashedPhoneNumber": hashed(&errand.phone) }),
    };
    let (root, version) = (config.api_root.trim_end_matches('/'), config.api_version.as_str());
    let uri = format!("{root}/number-verification/{version}/verify");
    let mut request = request(Method::POST, &uri, "application/json", body.to_string().into())?;
    let mut token = HeaderValue::from_str(&format!("Bearer {}", grant.access_token.expose()))
        .map_err(|_| nonsense("answered with an access token that cannot be sent"))?;
    token.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, token);
    let correlator = HeaderValue::from_str(&errand.correlator).ok();
    request.headers_mut().extend(correlator.map(|correlator| (CORRELATOR, correlator)));
    Ok(request)
}

/// Reads the answer to [`verify`].
pub(super) fn read_verdict(answer: &Response<Bytes>) -> Result<Verdict> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        device_phone_number_verified: bool,
    }
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer));
    }
    match serde_json::from_slice(answer.body()) {
        Ok(Body { device_phone_number_verified: true }) => Ok(Verdict::Match),
        Ok(Body { device_phone_number_verified: false }) => Ok(Verdict::NoMatch),
        Err(_) => Err(nonsense("answered without `devicePhoneNumberVerified`")),
    }
}

/// Makes our error of an answer that is a refusal.
pub(super) fn refusal(answer: &Response<Bytes>) -> Error {
    /// The API says `code`, the authorization server `error`; some say a number where there should be a word.
    #[derive(Default, Deserialize)]
    struct Body {
        #[serde(default, alias = "error")]
        code: serde_json::Value,
    }
    let Body { code } = serde_json::from_slice(answer.body()).unwrap_or_default();
    with_retry_after(refused(Some(answer.status()), code.as_str().unwrap_or_default()), answer)
}

/// Makes our error of the vendor's word for what went wrong and, where there was an answer of its own, the status: the only place
/// where that happens. Nothing here is ever a verdict.
fn refused(status: Option<StatusCode>, word: &str) -> Error {
    use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable, Unsupported};
    let (kind, message) = match (word.strip_prefix("NUMBER_VERIFICATION.").unwrap_or(word), status.map(|s| s.as_u16()))
    {
        (_, Some(429)) | ("TOO_MANY_REQUESTS" | "QUOTA_EXCEEDED", _) => (RateLimited, "takes no more requests for now"),
        (_, Some(500..)) | ("server_error" | "temporarily_unavailable", _) => (Unavailable, "has a fault of its own"),
        ("USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK" | "USER_NOT_AUTHENTICATED_BY_SUPPORTED_METHOD", _) => {
            (Unavailable, "the device did not come over its mobile network; switch Wi-Fi off, or use another channel")
        }
        ("access_denied" | "consent_required" | "login_required" | "interaction_required", _) => {
            (Unavailable, "does not tell who the device is without asking its user; use another channel")
        }
        ("INVALID_TOKEN_CONTEXT" | "INVALID_TS43_TOKEN", _) => {
            (Unavailable, "cannot tell the device's number; use another channel")
        }
        ("invalid_grant" | "authorization_pending" | "expired_token", _) => {
            (Unavailable, "does not take the code: it was used, is too old, or belongs to another check")
        }
        ("UNAUTHENTICATED" | "AUTHENTICATION_REQUIRED", _) => (Unavailable, "does not take its own access token"),
        ("invalid_dpop_proof" | "use_dpop_nonce", _) => (Unsupported, "wants DPoP, which is not supported"),
        ("PERMISSION_DENIED" | "unauthorized_client" | "invalid_scope", _) => {
            (Misconfigured, "does not allow this client the scope; look at `purpose`, `api_version` and the contract")
        }
        ("invalid_client", _) => (Misconfigured, "does not know this client; look at `client_id` and `client_auth`"),
        ("SERVICE_NOT_APPLICABLE" | "IDENTIFIER_NOT_FOUND" | "NOT_FOUND", _) => {
            (Rejected, "does not serve this number")
        }
        ("INVALID_ARGUMENT" | "OUT_OF_RANGE", _) => (Rejected, "does not take the number"),
        (_, Some(401)) => (Misconfigured, "does not know this client or its token; look at `client_auth`"),
        (_, Some(403)) => (Misconfigured, "does not allow it; look at the contract"),
        (_, Some(404 | 405)) => (Misconfigured, "has no such endpoint; look at `api_root` and `api_version`"),
        (_, Some(400..)) => (Misconfigured, "does not accept the request"),
        (_, Some(_)) => (Unavailable, "answered with an unexpected status"),
        (_, None) => (Misconfigured, "does not accept the authorization request"),
    };
    match Word::new(word) {
        Some(word) => error(kind, message).with_source(word),
        None => error(kind, message),
    }
}

/// The vendor's own word for what went wrong. Its messages are not repeated: they may hold anything.
#[derive(Debug)]
struct Word(String);

impl Word {
    fn new(word: &str) -> Option<Self> {
        let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b));
        // Few digits, so that it cannot be a number.
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        (plain && digits <= 3 && (1..=80).contains(&word.len())).then(|| Self(word.to_owned()))
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Word {}

pub(super) fn get(uri: &str) -> Result<Request<Bytes>> {
    request(Method::GET, uri, "", Bytes::new())
}

fn request(method: Method, uri: &str, content: &'static str, body: Bytes) -> Result<Request<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::ACCEPT, "application/json")
        .body(body)
        .map_err(|source| misconfigured("an endpoint is no URL").with_source(source))?;
    if !content.is_empty() {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    }
    Ok(request)
}

/// SHA-256 of the number with its `+`, in hexadecimal.
fn hashed(phone: &str) -> String {
    Sha256::digest(phone.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The check's id in the letters that every version of the API takes for `x-correlator`: those of 1.1 are the fewest.
fn correlator(id: &CheckId) -> String {
    id.to_string().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

pub(super) fn nonsense(message: &'static str) -> Error {
    error(ErrorKind::Unavailable, message)
}

pub(super) fn misconfigured(message: &'static str) -> Error {
    error(ErrorKind::Misconfigured, message)
}

fn error(kind: ErrorKind, message: &'static str) -> Error {
    Error::new(kind, message).with_provider(NAME)
}

const CORRELATOR: header::HeaderName = header::HeaderName::from_static("x-correlator");

/// The longest that a token is used.
const LONGEST_TOKEN: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        channel::Channel,
        phone::PhoneNumber,
        provider::open_gateway::{ApiVersion, ClientAuth, Endpoints, SigningAlgorithm},
        secret::Code,
    };

    const PHONE: &str = "+37126123456";
    const STATE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn basic() -> ClientAuth {
        ClientAuth::Basic { secret: Secret::new("hush") }
    }

    fn config(api_version: ApiVersion) -> Config {
        Config::new("https://as.example", "https://api.example/gw/", api_version, "app", basic())
    }

    fn server(sends_iss: bool) -> Server {
        let endpoints = Endpoints {
            authorization: "https://as.example/authorize?tenant=1".to_owned(),
            token: "https://as.example/token".to_owned(),
            jwks: None,
        };
        Server { endpoints, sends_iss }
    }

    fn errand() -> Errand {
        let id: CheckId = "-_AAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let order = Order {
            check_id: id,
            phone: PhoneNumber::parse(PHONE, None).unwrap(),
            channel: Channel::SilentNetwork,
            code: Code::new("123456").unwrap(),
            locale: None,
            email: None,
            client_ip: None,
            preflight: false,
            callback_url: None,
            return_to: None,
        };
        let url = "https://app.example/handset/redirect/open_gateway".to_owned();
        Errand::new(&order, &ReturnTo { url, state: STATE.to_owned() }).unwrap()
    }

    fn pairs(query: &[u8]) -> BTreeMap<String, String> {
        let pairs: Vec<_> = form_urlencoded::parse(query).into_owned().collect();
        let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
        assert_eq!(map.len(), pairs.len(), "no parameter twice");
        map
    }

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    fn grant(body: &str) -> Result<Grant> {
        read_grant(&answer(200, body))
    }

    #[test]
    fn the_device_is_sent_with_what_the_profile_asks_for() {
        for (version, scope) in [
            (ApiVersion::V0, "dpv:FraudPreventionAndDetection#number-verification-verify-read"),
            (ApiVersion::V1, "openid dpv:FraudPreventionAndDetection number-verification:verify"),
            (ApiVersion::V2, "openid dpv:FraudPreventionAndDetection number-verification:verify"),
        ] {
            let errand = errand();
            let url = authorization_url(&config(version), &server(false), &errand, STATE).unwrap();
            assert!(url.starts_with("https://as.example/authorize?tenant=1&"), "{url}");
            let asked = pairs(url.split_once('?').unwrap().1.as_bytes());
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(errand.verifier.as_bytes()));
            for (name, value) in [
                ("response_type", "code"),
                ("client_id", "app"),
                ("redirect_uri", "https://app.example/handset/redirect/open_gateway"),
                ("scope", scope),
                ("state", STATE),
                ("nonce", &errand.nonce),
                ("prompt", "none"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ] {
                assert_eq!(asked[name], value, "{name}");
            }
            assert_eq!(asked.len(), 10, "{asked:?}");
            assert!(!url.contains("37126123456"));
        }
    }

    #[test]
    fn the_number_is_named_only_where_the_settings_ask_for_it() {
        let config = Config { login_hint: true, ..config(ApiVersion::V0) };
        let url = authorization_url(&config, &server(false), &errand(), STATE).unwrap();
        let asked = pairs(url.split_once('?').unwrap().1.as_bytes());
        assert_eq!((asked["login_hint"].as_str(), asked["state"].as_str()), ("tel:+37126123456", STATE));
    }

    #[test]
    fn nonce_and_verifier_are_fresh_and_survive_the_handle() {
        let (one, other) = (errand(), errand());
        assert_ne!(one.nonce, other.nonce);
        assert_ne!(one.verifier, other.verifier);
        assert_eq!(one.verifier.len(), 43);
        let read = Errand::read(&one.to_handle().unwrap()).unwrap();
        assert_eq!((read.nonce, read.verifier, read.phone), (one.nonce, one.verifier, PHONE.to_owned()));
        let error = Errand::read(&Handle::new("37126123456")).err().unwrap();
        assert!(!format!("{error:?}").contains("26123456"));
    }

    #[test]
    fn a_code_is_exchanged_with_either_proof_of_who_we_are() {
        let (now, code, errand) = (SystemTime::UNIX_EPOCH, Secret::new("c0de"), errand());
        let config = config(ApiVersion::V1);
        let client = Client::new(&config).unwrap();
        let request = exchange(&config, &client, &server(false), &errand, &code, now).unwrap();
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, "https://as.example/token"));
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(request.headers()["authorization"], "Basic YXBwOmh1c2g=");
        let sent = pairs(request.body());
        assert_eq!(sent.len(), 4, "{sent:?}");
        assert_eq!((sent["grant_type"].as_str(), sent["code"].as_str()), ("authorization_code", "c0de"));
        assert_eq!((&sent["redirect_uri"], &sent["code_verifier"]), (&errand.redirect_uri, &errand.verifier));

        let key = Secret::new(include_str!("testdata/es256.pem"));
        let client_auth = ClientAuth::PrivateKeyJwt { key, algorithm: SigningAlgorithm::ES256, key_id: None };
        let config = Config { client_auth, ..config };
        let client = Client::new(&config).unwrap();
        let request = exchange(&config, &client, &server(false), &errand, &code, now).unwrap();
        assert!(!request.headers().contains_key("authorization"));
        let sent = pairs(request.body());
        assert_eq!(sent.len(), 7);
        assert_eq!(sent["client_id"], "app");
        assert_eq!(sent["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let claims = URL_SAFE_NO_PAD.decode(sent["client_assertion"].split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "https://as.example/token");
    }

    #[test]
    fn the_number_is_asked_about_as_it_is_or_hashed() {
        for (version, path) in [(ApiVersion::V0, "v0"), (ApiVersion::V1, "v1"), (ApiVersion::V2, "v2")] {
            let token = grant(r#"{"access_token":"t0ken","token_type":"Bearer"}"#).unwrap();
            let request = verify(&config(version), &errand(), token).unwrap();
            assert_eq!(request.uri(), &*format!("https://api.example/gw/number-verification/{path}/verify"));
            assert_eq!(request.headers()["authorization"], "Bearer t0ken");
            assert_eq!(request.headers()["content-type"], "application/json");
            assert_eq!(request.headers()["x-correlator"], "--AAAAAAAAAAAAAAAAAAAA");
            assert_eq!(request.body(), &*format!(r#"{{"phoneNumber":"{PHONE}"}}"#));
            assert!(!format!("{:?}", request.headers()).contains("t0ken"));
        }
        let config = Config { number: NumberForm::Hashed, ..config(ApiVersion::V2) };
        let token = grant(r#"{"access_token":"t0ken","token_type":"bearer"}"#).unwrap();
        let request = verify(&config, &errand(), token).unwrap();
        assert_eq!(request.body(), &*format!(r#"{{"hashedPhoneNumber":"{}"}}"#, hashed(PHONE)));
    }

    /// Reckoned with `printf '%s' +346661113334 | sha256sum`. The hashes printed in the specification are of something else.
    #[test]
    fn hashes_are_those_of_the_number_with_its_plus() {
        assert_eq!(hashed("+346661113334"), "6dd5d20f257c1f3620662454064e3aa25ba9a6c7a4d1e99e965bbadd3a7e07d6");
        assert_eq!(hashed("+123456789"), "b49f9168e8a886ffd61a090b51a26e117717f5f6fa804af49ea67043a2bfa4f0");
    }

    #[test]
    fn f2_a_token_is_used_for_five_minutes_at_most() {
        for (body, seconds) in [
            (r#"{"access_token":"t","token_type":"Bearer"}"#, 300),
            (r#"{"access_token":"t","token_type":"bearer","expires_in":null}"#, 300),
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}"#, 300),
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":60,"scope":"x"}"#, 60),
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":0}"#, 0),
        ] {
            assert_eq!(grant(body).unwrap().lifetime(), Duration::from_secs(seconds), "{body}");
        }
        for body in [
            "",
            "{}",
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"s3cret"}"#,
            r#"{"access_token":"s3cret","token_type":"DPoP"}"#,
            r#"{"access_token":"s3cret","token_type":"Bearer","expires_in":"soon"}"#,
        ] {
            let error = grant(body).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
        let unsendable = grant(r#"{"access_token":"a\nb","token_type":"Bearer"}"#).unwrap();
        assert!(verify(&config(ApiVersion::V2), &errand(), unsendable).is_err());
    }

    #[test]
    fn a_verdict_is_a_boolean_and_nothing_else() {
        for (body, verdict) in [
            (r#"{"devicePhoneNumberVerified":true}"#, Verdict::Match),
            (r#"{"devicePhoneNumberVerified":false,"more":1}"#, Verdict::NoMatch),
        ] {
            assert_eq!(read_verdict(&answer(200, body)).unwrap(), verdict);
        }
        for body in ["", "{}", "true", r#"{"devicePhoneNumberVerified":"true"}"#, r#"{"devicePhoneNumberVerified":1}"#]
        {
            assert_eq!(read_verdict(&answer(200, body)).unwrap_err().kind(), ErrorKind::Unavailable, "{body}");
        }
        for status in [201, 202, 204] {
            assert!(read_verdict(&answer(status, r#"{"devicePhoneNumberVerified":true}"#)).is_err());
        }
    }

    #[test]
    fn every_refusal_gets_its_kind() {
        use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable, Unsupported};
        for (status, word, kind) in [
            (400, "INVALID_ARGUMENT", Rejected),
            (401, "UNAUTHENTICATED", Unavailable),
            (401, "AUTHENTICATION_REQUIRED", Unavailable),
            (401, "", Misconfigured),
            (403, "PERMISSION_DENIED", Misconfigured),
            (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK", Unavailable),
            (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_SUPPORTED_METHOD", Unavailable),
            (403, "NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT", Unavailable),
            (403, "INVALID_TOKEN_CONTEXT", Unavailable),
            (403, "NUMBER_VERIFICATION.INVALID_TS43_TOKEN", Unavailable),
            (403, "SOMETHING_NEW", Misconfigured),
            (404, "IDENTIFIER_NOT_FOUND", Rejected),
            (404, "", Misconfigured),
            (422, "SERVICE_NOT_APPLICABLE", Rejected),
            (429, "TOO_MANY_REQUESTS", RateLimited),
            (429, "QUOTA_EXCEEDED", RateLimited),
            (429, "", RateLimited),
            (500, "INTERNAL", Unavailable),
            (503, "UNAVAILABLE", Unavailable),
            (504, "TIMEOUT", Unavailable),
            (400, "invalid_grant", Unavailable),
            (401, "invalid_client", Misconfigured),
            (400, "unauthorized_client", Misconfigured),
            (400, "invalid_scope", Misconfigured),
            (400, "invalid_request", Misconfigured),
            (400, "unsupported_grant_type", Misconfigured),
            (400, "invalid_dpop_proof", Unsupported),
            (301, "", Unavailable),
        ] {
            for field in ["code", "error"] {
                let body = format!(r#"{{"status":{status},"{field}":"{word}","message":"{PHONE} is bad"}}"#);
                let error = refusal(&answer(status, &body));
                assert_eq!(error.kind(), kind, "{status} {word}");
                assert_eq!(error.provider(), Some(NAME));
                let shown = format!("{error:?}");
                assert!(shown.contains(word) && !shown.contains("26123456"), "{shown}");
            }
        }
        // Some say a number where there should be a word, or nothing that can be read.
        for body in [r#"{"code":40101,"message":"no"}"#, "<html>", ""] {
            assert_eq!(refusal(&answer(401, body)).kind(), Misconfigured, "{body}");
        }
        let smuggled = refusal(&answer(400, r#"{"code":"+37126123456"}"#));
        assert!(!format!("{smuggled:?}").contains("26123456"));
        let mut busy = answer(429, "");
        busy.headers_mut().insert("retry-after", HeaderValue::from_static("17"));
        assert_eq!(refusal(&busy).retry_after(), Some(Duration::from_secs(17)));
    }

    #[test]
    fn what_a_device_brings_back_is_read() {
        let config = config(ApiVersion::V2);
        let back = |query: &str, sends_iss| {
            let returned = Returned::Browser { url: format!("https://app.example/redirect?{query}") };
            read_return(&config, &server(sends_iss), &returned)
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
        assert_eq!(read_return(&config, &server(true), &app).unwrap().expose(), "c0de");
    }
}
