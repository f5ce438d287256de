use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::callback::RawCallback;

/// Vectors of another implementation of the scheme. The first is the vendor's example.
#[derive(serde::Deserialize)]
struct Vector {
    form: BTreeMap<String, String>,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../testdata/callbacks.json")).unwrap()
}

/// The vendor's example, to a number that there is. Its signature is made here.
fn example() -> Vector {
    let mut form = vectors().remove(0).form;
    form.insert("caller_id".to_owned(), "015112345678".to_owned());
    signed(form)
}

fn signed(form: BTreeMap<String, String>) -> Vector {
    let names = signed_fields(&form["event"]).unwrap();
    let parts: Vec<&str> = names.iter().map(|name| form.get(*name).map_or("", String::as_str)).collect();
    let signature = sign::signature(&secret(), &parts).unwrap();
    Vector { form, signature }
}

fn secret() -> Secret {
    Secret::new("9f8e7d6c5b4a39281706")
}

/// A minute after the call of the vendor's example began, in a zone two hours ahead.
fn now() -> SystemTime {
    humantime::parse_rfc3339("2024-10-23T14:01:47Z").unwrap()
}

fn posted(form: &BTreeMap<String, String>, signature: Option<&[u8]>, peer: &str) -> RawCallback {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    raw(body.into(), signature, peer)
}

fn raw(body: Bytes, signature: Option<&[u8]>, peer: &str) -> RawCallback {
    let mut headers = HeaderMap::new();
    if let Some(value) = signature.and_then(|value| HeaderValue::from_bytes(value).ok()) {
        headers.insert("signature", value);
    }
    let mut message = Message::new(Method::POST, "https://app.example.com/", headers, body);
    message.peer = peer.parse().ok();
    RawCallback::new(message)
}

const VENDOR: &str = "185.45.152.42";

fn judged(raw: RawCallback, secret: &Secret) -> Result<Report> {
    let sources = Unsigned::from(vec!["185.45.152.40/30".parse().unwrap()]);
    let verified = raw.verify(&Signed { sources, secret }, now()).now_or_never().unwrap()?;
    read(&verified.form()?, Some("DE".parse().unwrap()), now())
}

fn changed(changes: &[(&str, &str)]) -> Result<Report> {
    let mut form = example().form;
    form.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let Vector { form, signature } = signed(form);
    judged(posted(&form, Some(signature.as_bytes()), VENDOR), &secret())
}

#[test]
fn the_vendors_example_is_read() {
    let Vector { form, signature } = vectors().remove(0);
    let report = judged(posted(&form, Some(signature.as_bytes()), VENDOR), &secret()).unwrap();
    assert_eq!((report.verdict, report.delivery), (Verdict::Match, Some(Delivery::Delivered)));
    assert_eq!(report.began, Some(now() - Duration::from_secs(60)));
    assert_eq!(report.alias, None, "its number is none");
}

#[test]
fn a_report_names_the_number_that_was_called() {
    for (called, alias) in [
        ("4915112345678", Some("4915112345678")),
        ("+4915112345678", Some("4915112345678")),
        ("015112345678", Some("4915112345678")),
        ("015112345679", Some("4915112345679")),
        ("15112345678", None),
        ("", None),
        ("anonymous", None),
    ] {
        let report = changed(&[("caller_id", called)]).unwrap();
        assert_eq!(report.alias.as_deref(), alias, "{called}");
        assert_eq!(report.id, alias.map(|alias| format!("{alias} 2024-10-23 16:00:47")), "{called}");
    }
}

#[test]
fn every_event_is_signed_over_its_own_fields() {
    for Vector { form, signature } in vectors() {
        let signature = signature.as_bytes();
        assert!(judged(posted(&form, Some(signature), VENDOR), &secret()).is_ok(), "{form:?}");
        for wrong in [None, Some(&b""[..]), Some(&signature[1..]), Some(b"null")] {
            let error = judged(posted(&form, wrong, VENDOR), &secret()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{form:?}");
        }
        assert!(judged(posted(&form, Some(signature), VENDOR), &Secret::new("another secret")).is_err());
        let mut other = form.clone();
        other.insert("event".to_owned(), "NOTIFY_NOTHING".to_owned());
        assert!(judged(posted(&other, Some(signature), VENDOR), &secret()).is_err());
    }
}

#[test]
fn only_the_vendors_network_is_heard() {
    let Vector { form, signature } = example();
    for (peer, heard) in [
        ("185.45.152.40", true),
        ("185.45.152.43", true),
        ("::ffff:185.45.152.41", true),
        ("185.45.152.44", false),
        ("127.0.0.1", false),
        ("not known", false),
    ] {
        let report = judged(posted(&form, Some(signature.as_bytes()), peer), &secret());
        assert_eq!(report.is_ok(), heard, "{peer}");
        assert!(report.err().is_none_or(|error| error.kind() == ErrorKind::Denied));
    }
}

/// Not as we would like it, but as it is: this test is the documentation.
#[test]
fn the_verdict_is_not_signed_and_signed_digits_can_move() {
    let Vector { mut form, signature } = example();
    form.insert("callback_dtmf".to_owned(), "2".to_owned());
    form.insert("pbx_call_id".to_owned(), "out_0".to_owned());
    let report = judged(posted(&form, Some(signature.as_bytes()), VENDOR), &secret()).unwrap();
    assert_eq!(report.verdict, Verdict::NoMatch);

    form.insert("caller_id".to_owned(), "0151123456780".to_owned());
    form.insert("called_did".to_owned(), String::new());
    let report = judged(posted(&form, Some(signature.as_bytes()), VENDOR), &secret()).unwrap();
    assert_eq!((report.verdict, report.alias), (Verdict::Pending, None), "the signature holds, but no outgoing call");
}

#[test]
fn only_calls_that_we_ordered_are_reported() {
    assert!(changed(&[]).unwrap().alias.is_some());
    for other in [("called_did", "442037691881"), ("calltype", "normal"), ("event", "NOTIFY_START")] {
        let report = changed(&[other]).unwrap();
        assert_eq!((report.verdict, report.alias), (Verdict::Pending, None), "{other:?}");
    }
    let out = changed(&[("event", "NOTIFY_OUT_END"), ("destination", "37126123456")]).unwrap();
    assert_eq!((out.verdict, out.alias.as_deref()), (Verdict::Match, Some("37126123456")));
    for start in ["", "yesterday, at 16:00", "2024-10-25 16:00:47"] {
        assert_eq!(changed(&[("call_start", start)]).unwrap_err().kind(), ErrorKind::InvalidInput, "{start}");
    }
}

#[test]
fn a_key_counts_on_a_call_that_was_answered() {
    for (dtmf, disposition, verdict, delivery) in [
        ("1", "answered", Verdict::Match, Delivery::Delivered),
        ("", "answered", Verdict::Pending, Delivery::Delivered),
        ("2", "answered", Verdict::NoMatch, Delivery::Delivered),
        ("11", "answered", Verdict::NoMatch, Delivery::Delivered),
        ("1", "cancel", Verdict::Pending, Delivery::NotDelivered),
        ("", "no answer", Verdict::Pending, Delivery::NotDelivered),
        ("1", "", Verdict::Pending, Delivery::NotDelivered),
    ] {
        let report = changed(&[("callback_dtmf", dtmf), ("disposition", disposition)]).unwrap();
        assert_eq!((report.verdict, report.delivery), (verdict, Some(delivery)), "{dtmf} {disposition}");
    }
}

#[test]
fn a_field_that_comes_twice_is_refused() {
    let Vector { form, signature } = example();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
    for more in ["callback_dtmf=1", "event=NOTIFY_END", "caller_id="] {
        let error = judged(raw(format!("{body}&{more}").into(), Some(signature.as_bytes()), VENDOR), &secret());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Denied, "{more}");
    }
}

#[test]
fn an_echo_is_plain_or_none() {
    assert_eq!(echo("zd_echo=2f7aC0").as_deref(), Some("2f7aC0"));
    assert_eq!(echo("a=b&zd_echo=7").as_deref(), Some("7"));
    for query in ["", "zd_echo", "zd_echo=", "echo=7", "zd_echo=%3Cscript%3E", "zd_echo=a%0D%0Ab"] {
        assert_eq!(echo(query), None, "{query}");
    }
    assert_eq!(echo(&format!("zd_echo={}", "7".repeat(129))), None);
}

proptest! {
    #[test]
    fn e1_one_flipped_bit_of_what_is_signed_is_refused(
        of in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..7_u8,
    ) {
        let Vector { mut form, signature } = example();
        let flip = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            String::from_utf8(bytes).unwrap()
        };
        let given = if of == 0 { flip(&signature) } else { signature };
        if let Some(name) = [None, Some("caller_id"), Some("call_start")][of] {
            let flipped = flip(&form[name]);
            form.insert(name.to_owned(), flipped);
        }
        let error = judged(posted(&form, Some(given.as_bytes()), VENDOR), &secret()).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::Denied);
    }

    #[test]
    fn any_body_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(judged(raw(body.into(), None, VENDOR), &secret()).is_err());
    }

    #[test]
    fn nothing_but_the_key_on_an_answered_call_is_a_match(
        dtmf in "[0-9*#]{0,3}|.{0,4}", disposition in "answered|.{0,9}",
    ) {
        let report = changed(&[("callback_dtmf", &dtmf), ("disposition", &disposition)]).unwrap();
        prop_assert_eq!(report.verdict == Verdict::Match, dtmf == "1" && disposition == "answered");
    }
}
