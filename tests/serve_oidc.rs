//! `handset serve` as an OpenID provider, with the crate `openidconnect` as its relying party.
#![cfg(all(feature = "cli", feature = "open-gateway", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "common/served.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod served;

use std::fs;

use handset::sandbox::Sandbox;
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType},
};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use served::{Folder, PHONE, POLICY, Served, client, faults, text};

const RS256: &str = include_str!("../src/signing/testdata/rs256.pem");
const REDIRECT: &str = "https://login.example.com/broker/phone/endpoint";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A server behind an address that is known before it runs, as behind a proxy.
struct Stage {
    sandbox: Sandbox,
    folder: Folder,
    served: Served,
    issuer: String,
}

impl Stage {
    /// Serves the issuer at this path of its origin.
    async fn new(name: &str, path: &str) -> Self {
        let (folder, sandbox) = (Folder::new(name), Sandbox::start().await.unwrap());
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}{path}", proxy.local_addr().unwrap());
        folder.put_secret("oidc.pem", RS256);
        folder.put_secret("secret", SECRET);
        let section = format!(
            r#"
[oidc]
issuer = "{issuer}"
subject_secret = {{ file = "secret" }}
signing_key = {{ algorithm = "rs256", secret = {{ file = "oidc.pem" }} }}

[[oidc.client]]
id = "keycloak"
name = "Example Bank"
secret = {{ file = "secret" }}
redirect_uris = ["{REDIRECT}"]
number_from = ["login_hint"]
"#
        );
        let served = folder.serve(&sandbox, "", &section);
        let server = served.url.strip_prefix("http://").unwrap().to_owned();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = proxy.accept().await {
                let mut to = TcpStream::connect(&server).await.unwrap();
                // Either side may hang up.
                tokio::spawn(async move { copy_bidirectional(&mut from, &mut to).await.ok() });
            }
        });
        Self { sandbox, folder, served, issuer }
    }

    /// What a browser is answered at an address of the provider.
    async fn get(&self, url: &str, cookie: &str) -> reqwest::Response {
        browser().get(url).header(COOKIE, cookie).send().await.unwrap()
    }

    /// Clicks a button of a page; where the browser is sent.
    async fn click(&self, page: &str, cookie: &str, button: &str) -> String {
        let form = format!("ticket={}&csrf={}&do={button}", hidden(page, "ticket"), hidden(page, "csrf"));
        let click = browser().post(format!("{}/step", self.issuer)).header(COOKIE, cookie).body(form);
        let sent = click.header(CONTENT_TYPE, "application/x-www-form-urlencoded").send().await.unwrap();
        sent.headers()[LOCATION].to_str().unwrap().to_owned()
    }
}

/// A client that believes this provider.
type Known =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

async fn relying_party(issuer: &str) -> Known {
    let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(issuer.to_owned()).unwrap(), &send).await;
    let (id, secret) = (ClientId::new("keycloak".to_owned()), ClientSecret::new(SECRET.to_owned()));
    CoreClient::from_provider_metadata(metadata.unwrap(), id, Some(secret))
        .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap())
}

fn request(client: &Known) -> (String, Nonce, PkceCodeVerifier) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (url, _, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .set_pkce_challenge(challenge)
        .set_login_hint(LoginHint::new(format!("tel:{PHONE}")))
        .url();
    (url.to_string(), nonce, verifier)
}

#[tokio::test]
async fn an_identity_server_sends_a_person_here_and_gets_a_signed_token_back() {
    for (name, path) in [("oidc-root", ""), ("oidc-path", "/phone/oidc")] {
        let stage = Stage::new(name, path).await;
        let line: Value = serde_json::from_str(&stage.served.first_line).unwrap();
        assert_eq!(line["issuer"], stage.issuer);
        let client = relying_party(&stage.issuer).await;
        let (url, nonce, verifier) = request(&client);

        let shown = stage.get(&url, "").await;
        let cookie = shown.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let page = shown.text().await.unwrap();
        assert!(page.contains("Example Bank"), "{page}");
        let started = stage.click(&page, &cookie, "start").await;
        let page = stage.get(&started, &cookie).await.text().await.unwrap();
        let call = stage.sandbox.handset(PHONE).next_call().await;
        let answered = stage.click(&page, &cookie, &format!("answer&code={}", call.ending())).await;
        let back = stage.get(&answered, &cookie).await.headers()[LOCATION].to_str().unwrap().to_owned();

        let query = back.strip_prefix(REDIRECT).unwrap_or_else(|| panic!("not to the client: {back}"));
        let mut pairs = form_urlencoded::parse(query.strip_prefix('?').unwrap().as_bytes());
        let code = pairs.find(|(name, _)| name == "code").unwrap().1.into_owned();
        let exchange = client.exchange_code(AuthorizationCode::new(code)).unwrap().set_pkce_verifier(verifier);
        let tokens = exchange.request_async(&send).await.unwrap();
        let claims = tokens.id_token().unwrap().claims(&client.id_token_verifier(), &nonce).unwrap().clone();
        assert_eq!(claims.phone_number().unwrap().as_str(), PHONE);
        assert_eq!(claims.phone_number_verified(), Some(true));

        for (path, status) in [("/handset/openapi.json", 200), ("/healthz", 200), ("/nothing", 404)] {
            assert_eq!(stage.get(&format!("{}{path}", stage.served.url), "").await.status(), status, "{path}");
        }
    }
}

#[tokio::test]
async fn g2_a_policy_that_changes_turns_its_requests_down() {
    let stage = Stage::new("oidc-reload", "/oidc").await;
    let client = relying_party(&stage.issuer).await;
    let answer = async || stage.get(&request(&client).0, "").await;
    assert_eq!(answer().await.status(), 200);
    let denied = "[[step_up]]\nname = \"closed\"\nwhen = { action = \"oidc:keycloak\" }\ndeny = \"not_allowed\"";
    stage.folder.put("policy.toml", &format!("{POLICY}\n{denied}\n"));
    stage.served.wait_for_log("policy replaced");
    let back = answer().await.headers()[LOCATION].to_str().unwrap().to_owned();
    assert!(back.starts_with(REDIRECT) && back.contains("error=access_denied"), "{back}");
}

#[test]
fn what_is_wrong_with_the_section_has_its_line_and_key_and_says_what_to_write() {
    let folder = Folder::new("oidc-faults");
    folder.put_secret("secret", SECRET);
    folder.put_secret("short", "short");
    folder.put_secret("oidc.pem", RS256);
    folder.put("no-keys.json", "no keys");
    let swap = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    let numbers = |sources: &str| swap("[\"login_hint\"]", sources);
    let second = |lines: &str| format!("{GOOD}\n[[oidc.client]]\nid = \"okta\"\n{lines}");
    let files = [
        GOOD.to_owned(),
        swap("issuer = \"https://phone.example.com\"", ""),
        swap("https://phone.example.com", "phone.example.com"),
        swap("https://phone.example.com", "http://phone.example.com"),
        swap("https://phone.example.com", "https://phone.example.com/handset"),
        swap("https://phone.example.com", "https://phone.example.com/healthz"),
        swap("https://phone.example.com", "https://phone.example.com/:all"),
        swap("subject_secret = { file = \"secret\" }", ""),
        swap("subject_secret = { file = \"secret\" }", "subject_secret = { file = \"short\" }"),
        swap("signing_key =", "key ="),
        swap("rs256", "es256"),
        swap("rs256", "hs256"),
        swap("secret = { file = \"client\" }", ""),
        swap("secret = { file = \"client\" }", "secret = \"0123456789abcdef0123456789abcdef\""),
        swap("secret = { file = \"client\" }", "secret = { file = \"short\" }"),
        swap("secret = { file = \"client\" }", "secret_sha256 = \"abc\""),
        swap("secret = { file = \"client\" }", "keys = \"absent.json\""),
        swap("secret = { file = \"client\" }", "keys = \"no-keys.json\""),
        swap("https://login.example.com/", "http://login.example.com/"),
        numbers("[]"),
        numbers("[\"anywhere\"]"),
        numbers("[\"request\"]"),
        numbers("[\"id_token_hint\"]"),
        format!("{GOOD}\nid_token_hint = {{ issuer = \"https://login.example.com\", keys = \"no-keys.json\" }}"),
        format!("{GOOD}\naction = \"Sign in\""),
        second("redirect_uris = []\nnumber_from = [\"typed\"]\nsecret = { file = \"secret\" }"),
        second("redirect_uris = [\"https://x.example/\"]\nnumber_from = [\"typed\"]\nsecret = { file = \"secret\" }")
            .replace("okta", "keycloak"),
        GOOD.split("[[oidc.client]]").next().unwrap().to_owned(),
    ];
    folder.put_secret("client", SECRET);
    insta::assert_snapshot!(faults(&folder, GOOD, files));
}

const GOOD: &str = r#"policy = "policy.toml"
[proof]
key = { algorithm = "hs256", secret = { env = "PROOF_SECRET" } }

[provider.numcheck]
token = { file = "secret" }

[oidc]
issuer = "https://phone.example.com"
subject_secret = { file = "secret" }
signing_key = { algorithm = "rs256", secret = { file = "oidc.pem" } }

[[oidc.client]]
id = "keycloak"
secret = { file = "client" }
redirect_uris = ["https://login.example.com/realms/bank/broker/phone/endpoint"]
number_from = ["login_hint"]
"#;

#[test]
fn the_section_that_the_page_shows_is_sound() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/oidc.md")).unwrap();
    let section = page.split("```toml\n[oidc]").nth(1).unwrap().split("```").next().unwrap();
    let folder = Folder::new("oidc-page");
    for (file, text) in [("secret", SECRET), ("oidc.pem", RS256), ("oidc-next.pem", RS256)] {
        folder.put_secret(file, text);
    }
    folder.put("handset.toml", &format!("{}[oidc]{section}", GOOD.split("[oidc]").next().unwrap()));
    let mut command = folder.command(&["serve", "--config", "handset.toml", "--check"]);
    let output = command.env("OIDC_SUBJECTS", SECRET).env("KEYCLOAK_SECRET", SECRET).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let found = page.split_once(&format!("name=\"{name}\" value=\"")).and_then(|(_, rest)| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no `{name}` in {page}"))
}

async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let sent = client().request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = sent.status();
    *response.headers_mut() = sent.headers().clone();
    *response.body_mut() = sent.bytes().await?.to_vec();
    Ok(response)
}
