//! Whether the time of an answer tells what it must not: a million answers of two kinds in random order, and Welch's t between their
//! times, as in Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (2017). No benchmark of speed, so not one of
//! criterion's.
//!
//! Below [`BOUND`] a difference has not been found. Of what is above it, the means say how large it is. That must not be for digits: it would
//! tell the code. Whether a check is there may show: who asks about one has its id, of which 120 bits are random.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot run ends; its figures are its output"
)]

mod site;

use std::{process::ExitCode, time::Duration, time::Instant};

use futures_util::FutureExt;
use handset::{CheckId, verifier::Caller};
use site::{Open, Site};

fn main() -> ExitCode {
    let is_trial = !std::env::args().any(|argument| argument == "--bench");
    let samples = if is_trial { 1_000 } else { 1_000_000 };
    let desk = Desk::new(samples);
    let compare = |name: &str, one, other| {
        let (t, means) = desk.compare(samples, one, other);
        println!("timing: {name}: t = {t:.1}, {:.0} and {:.0} ns", means.0, means.1);
        t.abs()
    };
    let digits = compare("wrong in the first digit, wrong in the last", Kind::WrongFirst, Kind::WrongLast);
    compare("an unknown check, another's check", Kind::Unknown, Kind::Foreign);
    compare("an unknown check, an expired one", Kind::Unknown, Kind::Expired);
    // So few samples find nothing and prove nothing.
    if digits < BOUND || is_trial { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is handed in.
#[derive(Clone, Copy)]
enum Kind {
    WrongFirst,
    WrongLast,
    Unknown,
    Foreign,
    Expired,
}

/// Checks to answer, each as often as none of them ends by it.
struct Desk {
    site: Site,
    open: Vec<Open>,
    expired: Vec<CheckId>,
    unknown: Vec<CheckId>,
}

impl Desk {
    fn new(samples: usize) -> Self {
        let site = Site::with_room(samples);
        let checks = samples / ANSWERS;
        let expired = site.open_many(checks).into_iter().map(|open| open.id).collect();
        // Past the life of a code, and within the time for which an expired check is remembered.
        site.clock.advance(Duration::from_secs(301));
        let unknown = (0..checks).map(|_| CheckId::random().expect("an id")).collect();
        let open = site.open_many(checks);
        Self { site, open, expired, unknown }
    }

    /// Welch's t, and the means in nanoseconds.
    fn compare(&self, samples: usize, one: Kind, other: Kind) -> (f64, (f64, f64)) {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut times = Vec::with_capacity(samples);
        for sample in 0..samples {
            let is_one = dice.roll() & 1 == 0;
            let kind = if is_one { one } else { other };
            // Each check in its turn, so that none is in a warmer cache for its kind.
            times.push((is_one, self.answer(kind, sample % self.open.len())));
        }
        let mut sorted: Vec<u64> = times.iter().map(|(_, time)| *time).collect();
        sorted.sort_unstable();
        // What the system did meanwhile is not of either kind.
        let longest = sorted.get(samples * 9 / 10).copied().unwrap_or(u64::MAX);
        let of = |wanted: bool| {
            let kept = times.iter().filter(|(is_one, time)| *is_one == wanted && *time <= longest);
            Sample::of(kept.map(|(_, time)| *time as f64))
        };
        let (one, other) = (of(true), of(false));
        (one.welch(&other), (one.mean, other.mean))
    }

    fn answer(&self, kind: Kind, place: usize) -> u64 {
        let open = self.open.get(place).expect("a check");
        let id = |list: &[CheckId]| *list.get(place).expect("an id");
        let (id, code) = match kind {
            Kind::WrongFirst => (open.id, wrong(&open.code, 0)),
            Kind::WrongLast => (open.id, wrong(&open.code, open.code.len() - 1)),
            Kind::Unknown => (id(&self.unknown), open.code.clone()),
            Kind::Foreign => (self.open.get((place + 1) % self.open.len()).expect("a check").id, open.code.clone()),
            Kind::Expired => (id(&self.expired), open.code.clone()),
        };
        let answer = self.site.verifier.answer(&open.subject, id, &code, Caller::default());
        let began = Instant::now();
        let answer = std::hint::black_box(answer.now_or_never().expect("nothing to wait for"));
        let took = began.elapsed();
        drop(answer);
        u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The code with another digit in one place.
fn wrong(code: &str, place: usize) -> String {
    let digit = |(at, digit): (usize, char)| match (at == place, digit) {
        (false, digit) => digit,
        (true, '0') => '1',
        (true, _) => '0',
    };
    code.chars().enumerate().map(digit).collect()
}

struct Sample {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Sample {
    /// Welford's way, whose sums do not run over.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in values {
            count += 1.0;
            let off = value - mean;
            mean += off / count;
            squares += off * (value - mean);
        }
        Self { count, mean, variance: squares / (count - 1.0) }
    }

    fn welch(&self, other: &Self) -> f64 {
        (self.mean - other.mean) / (self.variance / self.count + other.variance / other.count).sqrt()
    }
}

/// Xorshift (Marsaglia 2003): the kinds have to come in an order that nothing in the machine follows, not in a secret one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 32
    }
}

/// Wrong answers to each check: one fewer than it takes.
const ANSWERS: usize = 4;

/// Of t; the authors' own is 4.5 to 10.
const BOUND: f64 = 10.0;
