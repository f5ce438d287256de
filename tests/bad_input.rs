//! Requests that cannot be served: each gets the right status and a problem that says what to mend, and changes nothing.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "common/site.rs"]
mod site;

use std::fmt::Write as _;

use handset::{
    Verifier,
    proof::ProofKey,
    provider::{
        http::HttpClient,
        numcheck::{Config, NumCheck},
    },
    sandbox::Sandbox,
    testing::CodeBook,
};
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::{Value, json};

use site::{Reply, SUBJECT, Site};

/// Checks for `live` get a code from the book; everything else would ring at the sandbox.
const POLICY: &str = r#"
    version = 1

    [[route]]
    name = "dear numbers"
    when = { "phone.type" = "premium_rate" }
    deny = "number_type"

    [[route]]
    name = "live"
    when = { action = "live" }
    try = ["code_book/sms"]

    [[route]]
    name = "everybody"
    try = ["numcheck/flash_call"]
"#;

const JSON: &str = "application/json";
const PHONE: &str = "+37126123456";
/// What is typed in these tests holds one of these; no answer may.
const TYPED: [&str; 3] = ["26123456", "canary", "Canary"];
const MAX_BODY: usize = 16 * 1024;

/// The application, and a check of Ada's that is waiting for its code.
struct Bench {
    sandbox: Sandbox,
    book: CodeBook,
    site: Site,
    live: Value,
}

impl Bench {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let config = Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
        let numcheck = NumCheck::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        let book = CodeBook::default();
        let verifier = Verifier::builder()
            .policy("policy.toml", POLICY)
            .proof_key(ProofKey::random().unwrap())
            .provider(numcheck)
            .provider(book.clone())
            .build()
            .unwrap();
        let site = Site::open(&verifier).await;
        let body = json!({ "phone_number": PHONE, "action": "live" });
        let start = site.request(Method::POST, "/handset/checks").header(SUBJECT, "ada").json(&body);
        let live = Reply::to(start).await.json();
        assert_eq!(live["channel"], "sms", "{live}");
        Self { sandbox, book, site, live }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.site.request(method, &format!("/handset{}", path.replace("{id}", self.live["check_id"].as_str().unwrap())))
    }

    fn start(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/checks").json(body)
    }

    /// A start that would be served but for one member.
    fn start_with(&self, name: &str, value: impl Into<Value>) -> RequestBuilder {
        let mut body = json!({ "phone_number": PHONE, "action": "sign_in" });
        body[name] = value.into();
        self.start(&body)
    }

    /// An answer of Ada's to her check.
    fn code(&self) -> RequestBuilder {
        self.request(Method::POST, "/checks/{id}/code").header(SUBJECT, "ada")
    }

    /// Sends every request, looks at every answer, and lists what was said.
    async fn refuses(&self, cases: Vec<Case>) -> String {
        let mut list = String::new();
        for Case { name, request, status, slug } in cases {
            let reply = Reply::to(request).await;
            assert_eq!(reply.status, status, "{name}: {reply:?}");
            assert_eq!(reply.slug(), slug, "{name}: {reply:?}");
            let detail = problem_of(name, &reply);
            writeln!(list, "{name}\n    {status} {slug}: {detail}").unwrap();
        }
        self.is_as_it_was().await;
        list
    }

    async fn is_as_it_was(&self) {
        let look = self.request(Method::GET, "/checks/{id}").header(SUBJECT, "ada");
        assert_eq!(Reply::to(look).await.json(), self.live);
        assert_eq!(self.book.messages().len(), 1);
        assert_eq!((self.sandbox.calls(), self.sandbox.requests().len()), (0, 0));
    }
}

struct Case {
    name: &'static str,
    request: RequestBuilder,
    status: u16,
    slug: &'static str,
}

fn case(name: &'static str, request: RequestBuilder, status: u16, slug: &'static str) -> Case {
    Case { name, request, status, slug }
}

fn invalid(name: &'static str, request: RequestBuilder) -> Case {
    case(name, request, 400, "invalid-request")
}

/// What every problem has, whatever it is about; returns its `detail`.
fn problem_of(name: &str, reply: &Reply) -> String {
    let problem = reply.json();
    let text =
        |member: &str| problem[member].as_str().unwrap_or_else(|| panic!("{name}: no {member}: {problem}")).to_owned();
    let (title, detail) = (text("title"), text("detail"));
    assert!(title.chars().next().unwrap().is_uppercase() && !title.ends_with('.'), "{name}: {title}");
    let first = detail.chars().next().unwrap();
    assert!(first.is_lowercase() || first == '`', "{name}: {detail}");
    assert!(detail.len() > 12 && !detail.ends_with('.'), "{name}: {detail}");
    for word in ["struct", "Body", "serde", "variant", "invalid type", "Option"] {
        assert!(!detail.contains(word), "{name}: {detail}");
    }
    for typed in TYPED {
        assert!(!reply.text.contains(typed), "{name} is repeated: {detail}");
    }
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{name}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{name}");
    assert_eq!(reply.header("set-cookie"), None, "{name}");
    detail
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let mut list = String::new();
    for (heading, cases) in [
        ("the body of POST /checks", bodies_of_starts(&bench)),
        ("its phone number", phone_numbers(&bench)),
        ("its other members", members_of_starts(&bench)),
        ("its idempotency key", idempotency_keys(&bench)),
        ("the body of POST /checks/{id}/code", bodies_of_answers(&bench)),
        ("paths", paths(&bench)),
    ] {
        writeln!(list, "# {heading}\n{}", bench.refuses(cases).await).unwrap();
    }
    insta::assert_snapshot!("problems", list.trim_end());
}

fn bodies_of_starts(bench: &Bench) -> Vec<Case> {
    let post = || bench.request(Method::POST, "/checks");
    let typed = |body: &str| post().header("content-type", JSON).body(body.to_owned());
    let good = json!({ "phone_number": PHONE, "action": "sign_in" }).to_string();
    let deep = |open: &str, close: &str| format!(r#"{{"action": {}1{}}}"#, open.repeat(2000), close.repeat(2000));
    vec![
        case("no type", post().body(good.clone()), 415, "unsupported-media-type"),
        case(
            "another type",
            post().header("content-type", "text/plain").body(good.clone()),
            415,
            "unsupported-media-type",
        ),
        case(
            "a form",
            post().header("content-type", "application/x-www-form-urlencoded").body("action=sign_in"),
            415,
            "unsupported-media-type",
        ),
        case(
            "a type that only looks like it",
            post().header("content-type", "application/json5").body(good.clone()),
            415,
            "unsupported-media-type",
        ),
        case(
            "two types",
            post().header("content-type", JSON).header("content-type", JSON).body(good.clone()),
            415,
            "unsupported-media-type",
        ),
        invalid(
            "a type with a parameter, an empty body",
            post().header("content-type", "Application/JSON; charset=utf-8"),
        ),
        invalid("an empty body", typed("")),
        invalid("blanks", typed(" \r\n\t ")),
        invalid("not JSON", typed("phone_number=canary")),
        invalid("half of JSON", typed(r#"{"phone_number": "+37126123456", "action": "can"#)),
        invalid("JSON and more", typed(&format!("{good} canary"))),
        invalid("a list", typed(&format!(r#"["{PHONE}", null, "sign_in", null, null, null, null]"#))),
        invalid("a text", typed(r#""canary""#)),
        invalid("null", typed("null")),
        invalid("not UTF-8", post().header("content-type", JSON).body(b"{\"action\": \"\xff\"}".to_vec())),
        invalid("lists in lists", typed(&deep("[", "]"))),
        invalid("objects in objects", typed(&deep(r#"{"a":"#, "}"))),
        invalid("an unknown member", bench.start_with("canary", "canary")),
        invalid("an unknown member that nests", bench.start_with("canary", json!([[[{ "canary": 1 }]]]))),
        invalid("a member twice", typed(r#"{"action": "canary", "action": "canary"}"#)),
        invalid("no action", bench.start(&json!({ "phone_number": PHONE }))),
        invalid("no number", bench.start(&json!({ "action": "sign_in" }))),
        case("17 KiB", typed(&format!("{good}{}", " ".repeat(17 * 1024))), 413, "body-too-large"),
        case("one byte too many", typed(&format!("{good:MAX_BODY$} ")), 413, "body-too-large"),
        invalid("as many bytes as may be", typed(&format!("{:MAX_BODY$}", "{}"))),
    ]
}

fn phone_numbers(bench: &Bench) -> Vec<Case> {
    let number = |name, text: &str| invalid(name, bench.start_with("phone_number", text));
    let mut national = json!({ "phone_number": "26123456", "action": "sign_in" });
    let mut here = |name, region: &str| {
        national["region"] = region.into();
        invalid(name, bench.start(&national))
    };
    vec![
        number("empty", ""),
        number("blanks only", "   "),
        number("a plus only", "+"),
        number("a country only", "+371"),
        number("national, no region", "26123456"),
        number("international, no plus", "37126123456"),
        number("letters", "+1800CANARY"),
        number("an extension", "+37126123456;ext=5"),
        number("a dial code", "*100*26123456#"),
        number("too few digits", "+3712612345"),
        number("too many digits", "+3712612345600000"),
        number("no such country", "+99926123456"),
        number("longer than any number", &"+37126123456".repeat(6)),
        number("a control character", "+371\u{0}26123456\n\r"),
        here("a region in small letters", "lv"),
        here("a region that is none", "XX"),
        here("a region of three letters", "LVA"),
        here("an empty region", ""),
        here("a number of another region", "US"),
        case("a number that the policy refuses", bench.start_with("phone_number", "+37190001234"), 403, "denied"),
    ]
}

fn members_of_starts(bench: &Bench) -> Vec<Case> {
    let with = |name, member, value: Value| invalid(name, bench.start_with(member, value));
    let long = |count| json!("c".repeat(count));
    vec![
        with("a number that is a number", "phone_number", json!(37_126_123_456_u64)),
        with("a number that is an object", "phone_number", json!({ "canary": 1 })),
        with("a number that is null", "phone_number", Value::Null),
        with("an action that is null", "action", Value::Null),
        with("an action that is a list", "action", json!(["canary"])),
        with("an action that is true", "action", json!(true)),
        with("an empty action", "action", json!("")),
        with("an action with a capital", "action", json!("Canary")),
        with("an action with a blank", "action", json!("a canary")),
        with("an action of 65 characters", "action", long(65)),
        with("an empty binding", "binding", json!("")),
        with("a binding of 257 bytes", "binding", long(257)),
        with("a binding with a control character", "binding", json!("canary\n5 EUR")),
        with("a binding that is a number", "binding", json!(26_123_456)),
        with("a channel that is none", "channel", json!("canary")),
        with("a channel in capitals", "channel", json!("SMS")),
        with("a channel that is a number", "channel", json!(26_123_456)),
        with("a channel that the plan lacks", "channel", json!("email")),
        with("a region that is a number", "region", json!(26_123_456)),
        with("an empty locale", "locale", json!("")),
        with("a locale with an underscore", "locale", json!("lv_canary")),
        with("a locale of 36 characters", "locale", long(36)),
        with("an address without `@`", "email", json!("canary")),
        with("an address without a host", "email", json!("canary@")),
        with("an address without a name", "email", json!("@canary")),
        with("an address with a blank", "email", json!("ca nary@canary.example")),
        with("an address with a line break", "email", json!("canary@canary.example\r\nBcc: canary@canary.example")),
        with("an address with a long name", "email", json!(format!("{}@canary.example", "c".repeat(65)))),
    ]
}

fn idempotency_keys(bench: &Bench) -> Vec<Case> {
    let start = || bench.start(&json!({ "phone_number": PHONE, "action": "sign_in" }));
    let key =
        |name, value: &[u8]| invalid(name, start().header("idempotency-key", HeaderValue::from_bytes(value).unwrap()));
    vec![
        key("an empty key", b""),
        key("blanks only", b"   "),
        key("a key of 256 characters", "c".repeat(256).as_bytes()),
        key("a key that is not ASCII", "canary-é".as_bytes()),
        invalid("two keys", start().header("idempotency-key", "canary-1").header("idempotency-key", "canary-2")),
    ]
}

fn bodies_of_answers(bench: &Bench) -> Vec<Case> {
    let typed = |body: &str| bench.code().header("content-type", JSON).body(body.to_owned());
    let code = |name, value: Value| invalid(name, bench.code().json(&json!({ "code": value })));
    let good = json!({ "code": "26123456" }).to_string();
    vec![
        case("no type", bench.code().body(good.clone()), 415, "unsupported-media-type"),
        case(
            "another type",
            bench.code().header("content-type", "text/json").body(good.clone()),
            415,
            "unsupported-media-type",
        ),
        case(
            "two types",
            bench.code().header("content-type", JSON).header("content-type", "text/plain").body(good.clone()),
            415,
            "unsupported-media-type",
        ),
        case("17 KiB", typed(&format!("{good}{}", " ".repeat(17 * 1024))), 413, "body-too-large"),
        invalid("an empty body", typed("")),
        invalid("not JSON", typed("26123456")),
        invalid("half of JSON", typed(r#"{"code": "26123456"#)),
        invalid("a list", typed(r#"["26123456"]"#)),
        invalid("no code", typed("{}")),
        invalid("an unknown member", typed(r#"{"code": "26123456", "canary": 1}"#)),
        invalid("an unknown member that is the code", typed(r#"{"26123456": 1}"#)),
        invalid("a code twice", typed(r#"{"code": "26123456", "code": "26123456"}"#)),
        code("a code that is a number", json!(26_123_456)),
        code("a code that is null", Value::Null),
        code("a code that is a list", json!(["26123456"])),
        code("an empty code", json!("")),
        code("blanks only", json!("    ")),
        code("signs only", json!("+-.()")),
        code("letters", json!("canary")),
        code("digits and letters", json!("26123456x")),
        code("digits of another script", json!("２６１２３４")),
        code("a line break", json!("26123456\n")),
        code("more digits than a number has", json!("2612345626123456")),
        code("longer than anybody types", json!("2".repeat(33))),
    ]
}

/// Ada asks, but for what is not there.
fn paths(bench: &Bench) -> Vec<Case> {
    let ask = |method: &Method, path: &str| bench.request(method.clone(), path).header(SUBJECT, "ada");
    let lost = |name, path: &str| case(name, ask(&Method::GET, path), 404, "not-found");
    let ended = |name, method: Method, path: &str| {
        case(name, ask(&method, path).json(&json!({ "code": "1234" })), 410, "check-ended")
    };
    vec![
        lost("the mount", ""),
        lost("the mount and a slash", "/"),
        lost("another name", "/canary"),
        lost("a name in capitals", "/CHECKS"),
        lost("a slash at the end of a check", "/checks/{id}/"),
        lost("two slashes", "/checks//{id}"),
        lost("something below a check", "/checks/{id}/canary"),
        lost("something below the code", "/checks/{id}/code/canary"),
        lost("an id with a slash", "/checks/canary/canary"),
        lost("another well-known name", "/.well-known/openid-configuration"),
        lost("a file beside the description", "/openapi.yaml"),
        lost("a slash after the description", "/openapi.json/"),
        ended("a redirect without a state", Method::GET, "/redirect/numcheck?code=canary"),
        lost("a redirect of nobody", "/redirect/canary"),
        lost("a callback of a provider that has none", "/callback/numcheck/canary"),
        case("a slash at the end", ask(&Method::POST, "/checks/").json(&json!({})), 404, "not-found"),
        case("a slash after the code", ask(&Method::POST, "/checks/{id}/code/").json(&json!({})), 404, "not-found"),
        case("a callback that is posted", ask(&Method::POST, "/callback/canary/canary"), 404, "not-found"),
        ended("an unknown id", Method::GET, "/checks/AAAAAAAAAAAAAAAAAAAAAA"),
        ended("an unknown id, called off", Method::DELETE, "/checks/AAAAAAAAAAAAAAAAAAAAAA"),
        ended("an unknown id, answered", Method::POST, "/checks/AAAAAAAAAAAAAAAAAAAAAA/code"),
        ended("an unknown id, moved on", Method::POST, "/checks/AAAAAAAAAAAAAAAAAAAAAA/next"),
        ended("a short id", Method::GET, "/checks/canary"),
        ended("a long id", Method::GET, &format!("/checks/{}", "canary".repeat(200))),
        ended("an id and more", Method::GET, "/checks/{id}A"),
        ended("an id with an encoded slash", Method::GET, "/checks/{id}%2Fcode"),
        ended("an id with an encoded null", Method::GET, "/checks/{id}%00"),
        ended("an id that is not ASCII", Method::GET, "/checks/canary-é"),
        ended("an id that is not UTF-8", Method::GET, "/checks/%FF%FE"),
        ended("an id that would lead elsewhere", Method::GET, "/checks/..%2F..%2Fopenapi.json"),
    ]
}

/// Whose check it is cannot be found out: nobody's, another subject's and none are one answer.
#[tokio::test]
async fn strangers_get_the_answer_of_an_unknown_id() {
    let bench = Bench::new().await;
    let mut answers = Vec::new();
    for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/code"), (Method::POST, "/next")] {
        for (id, subject) in [("{id}", Some("eve")), ("{id}", None), ("AAAAAAAAAAAAAAAAAAAAAA", Some("ada"))] {
            let mut request =
                bench.request(method.clone(), &format!("/checks/{id}{path}")).json(&json!({ "code": "1" }));
            if let Some(subject) = subject {
                request = request.header(SUBJECT, subject);
            }
            let mut reply = Reply::to(request).await;
            problem_of("a stranger", &reply);
            reply.headers.remove("date");
            answers.push((reply.status, format!("{:?}", reply.headers), reply.text));
        }
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
    assert_eq!(answers[0].0, 410);
    bench.is_as_it_was().await;
}

#[tokio::test]
async fn other_methods_are_refused_and_the_right_ones_are_named() {
    let bench = Bench::new().await;
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"];
    for (path, allowed) in [
        ("/checks", "POST"),
        ("/checks/{id}", "GET, DELETE"),
        ("/checks/{id}/code", "POST"),
        ("/checks/{id}/next", "POST"),
        ("/redirect/numcheck", "GET"),
        ("/callback/numcheck/token", "GET, POST"),
        ("/.well-known/jwks.json", "GET"),
        ("/openapi.json", "GET"),
    ] {
        for name in methods.iter().filter(|name| !allowed.split(", ").any(|one| one == **name)) {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            for subject in ["ada", "eve"] {
                let reply = Reply::to(bench.request(method.clone(), path).header(SUBJECT, subject)).await;
                assert_eq!((reply.status, reply.header("allow")), (405, Some(allowed)), "{name} {path}: {reply:?}");
                if *name == "HEAD" {
                    assert_eq!(reply.text, "");
                    continue;
                }
                assert_eq!(reply.slug(), "method-not-allowed");
                let detail = problem_of(name, &reply);
                assert_eq!(detail, format!("this path takes {}", allowed.replace(", ", " and ")));
            }
        }
    }
    bench.is_as_it_was().await;
}
