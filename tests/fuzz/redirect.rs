//! What a browser brings back from an operator's page.

use std::cell::RefCell;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use handset::{
    Secret, Subject,
    check::Status,
    provider::{
        Prompt,
        idlayr::{self, DataResidency, IdLayr},
        open_gateway::{self, ApiVersion, ClientAuth, Endpoints, OpenGateway},
    },
};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{
    sheet::Sheet,
    signed::{KEY_SET, sign},
    world::{Begun, DATE, ORIGIN, PAGE, World, Worlds, answer, not_found, request, token},
};

/// A check ends well when its own browser brings its state, its name and the right code under the vendor's signature.
///
/// The body is the query, `.sign: yes` has the vendor sign it, and `.browser: other` brings it in another browser.
pub(crate) fn redirect_idlayr(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(idlayr)) };
    }
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let begun = world.begin();
        let order: Value = serde_json::from_slice(begun.order.body()).unwrap();
        let (_, state) = order["redirect_url"].as_str().unwrap().split_once("state=").unwrap();
        let sheet = Sheet::read(bytes, &[("{state}", state), ("{check}", CHECK), ("{code}", CODE)]);
        let is_signed = sheet.told("sign") == Some("yes");
        let query = if is_signed { signed(&sheet.text()) } else { sheet.text() };
        come_back(world, idlayr::NAME, &begun, &sheet, &query, state, |query| {
            assert!(is_signed && first(query, "check_id") == CHECK && first(query, "error").is_empty());
        })
    })
}

/// A check ends well when its own browser brings its state and the right code, from the issuer if it says from whom.
///
/// The sheet is that of [`redirect_idlayr`], without signatures.
pub(crate) fn redirect_open_gateway(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(open_gateway)) };
    }
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let begun = world.begin();
        let Prompt::OpenUrl { url, .. } = &begun.check.prompt else { panic!("{:?}", begun.check.prompt) };
        let state = first(url.split_once('?').unwrap().1, "state");
        let sheet = Sheet::read(bytes, &[("{state}", &state), ("{issuer}", ISSUER), ("{code}", CODE)]);
        let query = sheet.text();
        come_back(world, open_gateway::NAME, &begun, &sheet, &query, &state, |query| {
            assert!(["", ISSUER].contains(&first(query, "iss").as_str()) && first(query, "error").is_empty());
        })
    })
}

/// Opens the URL that the browser was sent back to. Fails where a check ends well that should not; `also` is what has to hold besides.
fn come_back(
    world: &World,
    provider: &str,
    begun: &Begun,
    sheet: &Sheet,
    query: &str,
    state: &str,
    also: impl FnOnce(&str),
) -> bool {
    let url = format!("{ORIGIN}/handset/redirect/{provider}?{query}");
    let Some(mut request) = request(Method::GET, &url, sheet.headers(), Vec::new()) else { return false };
    // What a client keeps for itself it does not send.
    let query = request.uri().query().unwrap_or_default().to_owned();
    let is_own = sheet.told("browser").is_none();
    let browser = if is_own { begun.subject.clone() } else { Subject::new("somebody else").unwrap() };
    request.extensions_mut().insert(browser);
    let before = world.look(begun);
    let answer = world.ask(request);
    answer.is_sound(&[303, 404, 410]);
    answer.hides(CODE);
    let after = world.look(begun);
    if answer.status == StatusCode::SEE_OTHER {
        assert_eq!(answer.headers[header::LOCATION], PAGE, "sent on to another page than ours");
        assert!(is_own && first(&query, "state") == state);
    } else {
        assert_eq!(before, after, "{}", answer.body);
    }
    if after.0 != Status::Verified {
        return false;
    }
    assert_eq!(first(&query, "code"), CODE);
    also(&query);
    true
}

/// A query with the vendor's signature.
fn signed(query: &str) -> String {
    // As a client sends it, and so as it is signed: without what stands behind `#`.
    let query = query.split('#').next().unwrap_or_default();
    let (authorization, _) = sign(&Method::GET, &format!("/handset/redirect/idlayr?{query}"), &HeaderMap::new(), b"");
    let encoded = |text: &str| form_urlencoded::byte_serialize(STANDARD.encode(text).as_bytes()).collect::<String>();
    format!("{query}&authorization={}&date={}", encoded(&authorization), encoded(DATE))
}

/// The first value of a parameter: that is what counts.
fn first(query: &str, name: &str) -> String {
    let value = form_urlencoded::parse(query.as_bytes()).find(|(parameter, _)| parameter == name);
    value.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn idlayr() -> World {
    fn vendor(request: &Request<Bytes>) -> Response<Bytes> {
        let url = "https://eu.api.idlayr.com/phone_check/v0.2/checks/x/redirect";
        match (request.method().as_str(), request.uri().path()) {
            ("POST", "/oauth2/v1/token") => token(),
            ("POST", "/phone_check/v0.2/checks") => {
                answer(200, &json!({ "check_id": CHECK, "_links": { "check_url": { "href": url } } }))
            }
            ("GET", "/.well-known/jwks.json") => Response::new(KEY_SET.into()),
            ("PATCH", _) => {
                let patch: Value = serde_json::from_slice(request.body()).unwrap();
                let is_match = patch[0]["value"] == CODE;
                answer(200, &json!({ "check_id": CHECK, "status": "COMPLETED", "match": is_match }))
            }
            _ => not_found(),
        }
    }
    let config = idlayr::Config::new("project", Secret::new("its secret"), DataResidency::Eu);
    World::new("idlayr/silent_network", vendor, |builder, client| {
        builder.provider(IdLayr::new(config, client).unwrap())
    })
}

fn open_gateway() -> World {
    fn vendor(request: &Request<Bytes>) -> Response<Bytes> {
        let body = std::str::from_utf8(request.body()).unwrap();
        match request.uri().path() {
            "/token" if first(body, "code") == CODE => token(),
            "/token" => answer(400, &json!({ "error": "invalid_grant" })),
            "/number-verification/v0/verify" => answer(200, &json!({ "devicePhoneNumberVerified": true })),
            _ => not_found(),
        }
    }
    let auth = ClientAuth::Basic { secret: Secret::new("its secret") };
    let mut config = open_gateway::Config::new(ISSUER, "https://api.operator.example", ApiVersion::V0, "app", auth);
    let endpoints = json!({ "authorization": format!("{ISSUER}/authorize"), "token": format!("{ISSUER}/token") });
    config.endpoints = Some(serde_json::from_value::<Endpoints>(endpoints).unwrap());
    World::new("open_gateway/silent_network", vendor, |builder, client| {
        builder.provider(OpenGateway::new(config, client).unwrap())
    })
}

const CHECK: &str = "c69bc0e6-a429-11ea-bb37-0242ac130002";
const CODE: &str = "94dae426fg";
const ISSUER: &str = "https://auth.operator.example";
