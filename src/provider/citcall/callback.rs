//! What the vendor reports after a call. Pure.
//!
//! A report is **not signed**: whoever knows the URL can post one, and the wrapping of version 2 proves nothing. So a report
//! may say whether the phone rang, and can never verify a check; the token that it repeats is not even read out. Whoever takes
//! reports keeps the URL secret and looks at the sender's address.

use std::time::SystemTime;

use super::{Config, NAME, Version, wire::Body};
use crate::{
    error::{Error, ErrorKind, Result},
    provider::{Delivery, Handle, Report, Verdict},
};

/// Reads the body of a report: plain JSON, or wrapped in `data` where the account is of version 2. `now` is for the age of
/// wrapped ones.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`] when it cannot be read, or names no call.
pub(super) fn read(config: &Config, body: &[u8], now: SystemTime) -> Result<Report> {
    let body = Body::parse(config, body, now).map_err(|why| invalid("the report cannot be read").with_source(why))?;
    let mut report = Report::new(Verdict::Pending);
    report.delivery = Some(delivery(&body));
    match config.version {
        // It comes to the one URL of the account, and names the order by what went along with it. The vendor's own id is none
        // that its answer is sure to have had.
        Version::V2 => report.alias = body.client_unique_id,
        // It comes to the URL of the check.
        Version::V3 => report.handle = body.trxid.or(body.trx_id).map(Handle::new),
    }
    match &report {
        Report { alias: None, handle: None, .. } => Err(invalid("the report names no call")),
        _ => Ok(report),
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
            match config.version {
                Version::V2 => assert_eq!(report.alias.as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAA")),
                Version::V3 => assert_eq!(report.handle, Some(Handle::new("20180205000123"))),
            }
            assert_eq!((report.verdict, report.delivery), (Verdict::Pending, Some(Delivery::Delivered)));
            assert!(!format!("{report:?}").contains("0042"), "the token is left out");
        }
    }

    #[test]
    fn a_wrapped_report_is_read_in_version_2_and_while_it_is_fresh() {
        let wrapped = wrap(PLAIN);
        assert_eq!(read(&v2(), wrapped.as_bytes(), NOW).unwrap().delivery, Some(Delivery::Delivered));
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
            assert_eq!((report.handle, report.delivery), (Some(Handle::new("7")), Some(Delivery::Delivered)), "{body}");
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
            let report = read(&v3(), body.as_bytes(), NOW).unwrap();
            assert_eq!((report.verdict, report.delivery), (Verdict::Pending, Some(delivery)), "{body}");
        }
    }

    #[test]
    fn a_report_of_version_2_names_the_order_by_our_id() {
        let body = r#"{"rc":"00","trx_id":"7","result":"Success"}"#;
        assert_eq!(read(&v2(), body.as_bytes(), NOW).unwrap_err().kind(), ErrorKind::InvalidInput);
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

        #[test]
        fn no_report_decides(rc in ".{0,3}", result in ".{0,10}", status in ".{0,10}", call in "[0-9]{1,9}") {
            let body = serde_json::json!({
                "rc": rc, "result": result, "dial_status": status, "verified": true, "trxid": call, "clientUniqueId": call,
            });
            for config in [v2(), v3()] {
                let report = read(&config, body.to_string().as_bytes(), NOW).unwrap();
                prop_assert_eq!(report.verdict, Verdict::Pending);
            }
        }
    }
}
