//! What a proxy is answered.

use futures_util::future::FutureExt;

use super::*;
use crate::{ids::Action, proof::ProofKey};

const POLICY: &str = r#"
version = 1
[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m" }
[[step_up]]
name = "never"
when = { action = "destroy" }
deny = "not_here"
[[route]]
name = "everybody"
deny = "nobody"
"#;

fn verifier() -> Verifier {
    let builder = Verifier::builder().policy("policy.toml", POLICY).proof_key(ProofKey::random().unwrap());
    builder.build().unwrap()
}

fn service(verifier: &Verifier, proxy: Proxy) -> ForwardAuth {
    let guard = |path, action| Route::guard(path, Action::new(action).unwrap()).unwrap();
    ForwardAuth::new(verifier, proxy)
        .route(guard("/transfer", "transfer").methods(["POST".parse().unwrap()]))
        .route(guard("/destroy", "destroy"))
        .route(guard("/look/**", "look").methods(["GET".parse().unwrap()]))
        .route(Route::open("/static/**").unwrap())
}

/// The status and the last part of the problem's type.
fn ask(service: &ForwardAuth, request: http::request::Builder) -> (u16, String) {
    let answer = service.clone().call(request.body(()).unwrap()).now_or_never().unwrap().unwrap();
    let (parts, body) = answer.into_parts();
    let body = BodyExt::collect(body).now_or_never().unwrap().unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let slug = body["type"].as_str().and_then(|slug| slug.rsplit(':').next()).unwrap_or_default();
    (parts.status.as_u16(), slug.to_owned())
}

fn nginx(method: &str, uri: &str) -> http::request::Builder {
    Request::get("/forward-auth").header("x-original-method", method).header("x-original-uri", uri)
}

#[tokio::test]
async fn the_first_route_that_fits_decides_and_what_none_lists_is_refused() {
    let verifier = verifier();
    let closed = service(&verifier, Proxy::Nginx);
    for (method, uri, answer) in [
        ("POST", "/transfer", (401, "step-up-required")),
        ("POST", "/Transfer/", (401, "step-up-required")),
        ("POST", "/%74ransfer?to=ada", (401, "step-up-required")),
        ("GET", "/transfer", (403, "not-listed")),
        ("DELETE", "/destroy", (403, "denied")),
        ("GET", "/look/around", (200, "")),
        ("HEAD", "/look", (200, "")),
        ("POST", "/look", (403, "not-listed")),
        ("GET", "/static/logo.svg", (200, "")),
        ("GET", "/Static/logo.svg", (403, "not-listed")),
        ("GET", "/", (403, "not-listed")),
    ] {
        assert_eq!(ask(&closed, nginx(method, uri)), (answer.0, answer.1.to_owned()), "{method} {uri}");
    }
    let open = closed.open_elsewhere();
    assert_eq!(ask(&open, nginx("GET", "/")).0, 200);
    assert_eq!(ask(&open, nginx("POST", "/transfer")).0, 401);
    // A path that two servers may read as different ones is open nowhere.
    for uri in ["/x/../transfer", "//transfer", "/x%2f..%2ftransfer", "/./transfer", "/transfer;x=1", "/%2574ransfer"] {
        assert_eq!(ask(&open, nginx("POST", uri)), (403, "ambiguous-path".to_owned()), "{uri}");
    }
}

#[tokio::test]
async fn what_the_proxy_does_not_say_is_not_guessed() {
    let verifier = verifier();
    let missing = (403, "no-original-request".to_owned());
    let service = |proxy| service(&verifier, proxy).open_elsewhere();
    let of_nginx = service(Proxy::Nginx);
    let forwarded = |request: http::request::Builder| {
        request.header("x-forwarded-method", "GET").header("x-forwarded-uri", "/static/")
    };
    for request in [
        Request::get("/static/"),
        Request::get("/").header("x-original-uri", "/static/"),
        Request::get("/").header("x-original-method", "GET"),
        nginx("GET", "/static/").header("x-original-uri", "/transfer"),
        nginx("", "/static/"),
        nginx("G T", "/static/"),
        forwarded(Request::get("/static/")),
    ] {
        assert_eq!(ask(&of_nginx, request), missing);
    }
    // What a client writes into the headers of another kind of proxy is not read.
    let transfer = Request::get("/").header("x-forwarded-method", "POST").header("x-forwarded-uri", "/transfer");
    let spoofed = transfer.header("x-original-method", "GET").header("x-original-uri", "/static/");
    assert_eq!(ask(&service(Proxy::Traefik), spoofed).0, 401);
    assert_eq!(ask(&service(Proxy::Envoy), forwarded(nginx("GET", "/static/").method("POST").uri("/transfer"))).0, 401);
}

#[tokio::test]
async fn a_guarded_request_needs_the_subject_that_the_proxy_names() {
    let verifier = verifier();
    let service = service(&verifier, Proxy::Nginx).subject_header(HeaderName::from_static("x-user"));
    let look = || nginx("GET", "/look");
    assert_eq!(ask(&service, look()), (403, "no-subject".to_owned()));
    assert_eq!(ask(&service, look().header("x-user", "")), (403, "no-subject".to_owned()));
    assert_eq!(ask(&service, look().header("x-user", "ada").header("x-user", "eve")), (403, "no-subject".to_owned()));
    assert_eq!(ask(&service, nginx("GET", "/static/")).0, 200);
    let answer = service.clone().call(look().header("x-user", "ada").body(()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["handset-subject"], "ada");
    for name in ["handset-acr", "handset-amr", "handset-auth-time", "handset-phone"] {
        assert_eq!(answer.headers()[name], "", "{name}");
    }
}

#[tokio::test]
async fn a_guarded_request_needs_the_number_that_the_proxy_names() {
    let verifier = verifier();
    let service = service(&verifier, Proxy::Nginx).phone_header(HeaderName::from_static("x-phone"));
    let look = || nginx("GET", "/look");
    for phones in [&[][..], &[""], &["26123456"], &["+37126123456", "+37126123457"]] {
        let request = phones.iter().fold(look(), |request, phone| request.header("x-phone", *phone));
        assert_eq!(ask(&service, request), (403, "no-phone".to_owned()), "{phones:?}");
    }
    assert_eq!(ask(&service, look().header("x-phone", "+37126123456")).0, 200);
}
