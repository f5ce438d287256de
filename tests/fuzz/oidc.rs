//! Forms that clients of the OpenID provider send, and people's browsers.

use std::cell::RefCell;

use handset::{
    Secret,
    oidc_provider::{Client, OidcProvider},
    provider::numcheck::{Config, NumCheck},
    signing::{SigningKey, SigningKeys},
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use super::{
    sheet::Sheet,
    world::{Answer, ORIGIN, World, Worlds, not_found, request},
};

/// Nobody gets a token who was given no code, or is sent to an address that is not registered; errors are those of OAuth, and
/// neither the client's secret nor a number is repeated.
///
/// Of the sheet, `.to` is `token`, `authorize`, `form` or `step`; `{secret}` is the client's.
pub(crate) fn oidc_form(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(world)) };
        static KEY: SigningKey = SigningKey::rs256_pem(&Secret::new(KEY_PEM)).unwrap();
    }
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let key = KEY.with(SigningKey::clone);
        let provider = provider(world, key);
        let sheet = Sheet::read(bytes, &[("{secret}", SECRET)]);
        let mut headers = sheet.headers();
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/x-www-form-urlencoded"));
        let (path, is_query) = match sheet.told("to") {
            Some("authorize") => ("authorize", true),
            Some("form") => ("authorize", false),
            Some("step") => ("step", false),
            _ => ("token", false),
        };
        let (mut url, mut body, mut method) = (format!("{ORIGIN}/oidc/{path}"), sheet.body.clone(), Method::POST);
        if is_query {
            url = format!("{url}?{}", sheet.text());
            (body, method) = (Vec::new(), Method::GET);
        }
        let Some(request) = request(method, &url, headers, body) else { return false };
        let answer = world.ask_service(provider, request);
        match path {
            "token" => is_token_refused_well(&answer),
            _ => leads_to_nobody_else(&answer),
        }
    })
}

/// Returns whether the client showed who it is, and got as far as its code.
fn is_token_refused_well(answer: &Answer) -> bool {
    answer.hides(SECRET);
    assert!([400, 401].contains(&answer.status.as_u16()), "{}: {}", answer.status, answer.body);
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    let word = said["error"].as_str().unwrap();
    assert!(ERRORS.contains(&word), "{said}");
    word == "invalid_grant"
}

/// Returns whether there is a page to go on with.
fn leads_to_nobody_else(answer: &Answer) -> bool {
    let location = answer.headers.get(header::LOCATION).map(|location| location.to_str().unwrap());
    match location {
        Some(location) => {
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            let (place, _) = location.split_once('?').unwrap();
            assert!([REDIRECT, AUTHORIZE].contains(&place), "{location}");
            false
        }
        None => {
            assert!(answer.status == StatusCode::OK || answer.status.is_client_error(), "{}", answer.status);
            answer.hides(NUMBER);
            answer.status == StatusCode::OK
        }
    }
}

fn world() -> World {
    World::new(
        "numcheck/flash_call",
        |_| not_found(),
        |builder, client| {
            let config = Config::new(Secret::new("0123456789abcdef0123456789abcdef"));
            builder.provider(NumCheck::new(config, client).unwrap())
        },
    )
}

fn provider(world: &World, key: SigningKey) -> OidcProvider {
    let client = Client::new("rp").secret(&Secret::new(SECRET)).redirect_uri(REDIRECT);
    OidcProvider::builder(&world.verifier, format!("{ORIGIN}/oidc"), SigningKeys::new(key), &Secret::new(SUBJECTS))
        .client(client.number_from_login_hint().allow_secret_post())
        .build()
        .unwrap()
}

/// RFC 6749, section 5.2.
const ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];
const REDIRECT: &str = "https://rp.example/callback";
const AUTHORIZE: &str = "https://app.example.com/oidc/authorize";
/// The end of the number that the corpus asks for.
const NUMBER: &str = "26123456";
const SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
const SUBJECTS: &str = "0123456789abcdef0123456789abcdef";
const KEY_PEM: &str = include_str!("../../src/provider/oauth/testdata/rs256.pem");
