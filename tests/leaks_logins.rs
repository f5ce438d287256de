//! Nothing that runs a login tells a secret: the OpenID provider, Entra's method and forward-auth are driven with everything logged.
#![cfg(all(feature = "oidc-provider", feature = "entra", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "entra/stage.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod entra;
#[path = "entra/microsoft.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod microsoft;
#[path = "common/needle.rs"]
mod needle;
#[path = "oidc/stage.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod oidc;
#[path = "common/recorder.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod recorder;

use handset::{
    Action, PhoneNumber, Secret, Subject, Verifier,
    forward_auth::{ForwardAuth, Proxy, Route},
    oidc_provider::Client,
    proof::ProofKey,
    signing::{SigningKey, SigningKeys},
    testing::CodeBook,
    verifier::{Answer, Caller, MfaLogin, MfaStep, StartRequest},
};
use http::Request;
use tower::ServiceExt;

use needle::{Needle, listen, search};
use oidc::{Browser, PHONE, SECRET, grant, signed};
use recorder::Book;

/// A token whose parts are looked for one by one.
fn token(needles: &mut Vec<Needle>, name: &str, token: &str) {
    needles.push(Needle::text(name, token));
    needles.extend(token.split('.').skip(1).filter(|part| part.len() > 8).map(|part| Needle::text(name, part)));
}

#[tokio::test]
async fn d2_nothing_that_runs_a_login_tells_a_secret() {
    let (log, printed) = (Book::default(), Book::default());
    listen(&log, &Book::default());
    let mut needles = vec![
        Needle::number(PHONE),
        Needle::number("+37126123457"),
        Needle::number("+37126123458"),
        Needle::text("a client's secret", SECRET),
        Needle::text("the secret of subjects", &"s".repeat(32)),
        Needle::text("a private key", pem_line(include_str!("../src/signing/testdata/rs256.pem"))),
    ];
    openid(&mut needles).await;
    entra_method(&mut needles).await;
    forward_auth(&mut needles, &printed).await;
    values_that_print(&mut needles, &printed);

    let text = log.text();
    for target in ["handset::oidc_provider", "handset::entra", "handset::verifier", "handset::layer"] {
        assert!(text.contains(target), "the log has nothing from `{target}`");
    }
    assert!(printed.text().contains("keycloak"));
    for (place, bytes) in [("the log", log.bytes()), ("how a value prints", printed.bytes())] {
        assert_eq!(search(&needles, &bytes), [""; 0], "in {place}");
    }
}

/// Good and bad authorization requests, the page, codes and tokens.
async fn openid(needles: &mut Vec<Needle>) {
    let stage = oidc::Stage::new().await;
    let browser = Browser::new();
    let page = browser.get(&stage.request("rp").url(&stage)).await;
    needles.push(Needle::text("the browser's cookie", cookie(page.headers["set-cookie"].to_str().unwrap())));
    let page = page.page();
    let page = browser.click(&stage, &page, "start", &[]).await.page();
    needles.push(Needle::text("the way through the step", &page.csrf));
    browser.click(&stage, &page, "answer", &[("code", "000000001")]).await.page();
    needles.push(Needle::code("a wrong answer", "000000001"));
    let sent = stage.book.last_code().unwrap();
    needles.push(Needle::code("the code", sent.expose()));
    let back = browser.click(&stage, &page, "answer", &[("code", sent.expose())]).await.back();
    needles.push(Needle::text("an authorization code", back.code()));
    stage.token(Some(("rp", &SECRET.replace('0', "9"))), &grant(back.code())).await.token_error(401, "invalid_client");
    needles.push(Needle::text("a wrong secret", &SECRET.replace('0', "9")));
    let answer = stage.redeem("rp", back.code()).await;
    for name in ["id_token", "access_token"] {
        token(needles, name, answer.json()[name].as_str().unwrap());
    }
    stage.redeem("rp", back.code()).await.token_error(400, "invalid_grant");

    let hint = signed(&stage.hint_key, &stage.hint());
    let object = signed(&stage.client_key, &stage.object());
    let stale = signed(&stage.client_key, &stage.hint());
    for (client, name, value) in [("hinted", "id_token_hint", &hint), ("signer", "request", &object)] {
        token(needles, name, value);
        token(needles, "of another key", &stale);
        let request = stage.request(client).without("login_hint");
        let back = stage.step(&request.with(name, value)).await;
        needles.push(Needle::text("an authorization code", back.code()));
        let refused = Browser::new().get(&request.with(name, &stale).url(&stage)).await.back();
        assert!(refused.pairs.contains_key("error"), "{refused:?}");
    }
    for hint in ["tel:+371261234567890", "tel:26123456", "+37126123456;x"] {
        Browser::new().get(&stage.request("rp").with("login_hint", hint).url(&stage)).await;
    }
    let assertion = signed(&stage.client_key, &stage.assertion("1"));
    token(needles, "a client's assertion", &assertion);
    let form = [("client_assertion", assertion.as_str()), ("client_assertion_type", ASSERTION)];
    let form: Vec<_> = grant("no code of ours").into_iter().chain(form).collect();
    stage.token(None, &form).await.token_error(400, "invalid_grant");
}

async fn entra_method(needles: &mut Vec<Needle>) {
    let stage = entra::Stage::new().await;
    for account in [entra::ADA, entra::EVE, entra::ZOE] {
        let form = stage.form(account);
        token(needles, "Entra's hint", &hint(&form));
        stage.authorize(&form).await;
    }
    let form = stage.form(entra::ADA);
    token(needles, "Entra's hint", &hint(&form));
    let mut browser = stage.begin(&form).await;
    needles.push(Needle::text("the browser's cookie", cookie(&browser.cookie)));
    browser.look().await;
    browser.enter("000000001").await;
    let code = stage.last_code();
    needles.push(Needle::code("the code", &code));
    let answer = browser.enter(&code).await;
    token(needles, "the answer to Entra", &answer.field("id_token").unwrap());
}

/// A step of a login through the library, whose values print, and a proxy that asks about its proof.
async fn forward_auth(needles: &mut Vec<Needle>, printed: &Book) {
    let codes = CodeBook::default();
    let policy = "version = 1\n[[step_up]]\nname = \"all\"\nrequire = { acr = \"phone\" }\n\
                  [[route]]\nname = \"all\"\ntry = [\"code_book/sms\"]\n";
    let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
    let verifier = builder.provider(codes.clone()).build().unwrap();
    let (ada, transfer) = (Subject::new("ada").unwrap(), Action::new("transfer").unwrap());
    let phone = PhoneNumber::parse(PHONE, None).unwrap();
    let login = MfaLogin::new(&verifier, ada.clone(), [phone], transfer.clone());
    printed.show(&login);
    let MfaStep::Ask(ask) = MfaStep::begin(&login).await.unwrap() else { panic!("there is one number") };
    printed.show(&ask);
    let pending = serde_json::to_value(&ask.pending).unwrap().as_str().unwrap().to_owned();
    needles.push(Needle::text("a login that is pending", &pending));
    let code = codes.last_code().unwrap();
    needles.push(Needle::code("the code", code.expose()));
    let MfaStep::Done(done) = ask.pending.answer(&login, code.expose()).await.unwrap() else { panic!("it was right") };
    printed.show(&done);
    token(needles, "a proof that is bound to a login", done.into_parts().1.expose());

    let check = verifier.start(StartRequest::new(ada.clone(), phone, transfer.clone())).await.unwrap();
    let code = codes.last_code().unwrap();
    needles.push(Needle::code("the code", code.expose()));
    let answer = verifier.answer(&ada, check.id, code.expose(), Caller::default()).await.unwrap();
    let Answer::Verified(verified) = answer else { panic!("the code was right") };
    let good = verified.token.expose().to_owned();
    token(needles, "a proof", &good);
    let service = ForwardAuth::new(&verifier, Proxy::Nginx).route(Route::guard("/**", transfer).unwrap());
    let service = service.subject_header(http::HeaderName::from_static("x-user"));
    printed.show(&service);
    for (user, proof, status) in [("ada", &good, 200), ("eve", &good, 401), ("ada", &format!("{good}A"), 401)] {
        let request =
            Request::get("/forward-auth").header("x-original-uri", "/transfer").header("x-original-method", "GET");
        let request = request.header("x-user", user).header("handset-proof", proof).body(String::new()).unwrap();
        printed.show(&request.uri());
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        printed.show(response.headers());
    }
}

fn values_that_print(needles: &mut Vec<Needle>, printed: &Book) {
    let key = SigningKey::generate_es256().unwrap();
    needles.push(Needle::text("a private key", pem_line(key.to_pem().unwrap().expose())));
    printed.show(&key);
    printed.show(&SigningKeys::new(key.clone()).also_publish(key));
    printed.show(&Client::new("keycloak").secret(&Secret::new(SECRET)).redirect_uri(oidc::REDIRECT));
}

/// The value of a cookie.
fn cookie(header: &str) -> &str {
    header.split(['=', ';']).nth(1).unwrap()
}

fn hint(form: &microsoft::Form) -> String {
    let encoded = form.encoded();
    let mut pairs = form_urlencoded::parse(encoded.as_bytes());
    pairs.find(|(name, _)| name == "id_token_hint").unwrap().1.into_owned()
}

/// A line of a key that is in no other key.
fn pem_line(pem: &str) -> &str {
    pem.lines().nth(2).unwrap()
}

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
