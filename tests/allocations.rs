//! What is taken from the heap for a request of which the policy asks nothing, and for a decision of a policy: nothing.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{convert::Infallible, sync::Mutex, time::Duration};

use bytes::Bytes;
use dhat::{Alloc, HeapStats, Profiler};
use futures_util::FutureExt;
use handset::{
    Action, Channel, CheckId, PhoneNumber, StepUpLayer, Subject, Verifier,
    policy::{Catalogue, Context, Policy, Section},
    proof::ProofKey,
    testing::{CodeBook, ManualClock},
    verifier::{Caller, StartRequest},
};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};

#[global_allocator]
static ALLOC: Alloc = Alloc;

/// The heap is counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_request_of_which_nothing_is_asked_costs_no_allocation() {
    let _alone = ALONE.lock();
    let verifier = Verifier::builder()
        .policy("policy.toml", POLICY)
        .proof_key(ProofKey::random().unwrap())
        .provider(CodeBook::default())
        .build()
        .unwrap();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let guarded = |action: &str| StepUpLayer::new(&verifier, Action::new(action).unwrap()).layer(inner);
    let (open, asked) = (guarded("read"), guarded("transfer"));
    // What is made once, such as this thread's place in the table of policies, is made before.
    call(&open);

    let _profiler = Profiler::builder().testing().build();
    let direct = allocations(&inner);
    assert_eq!(allocations(&open), direct);
    assert!(allocations(&asked) > direct, "a refusal has a body: else nothing is counted here");
}

/// Whatever the rules and the facts are, what they can cost was taken when the policy was loaded.
#[test]
fn g5_a_decision_takes_nothing_from_the_heap() {
    let _alone = ALONE.lock();
    let rules = (0..1_000).map(|n| {
        let when =
            format!("phone.prefix = \"+3712{n:03}\", any = [{{ amount = {{ gte = {n} }} }}, {{ action = \"a{n}\" }}]");
        format!("[[route]]\nname = \"r{n}\"\nwhen = {{ {when} }}\ntry = [\"code_book/sms\"]\n")
    });
    let catalogue = Catalogue::new().with("code_book", [Channel::Sms]);
    let policy =
        Policy::parse("policy.toml", &format!("version = 1\n{}", rules.collect::<String>()), &catalogue).unwrap();
    let numbers = ["+37126123456", "+37129991234", "+37190123456", "+12025550123"];
    let phones = numbers.map(|number| PhoneNumber::parse(number, None).unwrap());
    let action = Action::new("a612").unwrap();
    let decide = |phone| {
        let context = Context::new(&action).phone(phone).amount(500);
        u64::from(policy.evaluate(Section::Route, &context).rule.is_some())
    };
    decide(&phones[0]);

    let _profiler = Profiler::builder().testing().build();
    let before = HeapStats::get().total_blocks;
    let decided: u64 = phones.iter().map(decide).sum();
    assert_eq!(HeapStats::get().total_blocks, before);
    assert_eq!(decided, 1);
}

/// Of two answers that must not be told apart, one takes from the heap what the other does. What their times say, `benches/timing.rs`
/// measures.
#[test]
fn a6_no_wrong_digit_and_no_unknown_check_shows_in_what_is_taken() {
    let _alone = ALONE.lock();
    let (book, clock) = (CodeBook::default(), ManualClock::default());
    let builder = Verifier::builder().policy("policy.toml", POLICY).proof_key(ProofKey::random().unwrap());
    let verifier = builder.provider(book.clone()).clock(clock.clone()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let start = |who: &str, number: &str| {
        let phone = PhoneNumber::parse(number, None).unwrap();
        let request = StartRequest::new(Subject::new(who).unwrap(), phone, Action::new("sign_in").unwrap());
        let id = runtime.block_on(verifier.start(request)).unwrap().id;
        (id, book.last_code().unwrap().expose().to_owned())
    };
    let (expired, _) = start("ada", "+37126123456");
    clock.advance(Duration::from_secs(301));
    let (foreign, _) = start("eve", "+37126123457");
    let (own, code) = start("ada", "+37126123456");
    let wrong = |place: usize| {
        let other = |(at, digit): (usize, char)| {
            if at == place && digit == '0' {
                '1'
            } else if at == place {
                '0'
            } else {
                digit
            }
        };
        code.chars().enumerate().map(other).collect::<String>()
    };
    let answer = |id, code: &str| {
        let subject = Subject::new("ada").unwrap();
        let before = HeapStats::get();
        let answer = runtime.block_on(verifier.answer(&subject, id, code, Caller::default()));
        let after = HeapStats::get();
        drop(answer);
        (after.total_blocks - before.total_blocks, after.total_bytes - before.total_bytes)
    };

    let _profiler = Profiler::builder().testing().build();
    // What is made once, such as the room for the failures of a subject, is made before.
    answer(own, &wrong(3));
    let unknown = CheckId::random().unwrap();
    answer(unknown, &code);
    assert_eq!(answer(own, &wrong(0)), answer(own, &wrong(5)));
    let of_unknown = answer(unknown, &code);
    assert_eq!([answer(foreign, &code), answer(expired, &code)], [of_unknown; 2]);
}

/// How many blocks one request takes from the heap.
fn allocations<S>(service: &S) -> u64
where
    S: Service<Request<()>, Error = Infallible> + Clone,
{
    let before = HeapStats::get().total_blocks;
    call(service);
    HeapStats::get().total_blocks - before
}

/// A request of a subject who is signed in, from an address that is known.
fn call<S>(service: &S)
where
    S: Service<Request<()>, Error = Infallible> + Clone,
{
    let mut request = Request::new(());
    request.extensions_mut().insert(Subject::new("ada").unwrap());
    request.extensions_mut().insert(Caller::default());
    assert!(service.clone().oneshot(request).now_or_never().unwrap().is_ok());
}

const POLICY: &str = r#"
    version = 1
    [[step_up]]
    name = "transfers"
    when = { action = "transfer" }
    require = { acr = "phone" }
    [[route]]
    name = "everyone"
    try = ["code_book/sms"]
"#;
