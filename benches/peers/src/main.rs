//! The same work asked of handset and of other crates: how long it takes, as ratios.

mod codes;
mod jwt;
mod limits;
mod policy;
mod row;
#[path = "../../site/mod.rs"]
mod site;

use clap::{Parser, ValueEnum};
use row::Table;

/// Times the same work in handset and in other crates; see benches/peers/README.md for how each is set
#[derive(Parser)]
#[command(name = "handset-peers")]
struct Arguments {
    /// What to time; everything, when none is named
    work: Vec<Work>,
    /// Print a line of JSON for each figure, for scripts/bench
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Decisions of a policy: regorus, cedar-policy
    Policy,
    /// Codes that are made and answered: authkestra-engine, authrs
    Codes,
    /// Counting a request: tower_governor
    Limits,
    /// Letting a request with a token through: jwt-authorizer
    Jwt,
}

fn main() {
    let Arguments { work, json } = Arguments::parse();
    let table = Table { as_json: json };
    for (one, time) in [
        (Work::Policy, policy::time as fn(&Table)),
        (Work::Codes, codes::time),
        (Work::Limits, limits::time),
        (Work::Jwt, jwt::time),
    ] {
        if work.is_empty() || work.contains(&one) {
            time(&table);
        }
    }
}
