//! A signal of a case is always fresh. Here each case is asked again with signals that were observed a while ago.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use handset::policy::{Policy, SignalDeclaration, SignalValue, Signals};
use toml::{Table, Value};

/// A signal that is as old as it may be counts like a fresh one; a second later it is missing.
pub(crate) fn check(file: &Path, policy: &Policy) {
    let text: Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let mut differ = 0;
    for (case, written) in policy.cases().iter().zip(text.get("test").unwrap().as_array().unwrap()) {
        let mut given = written.get("given").unwrap().as_table().unwrap().clone();
        let now = humantime::parse_rfc3339(&given.get("time").unwrap().to_string()).unwrap();
        let known: Vec<_> = policy.signals().filter(|signal| given.contains_key(&signal.name)).collect();
        let signals = |late: Duration| {
            known.iter().fold(Signals::new(), |signals, known| {
                let value = value(known, given.get(&known.name).unwrap(), now);
                signals.with(&known.name, value, now - known.expires - late)
            })
        };
        let (old, too_old) = (signals(Duration::ZERO), signals(Duration::from_secs(1)));
        known.iter().for_each(|known| drop(given.remove(&known.name)));
        let bare = policy.given("bare", &toml::to_string(&given).unwrap()).unwrap();
        let decide =
            |signals: Signals| policy.evaluate(case.section, &bare.context().signals(&signals)).decision.to_string();
        let (fresh, missing) = (case.run(policy).found, decide(Signals::new()));
        let old = decide(old);
        assert!(fresh.starts_with(&old), "{}: {fresh}, but {old} at its age", case.name);
        assert_eq!(decide(too_old), missing, "{}", case.name);
        differ += usize::from(!fresh.starts_with(&missing));
    }
    assert!(differ > 0, "the signals of {} change nothing", file.display());
}

fn value(signal: &SignalDeclaration, written: &Value, now: SystemTime) -> SignalValue {
    match written {
        Value::Boolean(flag) => SignalValue::Flag(*flag),
        Value::Integer(number) => SignalValue::Number(*number),
        Value::String(text) => match humantime::parse_duration(text) {
            Ok(ago) => SignalValue::Time(now - ago),
            Err(_) => SignalValue::Text(text.clone()),
        },
        other => panic!("{other} is no value of `{}`", signal.name),
    }
}
