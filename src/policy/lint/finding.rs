//! What the linter says.

use std::fmt;

use serde::Serialize;

use super::{View, places::Place, profile::Breach};
use crate::{
    ids::RuleName,
    policy::{
        diagnostic::{Diagnostic, Fault},
        sources::Sources,
    },
};

/// One thing to look at in a policy that loads. `Display` prints it with its line and a caret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Whether it is likely a mistake.
    pub level: Level,
    /// What it is about.
    pub kind: FindingKind,
    /// Where it is, what it says and what to do.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.write(f, &format!("{}[{}]", self.level, self.kind))
    }
}

/// Whether a [`Finding`] is likely a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// It is good to know, and nothing needs to be done.
    Note,
    /// It is likely a mistake, or weaker than it should be.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
        })
    }
}

/// What a [`Finding`] is about.
///
/// The first six are what profiles forbid. Under a profile that forbids it, the policy does not load; with
/// `profile = "none"` it is a warning; under another profile nothing is said.
///
/// | finding | `nist-63b-4` | `asvs-5-l2` | `asvs-5-l3` | `psd2-sca` |
/// |---|---|---|---|---|
/// | `email` | 3.1.3 | | 6.3.5 | article 7 |
/// | `few_digits`: below 6 | 3.1.3 | 6.5.4 | 6.5.4 | |
/// | `press_one` | 3.1.3 | | 6.6.1, as a call | |
/// | `telephone_alone` | 3.2.9 | 6.6.1 | 6.6.1, in company too | |
/// | `many_attempts`: above 5 | | | | article 4(3)(b) |
/// | `large_budget`: above 5 | | | | article 4(3)(b) |
///
/// A code that lives longer than ten minutes, a code of ours with fewer than six digits and a budget of more than a hundred
/// failures load under no profile at all.
///
/// | finding | level | says |
/// |---|---|---|
/// | `unreachable` | warning | rules above match whatever this one would match |
/// | `contradiction` | warning | the conditions of a rule never hold together |
/// | `not_searched` | note | for how many rules a search for the two above was given up |
/// | `unused_message` | warning | a message that says nothing: every vendor of the rule has words of its own |
/// | `provider_not_configured` | warning | a route, or a condition, on a provider for which there is no account |
/// | `channel_not_configured` | warning | a route to a channel that the account lacks |
/// | `fallback_loop` | note | every route of a rule leads back to the same provider |
/// | `no_send_limit` | warning | nothing limits how much is sent |
/// | `number_not_limited` | warning | nothing limits how much is sent to one number |
/// | `unused_list`, `unused_signal` | warning | no rule reads it |
/// | `worst_case` | note | the most messages that one click, one check and one number can cost |
/// | `guess` | note | the chance that codes are guessed |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// An e-mail shows a mailbox, not a phone.
    Email,
    /// Codes that are guessed too easily.
    FewDigits,
    /// A person who says yes to any call.
    PressOne,
    /// The public telephone network without another way beside it, or at all.
    TelephoneAlone,
    /// More attempts per check than five.
    ManyAttempts,
    /// More failures in a row than five.
    LargeBudget,
    /// Rules above match whatever this one would match.
    Unreachable,
    /// The conditions of a rule never hold together.
    Contradiction,
    /// Rules for which it was not found out whether a request reaches them.
    NotSearched,
    /// Every vendor of the rule has words of its own.
    UnusedMessage,
    /// There is no account of the provider.
    ProviderNotConfigured,
    /// The account lacks the channel.
    ChannelNotConfigured,
    /// Every route leads back to the same provider.
    FallbackLoop,
    /// Nothing limits how much is sent.
    NoSendLimit,
    /// Nothing limits how much is sent to one number.
    NumberNotLimited,
    /// A list that no rule reads.
    UnusedList,
    /// A declared signal that no rule reads.
    UnusedSignal,
    /// What one click, one check and one number can cost at most.
    WorstCase,
    /// The chance that codes are guessed.
    Guess,
}

impl FindingKind {
    /// Its name, such as `few_digits`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::FewDigits => "few_digits",
            Self::PressOne => "press_one",
            Self::TelephoneAlone => "telephone_alone",
            Self::ManyAttempts => "many_attempts",
            Self::LargeBudget => "large_budget",
            Self::Unreachable => "unreachable",
            Self::Contradiction => "contradiction",
            Self::NotSearched => "not_searched",
            Self::UnusedMessage => "unused_message",
            Self::ProviderNotConfigured => "provider_not_configured",
            Self::ChannelNotConfigured => "channel_not_configured",
            Self::FallbackLoop => "fallback_loop",
            Self::NoSendLimit => "no_send_limit",
            Self::NumberNotLimited => "number_not_limited",
            Self::UnusedList => "unused_list",
            Self::UnusedSignal => "unused_signal",
            Self::WorstCase => "worst_case",
            Self::Guess => "guess",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Collects what the parts of the linter find.
pub(super) struct Findings<'p> {
    sources: &'p Sources,
    found: Vec<(Level, FindingKind, Fault)>,
}

impl<'p> Findings<'p> {
    pub(super) fn new(view: &View<'p>) -> Self {
        Self { sources: &view.policy.sources, found: Vec::new() }
    }

    pub(super) fn warn(
        &mut self,
        kind: FindingKind,
        place: Place,
        rule: Option<&RuleName>,
        message: String,
        help: String,
    ) {
        self.found.push((Level::Warning, kind, place.fault(rule, message, help)));
    }

    pub(super) fn note(
        &mut self,
        kind: FindingKind,
        place: Place,
        rule: Option<&RuleName>,
        message: String,
        help: String,
    ) {
        self.found.push((Level::Note, kind, place.fault(rule, message, help)));
    }

    /// What a profile would forbid.
    pub(super) fn breach(&mut self, breach: Breach) {
        self.found.push((Level::Warning, breach.kind, breach.fault));
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|(_, _, fault)| (fault.file, fault.span.start));
        let finding = |(level, kind, fault)| Finding { level, kind, diagnostic: Diagnostic::of(self.sources, &fault) };
        self.found.into_iter().map(finding).collect()
    }
}
