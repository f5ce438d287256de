//! Typed conditions and how they hold.

use ipnet::IpNet;

use super::context::Context;
use crate::phone::{LineType, PhoneNumber, Region};

/// The conditions of one rule: all of them must hold.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) conditions: Vec<Condition>,
    /// Whether a condition on a missing fact holds: yes in rules that ask or deny, no in rules that allow or send.
    pub(super) when_missing: bool,
}

impl Matcher {
    pub(super) fn matches(&self, context: &Context<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(context).unwrap_or(self.when_missing))
    }

    /// Whether it may match a request for the context's action, whatever the other facts are.
    pub(super) fn may_match_action(&self, context: &Context<'_>) -> bool {
        self.conditions.iter().all(|c| !c.is_on_action() || c.holds(context).unwrap_or(true))
    }

    /// Whether nothing but the action decides, which is always known.
    pub(super) fn is_on_action_only(&self) -> bool {
        self.conditions.iter().all(Condition::is_on_action)
    }

    /// The only actions that it can match, or `None` when it is not bound to some.
    pub(super) fn actions(&self) -> Option<&[String]> {
        self.conditions.iter().find_map(|condition| match &condition.test {
            Test::Action(names) if !condition.negated => Some(names.as_slice()),
            _ => None,
        })
    }

    /// Whether it surely matches whatever `other` matches: it asks for nothing that the other does not ask for.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let same_when_missing = self.when_missing || !other.when_missing || self.is_on_action_only();
        same_when_missing && self.conditions.iter().all(|condition| other.conditions.contains(condition))
    }
}

/// One condition on one fact.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) negated: bool,
    pub(super) test: Test,
}

impl Condition {
    /// Whether it holds, or `None` when the fact is missing.
    fn holds(&self, context: &Context<'_>) -> Option<bool> {
        self.test.holds(context).map(|holds| holds != self.negated)
    }

    fn is_on_action(&self) -> bool {
        matches!(self.test, Test::Action(_))
    }
}

/// A fact and the values that are asked of it. Lists are never empty.
#[derive(Debug, PartialEq)]
pub(super) enum Test {
    Action(Vec<String>),
    Region(Vec<Region>),
    CountryCode(Numbers),
    Type(Vec<LineType>),
    Prefix(Vec<Prefix>),
    Amount(Numbers),
    Currency(Vec<[u8; 3]>),
    ClientIp(Vec<IpNet>),
}

impl Test {
    fn holds(&self, context: &Context<'_>) -> Option<bool> {
        let phone = context.phone.as_ref();
        Some(match self {
            Self::Action(names) => names.iter().any(|name| name == context.action.as_str()),
            Self::Region(regions) => regions.contains(&phone?.region()?),
            Self::CountryCode(numbers) => numbers.contain(phone?.country_code().into()),
            Self::Type(types) => types.contains(&phone?.line_type()),
            Self::Prefix(prefixes) => {
                let phone = phone?;
                prefixes.iter().any(|prefix| prefix.begins(phone))
            }
            Self::Amount(numbers) => numbers.contain(context.amount?),
            Self::Currency(codes) => codes.contains(&context.currency?),
            Self::ClientIp(networks) => {
                let ip = context.client_ip?;
                networks.iter().any(|network| network.contains(&ip))
            }
        })
    }
}

/// Whole numbers: some, or all from one to another.
#[derive(Debug, PartialEq)]
pub(super) enum Numbers {
    AnyOf(Vec<i64>),
    Range { least: i64, most: i64 },
}

impl Numbers {
    fn contain(&self, number: i64) -> bool {
        match self {
            Self::AnyOf(numbers) => numbers.contains(&number),
            Self::Range { least, most } => (*least..=*most).contains(&number),
        }
    }
}

/// The digits that a number in E.164 begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    digits: u64,
}

impl Prefix {
    /// Reads `+` and 1 to 15 digits, of which the first is not zero.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let plain = digits.len() <= 15 && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten().map(|digits| Self { digits })
    }

    fn begins(self, phone: &PhoneNumber) -> bool {
        let length = |number: u64| number.checked_ilog10().unwrap_or_default();
        match length(phone.digits()).checked_sub(length(self.digits)) {
            Some(rest) => phone.digits() / 10_u64.pow(rest) == self.digits,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_of_digits_not_of_values() {
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        for (prefix, begins) in [
            ("+3", true),
            ("+371", true),
            ("+37126123456", true),
            ("+372", false),
            ("+7", false),
            ("+371261234567", false),
            ("+3712612345678", false),
        ] {
            assert_eq!(Prefix::parse(prefix).unwrap().begins(&phone), begins, "{prefix}");
        }
        for bad in ["", "+", "371", "+0", "+37 1", "+1234567890123456", "++371", "+３７"] {
            assert!(Prefix::parse(bad).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_prefix_agrees_with_text(national in 20_000_000_u32..30_000_000, prefix in "\\+[1-9][0-9]{0,14}|\\+371[0-9]{0,4}") {
            if let Ok(phone) = PhoneNumber::parse(&format!("+371{national}"), None) {
                let expected = phone.to_e164().starts_with(&prefix);
                proptest::prop_assert_eq!(Prefix::parse(&prefix).unwrap().begins(&phone), expected);
            }
        }
    }
}
