//! The requests. `{check}`, `{proof}` and `{cookie}` stand for what came last, `{code}` and `{wrong}` for a code.

/// A request, and what is sent while its answer is awaited.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) request: Request,
    pub(super) meanwhile: Option<Request>,
}

#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) line: &'static str,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) body: Body,
}

#[derive(Clone, Copy)]
pub(super) enum Body {
    None,
    Whole(&'static str),
    /// In two chunks, without a length.
    Chunked(&'static str),
    /// So many bytes of spaces.
    Large(usize),
    /// So many in chunks.
    LargeChunked(usize),
}

use Body::{Chunked, Large, LargeChunked, None as Empty, Whole};

type Headers = &'static [(&'static str, &'static str)];

const ADA: Headers = &[("x-user", "ada")];
const EVE: Headers = &[("x-user", "eve")];
const BEN: Headers = &[("x-user", "ben")];
const ADA_JSON: Headers = &[("x-user", "ada"), ("content-type", "application/json")];
const ADA_PROOF: Headers = &[("x-user", "ada"), ("handset-proof", "{proof}")];
const EVE_PROOF: Headers = &[("x-user", "eve"), ("handset-proof", "{proof}")];
const BEN_KEY: Headers = &[("x-user", "ben"), ("content-type", "application/json"), ("idempotency-key", "one")];
const STRANGER_JSON: Headers = &[("content-type", "application/json; charset=utf-8")];
const VISITOR: Headers = &[("cookie", "theme=dark; {cookie}")];
const VISITOR_JSON: Headers = &[("cookie", "{cookie}"), ("content-type", "application/json")];
const VISITOR_PROOF: Headers = &[("cookie", "{cookie}"), ("handset-proof", "{proof}")];

const START: &str = r#"{"phone_number":"+37126123456","action":"transfer"}"#;
const START_BEN: &str = r#"{"phone_number":"+37126123457","action":"transfer"}"#;
const START_VISITOR: &str = r#"{"phone_number":"+37126123458","action":"transfer"}"#;
const CODE: &str = r#"{"code":"{code}"}"#;

pub(super) const ROWS: &[Row] = &[
    // The routes of the application.
    row("an open route", "GET /open", &[], Empty),
    row("a route of which nothing is asked", "GET /balance", ADA, Empty),
    row("an action that the policy denies", "POST /withdraw", ADA, Empty),
    row("a guarded route without a proof", "POST /transfer", ADA, Empty),
    row("a proof that is garbage", "POST /transfer", &[("x-user", "ada"), ("handset-proof", "a.b.c")], Empty),
    // One check from start to proof.
    row("start", "POST /handset/checks", ADA_JSON, Whole(START)),
    row("the same start again", "POST /handset/checks", ADA_JSON, Whole(START)),
    row("the same start in chunks", "POST /handset/checks", ADA_JSON, Chunked(START)),
    row("its status", "GET /handset/checks/{check}", ADA, Empty),
    row("its status for somebody else", "GET /handset/checks/{check}", EVE, Empty),
    row("its status for nobody", "GET /handset/checks/{check}", &[], Empty),
    row("a wrong code", "POST /handset/checks/{check}/code", ADA_JSON, Whole(r#"{"code":"{wrong}"}"#)),
    row("the right code", "POST /handset/checks/{check}/code", ADA_JSON, Whole(CODE)),
    row("the right code again", "POST /handset/checks/{check}/code", ADA_JSON, Whole(CODE)),
    row("a proof of another subject", "POST /transfer", EVE_PROOF, Empty),
    row("a proof for another action", "POST /withdraw", ADA_PROOF, Empty),
    row("a proof that is good", "POST /transfer", ADA_PROOF, Empty),
    row("a proof that is spent", "POST /transfer", ADA_PROOF, Empty),
    // Checks that go other ways.
    row("start with a key", "POST /handset/checks", BEN_KEY, Whole(START_BEN)),
    row("the same with the same key", "POST /handset/checks", BEN_KEY, Whole(START_BEN)),
    row("another start with the same key", "POST /handset/checks", BEN_KEY, Whole(START)),
    row("the next channel", "POST /handset/checks/{check}/next", BEN, Empty),
    row("the next channel, the same click", "POST /handset/checks/{check}/next", BEN, Empty),
    Row {
        name: "a status that is waited for, while the check is called off",
        request: Request {
            line: "GET /handset/checks/{check}",
            headers: &[("x-user", "ben"), ("prefer", "wait=30")],
            body: Empty,
        },
        meanwhile: Some(Request { line: "DELETE /handset/checks/{check}", headers: BEN, body: Empty }),
    },
    row("called off twice", "DELETE /handset/checks/{check}", BEN, Empty),
    row("a wait for what is over", "GET /handset/checks/{check}", &[("x-user", "ben"), ("prefer", "wait=30")], Empty),
    // A visitor.
    row("a visitor starts", "POST /handset/checks", STRANGER_JSON, Whole(START_VISITOR)),
    row("the visitor looks", "GET /handset/checks/{check}", VISITOR, Empty),
    row("the visitor's code", "POST /handset/checks/{check}/code", VISITOR_JSON, Whole(CODE)),
    row("the visitor's proof without the cookie", "POST /transfer", &[("handset-proof", "{proof}")], Empty),
    row("the visitor's proof", "POST /transfer", VISITOR_PROOF, Empty),
    // What cannot be used.
    row("an unknown id", "GET /handset/checks/AAAAAAAAAAAAAAAAAAAAAA", ADA, Empty),
    row("no id", "GET /handset/checks/no-id", ADA, Empty),
    row("no body", "POST /handset/checks", ADA_JSON, Empty),
    row("no JSON", "POST /handset/checks", ADA_JSON, Whole(r#"{"phone_number":"#)),
    row("a field that is unknown", "POST /handset/checks", ADA_JSON, Whole(r#"{"phone":"+37126123456"}"#)),
    row("no content type", "POST /handset/checks", ADA, Whole(START)),
    row("the largest body that is read", "POST /handset/checks", ADA_JSON, Large(16 * 1024)),
    row("a body of a byte more", "POST /handset/checks", ADA_JSON, Large(16 * 1024 + 1)),
    row("a body of a byte more in chunks", "POST /handset/checks", ADA_JSON, LargeChunked(16 * 1024 + 1)),
    row("a method that is not allowed", "PUT /handset/checks", ADA_JSON, Whole(START)),
    row("another", "GET /handset/checks/x/code", ADA, Empty),
    row("a path of which there is none", "GET /handset/nothing", ADA, Empty),
    row("the mount itself", "GET /handset", ADA, Empty),
    row("a slash too many", "POST /handset//checks", ADA_JSON, Whole(START)),
    row("a path in other words", "POST /handset/%63hecks", ADA_JSON, Whole(START)),
    row("a path with dots", "GET /handset/x/../openapi.json", ADA, Empty),
    // What others call.
    row("a callback that nobody expects", "POST /handset/callback/code_book/AAAA?a=b%20c", &[], Whole("a=b")),
    row("a redirect that nobody expects", "GET /handset/redirect/code_book?state=AAAA&code=x", ADA, Empty),
    row("the keys", "GET /handset/.well-known/jwks.json", &[], Empty),
    row("the description", "GET /handset/openapi.json", &[], Empty),
];

const fn row(name: &'static str, line: &'static str, headers: Headers, body: Body) -> Row {
    Row { name, request: Request { line, headers, body }, meanwhile: None }
}
