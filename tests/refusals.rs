//! Everything that must not pass, tried over a real socket: wrong, foreign, late, forged, repeated and too many.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "refusals/budgets.rs"]
mod budgets;
#[path = "refusals/codes.rs"]
mod codes;
#[path = "refusals/proofs.rs"]
mod proofs;
#[path = "refusals/storms.rs"]
mod storms;
#[path = "common/stage.rs"]
mod stage;
#[path = "refusals/vendor.rs"]
mod vendor;

use stage::{PHONE, Person, Stage};

/// Limits wide enough to hide nothing: what refuses is what is tested.
const WIDE: &str = r#"
version = 1

[budget]
failures = "100/1h"

[[limit]]
name = "everything"
on = "start"
key = ["global"]
quota = "100000/1h"

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m" }

[[route]]
name = "dear numbers"
when = { "phone.type" = ["premium_rate", "shared_cost"] }
deny = "number_type"

[[route]]
name = "everyone else"
try = ["code_book/sms", "code_book/voice_code"]
"#;

/// The wide policy with another failure budget.
fn budget(failures: &str) -> String {
    WIDE.replace("100/1h", failures)
}

/// Goes all the way to a proof for a transfer.
async fn prove(stage: &Stage, person: &Person) -> String {
    let check = person.start(PHONE).await.expect(201);
    person.answer(check.id(), &stage.code()).await.expect(200).text("proof").to_owned()
}
