//! What people type where a phone number is asked for.

use handset::{PhoneNumber, Region};

/// The first line is a region or empty, the rest is what was typed: a number that is read is read again from its E.164 form, and no
/// printed form shows more of it than the country and two digits; of what is no number nothing is repeated.
pub(crate) fn phone_number(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (region, typed) = text.split_once('\n').unwrap_or(("", &text));
    let region: Option<Region> = region.parse().ok();
    match PhoneNumber::parse(typed, region) {
        Ok(phone) => {
            let whole = phone.to_e164();
            let digits = whole.strip_prefix('+').unwrap();
            assert!((7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()), "{whole}");
            assert_eq!(PhoneNumber::parse(&whole, None).unwrap(), phone, "{whole}");
            assert_eq!(phone.digits().to_string(), digits);
            let subscriber = digits.strip_prefix(&phone.country_code().to_string()).unwrap();
            let masked = phone.to_string();
            let rest = masked.strip_prefix(&format!("+{}", phone.country_code())).unwrap();
            assert_eq!(rest.len(), subscriber.len());
            assert!(
                rest.starts_with('*') && rest.trim_start_matches('*') == &subscriber[subscriber.len() - 2..],
                "{masked}"
            );
            assert_eq!(format!("{phone:?}"), format!("PhoneNumber({masked})"));
            true
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            let typed = typed.trim();
            let is_telling = typed.bytes().filter(u8::is_ascii_digit).count() >= 6;
            assert!(!is_telling || !shown.contains(typed), "{shown}");
            false
        }
    }
}
