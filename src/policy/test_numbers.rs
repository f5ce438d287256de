//! Numbers that are nobody's: for tests, and for those who review an app.

use std::{collections::HashSet, fmt, time::SystemTime};

use toml::{Spanned, value::Datetime};

use super::{
    diagnostic::Report,
    limit::{KeyPart, Limit, On, Quota},
    section::TestNumbersSection,
    value,
};
use crate::{ids::RuleName, phone::PhoneNumber, secret::Code};

/// Numbers to which nothing is sent, and the code that is right for them until a date. What a check of one proves is marked
/// as a test.
#[derive(Clone)]
#[non_exhaustive]
pub struct TestNumbers {
    numbers: HashSet<u64>,
    /// The code that is right for all of them.
    pub code: Code,
    /// When they become numbers like others.
    pub expires: SystemTime,
    /// Their own limit, in place of the policy's. Counts starts by number.
    pub limit: Limit,
}

impl TestNumbers {
    /// Whether the number is listed, whatever the date.
    #[must_use]
    pub fn contains(&self, phone: &PhoneNumber) -> bool {
        self.numbers.contains(&phone.digits())
    }

    /// Whether the number is a test number at `now`.
    #[must_use]
    pub fn is_test(&self, phone: &PhoneNumber, now: SystemTime) -> bool {
        self.contains(phone) && self.has_not_expired(now)
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn has_not_expired(&self, now: SystemTime) -> bool {
        now < self.expires
    }

    /// Reads the section `[test_numbers]`.
    pub(super) fn read(report: &mut Report<'_>, section: &TestNumbersSection) -> Option<Self> {
        let written = section.numbers.get_ref();
        if written.is_empty() {
            report.add(section.numbers.span(), "an empty list", "name a number, or remove the section");
        }
        let mut numbers = HashSet::new();
        for item in written {
            if number(report, item).is_some_and(|number| !numbers.insert(number)) {
                report.add(item.span(), "a number is named twice", "name each number once");
            }
        }
        let code = code(report, &section.code);
        let expires = date(report, &section.expires);
        let quota = match &section.quota {
            Some(written) => value::quota(report, written),
            None => Some(Quota::TEST_NUMBERS),
        };
        let limit =
            Limit { name: RuleName::new("test numbers"), on: On::Start, key: vec![KeyPart::Phone], quota: quota? };
        (numbers.len() == written.len() && !numbers.is_empty()).then_some(Self {
            numbers,
            code: code?,
            expires: expires?,
            limit,
        })
    }
}

impl fmt::Debug for TestNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestNumbers")
            .field("numbers", &self.numbers.len())
            .field("expires", &self.expires)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

fn number(report: &mut Report<'_>, written: &Spanned<String>) -> Option<u64> {
    // A pattern would make other people's numbers test numbers.
    let number = PhoneNumber::parse(written.get_ref(), None).ok().filter(|phone| phone.to_e164() == *written.get_ref());
    if number.is_none() {
        let help = "write each number whole, in E.164, such as \"+12025550100\"; there are no patterns";
        report.add(written.span(), "not a phone number", help);
    }
    number.map(|phone| phone.digits())
}

fn code(report: &mut Report<'_>, written: &Spanned<String>) -> Option<Code> {
    let code = Code::new(written.get_ref().as_str()).ok();
    let code = code.filter(|code| (6..=10).contains(&code.expose().len()));
    if code.is_none() {
        report.add(written.span(), "not a code", "write 6 to 10 digits in quotes");
    }
    code
}

fn date(report: &mut Report<'_>, written: &Spanned<Datetime>) -> Option<SystemTime> {
    let date = match written.get_ref() {
        Datetime { date: Some(date), time: None, offset: None } => {
            humantime::parse_rfc3339(&format!("{date}T00:00:00Z")).ok()
        }
        _ => None,
    };
    if date.is_none() {
        report.add(
            written.span(),
            "not a date",
            "write the first day on which they are no test numbers, such as 2027-01-31",
        );
    }
    date
}
