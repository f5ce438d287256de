//! Every provider of the registry, on each of its channels, through every case of the public suite.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a harness tells its reader why a case does not apply")]

mod citcall;
mod idlayr;
mod numcheck;
mod open_gateway;
mod zadarma;

use handset::{
    Channel, ErrorKind, PhoneNumber,
    provider::registry,
    testing::provider::{Ask, Case, Declared, Outcome, Reading, Suite, cases},
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Nothing here may be left out: a test that is asked to be ignored runs.
    arguments.include_ignored = true;
    let trials = registry::PROVIDERS.iter().flat_map(trials).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// The suites for a provider of the registry: one for each way to set it up that changes what it does.
fn suites(name: &str) -> Vec<(&'static str, Suite)> {
    match name {
        "citcall" => vec![("citcall_v2", Suite::new(citcall::v2)), ("citcall_v3", Suite::new(citcall::v3))],
        "idlayr" => vec![("idlayr_v0.1", Suite::new(idlayr::v0_1)), ("idlayr_v0.2", Suite::new(idlayr::v0_2))],
        "numcheck" => vec![("numcheck", Suite::new(numcheck::open))],
        "open_gateway" => vec![
            ("open_gateway_code", Suite::new(open_gateway::code)),
            ("open_gateway_ciba_token", Suite::new(open_gateway::ciba_token)),
            ("open_gateway_ciba_number", Suite::new(open_gateway::ciba_number)),
            ("open_gateway_jwt_bearer", Suite::new(open_gateway::jwt_bearer)),
        ],
        "zadarma" => {
            vec![("zadarma", Suite::new(zadarma::judged_there)), ("zadarma_own_code", Suite::new(zadarma::judged_here))]
        }
        _ => Vec::new(),
    }
}

fn trials(provider: &registry::Entry) -> Vec<Trial> {
    let suites = suites(provider.name);
    if suites.is_empty() {
        let missing = "there is no vendor for the conformance suite: add one to tests/provider_conformance";
        return vec![Trial::test(format!("{}::has_a_vendor", provider.name), move || Err(missing.into()))];
    }
    let channels = || provider.channels.iter().copied();
    let runs = suites.into_iter().flat_map(|suite| channels().map(move |channel| (suite.clone(), channel)));
    runs.flat_map(|(suite, channel)| cases().map(move |case| trial(suite.clone(), channel, case))).collect()
}

fn trial((name, suite): (&'static str, Suite), channel: Channel, case: &'static Case) -> Trial {
    Trial::test(format!("{name}::{channel}::{}", case.name()), move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        match runtime.block_on(suite.run(case, channel)).map_err(Failed::from)? {
            Outcome::Passed => {}
            Outcome::DoesNotApply { reason } => println!("does not apply: {reason}"),
        }
        Ok(())
    })
}

/// A code of the same length that is not this one.
fn another(code: &str) -> String {
    let (first, rest) = code.split_at(1);
    // Not 0: a vendor calls its codes integers.
    format!("{}{rest}", first.parse::<u8>().unwrap() % 9 + 1)
}

/// Two numbers in E.164.
fn phones(numbers: [&str; 2]) -> [PhoneNumber; 2] {
    numbers.map(|number| PhoneNumber::parse(number, None).unwrap())
}

/// A request with what the vendor answers to it at each status of the suite.
fn answered<const N: usize>(ask: Ask, answers: [(u16, &str, Reading); N]) -> Ask {
    answers.into_iter().fold(ask, |ask, (status, body, reading)| ask.answers(status, body, reading))
}

/// Declares cases that cannot apply.
fn declare(cases: &[(&'static str, &'static str)]) -> Vec<Declared> {
    cases.iter().map(|(case, reason)| Declared::new(case, reason)).collect()
}

/// Declares all cases of callbacks.
fn no_callbacks(reason: &'static str) -> Vec<Declared> {
    let callbacks = cases().map(Case::name).filter(|name| name.starts_with("callback_"));
    callbacks.map(|case| Declared::new(case, reason)).collect()
}

/// What is read as an error.
const fn error(kind: ErrorKind) -> Reading {
    Reading::Error(kind)
}

/// An answer that the vendor has no words for, or words that are not documented.
const NOTHING: &str = "{}";
