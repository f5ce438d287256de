//! Relying parties that are not ours.

use std::{path::PathBuf, process::Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, LoginHint, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use crate::stage::{Browser, PHONE, REDIRECT, SECRET, Stage};

#[tokio::test]
async fn the_crate_openidconnect_finds_checks_and_believes_it() {
    let stage = Stage::new().await;
    let issuer = IssuerUrl::new(stage.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await.unwrap();
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new("rp".to_owned()),
        Some(ClientSecret::new(SECRET.to_owned())),
    )
    .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .set_pkce_challenge(challenge)
        .set_login_hint(LoginHint::new(format!("tel:{PHONE}")))
        .url();
    let back = stage.walk(&Browser::new(), url.as_str()).await;
    assert_eq!(back.pairs["state"], *state.secret());
    assert_eq!(back.pairs["iss"], stage.issuer);

    let code = || AuthorizationCode::new(back.code().to_owned());
    let wrong = client.exchange_code(code()).unwrap().set_pkce_verifier(PkceCodeVerifier::new("x".repeat(43)));
    assert!(wrong.request_async(&send).await.is_err(), "a code is good with its PKCE verifier only");
    let right = client.exchange_code(code()).unwrap().set_pkce_verifier(verifier);
    let tokens = right.request_async(&send).await.unwrap();

    let id_token = tokens.id_token().unwrap();
    let checker = client.id_token_verifier();
    let claims = id_token.claims(&checker, &nonce).unwrap();
    assert_eq!(claims.phone_number().unwrap().as_str(), PHONE);
    assert_eq!(claims.phone_number_verified(), Some(true));
    assert_eq!(claims.auth_context_ref().unwrap().as_str(), "phone");
    assert_eq!(claims.auth_method_refs().unwrap().iter().map(|amr| amr.as_str()).collect::<Vec<_>>(), ["sms"]);
    assert!(claims.auth_time().is_some());
    let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&checker).unwrap());
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(Some(&hash), claims.access_token_hash());
    assert!(id_token.claims(&checker, &Nonce::new("another".to_owned())).is_err(), "the nonce is the client's");
}

async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let sent = http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = sent.status();
    *response.headers_mut() = sent.headers().clone();
    *response.body_mut() = sent.bytes().await?.to_vec();
    Ok(response)
}

#[tokio::test]
async fn openid_client_with_a_secret() {
    let stage = Stage::new().await;
    let claims = openid_client(&stage, "rp", &[("SECRET", SECRET)]).await;
    assert_eq!((&claims["phone_number"], &claims["phone_number_verified"]), (&json!(PHONE), &json!(true)));
    assert_eq!((&claims["acr"], &claims["phone_number_from"]), (&json!("phone"), &json!("login_hint")));
}

#[tokio::test]
async fn openid_client_with_signed_requests_and_assertions() {
    let stage = Stage::new().await;
    let pem = stage.client_key.to_pem().unwrap();
    let der = pem::parse(pem.expose()).unwrap();
    let claims = openid_client(&stage, "signer", &[("KEY", &STANDARD.encode(der.contents()))]).await;
    assert_eq!((&claims["phone_number"], &claims["phone_number_from"]), (&json!(PHONE), &json!("request")));
}

#[tokio::test]
async fn f1_openid_client_refuses_another_nonce() {
    let stage = Stage::new().await;
    let claims = openid_client(&stage, "rp", &[("SECRET", SECRET), ("TAMPER", "nonce")]).await;
    assert!(claims["refused"].is_string(), "{claims}");
}

/// One flow of the relying party in `openid-client.mjs`.
async fn openid_client(stage: &Stage, client: &str, settings: &[(&str, &str)]) -> Value {
    let modules = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("openid-client");
    let found = modules.join("node_modules/openid-client").is_dir();
    assert!(found, "openid-client is not in {}: run `scripts/test unit` once, it installs it", modules.display());
    let mut node = Command::new("node")
        .arg("--experimental-global-webcrypto")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/openid-client.mjs"))
        .env("MODULES", &modules)
        .env("ISSUER", &stage.issuer)
        .env("CLIENT", client)
        .env("REDIRECT", REDIRECT)
        .env("LOGIN_HINT", format!("tel:{PHONE}"))
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program `node` is missing: install the package nodejs");
    let mut said = BufReader::new(node.stdout.take().unwrap()).lines();
    let url = said.next_line().await.unwrap().expect("openid-client made no request");
    let back = stage.walk(&Browser::new(), &url).await;
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(format!("{}\n", back.url).as_bytes()).await.unwrap();
    let claims = said.next_line().await.unwrap().expect("openid-client gave no answer");
    assert!(node.wait().await.unwrap().success());
    serde_json::from_str(&claims).unwrap()
}
