//! The description of the HTTP surface against the surface itself: every path, every answer of a whole journey.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "common/schema.rs"]
mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::Ipv4Addr,
    path::Path,
    time::Duration,
};

use axum::{Router, extract::Request, middleware::map_request, routing::post};
use handset::{
    Action, Endpoints, Secret, StepUpLayer, Subject, Verifier,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Knob, Sandbox, Scope},
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::schema::{faults, resolve};

#[tokio::test]
async fn the_document_is_sound() {
    let document = Site::start().await.document;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: its name is taken");
        let inner = path.split('/').filter(|segment| segment.starts_with('{')).count();
        let own = [&document["paths"][path]["parameters"], &operation["parameters"]];
        let own = own.into_iter().filter_map(Value::as_array).flatten().map(|one| resolve(&document, one));
        assert_eq!(own.filter(|one| one["in"] == "path").count(), inner, "{path}: every part in braces is described");
    }
    let mut wrong = Vec::new();
    each_object(&document, &mut |object| {
        if let Some(target) = object.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} is not there");
        }
        if let (Some(schema), Some(examples)) =
            (object.get("schema"), object.get("examples").and_then(Value::as_object))
        {
            for example in examples.values() {
                wrong.extend(faults(&document, schema, &example["value"]));
            }
        }
    });
    assert!(wrong.is_empty(), "examples that are not as described: {wrong:#?}");
}

#[tokio::test]
async fn every_problem_type_of_the_code_is_described() {
    let document = Site::start().await.document;
    let described = &document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let described: BTreeSet<_> = described.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let code = ["src/problem.rs", "src/layer/response.rs", "src/endpoint"].map(source).concat();
    let made = code.split("Problem::new(").chain(code.split("Self::new(")).skip(1);
    let made = made.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let made: BTreeSet<_> = made.map(|slug| format!("urn:handset:problem:{slug}")).collect();
    assert_eq!(described, made.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn every_path_of_the_document_is_served_and_no_other() {
    let site = Site::start().await;
    let mut described = BTreeMap::<&str, BTreeSet<String>>::new();
    for (path, method, _) in operations(&site.document) {
        described.entry(path).or_default().insert(method.to_uppercase());
    }
    for (path, methods) in &described {
        let real =
            path.replace("{check_id}", "AAAAAAAAAAAAAAAAAAAAAA").replace("{provider}", "x").replace("{token}", "x");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = site.ask(method.clone(), &real).send().await.unwrap();
            let status = answer.status().as_u16();
            assert_eq!(status == 405, !methods.contains(method.as_str()), "{method} {path}: {status}");
            if status == 405 {
                let allowed = answer.headers()["allow"].to_str().unwrap().split(", ").map(str::to_owned);
                assert_eq!(&allowed.collect::<BTreeSet<_>>(), methods, "{path}");
                site.is_response("MethodNotAllowed", answer).await;
            } else if status == 404 {
                assert!(!answer.text().await.unwrap().contains("no such endpoint"), "{method} {path} is not served");
            }
        }
    }
    let described = described.iter().flat_map(|(path, methods)| methods.iter().map(|one| (shape(path), one.clone())));
    assert_eq!(described.collect::<BTreeSet<_>>(), served());
    site.is_response("NotFound", site.ask(Method::GET, "/checks/a/b/c").send().await.unwrap()).await;
}

#[tokio::test]
async fn a_whole_journey_is_as_described() {
    let site = Site::start().await;
    let phone = site.sandbox.handset(NUMBER);
    let refused = site.client.post(format!("{}/transfer", site.url)).send().await.unwrap();
    let challenge = site.is_response("StepUpRequired", refused).await;
    assert_eq!(challenge["start"], "/handset/checks");

    let start = json!({ "phone_number": NUMBER, "action": challenge["action"] });
    let check = site.post("/checks", "/checks", &start, 201).await;
    let id = check["check_id"].as_str().unwrap();
    let code = tokio::time::timeout(PATIENCE, phone.next_call()).await.unwrap().ending().to_owned();
    site.expect("/checks/{check_id}", site.ask(Method::GET, &format!("/checks/{id}")), 200).await;
    let waits = site.ask(Method::GET, &format!("/checks/{id}")).header("prefer", "wait=0");
    site.expect("/checks/{check_id}", waits, 200).await;

    let (code_path, path) = ("/checks/{check_id}/code", format!("/checks/{id}/code"));
    let wrong = if code == "0000" { "0001" } else { "0000" };
    site.post(code_path, &path, &json!({ "code": "what?" }), 400).await;
    let incorrect = site.post(code_path, &path, &json!({ "code": wrong }), 422).await;
    assert_eq!(incorrect["attempts_left"], 4);
    let verified = site.post(code_path, &path, &json!({ "code": code }), 200).await;
    site.post(code_path, &path, &json!({ "code": code }), 410).await;
    site.expect("/checks/{check_id}/next", site.ask(Method::POST, &format!("/checks/{id}/next")), 410).await;
    let settled = site.expect("/checks/{check_id}", site.ask(Method::GET, &format!("/checks/{id}")), 200).await;
    assert_eq!(settled["status"], "verified");
    let proof = verified["proof"].as_str().unwrap();
    let passed =
        site.client.post(format!("{}/transfer", site.url)).header("handset-proof", proof).send().await.unwrap();
    assert_eq!(passed.status(), 200);

    let keys = site.expect("/.well-known/jwks.json", site.ask(Method::GET, "/.well-known/jwks.json"), 200).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    site.expect("/openapi.json", site.ask(Method::GET, "/openapi.json"), 200).await;
}

#[tokio::test]
async fn what_goes_wrong_is_as_described() {
    let site = Site::start().await;
    let start = |number: &str, action: &str| json!({ "phone_number": number, "action": action });
    let keyed =
        |action| site.ask(Method::POST, "/checks").header("idempotency-key", "one").json(&start(NUMBER, action));
    let check = site.expect("/checks", keyed("sign_in"), 201).await;
    site.expect("/checks", keyed("transfer"), 422).await;
    let id = check["check_id"].as_str().unwrap();
    site.expect("/checks/{check_id}/next", site.ask(Method::POST, &format!("/checks/{id}/next")), 409).await;
    site.expect("/checks/{check_id}", site.ask(Method::DELETE, &format!("/checks/{id}")), 204).await;
    site.expect("/checks/{check_id}", site.ask(Method::DELETE, &format!("/checks/{id}")), 410).await;
    site.expect("/checks/{check_id}", site.ask(Method::GET, "/checks/no-id"), 410).await;

    site.post("/checks", "/checks", &json!({ "phone_number": NUMBER }), 400).await;
    site.post("/checks", "/checks", &start("+37190000000", "sign_in"), 403).await;
    site.post("/checks", "/checks", &json!({ "action": "x".repeat(20_000) }), 413).await;
    site.expect("/checks", site.ask(Method::POST, "/checks").body("{}"), 415).await;
    site.sandbox.knobs().set(Scope::Number("+37126000001"), Knob::Http500).unwrap();
    site.post("/checks", "/checks", &start("+37126000001", "sign_in"), 503).await;
    let rejects = Knob::ErrorCode { code: 7, status: 400 };
    site.sandbox.knobs().set(Scope::Number("+37126000002"), rejects).unwrap();
    site.post("/checks", "/checks", &start("+37126000002", "sign_in"), 422).await;
    for action in ["a", "b"] {
        site.post("/checks", "/checks", &start(NUMBER, action), 201).await;
    }
    let limited = site.post("/checks", "/checks", &start(NUMBER, "c"), 429).await;
    assert!(limited["retry_after"].as_u64().unwrap() > 0);

    site.expect("/redirect/{provider}", site.ask(Method::GET, "/redirect/numcheck"), 410).await;
    site.expect("/callback/{provider}/{token}", site.ask(Method::POST, "/callback/numcheck/x"), 404).await;
}

#[tokio::test]
async fn a_visitors_cookie_is_as_described() {
    let site = Site::start().await;
    let request = site.ask(Method::POST, "/checks").header(AS_VISITOR, "1");
    let answer = request.json(&json!({ "phone_number": NUMBER, "action": "sign_in" })).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let name = &site.document["components"]["securitySchemes"]["visitor"]["name"];
    assert_eq!(cookie.split('=').next(), name.as_str());
    let response = &site.document["paths"]["/checks"]["post"]["responses"]["201"];
    site.is(response, answer, "a newcomer's start").await;
}

/// An app with a guarded route and the endpoints, for a known subject and for visitors.
struct Site {
    url: String,
    client: Client,
    sandbox: Sandbox,
    document: Value,
}

/// Everybody is Ada, but for visitors.
async fn sign_in(mut request: Request) -> Request {
    if !request.headers().contains_key(AS_VISITOR) {
        request.extensions_mut().insert(Subject::new("ada").unwrap());
    }
    request
}

/// The header of whom the app does not know.
const AS_VISITOR: &str = "as-visitor";

impl Site {
    async fn start() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
        let numcheck = numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        let key = ProofKey::eddsa_pem(&Secret::new(include_str!("../src/proof/testdata/eddsa.pem"))).unwrap();
        let verifier =
            Verifier::builder().policy("policy.toml", POLICY).proof_key(key).provider(numcheck).build().unwrap();
        let guard = StepUpLayer::new(&verifier, Action::new("transfer").unwrap());
        let app = Router::new()
            .route("/transfer", post(|| async { "sent" }).route_layer(guard))
            .nest_service("/handset", Endpoints::new(&verifier))
            .layer(map_request(sign_in));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        let document = client.get(format!("{url}/handset/openapi.json")).send().await.unwrap().json().await.unwrap();
        Self { url, client, sandbox, document }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/handset{path}", self.url))
    }

    async fn post(&self, template: &str, path: &str, body: &Value, status: u16) -> Value {
        self.expect(template, self.ask(Method::POST, path).json(body), status).await
    }

    /// Sends a request to a path of the document, and wants an answer of this status, as it is described there.
    async fn expect(&self, template: &str, request: RequestBuilder, status: u16) -> Value {
        let request = request.build().unwrap();
        let method = request.method().as_str().to_lowercase();
        let answer = self.client.execute(request).await.unwrap();
        let what = format!("{method} {template}: {}", answer.status());
        assert_eq!(answer.status(), status, "{what}: {:?}", answer.text().await);
        let response = &self.document["paths"][template][&method]["responses"][status.to_string()];
        assert!(!response.is_null(), "{what} is not described");
        self.is(response, answer, &what).await
    }

    async fn is_response(&self, name: &str, answer: Response) -> Value {
        self.is(&self.document["components"]["responses"][name], answer, name).await
    }

    /// Holds an answer against the description of a response: headers, type, body, and which problem it is.
    async fn is(&self, response: &Value, answer: Response, what: &str) -> Value {
        let response = resolve(&self.document, response);
        for name in ["Cache-Control", "Set-Cookie", "Retry-After", "Preference-Applied", "WWW-Authenticate", "Allow"] {
            let described = response["headers"].get(name).is_some();
            assert!(described || !answer.headers().contains_key(name), "{what}: {name} is not described");
        }
        assert_eq!(answer.headers()["cache-control"], "no-store", "{what}");
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let bytes = answer.bytes().await.unwrap();
        let Some(kind) = kind else {
            assert!(bytes.is_empty() && response.get("content").is_none(), "{what}: a body without a type");
            return Value::Null;
        };
        let content = &response["content"][&kind];
        assert!(content.is_object(), "{what}: {kind} is not described");
        let body = serde_json::from_slice(&bytes).unwrap();
        let faults = faults(&self.document, &content["schema"], &body);
        assert!(faults.is_empty(), "{what}: {faults:#?} in {body:#}");
        if kind == "application/problem+json" {
            let mut examples = content["examples"].as_object().unwrap().values();
            assert!(
                examples.any(|one| one["value"]["type"] == body["type"]),
                "{what}: {} has no example",
                body["type"]
            );
        }
        body
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    all.filter(|(_, method, _)| *method != "parameters")
}

fn each_object(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            visit(value);
            members.values().for_each(|member| each_object(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        _ => {}
    }
}

/// Path and methods of every arm in the endpoints' `match`, such as `(["checks", id], "GET") =>`.
fn served() -> BTreeSet<(String, String)> {
    let code = source("src/endpoint/mod.rs");
    let arms = code.lines().filter_map(|line| line.trim().strip_prefix("([")?.split_once("], \""));
    let shape = |segments: &str| -> String {
        let plain = |one: &str| one.strip_prefix('"').and_then(|one| one.strip_suffix('"')).unwrap_or("{}").to_owned();
        segments.split(", ").map(|one| format!("/{}", plain(one))).collect()
    };
    let served: BTreeSet<_> = arms
        .flat_map(|(segments, rest)| {
            let methods =
                rest.split(") =>").next().unwrap().split('"').filter(|word| word.starts_with(char::is_uppercase));
            methods.map(|method| (shape(segments), method.to_owned())).collect::<Vec<_>>()
        })
        .collect();
    assert!(served.len() > 5, "the code of the endpoints shows only {served:?}: does this test still read it right?");
    served
}

/// `/checks/{check_id}` as `/checks/{}`.
fn shape(path: &str) -> String {
    let parts = path.trim_start_matches('/').split('/');
    parts.map(|part| format!("/{}", if part.starts_with('{') { "{}" } else { part })).collect()
}

/// The code of a file, or of every file of a folder.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

const POLICY: &str = r#"
    version = 1

    [[limit]]
    name = "starts"
    on = "start"
    key = ["phone"]
    quota = "3/1h"

    [[step_up]]
    name = "transfers"
    when = { action = "transfer" }
    require = { acr = "phone" }

    [[route]]
    name = "dear numbers"
    when = { "phone.type" = "premium_rate" }
    deny = "number_type"

    [[route]]
    name = "everyone else"
    try = ["numcheck/flash_call"]
"#;
const NUMBER: &str = "+37126123456";
const PATIENCE: Duration = Duration::from_secs(20);
