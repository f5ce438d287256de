//! Reads the conditions of a rule.

use std::{collections::HashSet, fmt, str::FromStr};

use ipnet::IpNet;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    context,
    diagnostic::{Report, plain},
    matcher::{Condition, Numbers, Prefix, Test},
};
use crate::{ids::Action, phone::LineType};

/// Reads a table of facts and conditions. Of the facts only those in `known` can be named.
pub(super) fn read(report: &mut Report<'_>, when: &Spanned<DeValue<'_>>, known: &[Fact]) -> Option<Vec<Condition>> {
    let Some(table) = when.get_ref().as_table() else {
        report.add(when.span(), "expected a table of conditions", "for instance `when = { action = \"transfer\" }`");
        return None;
    };
    let mut reader = Reader { report, known, seen: HashSet::new(), read: Vec::new(), is_sound: true };
    reader.table("", table);
    reader.is_sound.then_some(reader.read)
}

/// What a condition can be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    Action,
    Region,
    CountryCode,
    Type,
    Prefix,
    Amount,
    Currency,
    ClientIp,
}

impl Fact {
    /// The facts of a request to start a check.
    pub(super) const OF_START: &[Self] = &[
        Self::Action,
        Self::Region,
        Self::CountryCode,
        Self::Type,
        Self::Prefix,
        Self::Amount,
        Self::Currency,
        Self::ClientIp,
    ];

    /// The facts of a request that may need a step: the number is not known before a check starts.
    pub(super) const OF_REQUEST: &[Self] = &[Self::Action, Self::Amount, Self::Currency, Self::ClientIp];

    fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Region => "phone.region",
            Self::CountryCode => "phone.country_code",
            Self::Type => "phone.type",
            Self::Prefix => "phone.prefix",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::ClientIp => "client.ip",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::OF_START.iter().copied().find(|fact| fact.as_str() == name)
    }

    /// Whether the name is the first part of some facts' names, as `phone` is.
    fn is_group(name: &str) -> bool {
        Self::OF_START.iter().any(|fact| fact.as_str().strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    /// What its values look like.
    fn wants(self) -> &'static str {
        match self {
            Self::Action => "an action has 1 to 64 characters of a-z, 0-9, `_`, `.`, `:` and `-`",
            Self::Region => "a region is two capital letters of ISO 3166-1 that have phone numbers, such as \"LV\"",
            Self::CountryCode => "a country code is a number from 1 to 999, such as 371",
            Self::Type => {
                "known types are \"mobile\", \"fixed_line\", \"fixed_line_or_mobile\", \"toll_free\", \"premium_rate\", \
                 \"shared_cost\", \"voip\", \"personal_number\", \"pager\", \"uan\", \"voicemail\" and \"unknown\""
            }
            Self::Prefix => "a prefix is `+` and 1 to 15 digits, such as \"+3716\"",
            Self::Amount => "an amount is a whole number, such as 1000",
            Self::Currency => "a currency is three capital letters of ISO 4217, such as \"EUR\"",
            Self::ClientIp => {
                "an address is such as \"192.0.2.1\"; a network is { cidr = \"192.0.2.0/24\" }, with no bits set beyond \
                 its length"
            }
        }
    }

    /// What may stand in a table in place of a value, next to `not`.
    fn operators(self) -> &'static [&'static str] {
        match self {
            Self::Amount | Self::CountryCode => &["gte", "gt", "lt", "lte"],
            Self::ClientIp => &["cidr"],
            Self::Action | Self::Region | Self::Type | Self::Prefix | Self::Currency => &[],
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct Reader<'r, 't> {
    report: &'r mut Report<'t>,
    known: &'r [Fact],
    seen: HashSet<Fact>,
    read: Vec<Condition>,
    is_sound: bool,
}

impl Reader<'_, '_> {
    /// `phone.region = ..` without quotes makes a table in a table: the names are put together again.
    fn table(&mut self, group: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if group.is_empty() { key.get_ref().to_string() } else { format!("{group}.{}", key.get_ref()) };
            match (Fact::named(&name), value.get_ref()) {
                (Some(fact), _) => match self.fact(fact, key.span()).and_then(|()| condition(self.report, fact, value))
                {
                    Some(condition) => self.read.push(condition),
                    None => self.is_sound = false,
                },
                (None, DeValue::Table(inner)) if Fact::is_group(&name) => self.table(&name, inner),
                (None, _) => {
                    self.refuse(key.span(), format!("unknown fact `{}`", plain(&name, 40)), self.known_facts())
                }
            }
        }
    }

    fn fact(&mut self, fact: Fact, span: std::ops::Range<usize>) -> Option<()> {
        if !self.known.contains(&fact) {
            let help = "the number is not known before a check starts; put the condition into a `[[route]]` rule";
            self.refuse(span, format!("a step_up rule cannot ask for `{fact}`"), help.to_owned());
            return None;
        }
        if !self.seen.insert(fact) {
            self.refuse(span, format!("`{fact}` is named twice"), "put the values into one list".to_owned());
            return None;
        }
        Some(())
    }

    fn known_facts(&self) -> String {
        let names: Vec<_> = self.known.iter().map(|fact| format!("`{fact}`")).collect();
        format!("known facts here are {}", names.join(", "))
    }

    fn refuse(&mut self, span: std::ops::Range<usize>, message: String, help: String) {
        self.report.add(span, message, help);
        self.is_sound = false;
    }
}

fn condition(report: &mut Report<'_>, fact: Fact, value: &Spanned<DeValue<'_>>) -> Option<Condition> {
    if let Some(inner) = value.get_ref().as_table().and_then(|table| table.get("not")) {
        if value.get_ref().as_table().is_some_and(|table| table.len() > 1) {
            let help = "one table has either `not` or the other operators";
            report.add(value.span(), "`not` stands alone", help);
            return None;
        }
        return Some(Condition { negated: true, test: test(report, fact, inner)? });
    }
    Some(Condition { negated: false, test: test(report, fact, value)? })
}

fn test(report: &mut Report<'_>, fact: Fact, value: &Spanned<DeValue<'_>>) -> Option<Test> {
    let Some(table) = value.get_ref().as_table() else {
        return any_of(report, fact, value);
    };
    if let Some((key, _)) = table.iter().find(|(key, _)| !fact.operators().contains(&key.get_ref().as_ref())) {
        let message = format!("no operator `{}` here for `{fact}`", plain(key.get_ref(), 40));
        let table = match fact.operators() {
            [] => String::new(),
            operators => format!(", or a table of `{}`", operators.join("`, `")),
        };
        report.add(key.span(), message, format!("write a value or a list{table}; one `not` may go around it"));
        return None;
    }
    match (fact, table.get("cidr")) {
        (Fact::ClientIp, Some(networks)) => each(report, fact, networks, network).map(Test::ClientIp),
        (Fact::Amount, _) => range(report, table, value).map(Test::Amount),
        (Fact::CountryCode, _) => range(report, table, value).map(Test::CountryCode),
        _ => {
            report.add(value.span(), format!("no condition on `{fact}`"), fact.wants());
            None
        }
    }
}

fn any_of(report: &mut Report<'_>, fact: Fact, value: &Spanned<DeValue<'_>>) -> Option<Test> {
    let mut numbers = |within: std::ops::RangeInclusive<i64>| {
        each(report, fact, value, |item| integer(item).filter(|n| within.contains(n))).map(Numbers::AnyOf)
    };
    match fact {
        Fact::Amount => numbers(i64::MIN..=i64::MAX).map(Test::Amount),
        Fact::CountryCode => numbers(1..=999).map(Test::CountryCode),
        Fact::Action => each(report, fact, value, |item| {
            let name = item.as_str()?;
            Action::new(name).is_ok().then(|| name.to_owned())
        })
        .map(Test::Action),
        Fact::Region => each(report, fact, value, parsed).map(Test::Region),
        Fact::Type => each(report, fact, value, line_type).map(Test::Type),
        Fact::Prefix => each(report, fact, value, |item| Prefix::parse(item.as_str()?)).map(Test::Prefix),
        Fact::Currency => each(report, fact, value, |item| context::currency(item.as_str()?)).map(Test::Currency),
        Fact::ClientIp => each(report, fact, value, address).map(Test::ClientIp),
    }
}

/// Reads one value, or each of a list; every bad one is reported.
fn each<T>(
    report: &mut Report<'_>,
    fact: Fact,
    value: &Spanned<DeValue<'_>>,
    read: impl Fn(&DeValue<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let items: Vec<_> = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    };
    if items.is_empty() {
        report.add(
            value.span(),
            "an empty list",
            "a rule that can never match is a mistake: name a value, or remove it",
        );
        return None;
    }
    let mut good = Vec::with_capacity(items.len());
    for item in &items {
        match read(item.get_ref()) {
            Some(value) => good.push(value),
            None => report.add(item.span(), format!("not a value of `{fact}`"), fact.wants()),
        }
    }
    (good.len() == items.len()).then_some(good)
}

fn range(report: &mut Report<'_>, table: &DeTable<'_>, value: &Spanned<DeValue<'_>>) -> Option<Numbers> {
    let help = "give a lower bound (`gte` or `gt`), an upper bound (`lt` or `lte`), or one of each, as whole numbers";
    let bound = |key: &str| table.get(key).map(|bound| integer(bound.get_ref()));
    let (least, most) = match (bound("gte"), bound("gt"), bound("lte"), bound("lt")) {
        (Some(_), Some(_), ..) | (.., Some(_), Some(_)) => (None, None),
        (gte, gt, lte, lt) => (
            gte.or_else(|| gt.map(|n| n?.checked_add(1))).unwrap_or(Some(i64::MIN)),
            lte.or_else(|| lt.map(|n| n?.checked_sub(1))).unwrap_or(Some(i64::MAX)),
        ),
    };
    match (least, most) {
        (Some(least), Some(most)) if least <= most && !table.is_empty() => Some(Numbers::Range { least, most }),
        _ => {
            report.add(value.span(), "no number meets this", help);
            None
        }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
}

fn parsed<T: FromStr>(value: &DeValue<'_>) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn line_type(value: &DeValue<'_>) -> Option<LineType> {
    let name = value.as_str()?;
    LineType::ALL.into_iter().find(|known| known.as_str() == name)
}

fn address(value: &DeValue<'_>) -> Option<IpNet> {
    let ip: std::net::IpAddr = parsed(value)?;
    Some(ip.to_canonical().into())
}

/// Reads a network whose address has no bits beyond its length: `10.1.2.3/8` may mean two things.
fn network(value: &DeValue<'_>) -> Option<IpNet> {
    let network: IpNet = parsed(value)?;
    // Clients with such addresses are compared as IPv4.
    let is_mapped = matches!(network, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some());
    (network.trunc() == network && !is_mapped).then_some(network)
}
