//! Which step, and which route? One file answers, and nothing here asks the clock or the network.
//!
//! A policy is one TOML file, at most 64 KiB long. It is read and checked when the program starts; from then on it is
//! immutable, and evaluating it cannot fail.
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
//! assert_eq!((requirement.acr.as_str(), requirement.max_age), ("phone", Duration::from_secs(300)));
//!
//! let phone = PhoneNumber::parse("+371 26 123 456", None)?;
//! let Routing::Try(plan) = policy.route(&Context::new(&action).phone(&phone)) else { panic!("no route") };
//! assert_eq!(plan.routes()[0].to_string(), "numcheck/flash_call");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How rules are read
//!
//! The first rule of a section that matches decides. When no `[[step_up]]` rule matches, the request passes; when no
//! `[[route]]` rule matches, the check is refused with the reason `no_route`. A rule matches when every condition of its
//! `when` holds; a rule without `when` matches always, and a rule that an earlier one hides is a load error.
//!
//! | fact | value | more |
//! |---|---|---|
//! | `action` | `"transfer"` | |
//! | `amount` | `1000` | `{ gte = 1000, lt = 5000 }` (also `gt`, `lte`) |
//! | `currency` | `"EUR"` | |
//! | `client.ip` | `"192.0.2.1"` | `{ cidr = "192.0.2.0/24" }` |
//! | `phone.region` | `"LV"` | `[[route]]` only |
//! | `phone.country_code` | `371` | `[[route]]` only; `gte`, `gt`, `lt`, `lte` |
//! | `phone.type` | `"mobile"` | `[[route]]` only; the names of [`LineType`](crate::phone::LineType) |
//! | `phone.prefix` | `"+3716"`: how the number begins | `[[route]]` only |
//!
//! In place of a value a list may stand, which means any of them; `{ not = .. }` around either means none of them.
//! `"phone.type" = ".."` and `phone = { type = ".." }` are the same.
//!
//! **A missing fact is read the careful way.** A condition on a fact that the request lacks holds in rules that ask or deny
//! (`require`, `deny`), with `not` and without, and does not hold in rules that allow or send (`allow`, `try`). An
//! application that forgets to hand in the amount of a transfer is thus asked for a step, never let through. Among several
//! rules that ask, put the strictest first. A number of no country lacks `phone.region`.
//!
//! # What a file leaves out
//!
//! | section | key | range | default |
//! |---|---|---|---|
//! | | `version` | 1 | required |
//! | | `profile` | `"none"` | `"none"` |
//! | `[code]` | `digits`, of codes that are ours to choose | 6 to 10 | 6 |
//! | | `lifetime` | to 10 minutes | `"5m"` |
//! | | `attempts`, per check | 1 to 10 | 5 |
//! | | `resend` | `"reuse"`, `"rotate"` | `"reuse"` |
//! | | `resend_after` | shorter than `lifetime` | `"30s"` |
//! | `[budget]` | `failures` | to 100 | `"10/1h"` |
//! | `[[route]]` | `preflight`: ask vendors that can whether they serve the device | | `false` |
//! | `require` | `acr` | one word | required |
//! | | `max_age` | to 31 days | `"5m"` |
//! | | `single_use` | | `false` |
//!
//! A file without any `[[limit]]` has these limits: 5 sends an hour and 10 a day to a number, 10 sends an hour for a subject,
//! 20 sends an hour from a network, 30 answers in ten minutes from a subject. **A file with one `[[limit]]` has only its
//! own.**

mod code;
mod compile;
mod context;
mod decision;
mod diagnostic;
mod evaluate;
mod file;
mod limit;
mod matcher;
mod route;
mod rules;
#[cfg(test)]
mod tests;
mod value;
mod when;

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

pub use self::{
    code::{CodeRules, Resend},
    context::Context,
    decision::{Requirement, Routing, StepUp},
    diagnostic::{Diagnostic, PolicyErrors},
    limit::{KeyPart, Limit, On, Quota},
    route::{Catalogue, Plan, Route},
};
use self::{compile::Compiled, diagnostic::Report};
use crate::ids::Action;

/// A policy file, read and checked. Cheap to clone, immutable. The [module](self) has an example.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    compiled: Compiled,
    hash: String,
}

impl Policy {
    /// Reads a file. `file_name` is what faults are said to be in; `catalogue` is what routes are checked against.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, each fault with its place, its rule and what to do.
    pub fn parse(file_name: &str, text: &str, catalogue: &Catalogue) -> Result<Self, PolicyErrors> {
        let mut report = Report::new(file_name, text);
        let compiled = compile::compile(&mut report, text, catalogue);
        let compiled = report.finish(compiled)?;
        Ok(Self { inner: Arc::new(Inner { compiled, hash: hash(text) }) })
    }

    /// Whether a request needs a step. Allocates nothing when it does not.
    pub fn step_up(&self, context: &Context<'_>) -> StepUp {
        self.inner.compiled.step_up.first(context).cloned().unwrap_or(StepUp::Allow)
    }

    /// Which routes a check may use.
    pub fn route(&self, context: &Context<'_>) -> Routing {
        let no_route = || Routing::Deny { rule: None, reason: "no_route".to_owned() };
        self.inner.compiled.route.first(context).cloned().unwrap_or_else(no_route)
    }

    /// How codes are made, and how long and how often they may be tried.
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

    /// Names this text among others, for logs: half of its SHA-256, as 32 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.inner.hash
    }

    /// Every route that some rule may try, once each, in the order of the file.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.inner.compiled.routes.iter()
    }

    /// Whether some request for the action can be asked for a step or denied. When not, a layer that guards it does nothing.
    #[must_use]
    pub fn guards(&self, action: &Action) -> bool {
        let context = Context::new(action);
        for rule in self.inner.compiled.step_up.candidates(action).filter(|r| r.when.may_match_action(&context)) {
            if rule.answer != StepUp::Allow {
                return true;
            }
            if rule.when.is_on_action_only() {
                return false;
            }
        }
        false
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("hash", &self.inner.hash).finish_non_exhaustive()
    }
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
