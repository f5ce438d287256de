//! Zadarma from start to proof: the verifier, the client and the emulated vendor, over a real socket.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/heard.rs"]
mod heard;
#[path = "zadarma/key_press.rs"]
mod key_press;
#[path = "zadarma/strangers.rs"]
mod strangers;

use std::{future::Future, time::Duration};

use handset::{
    Action, Channel, Code, ErrorKind, PhoneNumber, Secret, Subject, Verifier,
    clock::ManualClock,
    proof::ProofKey,
    provider::{
        CodeSource, Handle, Prompt, Provider, Verdict,
        http::HttpClient,
        zadarma::{Config, Zadarma},
    },
    sandbox::{Handset, Knob, Sandbox, Scope},
    testing::CodeBook,
    verifier::{Answer, Caller, Check, StartRequest},
};

const NUMBER: &str = "+37126123456";
const ADDRESS: &str = "ada@example.com";

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

fn config(sandbox: &Sandbox) -> Config {
    Config::new(sandbox.zadarma_key().clone(), sandbox.zadarma_secret().clone()).with_base_url(sandbox.zadarma_url())
}

fn provider(config: Config) -> Zadarma {
    Zadarma::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap()
}

/// A verifier whose one rule tries `routes`, such as `"zadarma/sms"`.
fn verifier(config: Config, routes: &str) -> (Verifier, CodeBook) {
    let book = CodeBook::default();
    let policy = format!("version = 1\n[[route]]\nname = \"all\"\ntry = [{routes}]");
    let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
    (builder.provider(provider(config)).provider(book.clone()).build().unwrap(), book)
}

fn ada() -> Subject {
    Subject::new("ada").unwrap()
}

fn request() -> StartRequest {
    let phone = PhoneNumber::parse(NUMBER, None).unwrap();
    let mut request = StartRequest::new(ada(), phone, Action::new("sign_in").unwrap());
    request.email = Some(ADDRESS.to_owned());
    request.locale = Some("de-AT".to_owned());
    request
}

async fn answer(verifier: &Verifier, check: &Check, code: &str) -> handset::Result<Answer> {
    soon(verifier.answer(&ada(), check.id, code, Caller::default())).await
}

/// Reads the next message of a channel: what it says and the code in it.
async fn message(sandbox: &Sandbox, channel: Channel) -> (String, String) {
    let phone = sandbox.handset(NUMBER);
    match channel {
        Channel::Sms => {
            let sms = soon(phone.next_sms()).await;
            let code = sms.code().unwrap().to_owned();
            (sms.text, code)
        }
        Channel::VoiceCode => {
            let call = soon(phone.next_voice_call()).await;
            let code = call.code().unwrap();
            (call.spoken, code)
        }
        _ => {
            let email = soon(sandbox.handset(ADDRESS).next_email()).await;
            let code = email.code().unwrap().to_owned();
            (email.text, code)
        }
    }
}

fn other_than(code: &str) -> String {
    let mut wrong = code.to_owned();
    let last = wrong.pop();
    wrong.push(if last == Some('7') { '8' } else { '7' });
    wrong
}

fn checks_asked(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.path.ends_with("/check")).count()
}

fn orders(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.path.ends_with("/verify/")).count()
}

const ROUTES: [(Channel, CodeSource, &str); 3] = [
    (Channel::Sms, CodeSource::Message, "phone"),
    (Channel::VoiceCode, CodeSource::Call, "phone"),
    (Channel::Email, CodeSource::Email, "email"),
];

#[tokio::test]
async fn each_route_leads_from_start_to_proof() {
    for own in [false, true] {
        for (channel, source, acr) in ROUTES {
            let sandbox = Sandbox::start().await.unwrap();
            let mut config = config(&sandbox);
            config.own_code = own;
            let (verifier, _) = verifier(config, &format!("\"zadarma/{channel}\""));
            let check = soon(verifier.start(request())).await.unwrap();
            assert_eq!(check.prompt, Prompt::EnterCode { length: 6, source });
            let (text, code) = message(&sandbox, channel).await;
            assert!(text.starts_with("Ihr Code: "), "{text}");

            let wrong = answer(&verifier, &check, &other_than(&code)).await.unwrap();
            let Answer::Incorrect { attempts_left: 4 } = wrong else { panic!("{wrong:?}") };
            let Answer::Verified(verified) = answer(&verifier, &check, &code).await.unwrap() else {
                panic!("the code was right")
            };
            assert_eq!((verified.proof.channel(), verified.proof.acr()), (channel, acr));
            assert_eq!(verified.proof.phone().to_e164(), NUMBER);
            assert_eq!(answer(&verifier, &check, &code).await.unwrap_err().kind(), ErrorKind::CheckEnded);

            assert_eq!(orders(&sandbox), 1, "the message is ordered once");
            assert_eq!(checks_asked(&sandbox), if own { 0 } else { 2 }, "our own codes are judged here");
        }
    }
}

#[tokio::test]
async fn settings_reach_the_messages() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut config = config(&sandbox);
    config.template_id = Some(7);
    config.caller_id = Some("Ada's *Shop*~".to_owned());
    config.call_from = Some("+37167000000".to_owned());
    config.email_from = Some("shop@example.com".to_owned());
    config.email_subject = Some("Prüfung & Code".to_owned());
    config.email_body = Some("{#code#} €\r\n(ten minutes)".to_owned());
    let (verifier, _) = verifier(config, r#""zadarma/sms", "zadarma/voice_code", "zadarma/email""#);
    let mut request = request();
    request.locale = Some("lv".to_owned());

    let check = soon(verifier.start(request)).await.unwrap();
    let sms = soon(sandbox.handset(NUMBER).next_sms()).await;
    assert_eq!(sms.from, "Ada's *Shop*~");
    assert!(sms.text.starts_with("[template 7] Your code: "), "no Latvian there: {}", sms.text);

    soon(verifier.next(&ada(), check.id, Caller::default())).await.unwrap();
    assert_eq!(soon(sandbox.handset(NUMBER).next_voice_call()).await.from, "+37167000000");

    // Three clicks within a second would be one.
    let email = async {
        loop {
            let check = verifier.next(&ada(), check.id, Caller::default()).await.unwrap();
            if check.channel == Some(Channel::Email) {
                return sandbox.handset(ADDRESS).next_email().await;
            }
            tokio::task::yield_now().await;
        }
    };
    let email = soon(email).await;
    assert_eq!((email.from.as_str(), email.subject.as_str()), ("shop@example.com", "Prüfung & Code"));
    assert_eq!(email.text, format!("{} €\r\n(ten minutes)", email.code().unwrap()));
}

#[tokio::test]
async fn attempts_are_spent_at_the_vendor_and_here() {
    let sandbox = Sandbox::start().await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/sms""#);
    let check = soon(verifier.start(request())).await.unwrap();
    let (_, code) = message(&sandbox, Channel::Sms).await;
    for left in (0..5).rev() {
        let wrong = answer(&verifier, &check, &other_than(&code)).await.unwrap();
        let Answer::Incorrect { attempts_left } = wrong else { panic!("{wrong:?}") };
        assert_eq!(attempts_left, left);
    }
    assert_eq!(answer(&verifier, &check, &code).await.unwrap_err().kind(), ErrorKind::CheckEnded);
    assert_eq!(checks_asked(&sandbox), 5, "the sixth answer is not shown to the vendor");
}

#[tokio::test]
async fn without_an_address_the_plan_goes_on() {
    let sandbox = Sandbox::start().await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/email", "zadarma/sms""#);
    let mut request = request();
    request.email = None;
    let check = soon(verifier.start(request)).await.unwrap();
    assert_eq!(check.channel, Some(Channel::Sms));
    assert_eq!(orders(&sandbox), 1, "nothing was asked of the vendor for the e-mail");
}

#[tokio::test]
async fn a_request_that_the_vendor_forgot_costs_no_attempt() {
    let clock = ManualClock::default();
    let sandbox = Sandbox::start_with_clock(clock.clone()).await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/sms""#);
    let check = soon(verifier.start(request())).await.unwrap();
    let (_, code) = message(&sandbox, Channel::Sms).await;
    clock.advance(Duration::from_secs(600));

    for _ in 0..7 {
        let error = answer(&verifier, &check, &code).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(format!("{error:?}").contains("send another one"), "{error:?}");
    }
    let check = soon(verifier.status(&ada(), check.id)).await.unwrap();
    assert_eq!(check.attempts_left, 5);
}

#[tokio::test]
async fn a_failure_while_judging_gives_the_attempt_back() {
    let sandbox = Sandbox::start().await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/sms""#);
    let check = soon(verifier.start(request())).await.unwrap();
    let (_, code) = message(&sandbox, Channel::Sms).await;
    for knob in [
        Knob::Http500,
        Knob::Html,
        Knob::WrongJson,
        Knob::ErrorCode { code: 1, status: 401 },
        Knob::ErrorCode { code: 1, status: 429 },
    ] {
        sandbox.knobs().reset();
        sandbox.knobs().set(Scope::All, knob).unwrap();
        let error = answer(&verifier, &check, &other_than(&code)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    sandbox.knobs().reset();
    assert_eq!(soon(verifier.status(&ada(), check.id)).await.unwrap().attempts_left, 5);
    assert_eq!(checks_asked(&sandbox), 5, "no check is repeated");
    let Answer::Verified(_) = answer(&verifier, &check, &code).await.unwrap() else { panic!("the code was right") };
}

#[tokio::test]
async fn each_failure_of_an_order_has_its_kind_and_goes_on_to_the_next_route() {
    let sandbox = Sandbox::start().await.unwrap();
    let failures = [
        (Knob::ErrorCode { code: 7, status: 400 }, ErrorKind::Rejected),
        (Knob::ErrorCode { code: 7, status: 401 }, ErrorKind::Misconfigured),
        (Knob::ErrorCode { code: 7, status: 429 }, ErrorKind::RateLimited),
        (Knob::ErrorCode { code: 7, status: 503 }, ErrorKind::Unavailable),
        (Knob::Http500, ErrorKind::Unavailable),
        (Knob::Html, ErrorKind::Unavailable),
        (Knob::Redirect("http://127.0.0.1:1/".to_owned()), ErrorKind::Unavailable),
        (Knob::TimeOut, ErrorKind::Unavailable),
        (Knob::WrongJson, ErrorKind::Unavailable),
        (Knob::BigBody, ErrorKind::Unavailable),
        (Knob::DropConnection, ErrorKind::Unavailable),
    ];
    for (knob, kind) in failures {
        sandbox.knobs().reset();
        sandbox.knobs().set(Scope::All, knob.clone()).unwrap();
        let before = orders(&sandbox);
        let config =
            config(&sandbox).with_time_out(Duration::from_millis(if knob == Knob::TimeOut { 50 } else { 20_000 }));

        // Alone, the failure is what `start` tells of.
        let (alone, _) = verifier(config.clone(), r#""zadarma/sms""#);
        let error = soon(alone.start(request())).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<handset::Error>().unwrap();
        assert_eq!((source.kind(), source.provider()), (kind, Some("zadarma")), "{knob:?}");
        if kind == ErrorKind::RateLimited {
            assert!(error.retry_after().is_some_and(|wait| (50..=60).contains(&wait.as_secs())), "{error:?}");
        }
        let shown = format!("{error:?} {error}");
        for hidden in ["26123456", sandbox.zadarma_secret().expose(), sandbox.zadarma_key().expose(), "127.0.0.1"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert_eq!(orders(&sandbox), before + 1, "{knob:?}: an order is never repeated");

        // With another route in the plan, nobody notices.
        let (two, book) = verifier(config, r#""zadarma/sms", "code_book/sms""#);
        let check = soon(two.start(request())).await.unwrap();
        assert_eq!(check.provider.as_deref(), Some("code_book"), "{knob:?}");
        assert_eq!(book.messages().len(), 1);
    }
}

#[tokio::test]
async fn wrong_credentials_are_a_misconfiguration() {
    let sandbox = Sandbox::start().await.unwrap();
    let stranger = Secret::new("0a1b2c3d4e5f60718293");
    for config in [
        Config::new(stranger.clone(), sandbox.zadarma_secret().clone()),
        Config::new(sandbox.zadarma_key().clone(), stranger),
    ] {
        let (verifier, _) = verifier(config.with_base_url(sandbox.zadarma_url()), r#""zadarma/sms""#);
        let error = soon(verifier.start(request())).await.unwrap_err();
        assert!(format!("{error:?}").contains("refuses `key` and `secret`"), "{error:?}");
    }
    assert!(sandbox.handset(NUMBER).events().is_empty());
}

#[tokio::test]
async fn a_double_click_is_one_message() {
    let sandbox = Sandbox::start().await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/sms""#);
    let clicks = futures_util::future::join_all((0..20).map(|_| verifier.start(request())));
    let ids: std::collections::BTreeSet<_> = soon(clicks).await.into_iter().map(|check| check.unwrap().id).collect();
    assert_eq!((ids.len(), orders(&sandbox), sandbox.calls()), (1, 1, 1));
}

#[tokio::test]
async fn a8_of_many_right_answers_one_gets_the_proof() {
    let sandbox = Sandbox::start().await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/sms""#);
    let check = soon(verifier.start(request())).await.unwrap();
    let (_, code) = message(&sandbox, Channel::Sms).await;
    let many = futures_util::future::join_all((0..50).map(|_| answer(&verifier, &check, &code)));
    let proofs = many.await.into_iter().filter(|answer| matches!(answer, Ok(Answer::Verified(_)))).count();
    assert_eq!(proofs, 1);
    assert!(checks_asked(&sandbox) <= 5, "only reserved attempts reach the vendor");
}

#[tokio::test]
async fn own_codes_never_lose_a_zero() {
    let sandbox = Sandbox::start().await.unwrap();
    let phone: Handset = sandbox.handset(NUMBER);
    for n in 0..40 {
        let mut config = config(&sandbox);
        config.own_code = true;
        let (verifier, _) = verifier(config, r#""zadarma/sms""#);
        let check = soon(verifier.start(request())).await.unwrap();
        let code = soon(phone.next_sms()).await.code().unwrap().to_owned();
        assert_eq!(code.len(), 6, "message {n}");
        let Answer::Verified(_) = answer(&verifier, &check, &code).await.unwrap() else { panic!("message {n}") };
    }
}

#[tokio::test]
async fn nothing_that_is_printed_gives_anything_away() {
    let sandbox = Sandbox::start().await.unwrap();
    let provider = provider(config(&sandbox));
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/sms""#);
    let check = soon(verifier.start(request())).await.unwrap();
    let (_, code) = message(&sandbox, Channel::Sms).await;
    let handle = Handle::new("N2QreWpjS25mR3EvOW8rdGNHdFF2aVE9");
    let verdict = soon(provider.judge(&handle, &Code::new(code.as_str()).unwrap())).await;
    assert_ne!(verdict.as_ref().ok(), Some(&Verdict::Match), "another request's code");

    let events = sandbox.handset(NUMBER).events();
    let shown =
        format!("{provider:?} {check:?} {handle:?} {verdict:?} {sandbox:?} {events:?} {:?}", sandbox.requests());
    let secrets = [sandbox.zadarma_key().expose(), sandbox.zadarma_secret().expose()];
    for hidden in [code.as_str(), "26123456", "N2Qre", secrets[0], secrets[1]] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[tokio::test]
async fn an_inbox_is_read_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    let (verifier, _) = verifier(config(&sandbox), r#""zadarma/email""#);
    soon(verifier.start(request())).await.unwrap();
    let url = format!("{}/handsets/{ADDRESS}/events", sandbox.url());
    let events: serde_json::Value = soon(reqwest::get(url)).await.unwrap().json().await.unwrap();
    assert_eq!((&events[0]["kind"], &events[0]["subject"]), (&"email".into(), &"Ihr Code".into()));
}
