//! The sections of a policy file as they are written: keys and types.

use serde::{Deserialize, de::IgnoredAny};
use toml::{Spanned, value::Datetime};

use super::{
    code::Resend,
    limit::{KeyPart, On},
    rule::OnMissing,
    signal::SignalType,
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CodeSection {
    pub(super) digits: Option<Spanned<i64>>,
    pub(super) lifetime: Option<Spanned<String>>,
    pub(super) attempts: Option<Spanned<i64>>,
    pub(super) resend: Option<Resend>,
    pub(super) resend_after: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetSection {
    pub(super) failures: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestNumbersSection {
    pub(super) numbers: Spanned<Vec<Spanned<String>>>,
    pub(super) code: Spanned<String>,
    pub(super) expires: Spanned<Datetime>,
    pub(super) quota: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShadowSection {
    pub(super) file: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalBody {
    pub(super) r#type: Option<Spanned<SignalType>>,
    pub(super) expires: Option<Spanned<String>>,
    pub(super) risky: Option<Spanned<Risky>>,
}

/// What a missing signal is taken for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "no such value is risky, expected true, false, \"high\" or \"low\"")]
pub(super) enum Risky {
    Flag(bool),
    End(End),
}

/// One end of the whole numbers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Low,
    High,
}

/// A case without its facts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    pub(super) expect: Spanned<ExpectBody>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectBody {
    pub(super) rule: Option<Spanned<String>>,
    pub(super) r#try: Option<Vec<String>>,
    pub(super) deny: Option<String>,
    pub(super) allow: Option<Spanned<bool>>,
    pub(super) require: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    pub(super) on: On,
    pub(super) key: Spanned<Vec<Spanned<KeyPart>>>,
    pub(super) quota: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUpBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    #[serde(rename = "when", default)]
    _when: IgnoredAny,
    pub(super) require: Option<RequireBody>,
    pub(super) deny: Option<Spanned<String>>,
    pub(super) allow: Option<Spanned<bool>>,
    pub(super) on_missing: Option<Spanned<OnMissing>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequireBody {
    pub(super) acr: Spanned<String>,
    pub(super) max_age: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) single_use: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    #[serde(rename = "when", default)]
    _when: IgnoredAny,
    pub(super) r#try: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) deny: Option<Spanned<String>>,
    pub(super) on_missing: Option<Spanned<OnMissing>>,
    pub(super) preflight: Option<Spanned<bool>>,
    pub(super) digits: Option<Spanned<i64>>,
    pub(super) lifetime: Option<Spanned<String>>,
    pub(super) attempts: Option<Spanned<i64>>,
    pub(super) message: Option<Spanned<String>>,
}
