//! What the vendor reports after a call. Pure.
//!
//! A report is **not signed**: whoever knows the URL can post one, and the wrapping of version 2 proves nothing. So a report
//! may say whether the phone rang, and can never verify a check; the token that it repeats is not even read out. Whoever takes
//! reports keeps the URL secret, looks at the sender's address, and gives a second report of a call no second effect.

use std::time::SystemTime;

use super::{
    Config, NAME,
    wire::{Body, NotRead},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    provider::{Delivery, Handle},
};

/// What is left of a report.
#[derive(Debug)]
pub(super) struct Report {
    /// The vendor's id of the call, `trxid` or `trx_id`.
    pub(super) handle: Option<Handle>,
    /// Our own id, which went along with the order.
    pub(super) check_id: Option<CheckId>,
    /// What became of the call.
    pub(super) delivery: Delivery,
}

/// Reads the body of a report: plain JSON, or wrapped in `data` where the account is of version 2. `now` is for the age of
/// wrapped ones.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`] when it cannot be read, or names no call.
pub(super) fn read(config: &Config, body: &[u8], now: SystemTime) -> Result<Report> {
    let body = Body::parse(config, body, now).map_err(|why| match why {
        NotRead::NotJson => invalid("the report is not the vendor's JSON"),
        NotRead::Wrapped(why) => invalid("the report cannot be unwrapped").with_source(why),
    })?;
    let delivery = delivery(&body);
    let report = Report {
        handle: body.trxid.or(body.trx_id).map(Handle::new),
        check_id: body.client_unique_id.and_then(|id| id.parse().ok()),
        delivery,
    };
    match report {
        Report { handle: None, check_id: None, .. } => Err(invalid("the report names no call")),
        report => Ok(report),
    }
}

/// The values of `result` are known from hearsay, those of the dial and call status not at all: what is unknown is not taken
/// for a success.
fn delivery(body: &Body) -> Delivery {
    let result = body.result.as_deref().unwrap_or_default();
    match body.rc() {
        Some(rc) if rc != 0 => Delivery::NotDelivered,
        _ if result.eq_ignore_ascii_case("failed") => Delivery::NotDelivered,
        _ if result.eq_ignore_ascii_case("success") => Delivery::Delivered,
        _ => Delivery::InProgress,
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message).with_provider(NAME)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;

    use super::*;
    use crate::{provider::citcall::wire, secret::Secret};

    const PLAIN: &str = include_str!("testdata/callback.json");
    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn v3() -> Config {
        Config::new(Secret::new("0123456789abcdef0123456789abcdef"))
    }

    fn v2() -> Config {
        Config::v2(Secret::new("acme"), Secret::new("0123456789abcdef0123456789abcdef"))
    }

    fn wrap(text: &str) -> String {
        format!(r#"{{"data":"{}"}}"#, wire::cipher(&v2()).seal(text, NOW).unwrap())
    }

    #[test]
    fn a_plain_report_is_read_in_both_versions() {
        for config in [v2(), v3()] {
            let report = read(&config, PLAIN.as_bytes(), NOW).unwrap();
            assert_eq!(report.handle, Some(Handle::new("20180205000123")));
            assert_eq!(report.check_id.unwrap().to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
            assert_eq!(report.delivery, Delivery::Delivered);
            assert!(!format!("{report:?}").contains("0042"), "the token is left out");
        }
    }

    #[test]
    fn a_wrapped_report_is_read_in_version_2_and_while_it_is_fresh() {
        let wrapped = wrap(PLAIN);
        assert_eq!(read(&v2(), wrapped.as_bytes(), NOW).unwrap().delivery, Delivery::Delivered);
        let late = NOW + Duration::from_secs(481);
        for (config, body, now) in
            [(v2(), wrapped.as_str(), late), (v3(), &wrapped, NOW), (v2(), r#"{"data":"AAAA"}"#, NOW)]
        {
            assert_eq!(read(&config, body.as_bytes(), now).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn both_spellings_of_the_id_are_read() {
        for body in [
            r#"{"trxid":"7","result":"Success"}"#,
            r#"{"trx_id":"7","result":"Success"}"#,
            r#"{"trxid":7,"trx_id":8,"result":"success","rc":0}"#,
        ] {
            let report = read(&v3(), body.as_bytes(), NOW).unwrap();
            assert_eq!((report.handle, report.delivery), (Some(Handle::new("7")), Delivery::Delivered), "{body}");
        }
    }

    #[test]
    fn only_a_clear_success_is_one() {
        for (rest, delivery) in [
            (r#""rc":"00""#, Delivery::InProgress),
            (r#""rc":0,"result":"ANSWERED""#, Delivery::InProgress),
            (r#""rc":"none""#, Delivery::InProgress),
            (r#""rc":0,"result":"Failed""#, Delivery::NotDelivered),
            (r#""rc":"06""#, Delivery::NotDelivered),
            (r#""rc":6,"result":"Success""#, Delivery::NotDelivered),
        ] {
            let body = format!(r#"{{"trxid":"7",{rest}}}"#);
            assert_eq!(read(&v3(), body.as_bytes(), NOW).unwrap().delivery, delivery, "{body}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused_without_showing_it() {
        for body in [
            "",
            "[]",
            r#"["0","7"]"#,
            "{}",
            "null",
            r#"{"trxid":{}}"#,
            r#"{"rc":0,"token":"622150800042"}"#,
            "{\"trxid\":\"62215080",
        ] {
            let error = read(&v3(), body.as_bytes(), NOW).unwrap_err();
            assert_eq!((error.kind(), error.provider()), (ErrorKind::InvalidInput, Some(NAME)), "{body}");
            assert!(!format!("{error:?}").contains("6221508"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in any::<Vec<u8>>(), data in ".{0,60}") {
            let _ = read(&v3(), &body, NOW);
            let _ = read(&v2(), serde_json::json!({ "data": data }).to_string().as_bytes(), NOW);
        }
    }
}
