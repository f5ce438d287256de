//! Codes that are made and answered, all in memory: handset, authkestra-engine, authrs.

use std::time::{Duration, Instant};

use authkestra_engine::{AuthInput, AuthMethod, OtpAuthMethod, OtpChallenge, OtpChannel, store::memory::MemoryStore};
use authrs::passwordless::{OtpConfig, OtpManager, OtpPurpose};
use futures_util::FutureExt;
use handset::verifier::{Answer, Caller};

use crate::{
    row::Table,
    site::{Open, Site},
};

const NAMES: [&str; 3] = ["handset", "authkestra", "authrs"];

pub fn time(shown: &Table) {
    shown.head("codes", &NAMES);
    let engines: [fn() -> Box<dyn Codes>; 3] =
        [|| Box::new(Ours(Site::with_room(100_000))), || Box::new(Authkestra::new()), || Box::new(Authrs::new())];
    engines.iter().for_each(|engine| agree(engine()));
    for live in [1_usize, 1000, 20_000] {
        // Making so many is most of the time that this takes: fewer rounds where there are more.
        let rounds = match live {
            1 => 300,
            1000 => 20,
            _ => 3,
        };
        let mut best = [[f64::INFINITY; NAMES.len()]; 3];
        for _ in 0..rounds {
            for (place, engine) in engines.iter().enumerate() {
                let figures = round(&mut *engine(), live);
                for (best, figure) in best.iter_mut().zip(figures) {
                    best[place] = best[place].min(figure);
                }
            }
        }
        for (case, figures) in ["wrong answer", "right answer", "new code"].iter().zip(&best) {
            shown.row("codes", &format!("{case} among {live}"), &NAMES, figures);
        }
    }
}

/// Somebody's code, by whatever the engine finds it again.
struct Held {
    open: Option<Open>,
    subject: String,
    code: String,
}

trait Codes {
    /// Makes a code for a new subject.
    fn make(&mut self) -> Held;

    /// Whether the code is right.
    fn answer(&mut self, held: &Held, code: &str) -> bool;
}

/// Nanoseconds of a wrong answer, a right one and a new code, among so many.
fn round(engine: &mut dyn Codes, live: usize) -> [f64; 3] {
    let held: Vec<_> = (0..live).map(|_| engine.make()).collect();
    // All of a few, or some of many, spread over all.
    let some: Vec<_> = held.iter().step_by((live / 200).max(1)).collect();
    let wrong: Vec<_> = some.iter().map(|held| wrong(&held.code)).collect();
    let mut times = [Duration::ZERO; 3];
    let started = Instant::now();
    for (held, code) in some.iter().zip(&wrong) {
        assert!(!engine.answer(held, code));
    }
    times[0] = started.elapsed();
    let started = Instant::now();
    for held in &some {
        assert!(engine.answer(held, &held.code));
    }
    times[1] = started.elapsed();
    let started = Instant::now();
    for _ in &some {
        std::hint::black_box(engine.make());
    }
    times[2] = started.elapsed();
    times.map(|time| time.as_secs_f64() * 1e9 / some.len() as f64)
}

/// All refuse what is wrong, take what is right, and take it once.
fn agree(mut engine: Box<dyn Codes>) {
    let (one, other) = (engine.make(), engine.make());
    assert!(!engine.answer(&one, &wrong(&one.code)));
    assert!(engine.answer(&one, &one.code) && !engine.answer(&one, &one.code));
    assert!(engine.answer(&other, &other.code));
}

fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

struct Ours(Site);

impl Codes for Ours {
    fn make(&mut self) -> Held {
        let open = self.0.open();
        Held { subject: String::new(), code: open.code.clone(), open: Some(open) }
    }

    fn answer(&mut self, held: &Held, code: &str) -> bool {
        let Some(open) = &held.open else { return false };
        let answer = self.0.verifier.answer(&open.subject, open.id, code, Caller::default()).now_or_never();
        matches!(answer, Some(Ok(Answer::Verified(_))))
    }
}

struct Authkestra {
    method: OtpAuthMethod<MemoryStore<OtpChallenge>>,
    made: usize,
}

impl Authkestra {
    fn new() -> Self {
        Self { method: OtpAuthMethod::new(MemoryStore::default()), made: 0 }
    }
}

impl Codes for Authkestra {
    fn make(&mut self) -> Held {
        self.made += 1;
        let subject = format!("subject-{}", self.made);
        let minted = self.method.mint(&subject, LIFE, OtpChannel::Sms, ATTEMPTS).now_or_never();
        let code = minted.expect("nothing to wait for").expect("a code").code.to_string();
        Held { open: None, subject, code }
    }

    fn answer(&mut self, held: &Held, code: &str) -> bool {
        let input = AuthInput::Otp { subject: held.subject.clone(), code: code.to_owned() };
        self.method.authenticate(input).now_or_never().expect("nothing to wait for").is_ok()
    }
}

struct Authrs {
    manager: OtpManager<authrs::passwordless::InMemoryOtpStore>,
    made: usize,
}

impl Authrs {
    fn new() -> Self {
        let config = OtpConfig::default().with_ttl(LIFE).with_max_attempts(ATTEMPTS).with_min_interval(None);
        Self { manager: OtpManager::new(config), made: 0 }
    }
}

impl Codes for Authrs {
    fn make(&mut self) -> Held {
        self.made += 1;
        let subject = format!("subject-{}", self.made);
        let made = self.manager.generate(&subject, OtpPurpose::Login).now_or_never();
        let code = made.expect("nothing to wait for").expect("a code").code;
        Held { open: None, subject, code }
    }

    fn answer(&mut self, held: &Held, code: &str) -> bool {
        let verified = self.manager.verify(&held.subject, code, OtpPurpose::Login).now_or_never();
        verified.expect("nothing to wait for").is_ok()
    }
}

const LIFE: Duration = Duration::from_secs(300);
const ATTEMPTS: u32 = 5;
