//! Every fact that is no word is a whole number, and every condition on it a set of ranges.
//!
//! Amounts, ages, flags, addresses and the beginnings of phone numbers are all put on one line of numbers, so that one table
//! finds all of them.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::phone::PhoneNumber;

/// Whole numbers as ranges: sorted, apart from each other, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// Puts ranges in order and joins those that touch.
    pub(super) fn new(mut ranges: Vec<(u128, u128)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (least, most) in ranges {
            match joined.last_mut() {
                Some((_, end)) if least <= end.saturating_add(1) => *end = most.max(*end),
                _ => joined.push((least, most)),
            }
        }
        Self(joined)
    }

    pub(super) fn contains(&self, number: u128) -> bool {
        self.around(number).is_some_and(|(_, most)| number <= most)
    }

    /// Whether every number in it is in `other`, too.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|(least, most)| other.around(*least).is_some_and(|(_, end)| *most <= end))
    }

    /// Whether no number is in both.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        self.0.iter().all(|(least, most)| other.around(*most).is_none_or(|(_, end)| end < *least))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u128, u128)> {
        self.0.iter().copied()
    }

    /// The last range that begins at or before a number.
    fn around(&self, number: u128) -> Option<(u128, u128)> {
        let after = self.0.partition_point(|(least, _)| *least <= number);
        after.checked_sub(1).and_then(|position| self.0.get(position)).copied()
    }
}

/// A whole number on the line. Keeps the order.
pub(super) fn of_number(number: i64) -> u128 {
    u128::from(number.abs_diff(i64::MIN))
}

/// The whole number at a place of the line.
pub(super) fn number_at(place: u128) -> i64 {
    u64::try_from(place).map_or(i64::MAX, |distance| i64::MIN.wrapping_add_unsigned(distance))
}

/// An address on the line. IPv4 has the block in which IPv6 writes it.
pub(super) fn of_address(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address at a place of the line.
pub(super) fn address_at(place: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(place)).to_canonical()
}

/// The addresses of a network. One of IPv6 holds none of IPv4, however they are written.
pub(super) fn of_network(network: IpNet) -> Vec<(u128, u128)> {
    let (first, last) = (of_address(network.network()), of_address(network.broadcast()));
    match network {
        IpNet::V6(_) if first <= IPV4.0 && IPV4.1 <= last => {
            vec![(first, IPV4.0.saturating_sub(1)), (IPV4.1.saturating_add(1), last)]
        }
        _ => vec![(first, last)],
    }
}

/// A phone number on the line: what begins alike stands together, and the shorter before the longer.
pub(super) fn of_phone(phone: &PhoneNumber) -> u128 {
    of_digits(phone.digits()).0
}

/// The phone numbers that begin with a prefix: `+` and 1 to 15 digits, of which the first is not zero.
pub(super) fn of_prefix(text: &str) -> Option<(u128, u128)> {
    let digits = text.strip_prefix('+')?;
    let plain = digits.len() <= LONGEST && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let (first, width) = plain.then(|| digits.parse().ok()).flatten().map(of_digits)?;
    Some((first, first + (width - 1)))
}

/// The digits with which the numbers from a place of the line begin; `None` where none do.
pub(super) fn digits_at(place: u128) -> Option<String> {
    let digits: Vec<_> = (0..LONGEST_PLACE).rev().map(|position| place / 11_u128.pow(position) % 11).collect();
    let written = digits.iter().take_while(|digit| **digit > 0);
    let text: String = written.filter_map(|digit| char::from_digit(u32::try_from(digit - 1).ok()?, 10)).collect();
    (!text.is_empty()).then_some(text)
}

/// Digits as a number of base eleven, in which the end of the number is a digit of its own and the smallest; and how many
/// places there are before the next one of this length.
fn of_digits(digits: u64) -> (u128, u128) {
    let length = digits.checked_ilog10().unwrap_or_default();
    let place = (0..=length).rev().fold(0_u128, |place, position| {
        let digit = digits / 10_u64.saturating_pow(position) % 10;
        place * 11 + u128::from(digit) + 1
    });
    let rest = u32::try_from(LONGEST).unwrap_or_default().saturating_sub(length + 1);
    let width = 11_u128.pow(rest);
    (place * width, width)
}

/// The most digits of a number in E.164.
const LONGEST: usize = 15;

const LONGEST_PLACE: u32 = 15;

/// Where IPv6 writes IPv4: `::ffff:0:0/96`.
const IPV4: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(prefix: &str, phone: &PhoneNumber) -> bool {
        Ranges::new(vec![of_prefix(prefix).unwrap()]).contains(of_phone(phone))
    }

    #[test]
    fn a_prefix_is_of_digits_not_of_values() {
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        for (prefix, expected) in [
            ("+3", true),
            ("+371", true),
            ("+37126123456", true),
            ("+372", false),
            ("+7", false),
            ("+371261234567", false),
            ("+371261234560", false),
            ("+3712612345678", false),
        ] {
            assert_eq!(begins(prefix, &phone), expected, "{prefix}");
        }
        for bad in ["", "+", "371", "+0", "+37 1", "+1234567890123456", "++371", "+３７"] {
            assert!(of_prefix(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_place_of_the_line_has_its_digits() {
        for digits in ["1", "371", "37126123456", "123456789012345", "100"] {
            assert_eq!(digits_at(of_prefix(&format!("+{digits}")).unwrap().0).as_deref(), Some(digits));
        }
        assert_eq!(digits_at(0), None);
    }

    #[test]
    fn a_network_of_ipv6_holds_no_ipv4() {
        let holds = |network: &str, ip: &str| {
            Ranges::new(of_network(network.parse().unwrap())).contains(of_address(ip.parse().unwrap()))
        };
        assert!(holds("0.0.0.0/0", "192.0.2.1") && holds("0.0.0.0/0", "::ffff:192.0.2.1"));
        assert!(holds("::/0", "2001:db8::1") && holds("::/0", "::1"));
        assert!(!holds("::/0", "192.0.2.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("10.0.0.0/8", "10.255.255.255") && !holds("10.0.0.0/8", "11.0.0.0"));
    }

    proptest::proptest! {
        #[test]
        fn a_prefix_agrees_with_text(national in 20_000_000_u32..30_000_000, prefix in "\\+[1-9][0-9]{0,14}|\\+371[0-9]{0,4}") {
            if let Ok(phone) = PhoneNumber::parse(&format!("+371{national}"), None) {
                proptest::prop_assert_eq!(begins(&prefix, &phone), phone.to_e164().starts_with(&prefix));
            }
        }

        #[test]
        fn ranges_are_the_sets_that_they_are_made_of(
            some in proptest::collection::vec((0_u8..40, 0_u8..10), 0..8),
            others in proptest::collection::vec((0_u8..40, 0_u8..10), 0..8),
        ) {
            let wide = |list: &[(u8, u8)]| list.iter().map(|(a, n)| (u128::from(*a), u128::from(a + n))).collect();
            let (a, b) = (Ranges::new(wide(&some)), Ranges::new(wide(&others)));
            let among = |list: &[(u8, u8)], x: u128| list.iter().any(|(a, n)| (u128::from(*a)..=u128::from(a + n)).contains(&x));
            let all = || 0..60_u128;
            proptest::prop_assert!(all().all(|x| a.contains(x) == among(&some, x)));
            proptest::prop_assert_eq!(a.is_within(&b), all().all(|x| !a.contains(x) || b.contains(x)));
            proptest::prop_assert_eq!(a.is_apart_from(&b), all().all(|x| !(a.contains(x) && b.contains(x))));
        }

        #[test]
        fn numbers_and_addresses_survive_the_line(number: i64, bits: u128, other: i64) {
            proptest::prop_assert_eq!(number_at(of_number(number)), number);
            proptest::prop_assert_eq!(of_number(number) < of_number(other), number < other);
            let ip = address_at(bits);
            proptest::prop_assert_eq!(address_at(of_address(ip)), ip);
        }
    }
}
