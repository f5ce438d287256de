//! Scripted attackers against an application on a real socket. Each first shows that its instrument works: what it tries in
//! the wrong way passes in the right way.

pub(crate) mod burner;
pub(crate) mod callback_forger;
pub(crate) mod citcall_forger;
pub(crate) mod enumerator;
pub(crate) mod flooder;
pub(crate) mod guesser;
mod hostile_vendor;
pub(crate) mod idlayr_forger;
mod interceptor;
pub(crate) mod open_redirect;
pub(crate) mod proof_thief;
pub(crate) mod return_forger;
pub(crate) mod session_swapper;
mod site;
pub(crate) mod ssrf;
#[cfg(feature = "open-gateway")]
pub(crate) mod ssrf_endpoints;
pub(crate) mod vendor_text;
pub(crate) mod walker;

use std::collections::BTreeMap;

use crate::stage::{Answer, Person};

/// What came of an attack.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) attempts: usize,
    /// How many of them were what all the others only prepare. An attack that never got there shows nothing.
    pub(crate) decisive: usize,
    /// How many attempts got what they wanted. Anything but 0 is a defect.
    pub(crate) successes: usize,
    /// What stopped the others, as the answers say it, and how often.
    pub(crate) stopped_by: BTreeMap<String, usize>,
}

impl Report {
    fn new(name: &'static str) -> Self {
        Self { name, attempts: 0, decisive: 0, successes: 0, stopped_by: BTreeMap::new() }
    }

    /// Whether everything was tried, and nothing won.
    pub(crate) fn is_stopped(&self) -> bool {
        self.decisive > 0 && self.successes == 0
    }

    /// Counts an attempt that only prepares the decisive one.
    fn prepare(&mut self, answer: &Answer, success: bool) {
        self.add(&refusal(answer), success);
    }

    /// Counts an attempt whose outcome shows in its answer.
    fn tally(&mut self, answer: &Answer, success: bool) {
        self.count(&refusal(answer), success);
    }

    /// Counts an attempt that is stopped by something that has a name.
    fn count(&mut self, defence: &str, success: bool) {
        self.decisive += 1;
        self.add(defence, success);
    }

    fn add(&mut self, defence: &str, success: bool) {
        self.attempts += 1;
        if success {
            self.successes += 1;
        } else {
            *self.stopped_by.entry(defence.to_owned()).or_default() += 1;
        }
    }
}

/// The status, and the type of the problem where there is one.
fn refusal(answer: &Answer) -> String {
    let kind = answer.body["type"].as_str().and_then(|kind| kind.rsplit(':').next());
    match kind {
        Some(kind) => format!("{} {kind}", answer.status),
        None => answer.status.to_string(),
    }
}

async fn is_verified(person: &Person, id: &str) -> bool {
    person.look(id).await.expect(200).text("status") == "verified"
}

/// Transfers are guarded, and limits are wide enough to hide nothing; `limits` and `routes` are what an attack is about.
fn policy(limits: &str, routes: &str) -> String {
    format!(
        r#"
        version = 1

        [[limit]]
        name = "everything"
        on = "start"
        key = ["global"]
        quota = "100000/1h"

        {limits}

        [[step_up]]
        name = "transfers"
        when = {{ action = "transfer" }}
        require = {{ acr = "phone", max_age = "5m", single_use = true }}

        [[route]]
        name = "everyone"
        try = {routes}
        "#
    )
}

const TEXTS: &str = r#"["code_book/sms", "code_book/voice_code"]"#;
