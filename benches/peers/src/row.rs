//! How figures are taken and shown.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

pub struct Table {
    pub as_json: bool,
}

impl Table {
    /// The head of a table: ours first.
    pub fn head(&self, work: &str, engines: &[&str]) {
        if !self.as_json {
            println!("\n| {work} | {} |", engines.join(" | "));
            println!("|---|{}", "---:|".repeat(engines.len()));
        }
    }

    /// A row, in nanoseconds; in the table the others are multiples of ours.
    pub fn row(&self, work: &str, case: &str, engines: &[&str], figures: &[f64]) {
        if self.as_json {
            for (engine, figure) in engines.iter().zip(figures) {
                println!(r#"{{"name": "{work}/{case}/{engine}", "value": {figure:.1}}}"#);
            }
            return;
        }
        let [ours, peers @ ..] = figures else { return };
        let ratios: Vec<_> = peers.iter().map(|peer| format!("{:.2} x", peer / ours)).collect();
        println!("| {case} | {ours:.0} ns | {} |", ratios.join(" | "));
    }
}

/// One question, asked again and again.
pub type Question<'q> = Box<dyn FnMut() -> bool + 'q>;

/// Nanoseconds of each question: the best of many rounds, in each of which all have their turn.
pub fn measured<const N: usize>(mut questions: [Question<'_>; N]) -> [f64; N] {
    let times = questions.each_mut().map(|question| times_in(question, ROUND));
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for ((question, times), best) in questions.iter_mut().zip(times).zip(&mut best) {
            let each = spent(question, times).as_secs_f64() * 1e9 / f64::from(times);
            *best = best.min(each);
        }
    }
    best
}

/// How often a question can be asked in so long a time.
fn times_in(question: &mut Question<'_>, long: Duration) -> u32 {
    let mut times = 1;
    while spent(question, times) < long && times < u32::MAX / 2 {
        times *= 2;
    }
    times
}

fn spent(question: &mut Question<'_>, times: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        black_box(question());
    }
    started.elapsed()
}

const ROUNDS: usize = 60;
const ROUND: Duration = Duration::from_millis(10);
