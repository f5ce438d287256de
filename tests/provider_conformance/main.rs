//! Every provider of the registry, on each of its channels, through every case of the public suite.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod numcheck;

use handset::{
    provider::registry,
    testing::provider::{Outcome, Suite, cases},
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Nothing here may be left out: a test that is asked to be ignored runs.
    arguments.include_ignored = true;
    let trials = registry::PROVIDERS.iter().flat_map(trials).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// The suite for a provider of the registry.
fn suite(name: &str) -> Option<Suite> {
    Some(match name {
        "numcheck" => Suite::new(numcheck::open),
        _ => return None,
    })
}

/// A code of the same length that is not this one.
fn another(code: &str) -> String {
    let (first, rest) = code.split_at(1);
    format!("{}{rest}", (first.parse::<u8>().unwrap() + 1) % 10)
}

fn trials(provider: &registry::Entry) -> Vec<Trial> {
    let name = provider.name;
    let Some(suite) = suite(name) else {
        let missing = "there is no vendor for the conformance suite: add one to tests/provider_conformance";
        return vec![Trial::test(format!("{name}::has_a_vendor"), move || Err(missing.into()))];
    };
    let mut trials = Vec::new();
    for channel in provider.channels.iter().copied() {
        for case in cases() {
            let suite = suite.clone();
            let run = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                match runtime.block_on(suite.run(case, channel)).map_err(Failed::from)? {
                    Outcome::Passed => {}
                    Outcome::DoesNotApply { reason } => println!("does not apply: {reason}"),
                }
                Ok(())
            };
            trials.push(Trial::test(format!("{name}::{channel}::{}", case.name()), run));
        }
    }
    trials
}
