//! What the vendor's server posts when a call has ended. Pure: who is asked, and what the report is worth, is for the caller.
//!
//! The signature covers the fields of [`signed_fields`] and no more: **the key that was pressed and whether the call was
//! answered are not among them.** Whoever has seen one true callback can change the verdict and keep the signature, or move
//! digits from one signed field into its neighbour. A report counts only with the rest: HTTPS, a source in the vendor's range,
//! an address with a secret of ours, and a call that we ordered, to that number, at that time, once.

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;

use super::{NAME, sign};
use crate::{
    error::{Error, ErrorKind, Result},
    phone::PhoneNumber,
    secret::Secret,
};

/// The fields that somebody posted. Has no accessors on purpose.
pub(super) struct RawForm(BTreeMap<String, String>);

impl RawForm {
    /// Reads a body of `application/x-www-form-urlencoded`. A name that comes twice is refused: readers differ in which counts.
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(refused("a callback has each field once"));
            }
        }
        Ok(Self(fields))
    }

    /// The only way to the fields. `signature` is the header `Signature`, which the vendor sends once the account has keys.
    pub(super) fn verify(self, secret: &Secret, signature: Option<&[u8]>) -> Result<SignedForm> {
        let event = self.0.get("event").map(String::as_str).unwrap_or_default();
        let names = signed_fields(event).ok_or_else(|| refused("this event of a callback is not known"))?;
        let parts: Vec<&str> = names.iter().filter_map(|name| self.0.get(*name)).map(String::as_str).collect();
        let expected = sign::signature(secret, &parts)?;
        match signature {
            Some(given) if bool::from(expected.as_bytes().ct_eq(given)) => Ok(SignedForm(self.0)),
            _ => Err(refused("the signature of a callback is missing or wrong")),
        }
    }
}

/// The fields of a callback whose signature is right. The signature does not cover all of them.
pub(super) struct SignedForm(BTreeMap<String, String>);

impl SignedForm {
    /// The end of a call that we ordered; `None` for every other event.
    ///
    /// The vendor's pages tell of `NOTIFY_OUT_END` and show `NOTIFY_END`, so both are taken. Of the latter only the kind that
    /// is shown, with the `called_did` of an outgoing call: that of an incoming call names who called, which a caller can forge.
    pub(super) fn call_end(&self) -> Result<Option<CallEnd>> {
        let called = match self.field("event") {
            "NOTIFY_END" if self.field("calltype") == "callback_leg1" && self.field("called_did") == "0" => "caller_id",
            "NOTIFY_OUT_END" => "destination",
            _ => return Ok(None),
        };
        let text = |name| match self.field(name) {
            "" => Err(refused("a field of the callback is missing")),
            time if name == "call_start" && !is_time(time) => Err(refused("`call_start` is no time")),
            value => Ok(value.to_owned()),
        };
        Ok(Some(CallEnd {
            called: text(called)?,
            call_id: text("pbx_call_id")?,
            call_start: text("call_start")?,
            dtmf: self.field("callback_dtmf").to_owned(),
            disposition: text("disposition")?,
        }))
    }

    fn field(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// How a call ended.
pub(super) struct CallEnd {
    /// The number that was called, as the vendor writes it: in national form, or in E.164 without `+`. Signed.
    pub(super) called: String,
    /// When it began, `2024-10-23 16:00:47` in the time zone of the account. Signed.
    pub(super) call_start: String,
    /// The vendor's name for the call. Not signed.
    pub(super) call_id: String,
    /// The keys that were pressed; empty for none. Not signed.
    pub(super) dtmf: String,
    /// `answered`, `cancel` and others. Not signed.
    pub(super) disposition: String,
}

impl CallEnd {
    /// Whether the person took the call and pressed the key that the greeting asks for.
    pub(super) fn is_confirmed(&self) -> bool {
        self.disposition == "answered" && self.dtmf == "1"
    }

    /// Whether `phone` is the number that was called.
    pub(super) fn is_to(&self, phone: &PhoneNumber) -> bool {
        let international = format!("+{}", self.called.trim_start_matches('+'));
        [(international.as_str(), None), (self.called.as_str(), phone.region())]
            .into_iter()
            .any(|(text, region)| PhoneNumber::parse(text, region).is_ok_and(|called| called == *phone))
    }
}

/// What the vendor asks of a URL before it takes it: the value of `zd_echo`, to be answered as it is, in plain text.
pub(super) fn echo(query: &str) -> Option<String> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "zd_echo")?;
    let plain = (1..=128).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| value.into_owned())
}

/// The fields whose values, one behind the other, are signed.
fn signed_fields(event: &str) -> Option<&'static [&'static str]> {
    Some(match event {
        "NOTIFY_START" | "NOTIFY_IVR" | "NOTIFY_INTERNAL" | "NOTIFY_END" => &["caller_id", "called_did", "call_start"],
        "NOTIFY_ANSWER" => &["caller_id", "destination", "call_start"],
        "NOTIFY_OUT_START" | "NOTIFY_OUT_END" => &["internal", "destination", "call_start"],
        "NOTIFY_RECORD" => &["pbx_call_id", "call_id_with_rec"],
        "SMS" | "NUMBER_LOOKUP" | "CALL_TRACKING" => &["result"],
        _ => return None,
    })
}

fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect();
    shape == "dddd-dd-dd dd:dd:dd"
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message).with_provider(NAME)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Vectors of another implementation of the scheme. The first is the vendor's example.
    #[derive(serde::Deserialize)]
    struct Vector {
        form: BTreeMap<String, String>,
        signature: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("testdata/callbacks.json")).unwrap()
    }

    fn secret() -> Secret {
        Secret::new("9f8e7d6c5b4a39281706")
    }

    fn raw(form: &BTreeMap<String, String>) -> RawForm {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        RawForm::parse(body.as_bytes()).unwrap()
    }

    fn read(form: &BTreeMap<String, String>, signature: &str) -> Result<Option<CallEnd>> {
        raw(form).verify(&secret(), Some(signature.as_bytes()))?.call_end()
    }

    /// The vendor's example, changed and signed again.
    fn changed(changes: &[(&str, &str)]) -> Result<Option<CallEnd>> {
        let mut form = vectors().remove(0).form;
        form.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let parts: Vec<&str> = signed_fields(&form["event"]).unwrap().iter().map(|name| form[*name].as_str()).collect();
        let signature = sign::signature(&secret(), &parts).unwrap();
        read(&form, &signature)
    }

    #[test]
    fn the_vendors_example_is_read() {
        let Vector { form, signature } = vectors().remove(0);
        let end = read(&form, &signature).unwrap().unwrap();
        assert_eq!((end.called.as_str(), end.call_start.as_str()), ("0999999999", "2024-10-23 16:00:47"));
        assert_eq!(end.call_id, "out_0e7d449cac2f0a3ce54919e91cd999194e8f2d97");
        assert_eq!((end.dtmf.as_str(), end.disposition.as_str()), ("1", "answered"));
        assert!(end.is_confirmed());
    }

    #[test]
    fn every_event_is_signed_over_its_own_fields() {
        for Vector { form, signature } in vectors() {
            assert!(raw(&form).verify(&secret(), Some(signature.as_bytes())).is_ok(), "{form:?}");
            for wrong in [None, Some(&b""[..]), Some(&signature.as_bytes()[1..]), Some(b"null")] {
                assert!(raw(&form).verify(&secret(), wrong).is_err(), "{form:?}");
            }
            assert!(raw(&form).verify(&Secret::new("another secret"), Some(signature.as_bytes())).is_err());
            let mut other = form.clone();
            other.insert("event".to_owned(), "NOTIFY_NOTHING".to_owned());
            assert!(raw(&other).verify(&secret(), Some(signature.as_bytes())).is_err());
        }
    }

    /// Not as we would like it, but as it is: this test is the documentation.
    #[test]
    fn the_verdict_is_not_signed_and_signed_digits_can_move() {
        let Vector { mut form, signature } = vectors().remove(0);
        form.insert("callback_dtmf".to_owned(), String::new());
        form.insert("disposition".to_owned(), "cancel".to_owned());
        form.insert("pbx_call_id".to_owned(), "out_0".to_owned());
        assert!(!read(&form, &signature).unwrap().unwrap().is_confirmed());

        form.insert("caller_id".to_owned(), "09999999990".to_owned());
        form.insert("called_did".to_owned(), String::new());
        assert!(read(&form, &signature).unwrap().is_none(), "the signature holds, the call is no outgoing one");
    }

    #[test]
    fn only_calls_that_we_ordered_are_reported() {
        assert!(changed(&[]).unwrap().is_some());
        assert!(changed(&[("called_did", "442037691881")]).unwrap().is_none(), "somebody called the account");
        assert!(changed(&[("calltype", "normal")]).unwrap().is_none());
        assert!(changed(&[("event", "NOTIFY_START")]).unwrap().is_none());
        let out = changed(&[("event", "NOTIFY_OUT_END"), ("destination", "37126123456")]).unwrap().unwrap();
        assert_eq!(out.called, "37126123456");
        for missing in
            [("call_start", ""), ("call_start", "yesterday, at 16:00"), ("pbx_call_id", ""), ("caller_id", "")]
        {
            assert_eq!(changed(&[missing]).err().unwrap().kind(), ErrorKind::InvalidInput, "{missing:?}");
        }
    }

    #[test]
    fn a_key_counts_on_a_call_that_was_answered() {
        for (dtmf, disposition, confirmed) in [
            ("1", "answered", true),
            ("", "answered", false),
            ("2", "answered", false),
            ("11", "answered", false),
            ("1", "cancel", false),
        ] {
            let end = changed(&[("callback_dtmf", dtmf), ("disposition", disposition)]).unwrap().unwrap();
            assert_eq!(end.is_confirmed(), confirmed, "{dtmf} {disposition}");
        }
    }

    #[test]
    fn the_called_number_is_compared_in_any_form() {
        let phone = PhoneNumber::parse("+4915112345678", None).unwrap();
        for (called, same) in [
            ("4915112345678", true),
            ("+4915112345678", true),
            ("015112345678", true),
            ("015112345679", false),
            ("15112345678", true),
            ("", false),
            ("anonymous", false),
        ] {
            let end = changed(&[]).unwrap().unwrap();
            assert_eq!(CallEnd { called: called.to_owned(), ..end }.is_to(&phone), same, "{called}");
        }
    }

    #[test]
    fn a_field_that_comes_twice_is_refused() {
        assert!(RawForm::parse(b"event=NOTIFY_END&callback_dtmf=1&callback_dtmf=").is_err());
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
        fn one_flipped_bit_is_refused(of in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..7_u8) {
            let Vector { mut form, signature } = vectors().remove(0);
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
            prop_assert!(raw(&form).verify(&secret(), Some(given.as_bytes())).is_err());
        }

        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(form) = RawForm::parse(&body) {
                prop_assert!(form.verify(&secret(), None).is_err());
            }
        }
    }
}
