//! A vendor that knows one callback URL for its whole account, and calls an order by the number that was called.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Action, Channel, Endpoints, PhoneNumber, Result, Subject, Verifier,
    callback::{RawCallback, Unsigned},
    check::Status,
    proof::ProofKey,
    provider::{Handle, Order, Prompt, Provider, Report, Settle, Started, Verdict},
    testing::CodeBook,
    verifier::{Check, StartRequest},
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

/// Calls, and reports by the number that it called: the body is that number, or that number and `refused`.
#[derive(Clone, Debug)]
struct Caller;

impl Provider for Caller {
    fn name(&self) -> &'static str {
        "caller"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::KeyPress]
    }

    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<Started>> {
        let started = Started::new(Handle::new("-"), Settle::Callback);
        ready(Ok(started.with_prompt(Prompt::PressKeys { digits: "1".to_owned() }))).boxed()
    }

    fn alias(&self, order: &Order) -> Option<String> {
        Some(order.phone.digits().to_string())
    }

    fn echo(&self, query: &str) -> Option<String> {
        query.strip_prefix("echo=").map(str::to_owned)
    }

    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move {
            let body = raw.verify(&Unsigned::default(), now).await?;
            let text = String::from_utf8(body.body().to_vec()).unwrap();
            let number = text.trim_end_matches(" refused");
            let mut report = Report::new(if number == text { Verdict::Match } else { Verdict::NoMatch });
            report.alias = Some(number.to_owned());
            Ok(report)
        }
        .boxed()
    }
}

fn verifier(book: &CodeBook) -> Verifier {
    let policy = r#"
        version = 1
        [[route]]
        name = "all"
        try = ["caller/key_press", "code_book/sms"]
    "#;
    let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
    builder.provider(Caller).provider(book.clone()).public_url("https://app.example.com").build().unwrap()
}

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

async fn start(verifier: &Verifier, who: &str) -> Check {
    let phone = PhoneNumber::parse("+37126123456", None).unwrap();
    verifier.start(StartRequest::new(subject(who), phone, Action::new("transfer").unwrap())).await.unwrap()
}

/// Asks the verifier's endpoints for a path, as the world would.
async fn ask(verifier: &Verifier, method: Method, url: &str, body: &'static str) -> (StatusCode, String) {
    let path = url.strip_prefix("https://app.example.com").unwrap();
    let request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body))).unwrap();
    let answer = Endpoints::new(verifier).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_report_settles_the_check_whose_number_it_names() {
    let verifier = verifier(&CodeBook::default());
    let url = verifier.callback_url("caller").unwrap();
    let check = start(&verifier, "ada").await;
    assert_eq!(check.prompt, Prompt::PressKeys { digits: "1".to_owned() });

    assert_eq!(ask(&verifier, Method::POST, &url, "37126999999").await.0, StatusCode::OK);
    let seen = verifier.status(&subject("ada"), check.id).await.unwrap();
    assert_eq!((seen.status, seen.attempts_left), (Status::Pending, 5), "another number");

    assert_eq!(ask(&verifier, Method::POST, &url, "37126123456 refused").await.0, StatusCode::OK);
    assert_eq!(verifier.status(&subject("ada"), check.id).await.unwrap().attempts_left, 4);

    assert_eq!(ask(&verifier, Method::POST, &url, "37126123456").await.0, StatusCode::OK);
    let seen = verifier.status(&subject("ada"), check.id).await.unwrap();
    assert_eq!(seen.status, Status::Verified);
    assert!(seen.verified.is_some(), "the client fetches the proof");
}

#[tokio::test]
async fn two_open_checks_do_not_share_a_number_on_such_a_channel() {
    let book = CodeBook::default();
    let verifier = verifier(&book);
    let ada = start(&verifier, "ada").await;
    let eve = start(&verifier, "eve").await;
    assert_eq!((ada.channel, eve.channel), (Some(Channel::KeyPress), Some(Channel::Sms)));
    assert_eq!(book.messages().len(), 1);

    verifier.cancel(&subject("ada"), ada.id).await.unwrap();
    assert_eq!(start(&verifier, "ben").await.channel, Some(Channel::KeyPress), "the number is free again");
}

#[tokio::test]
async fn only_the_secret_url_of_that_provider_is_heard() {
    let verifier = verifier(&CodeBook::default());
    let url = verifier.callback_url("caller").unwrap();
    let check = start(&verifier, "ada").await;
    let foreign = verifier.callback_url("code_book").unwrap();
    let token = foreign.rsplit('/').next().unwrap();
    for wrong in [
        foreign.clone(),
        format!("https://app.example.com/handset/callback/caller/{token}"),
        format!("{url}x"),
        "https://app.example.com/handset/callback/nobody/x".to_owned(),
    ] {
        assert_eq!(ask(&verifier, Method::POST, &wrong, "37126123456").await.0, StatusCode::NOT_FOUND, "{wrong}");
        assert_eq!(ask(&verifier, Method::GET, &format!("{wrong}?echo=hello"), "").await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(verifier.status(&subject("ada"), check.id).await.unwrap().status, Status::Pending);
    let echoed = ask(&verifier, Method::GET, &format!("{url}?echo=hello"), "").await;
    assert_eq!(echoed, (StatusCode::OK, "hello".to_owned()));
}
