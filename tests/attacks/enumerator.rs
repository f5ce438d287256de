//! Compares answers to find out which checks live, whose they are, and how the accounts behind them stand.
//!
//! One thing shows, to everybody and by design: a number whose failure budget is spent starts no check for anybody. The burner
//! runs into it.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Report, TEXTS, policy, refusal};
use crate::stage::{Answer, PHONE, Person, Stage};

/// Checks that are unknown, foreign, expired, of a locked subject and of one over its limit, by every verb; and starts for
/// the numbers of such subjects.
pub(crate) async fn attack() -> Report {
    let (stage, mut report) = (stage().await, Report::new("enumerator"));
    let mallory = stage.person("mallory");
    let expired = mallory.start("+37129999999").await.expect(201);
    stage.clock.advance(Duration::from_secs(24 * 3600));
    let subjects = Subjects::new(&stage).await;
    let own = mallory.start("+37126120000").await.expect(201);
    let unknown = own.id().chars().rev().collect::<String>();

    for verb in VERBS {
        let nothing = ask(&mallory, &verb, UNKNOWN).await;
        for id in subjects.checks().into_iter().chain([expired.id(), &unknown]) {
            let answer = ask(&mallory, &verb, id).await;
            report.count(&format!("the same {}", refusal(&answer)), shown(&answer) != shown(&nothing));
        }
        assert_ne!(shown(&ask(&mallory, &verb, own.id()).await), shown(&nothing), "a difference would be seen");
    }
    let of_nobody = stage.person("mallory-0").start("+37126120001").await.expect(201);
    for (attempt, number) in subjects.numbers().into_iter().enumerate() {
        let started = stage.person(&format!("mallory-{}", attempt + 1)).start(number).await;
        report.count(&format!("the same {}", started.status), shape(&started) != shape(&of_nobody));
    }
    report
}

/// The same with a clock: an answer that takes longer tells as much as one that says something else.
pub(crate) async fn with_a_clock() -> Report {
    let (stage, mut report) = (stage().await, Report::new("enumerator with a clock"));
    let subjects = Subjects::new(&stage).await;
    let mallory = stage.person("mallory");
    assert!(
        differs(async |is_known, _| sleep(if is_known { NOTICED } else { Duration::ZERO }).await).await,
        "it is seen"
    );
    for id in subjects.checks() {
        let differs = differs(async |is_known, _| {
            let id = if is_known { id } else { UNKNOWN };
            ask(&mallory, &VERBS[0], id).await.expect(410);
        });
        report.count("410 in the same time", differs.await);
    }
    // Each sample has a number and a subject of its own: a second start of the same would be the first one told again.
    let differs = differs(async |is_known, sample| {
        let number = format!("+3712{}61{sample:04}", if is_known { 6 } else { 8 });
        stage.person(&format!("mallory-{is_known}-{sample}")).start(&number).await.expect(201);
    });
    report.count("201 in the same time", differs.await);
    report
}

/// Whether what is known takes another time than what is not, in each of three rounds: samples are taken in turn, so that whatever
/// else the machine does falls on both, and only medians count.
async fn differs(ask: impl AsyncFn(bool, usize)) -> bool {
    let mut differs = true;
    for round in 0..3 {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for sample in 0..SAMPLES {
            for (is_known, times) in [(true, &mut known), (false, &mut unknown)] {
                let began = Instant::now();
                ask(is_known, round * SAMPLES + sample).await;
                times.push(began.elapsed());
            }
        }
        let (known, unknown) = (median(known), median(unknown));
        let apart = known.abs_diff(unknown);
        differs &= apart > Duration::from_micros(200) && apart > known.min(unknown).mul_f32(0.3);
    }
    differs
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Other people with a check each, and a number that they have proved before.
struct Subjects {
    live: Answer,
    locked: Answer,
    limited: Answer,
}

impl Subjects {
    async fn new(stage: &Stage) -> Self {
        for sample in 0..3 * SAMPLES {
            prove(stage, &stage.person(&format!("known-{sample}")), &format!("+3712661{sample:04}")).await;
        }
        let (ada, lou, lim) = (stage.person("ada"), stage.person("lou"), stage.person("lim"));
        for (person, number) in [(&ada, ADA), (&lou, LOU), (&lim, LIM)] {
            prove(stage, person, number).await;
        }
        let live = ada.start(PHONE).await.expect(201);
        Self { live, locked: lock(stage, &lou).await, limited: limit(&lim).await }
    }

    fn checks(&self) -> [&str; 3] {
        [&self.live, &self.locked, &self.limited].map(Answer::id)
    }

    /// Of the same three.
    fn numbers(&self) -> [&'static str; 3] {
        [ADA, LOU, LIM]
    }
}

async fn prove(stage: &Stage, person: &Person, number: &str) {
    let check = person.start(number).await.expect(201);
    person.answer(check.id(), &stage.code()).await.expect(200);
}

/// Spends the failure budget of a subject, at another number than its own.
async fn lock(stage: &Stage, person: &Person) -> Answer {
    until_refused(
        person,
        |_| "+37129999998".to_owned(),
        async |check| {
            while person.answer(check.id(), &stage.wrong_code()).await.status == 422 {}
        },
    )
    .await
}

/// Starts as often as a subject may.
async fn limit(person: &Person) -> Answer {
    until_refused(person, |number| format!("+3712999{number:04}"), async |_| {}).await
}

/// Starts check after check until there are too many. Gives the last one.
async fn until_refused(person: &Person, number: impl Fn(usize) -> String, then: impl AsyncFn(&Answer)) -> Answer {
    let mut last = None;
    for step in 0.. {
        let started = person.start(&number(step)).await;
        if started.status != 201 {
            started.expect_problem(429, "rate-limited");
            break;
        }
        then(&started).await;
        last = Some(started);
    }
    last.expect("a check that was started before")
}

async fn stage() -> Stage {
    Stage::new(&policy("[[limit]]\nname = \"own\"\non = \"start\"\nkey = [\"subject\"]\nquota = \"20/1h\"\n", TEXTS))
        .await
}

async fn ask(person: &Person, (method, path): &(Method, &str), id: &str) -> Answer {
    let body = (*path == "/code").then(|| json!({ "code": "000000" }));
    person.send(method.clone(), &format!("/handset/checks/{id}{path}"), body).await
}

/// Status, headers (the length is one) and body.
fn shown(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    format!("{} {headers:?} {}", answer.status, answer.body)
}

/// The same but for the id, which is as long as any other.
fn shape(answer: &Answer) -> String {
    let mut answer = answer.clone();
    let id = std::mem::replace(&mut answer.body["check_id"], Value::Null);
    format!("{} {}", shown(&answer), id.as_str().map_or(0, str::len))
}

const VERBS: [(Method, &str); 4] =
    [(Method::POST, "/code"), (Method::POST, "/next"), (Method::GET, ""), (Method::DELETE, "")];

const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";

const ADA: &str = "+37126127771";
const LOU: &str = "+37126127772";
const LIM: &str = "+37126127773";

/// In a round.
const SAMPLES: usize = 25;

/// A difference that nobody could overlook.
const NOTICED: Duration = Duration::from_millis(5);
