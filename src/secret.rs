//! Values that must not be seen: redacted in `Debug`, without `Display` or `Serialize`, wiped when dropped.

use std::fmt;

use serde::Deserialize;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    random,
};

/// A credential or key. Prints as `[redacted]`, compares only in constant time, is wiped when dropped.
///
/// ```
/// use handset::Secret;
///
/// let token = Secret::new("pNTmaqxpAmNxzQlD");
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// assert_eq!(token.expose(), "pNTmaqxpAmNxzQlD");
/// ```
///
/// It is deserialised as a newtype, so that a reader of settings can tell it from other texts: `handset serve` has a secret in no
/// file of settings.
#[derive(Clone, Deserialize)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Exposes the value, at the one place that sends or uses it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the value is `other`, in a time that tells only the lengths.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The digits that show possession: what a message carries, or the number that a flash call comes from.
///
/// Between 1 and 15 ASCII digits; never empty, so an answer that is not there cannot equal a code that is not there.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// Takes the digits of a code.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there are none, more than 15, or other characters.
    pub fn new(digits: impl Into<String>) -> Result<Self> {
        let digits = Zeroizing::new(digits.into());
        if digits.is_empty() || digits.len() > Self::MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::new(ErrorKind::InvalidInput, "a code has 1 to 15 digits"));
        }
        Ok(Self(digits))
    }

    /// Draws a code of `digits` digits, each value equally likely, from the operating system's generator.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless `digits` is 1 to 15; [`ErrorKind::Unavailable`] when the generator fails.
    pub fn random(digits: u8) -> Result<Self> {
        let mut code = Zeroizing::new(String::with_capacity(usize::from(digits)));
        while code.len() < usize::from(digits) {
            for byte in random::bytes::<16>()? {
                // Rejection sampling: 250 is the largest multiple of ten in a byte.
                if byte < 250 && code.len() < usize::from(digits) {
                    code.push(char::from(b'0' + byte % 10));
                }
            }
        }
        Self::new(code.as_str())
    }

    /// This code, or a fresh one in its place when it begins with a zero: for vendors that call codes numbers, so that what they
    /// would send of `004218` is anybody's guess. All codes that are left are equally likely.
    pub(crate) fn without_leading_zero(&self) -> Result<Self> {
        let digits = u8::try_from(self.0.len()).unwrap_or(u8::MAX);
        let mut code = self.clone();
        while code.0.starts_with('0') {
            code = Self::random(digits)?;
        }
        Ok(code)
    }

    /// Exposes the digits, at the one place that sends or compares them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The most digits a code can have: those of the longest E.164 number.
    pub const MAX_DIGITS: usize = 15;
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_for_a_number_is_kept_unless_it_begins_with_a_zero() {
        assert_eq!(Code::new("482916").unwrap().without_leading_zero().unwrap().expose(), "482916");
        for _ in 0..200 {
            let code = Code::new("004218").unwrap().without_leading_zero().unwrap();
            assert!(code.expose().len() == 6 && !code.expose().starts_with('0'));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
        assert_eq!(format!("{:?}", Code::new("123456").unwrap()), "[redacted]");
    }

    #[test]
    fn a7_a_code_is_one_to_fifteen_ascii_digits() {
        for good in ["0", "0042", "371660049530000"] {
            assert!(Code::new(good).is_ok(), "{good}");
        }
        for bad in ["", "12a4", "１２３４", "1234567890123456", " 1234"] {
            assert!(Code::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn random_codes_have_the_asked_length_and_differ() {
        let drawn: std::collections::HashSet<String> =
            (0..100).map(|_| Code::random(9).unwrap().expose().to_owned()).collect();
        assert!(drawn.iter().all(|code| code.len() == 9));
        assert!(drawn.len() > 95);
        assert!(Code::random(0).is_err());
        assert!(Code::random(16).is_err());
    }

    /// Pearson's chi-squared over a million digits; 27.9 is the 0.1 % point for nine degrees of freedom, and the bound is
    /// three times that, so that chance fails this less than once in a billion runs.
    #[test]
    fn d2_what_is_held_is_wiped_when_it_is_dropped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&Secret::new("secret").0);
        is_wiped(&Code::random(6).unwrap().0);
    }

    #[test]
    fn a1_generated_digits_are_uniform() {
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            for digit in Code::random(10).unwrap().expose().bytes() {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        let expected = 100_000.0;
        let chi2: f64 = counts.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
        assert!(chi2 < 84.0, "chi-squared {chi2} of {counts:?}");
    }
}
