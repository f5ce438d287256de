//! Unbiased draws from the operating system's generator.

use crate::{error::Result, random};

/// A number below `bound`, each equally likely. `bound` is at least 1.
pub(super) fn below(bound: u32) -> Result<u32> {
    // Rejection sampling: what lies past the largest multiple of `bound` would favour small numbers.
    let fair = u32::MAX - u32::MAX % bound;
    loop {
        let drawn = u32::from_le_bytes(random::bytes()?);
        if drawn < fair {
            return Ok(drawn % bound);
        }
    }
}

/// Letters and digits, each equally likely.
pub(super) fn alphanumeric(length: usize) -> Result<String> {
    (0..length).map(|_| Ok(char::from_digit(below(36)?, 36).unwrap_or('0'))).collect()
}

/// Hexadecimal digits, each equally likely.
pub(super) fn hexadecimal(length: usize) -> Result<String> {
    (0..length).map(|_| Ok(char::from_digit(below(16)?, 16).unwrap_or('0'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_below_the_bound_and_reach_every_value() {
        let drawn: std::collections::BTreeSet<u32> = (0..1_000).map(|_| below(10).unwrap()).collect();
        assert_eq!(drawn, (0..10).collect());
        assert_eq!(below(1).unwrap(), 0);
    }

    #[test]
    fn texts_have_their_length_and_differ() {
        let (one, other) = (alphanumeric(32).unwrap(), alphanumeric(32).unwrap());
        assert!(one.len() == 32 && one.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(one, other);
        let (one, other) = (hexadecimal(32).unwrap(), hexadecimal(32).unwrap());
        assert!(one.len() == 32 && one.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}
