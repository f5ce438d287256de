//! The suite for providers passes an honest one, and finds each thing that another does wrong.
//!
//! `suite_finds/acme.rs` is a whole provider as it is written outside of this crate, `suite_finds/vendor.rs` brings it into the suite,
//! and `suite_finds/server.rs` is the vendor to try it with. The first test here is all the test that such a provider needs.
#![cfg(all(feature = "testing", feature = "client"))]

#[path = "suite_finds/acme.rs"]
mod acme;
#[path = "suite_finds/careless.rs"]
mod careless;
#[path = "suite_finds/defect.rs"]
mod defect;
#[path = "suite_finds/server.rs"]
mod server;
#[path = "suite_finds/vendor.rs"]
mod vendor;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    time::Duration,
};

use futures_util::stream::{self, StreamExt};
use handset::{
    Channel, Result,
    testing::provider::{Case, Failure, Suite, Vendor, cases},
};

use defect::Defect;
use vendor::World;

#[tokio::test]
async fn acme_conforms() -> Result<(), Failure> {
    Suite::new(open).assert_conforms().await
}

async fn open() -> Result<Box<dyn Vendor>> {
    Ok(Box::new(World::open(true).await?))
}

#[tokio::test]
async fn acme_conforms_where_it_signs_nothing() -> Result<(), Failure> {
    Suite::new(|| async { Ok(Box::new(World::open(false).await?) as Box<dyn Vendor>) }).assert_conforms().await
}

#[tokio::test]
async fn a_failure_names_the_channel_the_case_and_what_happened() {
    let failure = Defect::DeclaresACaseThatApplies.suite().assert_conforms().await.unwrap_err();
    let expected = "sms::right_answer: it is declared not to apply, and it does: take the declaration out\n\
                    key_press::right_answer: it is declared not to apply, and it does: take the declaration out";
    assert_eq!(failure.to_string(), expected);
}

#[tokio::test]
async fn wrong_verdicts_are_found() {
    finds(DECIDES).await;
}

#[tokio::test]
async fn what_hangs_is_found() {
    finds(HANGS).await;
}

#[tokio::test]
async fn reports_that_are_believed_too_easily_are_found() {
    finds(BELIEVES).await;
}

#[tokio::test]
async fn reports_about_nothing_are_found() {
    finds(REPORTS).await;
}

#[tokio::test]
async fn too_many_requests_are_found() {
    finds(REPEATS).await;
}

#[tokio::test]
async fn errors_that_say_the_wrong_thing_are_found() {
    finds(MISREADS).await;
}

#[tokio::test]
async fn whatever_is_shown_is_found() {
    finds(SHOWS).await;
}

#[tokio::test]
async fn wrong_descriptions_of_the_vendor_are_found() {
    finds(DESCRIBES).await;
}

/// Runs every case against each defect of a table: what its row names fails, and nothing else.
async fn finds(table: &[(Defect, &[&str])]) {
    let cases = table.iter().flat_map(|(defect, _)| {
        let channels = defect.channels().iter();
        channels.flat_map(|channel| cases().map(|case| (*defect, *channel, case)))
    });
    let failed: Vec<_> = stream::iter(cases.map(fails)).buffer_unordered(AT_ONCE).filter_map(ready).collect().await;
    for (defect, expected) in table {
        let found: BTreeMap<_, _> =
            failed.iter().filter(|(of, ..)| of == defect).map(|(_, case, failure)| (case, failure)).collect();
        let expected: BTreeSet<_> = expected.iter().flat_map(|name| meant(*defect, name)).collect();
        assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), expected.iter().collect(), "{defect:?}: {found:#?}");
    }
}

/// The failure of a case, if it fails.
async fn fails((defect, channel, case): (Defect, Channel, &Case)) -> Option<(Defect, String, String)> {
    let failure = defect.suite().with_patience(PATIENCE).run(case, channel).await.err()?;
    Some((defect, format!("{channel}::{}", case.name()), failure.to_string()))
}

/// The cases that a table means: one on one channel, one on every channel, or all.
fn meant(defect: Defect, name: &str) -> Vec<String> {
    let named = |case: &&Case| name == "*" || name == case.name();
    let on = |channel| cases().filter(named).map(move |case| format!("{channel}::{}", case.name()));
    if name.contains("::") { vec![name.to_owned()] } else { defect.channels().iter().flat_map(on).collect() }
}

/// So few that nothing runs into a time limit because the others keep the machine busy.
const AT_ONCE: usize = 8;

/// More than a case takes that waits for each of its requests to run out of time.
const PATIENCE: Duration = Duration::from_secs(30);

/// From the order to the verdict.
const DECIDES: &[(Defect, &[&str])] = &[
    (Defect::TakesAnyChannel, &["refuses_an_undeclared_channel"]),
    (Defect::PromptsForSomethingElse, &["starts_and_the_prompt_fits"]),
    (Defect::MatchesWrongAnswers, &["wrong_answer", "sms::pending_then_settled"]),
    (
        Defect::RefusesRightAnswers,
        &["right_answer", "pending_then_settled", "a_dropped_future_leaves_nothing_locked", "callback_good"],
    ),
    (Defect::MatchesUnknownHandles, &["unknown_handle", "answers_404"]),
    (Defect::MatchesExpiredHandles, &["expired_handle"]),
    (Defect::MatchesWhilePending, &["key_press::pending_then_settled"]),
];

/// What never ends.
const HANGS: &[(Defect, &[&str])] = &[(Defect::HangsOnAnUndeclaredChannel, &["refuses_an_undeclared_channel"])];

/// Who posted it.
const BELIEVES: &[(Defect, &[&str])] = &[
    (Defect::AcceptsAlteredReports, &["callback_altered_by_one_byte"]),
    (Defect::AcceptsReportsWithoutSignature, &["callback_without_its_signature"]),
    (Defect::AcceptsStaleReports, &["callback_stale"]),
    (
        Defect::ReadsWhateverIsPosted,
        &[
            "callback_altered_by_one_byte",
            "callback_without_its_signature",
            "callback_stale",
            "callback_of_another_provider",
        ],
    ),
    (
        Defect::LetsUnsignedReportsDecide,
        &["callback_good", "callback_altered_by_one_byte", "callback_without_its_signature", "callback_stale"],
    ),
];

/// What it is about.
const REPORTS: &[(Defect, &[&str])] = &[
    (Defect::GivesReportsANewIdEachTime, &["callback_repeated"]),
    (Defect::GivesReportsNoId, &["callback_repeated"]),
    (Defect::NamesNoOrder, &["callback_of_another_check"]),
    (Defect::NamesTheFirstOrder, &["callback_of_another_check"]),
    (Defect::NamesTheLastOrder, &["callback_of_another_check"]),
];

/// What is sent too often, or to others.
const REPEATS: &[(Defect, &[&str])] = &[
    (Defect::OrdersTwice, &["starts_and_the_prompt_fits", "32_parallel_starts_fetch_one_token"]),
    (Defect::OrdersAgainWhenTheAnswerIsLost, &["does_not_answer", "answers_with_2_mib", "hangs_up"]),
    (Defect::OrdersAgainAfterAServerError, &["answers_500", "answers_503"]),
    (Defect::FollowsRedirects, &["redirects_to_another_host"]),
    (Defect::FetchesATokenForEachStart, &["32_parallel_starts_fetch_one_token"]),
    (Defect::KeepsANumberLocked, &["a_dropped_future_leaves_nothing_locked"]),
];

/// What the vendor's refusals are taken for.
const MISREADS: &[(Defect, &[&str])] = &[
    (Defect::ReadsAnyAnswerAsSuccess, &["cuts_its_json_off", "answers_with_a_web_page"]),
    (Defect::BlamesTheNumberForTheAccount, &["answers_401", "answers_403"]),
    (Defect::TakesTooManyRequestsForAnOutage, &["answers_429_with_retry_after"]),
    (Defect::ForgetsRetryAfter, &["answers_429_with_retry_after"]),
    (Defect::ForgetsItsName, &["answers_400", "answers_409", "answers_412"]),
];

/// What must not be seen.
const SHOWS: &[(Defect, &[&str])] = &[
    (Defect::ShowsUrlsInErrors, &["hangs_up"]),
    (Defect::ShowsTheNumberInAnError, &["answers_400", "answers_409", "answers_412"]),
    (Defect::ShowsTheNationalNumberInAnError, &["answers_400", "answers_409", "answers_412"]),
    (Defect::ShowsTheCodeInDebug, &["sms::wrong_answer", "sms::shows_no_code_secret_or_number"]),
    (Defect::TracesTheCode, &["sms::wrong_answer", "sms::shows_no_code_secret_or_number"]),
    (Defect::TracesTheSecret, &["answers_401", "answers_403"]),
    (Defect::TracesTheToken, &["answers_401", "answers_403"]),
];

/// What is said about the vendor.
const DESCRIBES: &[(Defect, &[&str])] = &[
    (
        Defect::AsksWhatNoAskDescribes,
        &["sms::wrong_answer", "sms::pending_then_settled", "sms::shows_no_code_secret_or_number"],
    ),
    (Defect::AsksWhatNoAskDescribesWhenRefused, &["answers_401", "answers_403"]),
    (Defect::DeclaresACaseThatApplies, &["right_answer"]),
    (Defect::DeclaresWithoutAReason, &["*"]),
    (
        Defect::LeavesCasesUndeclared,
        &["callback_altered_by_one_byte", "callback_without_its_signature", "callback_stale"],
    ),
    (Defect::HasNoAnswerForAStatus, &["answers_409"]),
];
