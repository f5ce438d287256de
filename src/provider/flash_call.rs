//! Calls that nobody takes: the code is the end of the caller's number.

use super::{Handle, Settle, Started};
use crate::{check::Expected, error::Result};

/// An order that the vendor has taken, to be called by `caller`: digits, country code first where the vendor gives it.
pub(super) fn started(provider: &'static str, handle: String, caller: &str) -> Result<Started> {
    let expected = Expected::caller_id(caller, DIGITS).map_err(|error| error.with_provider(provider))?;
    Ok(Started::new(Handle::new(handle), Settle::LocalCode(expected)))
}

/// How many of the caller's last digits the person is asked for.
pub(super) const DIGITS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_last_four_digits_are_asked_for() {
        let started = started("acme", "7".to_owned(), "37166000042").unwrap();
        let Settle::LocalCode(expected) = started.settle else { panic!("we compare") };
        assert_eq!((started.handle.as_str(), expected.digits().expose()), ("7", "0042"));
    }

    #[test]
    fn a_caller_without_a_number_is_refused_and_not_shown() {
        for caller in ["", "042", "anonymous", "+37166000042", "6221508000426221508"] {
            let error = started("acme", "7".to_owned(), caller).unwrap_err();
            assert_eq!((error.kind(), error.provider()), (ErrorKind::Unavailable, Some("acme")), "{caller}");
            assert!(caller.is_empty() || !format!("{error:?}").contains(caller), "{error:?}");
        }
    }
}
