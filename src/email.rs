//! Addresses of e-mail, as far as anything but a message can tell.

use crate::error::{Error, ErrorKind, Result};

/// An address that can be written to, if there is somebody: RFC 5321, section 4.5.3.1, has 64 octets, `@` and 255 octets at most.
pub(crate) fn checked(address: &str) -> Result<&str> {
    match address.rsplit_once('@') {
        Some((local, domain))
            if (1..=64).contains(&local.len())
                && (1..=255).contains(&domain.len())
                && !address.chars().any(|c| c.is_control() || c.is_whitespace()) =>
        {
            Ok(address)
        }
        _ => Err(Error::new(ErrorKind::InvalidInput, "`email` is an e-mail address, such as `ada@example.org`")),
    }
}

/// What of an address may be shown: enough for its owner to know it.
#[cfg(feature = "ui")]
pub(crate) fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    format!("{}***@{domain}", local.chars().next().unwrap_or('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host_and_no_blanks() {
        for good in ["ada@example.org", "a@b", "\"a@b\"@example.org", "ünï@example.org"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "a da@example.org",
            "ada@example.org\r\nBcc: bob@example.org",
            &long,
        ] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
    }

    #[cfg(feature = "ui")]
    #[test]
    fn of_the_name_one_letter_is_shown() {
        assert_eq!(masked("ada@example.org"), "a***@example.org");
        assert_eq!(masked("ü@example.org"), "ü***@example.org");
    }
}
