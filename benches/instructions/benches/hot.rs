//! Six functions that every request or every check goes through, each called [`TIMES`] times on what was made ready before.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

#[path = "../../site/mod.rs"]
mod site;

use std::{convert::Infallible, hint::black_box};

use bytes::Bytes;
use futures_util::FutureExt;
use gungraun::{library_benchmark, library_benchmark_group, main};
use handset::{
    Action, Channel, PhoneNumber, StepUpLayer,
    layer::PROOF_HEADER,
    policy::{Catalogue, Context, Policy, Section, Sources},
    verifier::Caller,
};
use http::{Request, Response};
use http_body_util::Full;
use site::{Open, Proven, Site};
use tower::{Layer, ServiceExt, service_fn};

/// Hashes are seeded anew in each process, so a single call costs a little more or less each time; so many cost the same.
const TIMES: usize = 200;

fn open() -> (Site, Vec<(Open, String)>) {
    let site = Site::new();
    // What is made once, such as a table that grows, is made before.
    answer(&site, &with_codes(site.open_many(TIMES), Open::wrong_code));
    let open = with_codes(site.open_many(TIMES), Open::wrong_code);
    (site, open)
}

fn open_with_right_codes() -> (Site, Vec<(Open, String)>) {
    let (site, open) = open();
    let open = open.into_iter().map(|(open, _)| open).collect();
    (site, with_codes(open, |open| open.code.clone()))
}

fn with_codes(open: Vec<Open>, code: impl Fn(&Open) -> String) -> Vec<(Open, String)> {
    open.into_iter().map(|open| (open.clone(), code(&open))).collect()
}

fn answer(site: &Site, open: &[(Open, String)]) {
    for (open, code) in open {
        let answer = site.verifier.answer(&open.subject, open.id, code, Caller::default()).now_or_never();
        let _ = black_box(answer.expect("nothing to wait for").expect("an open check"));
    }
}

#[library_benchmark]
#[bench::all(setup = open)]
fn answer_wrong((site, open): (Site, Vec<(Open, String)>)) -> Site {
    answer(&site, &open);
    site
}

#[library_benchmark]
#[bench::all(setup = open_with_right_codes)]
fn answer_right((site, open): (Site, Vec<(Open, String)>)) -> Site {
    answer(&site, &open);
    site
}

/// Requests whose proofs are new, and those of one proof that was seen before.
fn guarded(proofs: usize) -> (Site, Vec<Request<()>>) {
    let site = Site::new();
    let proven: Vec<_> = (0..proofs).map(|_| site.proven()).collect();
    let requests = proven.iter().cycle().take(TIMES).map(request).collect();
    if let [only] = proven.as_slice() {
        guard(&site, vec![request(only)]);
    }
    (site, requests)
}

fn request(proven: &Proven) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().insert(proven.subject.clone());
    request.headers_mut().insert(PROOF_HEADER, proven.token.parse().expect("a header's value"));
    request
}

fn guard(site: &Site, requests: Vec<Request<()>>) {
    let inner = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let guarded = StepUpLayer::new(&site.verifier, Site::action("transfer")).layer(inner);
    for request in requests {
        let Ok(response) = guarded.clone().oneshot(request).now_or_never().expect("nothing to wait for");
        assert_eq!(response.status(), 200);
    }
}

#[library_benchmark]
#[bench::all(args = [TIMES], setup = guarded)]
fn layer_new_proof((site, requests): (Site, Vec<Request<()>>)) -> Site {
    guard(&site, requests);
    site
}

#[library_benchmark]
#[bench::all(args = [1], setup = guarded)]
fn layer_known_proof((site, requests): (Site, Vec<Request<()>>)) -> Site {
    guard(&site, requests);
    site
}

/// A thousand rules, of which the last one applies.
fn policy() -> (Policy, Action, PhoneNumber) {
    let rule = |number: usize| {
        let (from, to) = (200_000 + number * 1000, 200_000 + (number + 1) * 1000);
        format!(
            "[[route]]\nname = \"{number}\"\nwhen = {{ amount = {{ gte = {from}, lt = {to} }}, currency = \"EUR\" }}\n\
             try = [\"numcheck/flash_call\"]\n"
        )
    };
    let rules: String = (0..999).map(rule).collect();
    let text = format!("version = 1\n{rules}[[route]]\nname = \"last\"\ntry = [\"numcheck/flash_call\"]\n");
    let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
    let policy = Policy::compile(&Sources::new("policy.toml", text), &catalogue).expect("a policy that loads");
    (policy, Site::action("transfer"), PhoneNumber::parse("+37126123456", None).expect("a number"))
}

#[library_benchmark]
#[bench::all(setup = policy)]
fn policy_of_1000_rules((policy, action, phone): (Policy, Action, PhoneNumber)) -> Policy {
    let context = Context::new(&action).amount(99_000).currency("EUR").phone(&phone);
    for _ in 0..TIMES {
        let _ = black_box(policy.evaluate(Section::Route, black_box(&context)));
    }
    policy
}

fn number() -> &'static str {
    // The tables of the numbering plans are read at first use.
    PhoneNumber::parse("+37126123456", None).expect("a number");
    "+37126123456"
}

#[library_benchmark]
#[bench::all(setup = number)]
fn phone_parse(number: &str) {
    for _ in 0..TIMES {
        let _ = black_box(PhoneNumber::parse(black_box(number), None));
    }
}

library_benchmark_group!(
    name = hot,
    benchmarks = [answer_wrong, answer_right, layer_known_proof, layer_new_proof, policy_of_1000_rules, phone_parse]
);
main!(library_benchmark_groups = hot);
