//! Phone numbers: parsed once, at the edge.

use std::{fmt, str::FromStr};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, enums::Region as LibRegion};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::error::{Error, ErrorKind, Result};

/// A valid phone number in E.164, with its region and line type.
///
/// Whatever spelling it came in, one subscriber has one value. `Debug` and `Display` are masked; ask for
/// [`to_e164`](Self::to_e164) where the number itself is needed.
///
/// ```
/// use handset::PhoneNumber;
///
/// let phone = PhoneNumber::parse("+371 26 123 456", None)?;
/// assert_eq!(phone.to_e164(), "+37126123456");
/// assert_eq!(phone.to_string(), "+371******56");
///
/// // A national number needs to know where it is dialled.
/// let region = "LV".parse()?;
/// assert_eq!(PhoneNumber::parse("26123456", Some(region))?, phone);
/// assert!(PhoneNumber::parse("26123456", None).is_err());
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhoneNumber {
    /// The digits of the E.164 form; 15 of them fit, and none begins with zero.
    digits: u64,
    country_code: u16,
    region: Option<Region>,
    line_type: LineType,
}

impl PhoneNumber {
    /// Reads a number as a person writes it: international with a leading `+`, or national where a `region` is given.
    ///
    /// The metadata is that of Google's libphonenumber. Spaces, dots, dashes and brackets are ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the text is longer than [`MAX_INPUT`](Self::MAX_INPUT) bytes, is no valid number,
    /// carries an extension or letters, or is national without a region, which would be a guess.
    pub fn parse(text: &str, region: Option<Region>) -> Result<Self> {
        let text = text.trim();
        if text.len() > Self::MAX_INPUT {
            return Err(invalid("a phone number is at most 64 bytes long"));
        }
        if text.chars().any(|c| c.is_alphabetic() || ";#*".contains(c)) {
            return Err(invalid("a phone number has digits only, no letters, extension or dial codes"));
        }
        if region.is_none() && !text.starts_with(['+', '＋']) {
            return Err(invalid(
                "write the phone number with `+` and its country code, or give the region it is dialled in",
            ));
        }
        let parsed = PHONE_NUMBER_UTIL
            .parse(text, region.and_then(Region::lib))
            .map_err(|source| invalid(NOT_A_NUMBER).with_source(source))?;
        if !parsed.is_valid() {
            return Err(invalid("no such phone number: check the country code and the count of digits"));
        }
        let digits = parsed
            .format_as(PhoneNumberFormat::E164)
            .strip_prefix('+')
            // Some national plans have numbers that are longer, and that no other network can dial.
            .filter(|digits| digits.len() <= MOST_DIGITS)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| invalid(NOT_A_NUMBER))?;
        Ok(Self {
            digits,
            country_code: u16::try_from(parsed.country_code)
                .map_err(|source| invalid(NOT_A_NUMBER).with_source(source))?,
            region: parsed.get_region_code().and_then(|region| region.to_string().parse().ok()),
            line_type: LineType::from_lib(parsed.get_type()),
        })
    }

    /// What reading the number has found out, to be kept beside it.
    pub(crate) fn line(&self) -> Line {
        let region = self.region.map(|region| region.to_string());
        Line { country_code: self.country_code, region, line_type: self.line_type }
    }

    /// A number that was read before, from what was kept of it where nobody else writes: under a seal or a signature of ours.
    /// Reading it anew would cost more than all else that is done with it. `None` when the two do not belong together.
    pub(crate) fn kept(e164: &str, line: &Line) -> Option<Self> {
        let digits = e164.strip_prefix('+')?;
        let national = digits.strip_prefix(&line.country_code.to_string())?;
        // What is shorter cannot be masked, and no network has it.
        let is_whole = national.len() > 2 && digits.len() <= MOST_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_whole || line.country_code == 0 {
            return None;
        }
        let region = match &line.region {
            Some(letters) => Some(Region::recorded(letters)?),
            None => None,
        };
        Some(Self { digits: digits.parse().ok()?, country_code: line.country_code, region, line_type: line.line_type })
    }

    /// The number in E.164: `+`, country code, national number.
    #[must_use]
    pub fn to_e164(&self) -> String {
        format!("+{}", self.digits)
    }

    /// The digits of the E.164 form as a number, the country code first.
    #[must_use]
    pub fn digits(&self) -> u64 {
        self.digits
    }

    /// The country calling code, such as 371.
    #[must_use]
    pub fn country_code(&self) -> u16 {
        self.country_code
    }

    /// The region, or `None` for a number of no country (satellite networks, universal free call).
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// What kind of line it is, as far as the numbering plan tells.
    #[must_use]
    pub fn line_type(&self) -> LineType {
        self.line_type
    }

    /// Reads a number as telephone networks write it: the E.164 form without `+`, or the national form of `region`. `None` when
    /// it is neither, or when it can be read as two numbers, which would be a guess.
    pub(crate) fn from_network(text: &str, region: Option<Region>) -> Option<Self> {
        let international = Self::parse(&format!("+{}", text.trim_start_matches('+')), None).ok();
        let national = region.and_then(|region| Self::parse(text, Some(region)).ok());
        // With the prefix, where the country has one: in Germany `49151..` is abroad's way to a mobile phone, not a village.
        let national = national.filter(|phone| phone.national_digits() == text);
        match (international, national) {
            (Some(one), Some(other)) if one != other => None,
            (one, other) => one.or(other),
        }
    }

    /// Whether [`from_network`](Self::from_network) reads no form of this number as another one: neither the E.164 form nor the
    /// national one, with its prefix or without.
    pub(crate) fn is_unmistakable(&self, region: Option<Region>) -> bool {
        let digits = self.digits.to_string();
        let without_prefix = digits.strip_prefix(&self.country_code.to_string()).unwrap_or(&digits).to_owned();
        [without_prefix, self.national_digits(), digits]
            .iter()
            .all(|form| Self::from_network(form, region).is_none_or(|read| read == *self))
    }

    /// The digits that are dialled within the country, its prefix included: `015112345678` of `+4915112345678`.
    pub(crate) fn national_digits(&self) -> String {
        let parsed = PHONE_NUMBER_UTIL.parse(self.to_e164(), None);
        let written = parsed.map(|number| number.format_as(PhoneNumberFormat::National).into_owned());
        written.unwrap_or_default().chars().filter(char::is_ascii_digit).collect()
    }

    /// The longest text that is looked at, in bytes. No number is longer, and parsing takes time.
    pub const MAX_INPUT: usize = 64;
}

/// Shows the country code and the last two digits.
impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.digits.to_string().len() - self.country_code.to_string().len() - 2;
        write!(f, "+{}{}{:02}", self.country_code, "*".repeat(hidden), self.digits % 100)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({self})")
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// A country or territory, by its two letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region([u8; 2]);

impl Region {
    /// The two letters, in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // INVARIANT: only upper-case ASCII letters get past `from_str`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Every region that has phone numbers, with its country code, in alphabetical order.
    pub(crate) fn all() -> Vec<(Self, u16)> {
        let known = PHONE_NUMBER_UTIL.get_supported_regions().filter_map(|region| {
            let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region)?;
            Some((Self::recorded(&region.to_string())?, u16::try_from(code).ok()?))
        });
        let mut all: Vec<_> = known.collect();
        all.sort_unstable();
        all
    }

    /// A mobile number of nobody, as people write it in this region.
    #[cfg(feature = "ui")]
    pub(crate) fn example(self) -> Option<String> {
        let number =
            PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(self.lib()?, PhoneNumberType::Mobile).ok()?;
        Some(number.format_as(PhoneNumberFormat::National).into_owned())
    }

    /// Reads two letters that were a region when they were written down.
    pub(crate) fn recorded(letters: &str) -> Option<Self> {
        let letters = <[u8; 2]>::try_from(letters.as_bytes()).ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The library's value; `from_str` has asked it before, so there always is one.
    fn lib(self) -> Option<LibRegion> {
        self.as_str().parse().ok()
    }
}

impl FromStr for Region {
    type Err = Error;

    /// Reads two upper-case letters that the numbering metadata knows.
    fn from_str(letters: &str) -> Result<Self> {
        let known = letters.bytes().all(|b| b.is_ascii_uppercase())
            && letters
                .parse::<LibRegion>()
                .is_ok_and(|region| PHONE_NUMBER_UTIL.get_supported_regions().any(|r| r == region));
        match <[u8; 2]>::try_from(letters.as_bytes()) {
            Ok(bytes) if known => Ok(Self(bytes)),
            _ => Err(invalid("a region is two capital letters of ISO 3166-1 that have phone numbers, such as `LV`")),
        }
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

/// What the numbering plan says of a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    country_code: u16,
    region: Option<String>,
    #[serde(rename = "type")]
    line_type: LineType,
}

/// What kind of line a number belongs to, in the words of libphonenumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineType {
    /// A mobile phone.
    Mobile,
    /// A line in a building.
    FixedLine,
    /// One of the two: the plan of the region does not tell (as in the USA).
    FixedLineOrMobile,
    /// Free for the caller.
    TollFree,
    /// Dear for the caller.
    PremiumRate,
    /// The caller pays a part.
    SharedCost,
    /// Internet telephony.
    Voip,
    /// A personal number that follows its owner.
    PersonalNumber,
    /// A pager.
    Pager,
    /// A company's universal access number.
    Uan,
    /// Voice mail access.
    Voicemail,
    /// The plan does not say.
    Unknown,
}

impl LineType {
    /// Every line type, in the order of declaration.
    pub const ALL: [Self; 12] = [
        Self::Mobile,
        Self::FixedLine,
        Self::FixedLineOrMobile,
        Self::TollFree,
        Self::PremiumRate,
        Self::SharedCost,
        Self::Voip,
        Self::PersonalNumber,
        Self::Pager,
        Self::Uan,
        Self::Voicemail,
        Self::Unknown,
    ];

    /// The name as it stands in policy files, such as `premium_rate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::FixedLine => "fixed_line",
            Self::FixedLineOrMobile => "fixed_line_or_mobile",
            Self::TollFree => "toll_free",
            Self::PremiumRate => "premium_rate",
            Self::SharedCost => "shared_cost",
            Self::Voip => "voip",
            Self::PersonalNumber => "personal_number",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unknown",
        }
    }

    /// Whether who calls such a number pays its owner: the lines on which calls and messages are ordered to earn by them.
    #[must_use]
    pub fn is_dear(self) -> bool {
        matches!(self, Self::PremiumRate | Self::SharedCost)
    }

    fn from_lib(lib: PhoneNumberType) -> Self {
        match lib {
            PhoneNumberType::Mobile => Self::Mobile,
            PhoneNumberType::FixedLine => Self::FixedLine,
            PhoneNumberType::FixedLineOrMobile => Self::FixedLineOrMobile,
            PhoneNumberType::TollFree => Self::TollFree,
            PhoneNumberType::PremiumRate => Self::PremiumRate,
            PhoneNumberType::SharedCost => Self::SharedCost,
            PhoneNumberType::VoIP => Self::Voip,
            PhoneNumberType::PersonalNumber => Self::PersonalNumber,
            PhoneNumberType::Pager => Self::Pager,
            PhoneNumberType::UAN => Self::Uan,
            PhoneNumberType::VoiceMail => Self::Voicemail,
            PhoneNumberType::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for LineType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Those of the longest number of E.164, the country code included.
const MOST_DIGITS: usize = 15;

const NOT_A_NUMBER: &str = "not a phone number: write `+`, the country code and the other digits";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, region: Option<&str>) -> Result<PhoneNumber> {
        PhoneNumber::parse(text, region.map(|region| region.parse().unwrap()))
    }

    #[test]
    fn c6_four_spellings_of_one_number_are_one_number() {
        let expected = parse("+37126123456", None).unwrap();
        for (text, region) in [
            ("+371 26 123 456", None),
            ("(26) 123-456", Some("LV")),
            ("0037126123456", Some("LV")),
            ("+371.26.12.34.56", Some("DE")),
        ] {
            assert_eq!(parse(text, region).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn region_and_line_type_are_known() {
        for (text, region, line_type) in [
            ("+37126123456", Some("LV"), LineType::Mobile),
            ("+6281234567890", Some("ID"), LineType::Mobile),
            ("+12025550123", Some("US"), LineType::FixedLineOrMobile),
            ("+393123456789", Some("IT"), LineType::Mobile),
            ("+80012345678", None, LineType::TollFree),
        ] {
            let phone = parse(text, None).unwrap();
            assert_eq!(phone.region().map(|region| region.to_string()).as_deref(), region, "{text}");
            assert_eq!(phone.line_type(), line_type, "{text}");
            assert_eq!(phone.to_e164(), text);
        }
    }

    #[test]
    fn a_number_that_is_kept_is_the_same_one() {
        for text in ["+37126123456", "+6281234567890", "+12025550123", "+80012345678"] {
            let phone = parse(text, None).unwrap();
            let kept = PhoneNumber::kept(text, &phone.line()).unwrap();
            assert_eq!((kept, kept.region(), kept.line_type()), (phone, phone.region(), phone.line_type()));
        }
        let line = parse("+37126123456", None).unwrap().line();
        for text in [
            "37126123456",
            "+4917012345678",
            "+371",
            "+37126",
            "",
            "+",
            "+371 26123456",
            "+3712612345678901",
            "+٣٧١٢٦١٢٣٤",
        ] {
            assert!(PhoneNumber::kept(text, &line).is_none(), "{text}");
        }
        let nowhere = Line { region: Some("lv".to_owned()), ..line };
        assert!(PhoneNumber::kept("+37126123456", &nowhere).is_none());
    }

    #[test]
    fn what_would_be_a_guess_is_refused() {
        for (text, region) in [
            ("26123456", None),
            ("0037126123456", None),
            ("37126123456", None),
            ("+371 26123456 ext. 5", None),
            ("+37126123456;ext=5", None),
            ("1-800-FLOWERS", Some("US")),
            ("*100#", Some("LV")),
            ("", None),
            ("+", None),
            ("+371", None),
            ("+3712612345", None),
            ("+371261234567890123", None),
            ("+4923456782355678", None),
            ("+99926123456", None),
        ] {
            assert_eq!(parse(text, region).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
        assert!(parse(&"1".repeat(100_000), Some("US")).is_err());
    }

    #[test]
    fn what_a_network_writes_is_read_in_one_way_or_not_at_all() {
        for (text, region, number) in [
            ("37126123456", None, Some("+37126123456")),
            ("+37126123456", None, Some("+37126123456")),
            ("26123456", None, None),
            ("26123456", Some("LV"), Some("+37126123456")),
            ("37126123456", Some("LV"), Some("+37126123456")),
            ("015112345678", None, None),
            ("015112345678", Some("DE"), Some("+4915112345678")),
            ("4915112345678", Some("DE"), Some("+4915112345678")),
            // Germany's 0170 without its prefix is North Dakota's 701.
            ("17012345678", Some("DE"), Some("+17012345678")),
            ("2025550123", Some("US"), Some("+12025550123")),
            // A number in Arkansas, or one in Norway.
            ("4795551234", Some("US"), None),
            ("017012345678", Some("DE"), Some("+4917012345678")),
            ("anonymous", Some("DE"), None),
            ("", Some("DE"), None),
        ] {
            let region = region.map(|region| region.parse().unwrap());
            let read = PhoneNumber::from_network(text, region);
            assert_eq!(read.map(|phone| phone.to_e164()).as_deref(), number, "{text} {region:?}");
        }
    }

    #[test]
    fn a_number_is_mistakable_when_one_of_its_forms_is_another_number() {
        for (number, region, unmistakable) in [
            ("+37126123456", None, true),
            ("+37126123456", Some("LV"), true),
            ("+4917012345678", None, false),
            ("+4917012345678", Some("DE"), false),
            ("+14795551234", None, false),
            // France's 06 12 34 56 78 would be a number in Germany.
            ("+33612345678", Some("DE"), false),
            ("+33612345678", Some("FR"), true),
        ] {
            let region = region.map(|region| region.parse().unwrap());
            assert_eq!(parse(number, None).unwrap().is_unmistakable(region), unmistakable, "{number} {region:?}");
        }
    }

    #[test]
    fn national_digits_have_the_prefix_of_their_country() {
        for (number, national) in [
            ("+4915112345678", "015112345678"),
            ("+37126123456", "26123456"),
            ("+12025550123", "2025550123"),
            ("+390612345678", "0612345678"),
        ] {
            assert_eq!(parse(number, None).unwrap().national_digits(), national);
        }
    }

    #[test]
    fn d2_no_text_form_shows_the_number() {
        let phone = parse("+37126123456", None).unwrap();
        assert_eq!(format!("{phone} {phone:?}"), "+371******56 PhoneNumber(+371******56)");
    }

    #[test]
    fn regions_are_those_with_phone_numbers() {
        assert_eq!("LV".parse::<Region>().unwrap().as_str(), "LV");
        for bad in ["", "lv", "XX", "LVA", "001", "L\u{e9}"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,80}", hint in proptest::option::of("LV|US|ID|IT")) {
            if let Ok(phone) = parse(&text, hint.as_deref()) {
                let again = parse(&phone.to_e164(), None).unwrap();
                proptest::prop_assert_eq!(again, phone);
                proptest::prop_assert!(!phone.to_string().contains(&phone.to_e164()));
            }
        }

        #[test]
        fn no_form_of_an_unmistakable_number_is_read_as_another(
            text in "\\+(49|33|39|371|1|7|44|62)[0-9]{7,11}", region in proptest::option::of("LV|US|ID|IT|DE"),
        ) {
            let region = region.map(|region| region.parse().unwrap());
            if let Ok(phone) = parse(&text, None)
                && phone.is_unmistakable(region)
            {
                for form in [phone.to_e164(), phone.digits().to_string(), phone.national_digits()] {
                    let read = PhoneNumber::from_network(&form, region);
                    proptest::prop_assert!(read.is_none_or(|read| read == phone), "{}", form);
                }
            }
        }

        #[test]
        fn numbers_keep_their_value_through_any_punctuation(national in 20_000_000_u32..30_000_000, gap in " |-|\\.|\\)") {
            if let Ok(phone) = parse(&format!("+371{national}"), None) {
                let text = national.to_string();
                let (left, right) = text.split_at(3);
                proptest::prop_assert_eq!(parse(&format!("{left}{gap}{right}"), Some("LV")).unwrap(), phone);
            }
        }
    }
}
