//! The phone step for an identity server of any language: this process is its OpenID provider. The vendor and the phone are
//! emulated inside, and so is the identity server, which believes what the signed token says.
//!
//! `cargo run --example oidc_provider --features oidc-provider,sandbox` serves it: open the printed URL. With `-- --once` it plays the
//! person too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::env;

use axum::{Json, Router, extract::Query, response::Redirect, routing::get};
use handset::{
    Endpoints, Secret, Verifier,
    oidc_provider::{Client, OidcProvider},
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
    signing::{SigningKey, SigningKeys},
};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::BoxError;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("localhost", if once { 0 } else { 3000 })).await?;
    let issuer = format!("http://localhost:{}", listener.local_addr()?.port());

    let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
    let verifier = Verifier::builder()
        .policy("policy.toml", include_str!("policy.toml"))
        .proof_key(ProofKey::random()?)
        .provider(numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses()?)?)
        .build()?;
    // ---- handset: the identity server, as it is known here. Secrets and keys come from your settings
    let bank = Client::new("bank")
        .name("Example Bank")
        .secret(&Secret::new(SECRET))
        .redirect_uri(format!("{issuer}/callback"))
        .number_from_login_hint();
    let keys = SigningKeys::new(SigningKey::generate_rs256()?);
    let provider = OidcProvider::builder(&verifier, &issuer, keys, &Secret::new(SUBJECTS)).client(bank).build()?;
    // ---- handset: the provider at the root, and the endpoints that vendors call beside it
    let app = identity_server(&issuer).nest_service("/handset", Endpoints::new(&verifier)).fallback_service(provider);

    if !once {
        println!("open {issuer}/, and look at the phone: curl {}/handsets/{NUMBER}/events", sandbox.url());
        return Ok(axum::serve(listener, app).await?);
    }
    tokio::select! {
        ended = axum::serve(listener, app) => Ok(ended?),
        walked = walk(&issuer, sandbox.handset(NUMBER)) => walked,
    }
}

/// What Keycloak and its like do when they are told about this provider; `docs/oidc.md` says how they are told.
fn identity_server(issuer: &str) -> Router {
    let asks = format!(
        "{issuer}/authorize?client_id=bank&response_type=code&scope=openid&state=42&nonce=n&login_hint=tel:%2B{}\
         &code_challenge_method=S256&code_challenge={CHALLENGE}&redirect_uri={issuer}/callback",
        &NUMBER.trim_start_matches('+'),
    );
    let issuer = issuer.to_owned();
    Router::new().route("/", get(async move || Redirect::to(&asks))).route(
        "/callback",
        get(async move |Query(back): Query<Value>| match redeem(&issuer, &back).await {
            Ok(claims) => Json(claims),
            Err(error) => Json(Value::String(error.to_string())),
        }),
    )
}

async fn redeem(issuer: &str, back: &Value) -> Result<Value, BoxError> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let form = format!(
        "grant_type=authorization_code&code={}&redirect_uri={issuer}/callback&code_verifier={VERIFIER}",
        text(back, "code")?
    );
    let asked = http.post(format!("{issuer}/token")).basic_auth("bank", Some(SECRET)).body(form);
    let asked = asked.header("content-type", "application/x-www-form-urlencoded");
    let tokens: Value = asked.send().await?.error_for_status()?.json().await?;
    let keys: JwkSet = http.get(format!("{issuer}/jwks")).send().await?.json().await?;
    let token = text(&tokens, "id_token")?;
    let header = decode_header(token)?;
    let key = header.kid.as_deref().and_then(|id| keys.find(id)).ok_or("signed with another key")?;
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["bank"]);
    validation.set_issuer(&[issuer]);
    Ok(decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims)
}

/// What a person does with browser and phone.
async fn walk(issuer: &str, phone: Handset) -> Result<(), BoxError> {
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let asked = browser.get(format!("{issuer}/")).send().await?;
    let page = browser.get(location(&asked)?).send().await?.error_for_status()?;
    let cookie = page.headers().get("set-cookie").ok_or("no cookie")?.to_str()?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let click = async |page: &str, fields: &str| -> Result<String, BoxError> {
        let form = format!("ticket={}&csrf={}&{fields}", hidden(page, "ticket")?, hidden(page, "csrf")?);
        let sent = browser.post(format!("{issuer}/step")).header("cookie", &cookie).body(form);
        location(&sent.header("content-type", "application/x-www-form-urlencoded").send().await?)
    };
    let started = click(&page.text().await?, "do=start").await?;
    let page = browser.get(started).header("cookie", &cookie).send().await?.text().await?;
    let call = phone.next_call().await;
    println!("the phone rings: {}", call.from);
    let answered = click(&page, &format!("do=answer&code={}", call.ending())).await?;
    let back = location(&browser.get(answered).header("cookie", &cookie).send().await?)?;
    let claims: Value = browser.get(back).send().await?.error_for_status()?.json().await?;
    println!("the identity server reads: {claims:#}");
    if claims.get("phone_number_verified") != Some(&Value::Bool(true)) {
        return Err("the phone was not shown".into());
    }
    Ok(())
}

fn location(response: &reqwest::Response) -> Result<String, BoxError> {
    let url = response.headers().get("location").ok_or_else(|| format!("sent nowhere: {}", response.status()))?;
    let url = url.to_str()?;
    Ok(url.to_owned())
}

fn hidden<'a>(page: &'a str, name: &str) -> Result<&'a str, String> {
    let field = format!("name=\"{name}\" value=\"");
    let found = page.split_once(field.as_str()).and_then(|(_, rest)| rest.split('"').next());
    found.ok_or_else(|| format!("no `{name}` in {page}"))
}

fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, String> {
    answer.get(field).and_then(Value::as_str).ok_or_else(|| format!("no `{field}` in {answer}"))
}

const NUMBER: &str = "+37126123456";
const SECRET: &str = "a secret of the bank, from a generator";
const SUBJECTS: &str = "a secret that makes subjects, from a generator";

/// One pair for PKCE, that of RFC 7636; a real client makes one for each request.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
