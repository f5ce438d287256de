//! Which step, and which route? One file answers, and nothing here asks the clock or the network.
//!
//! A policy is one TOML file, at most 1 MiB long, with the files that it names. It is read and checked when the program
//! starts; from then on it is immutable, and evaluating it cannot fail.
//!
//! ```toml
#![doc = include_str!("../../examples/policy.toml")]
//! ```
//!
//! ```
//! use std::time::Duration;
//! use handset::{Action, Channel, PhoneNumber};
//! use handset::policy::{Catalogue, Context, Policy, Routing, StepUp};
//!
//! # let text = include_str!("../../examples/policy.toml");
//! let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
//! let policy = Policy::parse("policy.toml", text, &catalogue)?;
//!
//! let action = Action::new("transfer")?;
//! let StepUp::Require(requirement) = policy.step_up(&Context::new(&action)) else { panic!("no step") };
//! assert_eq!((&*requirement.acr, requirement.max_age), ("phone", Duration::from_secs(300)));
//!
//! let phone = PhoneNumber::parse("+371 26 123 456", None)?;
//! let Routing::Try(plan) = policy.route(&Context::new(&action).phone(&phone)) else { panic!("no route") };
//! assert_eq!(plan.routes()[0].to_string(), "numcheck/flash_call");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
#![doc = include_str!("language.md")]

mod bits;
mod block;
mod case;
mod code;
mod column;
mod compile;
mod condition;
mod context;
mod decision;
mod diagnostic;
mod diff;
mod evaluate;
mod fact;
mod file;
mod given;
mod limit;
mod lint;
mod mutant;
mod ranges;
mod recorded;
mod replay;
mod route;
mod rule;
mod rules;
mod schema;
mod section;
mod signal;
mod sources;
mod suite;
mod test_numbers;
#[cfg(test)]
mod tests;
mod trace;
mod value;
mod vocabulary;
mod when;

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

pub use self::{
    case::{Case, CaseResult, Expect},
    code::{CodeRules, Resend},
    condition::{Condition, Group, GroupKind, When},
    context::{Context, Health},
    decision::{Decision, Evaluation, Requirement, Routing, RuleSet, StepUp},
    diagnostic::{Diagnostic, PolicyErrors},
    diff::{AnswerChange, Branch, Diff, RuleChange, RuleChangeKind, SettingChange},
    given::Given,
    limit::{KeyPart, Limit, On, Quota},
    lint::{Finding, FindingKind, Level, Profile},
    mutant::{MutantKind, Mutants, SuggestedCase, Survivor},
    recorded::{RecordedAnswer, RecordedFacts, RecordedSignal},
    replay::{Replayed, Replayer},
    route::{Catalogue, Plan, Route},
    rule::{OnMissing, Rule, Section},
    schema::schema,
    signal::{SignalDeclaration, SignalType, SignalValue, Signals},
    sources::Sources,
    suite::{Coverage, CoveredRule, Suite},
    test_numbers::TestNumbers,
    trace::{RuleTrace, Stop, Trace, Why},
};
use self::{compile::Compiled, diagnostic::Report, evaluate::Match};
use crate::{
    error::{Error, ErrorKind},
    ids::Action,
};

/// A policy file, read and checked. Cheap to clone, immutable. The [module](self) has an example.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    compiled: Compiled,
    hash: String,
    sources: Arc<Sources>,
    /// The files that it is made of, lists aside.
    files: Vec<usize>,
    catalogue: Catalogue,
}

impl Policy {
    /// Reads a policy that is one text. `file_name` is what faults are said to be in; `catalogue` is what routes are checked
    /// against.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, each fault with its place, its rule and what to do.
    pub fn parse(file_name: &str, text: &str, catalogue: &Catalogue) -> Result<Self, PolicyErrors> {
        Self::compile(&Sources::new(file_name, text), catalogue)
    }

    /// Reads a policy and the files that it names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when it cannot be read; else as [`parse`](Self::parse), as its source.
    pub fn load(path: impl AsRef<Path>, catalogue: &Catalogue) -> Result<Self, Error> {
        let path = path.as_ref();
        let sources = Sources::read(path).map_err(|source| {
            let message = format!("the policy file `{}` cannot be read", path.display());
            Error::new(ErrorKind::Misconfigured, message).with_source(source)
        })?;
        Ok(Self::compile(&sources, catalogue)?)
    }

    /// Reads a policy whose files have been read before.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn compile(sources: &Sources, catalogue: &Catalogue) -> Result<Self, PolicyErrors> {
        let sources = Arc::new(sources.clone());
        let mut report = Report::new(&sources);
        let policy = compile::policy(&mut report, &sources, catalogue);
        report.finish(policy)
    }

    /// Answers one of the two questions, and says what made the answer. Cannot fail; allocates nothing.
    pub fn evaluate(&self, section: Section, context: &Context<'_>) -> Evaluation<'_> {
        let compiled = &self.inner.compiled;
        match section {
            Section::StepUp => self.evaluation(section, compiled.step_up.matches(context).next(), Decision::Allow),
            Section::Route => {
                self.evaluation(section, compiled.route.matches(context).next(), Decision::Deny(NO_ROUTE))
            }
        }
    }

    /// Every rule that matches, not only the first, which decides. For records and tests: it looks at all rules, and allocates.
    pub fn matching(&self, section: Section, context: &Context<'_>) -> RuleSet {
        let compiled = &self.inner.compiled;
        match section {
            Section::StepUp => compiled.step_up.matches(context).map(|rule| rule.position).collect(),
            Section::Route => compiled.route.matches(context).map(|rule| rule.position).collect(),
        }
    }

    /// Whether a request needs a step. Allocates nothing when it does not.
    pub fn step_up(&self, context: &Context<'_>) -> StepUp {
        match self.inner.compiled.step_up.matches(context).next() {
            Some(Match { rule, refusal: Some(reason), .. }) => {
                StepUp::Deny { rule: rule.head.name.clone(), reason: reason.to_owned() }
            }
            Some(found) => found.rule.answer.clone(),
            None => StepUp::Allow,
        }
    }

    /// Which routes a check may use.
    pub fn route(&self, context: &Context<'_>) -> Routing {
        match self.inner.compiled.route.matches(context).next() {
            Some(Match { rule, refusal: Some(reason), .. }) => {
                Routing::Deny { rule: Some(rule.head.name.clone()), reason: reason.to_owned() }
            }
            Some(found) => found.rule.answer.clone(),
            None => Routing::Deny { rule: None, reason: NO_ROUTE.to_owned() },
        }
    }

    /// Asks again, and says how every rule stood. For people and records: slower than [`evaluate`](Self::evaluate).
    #[must_use]
    pub fn explain(&self, section: Section, context: &Context<'_>) -> Trace {
        let evaluation = self.evaluate(section, context);
        Trace {
            policy: self.inner.hash.clone(),
            section,
            decision: evaluation.decision.to_string(),
            rule: evaluation.rule.cloned(),
            rules: self.rules(section).map(|rule| RuleTrace::of(&rule, context)).collect(),
        }
    }

    /// The rules of a section, in the order in which they are tried: those of included files first.
    pub fn rules(&self, section: Section) -> impl Iterator<Item = Rule<'_>> {
        let (step_up, route) = match section {
            Section::StepUp => (self.inner.compiled.step_up.rules(), [].as_slice()),
            Section::Route => ([].as_slice(), self.inner.compiled.route.rules()),
        };
        let step_up = step_up.iter().map(|rule| (&rule.head, Decision::from(&rule.answer)));
        let route = route.iter().map(|rule| (&rule.head, Decision::from(&rule.answer)));
        let sources: &Sources = &self.inner.sources;
        let both = step_up.chain(route).enumerate();
        both.map(move |(position, (head, answer))| Rule { section, position, head, answer, sources })
    }

    /// How codes are made, and how long and how often they may be tried, where a route does not say otherwise.
    #[must_use]
    pub fn code(&self) -> &CodeRules {
        &self.inner.compiled.code
    }

    /// How many wrong answers a subject and a number have, across codes, checks, channels and providers.
    #[must_use]
    pub fn failure_budget(&self) -> Quota {
        self.inner.compiled.budget
    }

    /// The limits of the file, or the built-in ones when it has none.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.inner.compiled.limits
    }

    /// The numbers that are for tests, if there are some.
    #[must_use]
    pub fn test_numbers(&self) -> Option<&TestNumbers> {
        self.inner.compiled.test_numbers.as_deref()
    }

    /// Whether some rule of a section reads a fact or a signal, by its name. An application may spare itself the question to a
    /// vendor whose answer no rule reads.
    ///
    /// ```
    /// use handset::policy::{Policy, Section};
    /// use handset::provider::registry;
    ///
    /// # let text = include_str!("../../examples/policy.toml");
    /// let policy = Policy::parse("policy.toml", text, &registry::catalogue())?;
    /// assert!(policy.reads(Section::Route, "phone.type") && !policy.reads(Section::Route, "recycled"));
    /// # Ok::<(), handset::Error>(())
    /// ```
    #[must_use]
    pub fn reads(&self, section: Section, fact: &str) -> bool {
        let [step_up, route] = &self.inner.compiled.reads;
        match section {
            Section::StepUp => step_up.contains(fact),
            Section::Route => route.contains(fact),
        }
    }

    /// The signals that rules may read: those that every policy knows, and those of `[signals]`.
    pub fn signals(&self) -> impl Iterator<Item = &SignalDeclaration> {
        self.inner.compiled.signals.iter().map(AsRef::as_ref)
    }

    /// The policy of `[shadow]`: to be asked beside this one and recorded, never to be obeyed.
    #[must_use]
    pub fn shadow(&self) -> Option<&Self> {
        self.inner.compiled.shadow.as_ref()
    }

    /// Asks this policy and its shadow. Returns both answers where they are not the same: this policy's first.
    #[must_use]
    pub fn shadow_difference(
        &self,
        section: Section,
        context: &Context<'_>,
    ) -> Option<(Evaluation<'_>, Evaluation<'_>)> {
        let shadow = self.shadow()?.evaluate(section, context);
        let ours = self.evaluate(section, context);
        (!ours.decision.is_same(shadow.decision)).then_some((ours, shadow))
    }

    /// The compliance profile that it keeps. What a profile forbids does not load.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.inner.compiled.profile
    }

    /// What is likely a mistake, though it loads, and what the policy may cost at worst; in the order of the files.
    /// [`FindingKind`] lists what is looked for. The shadow is a policy of its own.
    ///
    /// ```
    /// use handset::policy::{FindingKind, Policy};
    /// use handset::provider::registry;
    ///
    /// let text = r#"
    ///     version = 1
    ///     [[route]]
    ///     name = "everybody"
    ///     try = ["numcheck/flash_call"]
    /// "#;
    /// let policy = Policy::parse("policy.toml", text, &registry::catalogue())?;
    /// assert!(policy.lint().iter().any(|finding| finding.kind == FindingKind::FewDigits));
    /// # Ok::<(), handset::Error>(())
    /// ```
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        lint::policy(&self.inner, None)
    }

    /// The same, and the routes for which there is no account: `configured` has the providers and channels for which there is
    /// one.
    #[must_use]
    pub fn lint_for(&self, configured: &Catalogue) -> Vec<Finding> {
        lint::policy(&self.inner, Some(configured))
    }

    /// Says what is different in a newer policy.
    #[must_use]
    pub fn diff(&self, newer: &Self) -> Diff {
        diff::of(self, newer)
    }

    /// The test cases that stand in the policy.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.inner.compiled.cases
    }

    /// Reads the facts of a request as they stand in a `[[test]]`: lines such as `action = "transfer"`. `name` is what faults
    /// are said to be in.
    ///
    /// # Errors
    ///
    /// Every fact that is unknown or has another type.
    pub fn given(&self, name: &str, facts: &str) -> Result<Given, PolicyErrors> {
        let vocabulary = self.inner.vocabulary(Default::default());
        let sources = Sources::new(name, facts);
        let mut report = Report::new(&sources);
        let given = file::table(&mut report, sources.text(0))
            .and_then(|table| Given::read(&mut report, &vocabulary, &table, 0..0));
        report.finish(given)
    }

    /// Names this policy among others, for logs: half of a SHA-256, as 32 hexadecimal digits. It is that of the file's text;
    /// included files and lists are hashed with it, a shadow is not.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.inner.hash
    }

    /// The files that this policy was read from.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.inner.sources
    }

    /// Every route that some rule may try, once each, in the order of the file.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.inner.compiled.routes.iter()
    }

    /// Whether some request for the action can be asked for a step or denied. When not, a layer that guards it does nothing.
    #[must_use]
    pub fn guards(&self, action: &Action) -> bool {
        for (rule, is_sure) in self.inner.compiled.step_up.candidates(action) {
            let can_refuse = rule.head.reading.on_missing == Some(OnMissing::Deny);
            if rule.answer != StepUp::Allow || can_refuse {
                return true;
            }
            if is_sure {
                return false;
            }
        }
        false
    }

    fn evaluation<'p, T>(
        &'p self,
        section: Section,
        found: Option<Match<'p, T>>,
        otherwise: Decision<'p>,
    ) -> Evaluation<'p>
    where
        Decision<'p>: From<&'p T>,
    {
        let decision = match &found {
            Some(Match { refusal: Some(reason), .. }) => Decision::Deny(reason),
            Some(Match { rule, .. }) => Decision::from(&rule.answer),
            None => otherwise,
        };
        let rule = found.map(|found| &found.rule.head.name);
        Evaluation { section, decision, rule, policy: &self.inner.hash }
    }
}

impl Inner {
    /// What its rules and cases can name, with the lists that are given.
    fn vocabulary<'t>(&self, lists: HashMap<String, vocabulary::List<'t>>) -> vocabulary::Vocabulary<'t> {
        let Compiled { signals, test_numbers, .. } = &self.compiled;
        vocabulary::Vocabulary::new(&self.catalogue, signals, test_numbers.clone(), lists)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("hash", &self.inner.hash).finish_non_exhaustive()
    }
}

/// Why a check is refused when no rule matches.
const NO_ROUTE: &str = "no_route";
