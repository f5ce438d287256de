//! Who the knobs are turned for.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{PoisonError, RwLock},
    time::Instant,
};

use serde_json::{Map, Value};

use super::{Dials, Knob, counter::Counter};
use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::handset::inbox,
};

/// Whose requests a knob is for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "every request, those to one vendor, those about one number: there is no more"
)]
pub enum Scope<'a> {
    /// Every request.
    All,
    /// Requests to one vendor, such as `citcall`.
    Vendor(&'a str),
    /// Requests about one number, with or without `+`, or one e-mail address.
    Number(&'a str),
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("All"),
            Self::Vendor(vendor) => f.debug_tuple("Vendor").field(vendor).finish(),
            Self::Number(_) => f.write_str("Number([redacted])"),
        }
    }
}

/// The knobs that are turned. A number's own knob goes before the same knob for a vendor, and that before the one for all.
#[derive(Default)]
pub struct Knobs {
    settings: RwLock<Settings>,
    counter: Counter,
}

#[derive(Default)]
struct Settings {
    all: Vec<Knob>,
    vendors: BTreeMap<&'static str, Vec<Knob>>,
    numbers: BTreeMap<String, Vec<Knob>>,
}

impl Knobs {
    /// Turns a knob, in place of the same knob's earlier value. A rate limit begins to count anew.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is no such vendor, or the value is out of range: a caller's ending that is not
    /// four digits, a redirect that fits no header, a callback URL that is none, an error code of 0 or with a status that is
    /// none, a wait of more than an hour, a rate limit of more than 10,000 requests or per no time, a slow body without a wait.
    pub fn set(&self, scope: Scope<'_>, knob: Knob) -> Result<()> {
        knob.check()?;
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let knobs = settings.of(scope)?;
        if matches!(knob, Knob::RateLimit { .. }) {
            self.counter.clear();
        }
        knobs.retain(|old| mem::discriminant(old) != mem::discriminant(&knob));
        knobs.push(knob);
        Ok(())
    }

    /// Turns every knob of a scope back. Those of other scopes stay, when the scope is [`Scope::All`], too.
    pub fn clear(&self, scope: Scope<'_>) {
        self.counter.clear();
        // A vendor that there is not has no knobs.
        if let Ok(knobs) = self.settings.write().unwrap_or_else(PoisonError::into_inner).of(scope) {
            knobs.clear();
        }
    }

    /// Turns every knob back, those of single vendors and numbers too.
    pub fn reset(&self) {
        self.counter.clear();
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Settings::default();
    }

    /// Puts the knobs of a JSON object in place of those of a scope; all of them or, if one is wrong, none.
    pub(in crate::sandbox) fn replace(&self, scope: Scope<'_>, knobs: Map<String, Value>) -> Result<()> {
        let knobs: Vec<Option<Knob>> =
            knobs.into_iter().map(|(name, value)| Knob::from_entry(name, value)).collect::<Result<_>>()?;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner).of(scope)? =
            knobs.into_iter().flatten().collect();
        self.counter.clear();
        Ok(())
    }

    /// Everything that is turned, as `{"all": {..}, "vendors": {"citcall": {..}}, "numbers": {"+371..": {..}}}`.
    pub(in crate::sandbox) fn to_json(&self) -> Value {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let vendors: Map<_, _> =
            settings.vendors.iter().map(|(vendor, knobs)| ((*vendor).to_owned(), object(knobs))).collect();
        let numbers: Map<_, _> =
            settings.numbers.iter().map(|(number, knobs)| (number.clone(), object(knobs))).collect();
        serde_json::json!({ "all": object(&settings.all), "vendors": vendors, "numbers": numbers })
    }

    /// What holds for a vendor and a number, or for none that is known.
    pub(in crate::sandbox) fn dials(&self, vendor: &'static str, number: Option<&str>) -> Dials {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        Dials::new(settings.holding(vendor, number).cloned().collect(), None)
    }

    /// The same for a request, which counts for a rate limit.
    pub(in crate::sandbox) fn count(&self, vendor: &'static str, number: Option<&str>) -> Dials {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let limit = |knob: &Knob| match knob {
            Knob::RateLimit { requests, per } => Some((*requests, *per)),
            _ => None,
        };
        let whose = number.filter(|number| settings.own(number).iter().any(|knob| limit(knob).is_some()));
        let over = settings.holding(vendor, number).find_map(limit).and_then(|(requests, per)| {
            self.counter.admit((vendor, whose.map(str::to_owned)), requests, per, Instant::now())
        });
        Dials::new(settings.holding(vendor, number).cloned().collect(), over)
    }
}

impl fmt::Debug for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let mut shown = f.debug_struct("Knobs");
        shown.field("all", &settings.all).field("vendors", &settings.vendors).finish_non_exhaustive()
    }
}

impl Settings {
    fn of(&mut self, scope: Scope<'_>) -> Result<&mut Vec<Knob>> {
        match scope {
            Scope::All => Ok(&mut self.all),
            Scope::Vendor(name) => {
                let known = VENDORS.iter().find(|known| **known == name).ok_or_else(|| no_such_vendor(name))?;
                Ok(self.vendors.entry(known).or_default())
            }
            Scope::Number(number) => Ok(self.numbers.entry(inbox(number)).or_default()),
        }
    }

    fn own(&self, number: &str) -> &[Knob] {
        self.numbers.get(number).map_or(&[], Vec::as_slice)
    }

    /// The knobs that hold, the number's own first.
    fn holding(&self, vendor: &str, number: Option<&str>) -> impl Iterator<Item = &Knob> {
        let own = number.map_or(&[][..], |number| self.own(number));
        own.iter().chain(self.vendors.get(vendor).into_iter().flatten()).chain(&self.all)
    }
}

fn object(knobs: &[Knob]) -> Value {
    Value::Object(knobs.iter().filter_map(Knob::to_entry).collect())
}

fn no_such_vendor(name: &str) -> Error {
    let known = VENDORS.map(|known| format!("`{known}`")).join(", ");
    Error::new(ErrorKind::InvalidInput, format!("there is no vendor `{name}`: name one of {known}"))
}

/// The vendors, by the names that requests to them are logged under.
#[cfg(feature = "open-gateway")]
const VENDORS: [&str; 5] = ["citcall", "idlayr", "numcheck", "open_gateway", "zadarma"];
#[cfg(not(feature = "open-gateway"))]
const VENDORS: [&str; 4] = ["citcall", "idlayr", "numcheck", "zadarma"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::knob::LONGEST;

    fn replace(knobs: &Knobs, scope: Scope<'_>, json: Value) -> Result<()> {
        let Value::Object(json) = json else { panic!("not an object") };
        knobs.replace(scope, json)
    }

    #[test]
    fn json_goes_in_and_comes_out() {
        let knobs = Knobs::default();
        let all = json!({
            "latency": 250, "ring_time": 0, "not_answered": true, "lost": true, "voicemail": true,
            "caller_ending": "0042", "ids_as_strings": true, "token_lifetime": 60_000,
            "callback_url": "https://example.com/report", "plain_callbacks": true, "callback": "wrong_signature",
            "error_code": { "code": 7, "status": 402 }, "rate_limit": { "requests": 5, "per": 60_000 },
            "http_429": 30_000, "http_500": true, "http_502": true, "http_503": 30_000, "http_504": true, "html": true,
            "redirect": "/away", "time_out": true, "wrong_json": true, "big_body": true, "slow_body": 250,
            "drop_connection": true, "over_wifi": "forbid", "backchannel": "nobody", "poll_interval": 1_000,
            "slow_down": true, "notify_out_end": true, "national_numbers": true, "utc_offset": -210,
        });
        replace(&knobs, Scope::All, all.clone()).unwrap();
        replace(&knobs, Scope::Number("371 26123456"), json!({ "html": true, "http_500": false })).unwrap();
        replace(&knobs, Scope::Vendor("citcall"), json!({ "lost": true })).unwrap();
        assert_eq!(
            knobs.to_json(),
            json!({
                "all": all, "vendors": { "citcall": { "lost": true } }, "numbers": { "+37126123456": { "html": true } },
            })
        );
    }

    #[test]
    fn a_wrong_knob_changes_nothing_and_says_what_is_wrong() {
        let knobs = Knobs::default();
        for (wrong, word) in [
            (json!({ "html": true, "hmtl": true }), "hmtl"),
            (json!({ "caller_ending": 42 }), "string"),
            (json!({ "caller_ending": "42" }), "four digits"),
            (json!({ "latency": -1 }), "latency"),
            (json!({ "latency": 3_600_001 }), "hour"),
            (json!({ "latency": true }), "latency"),
            (json!({ "not_answered": 1 }), "not_answered"),
            (json!({ "redirect": "a\nb" }), "redirect"),
            (json!({ "utc_offset": 7 }), "quarters"),
            (json!({ "utc_offset": 855 }), "840"),
            (json!({ "error_code": { "code": 0, "status": 400 } }), "success"),
            (json!({ "error_code": { "code": 1, "status": 200 } }), "status"),
            (json!({ "callback": "torn" }), "torn"),
            (json!({ "callback_url": "example.com" }), "http://"),
            (json!({ "http_503": true }), "http_503"),
            (json!({ "rate_limit": { "requests": 10_001, "per": 1 } }), "10000"),
            (json!({ "rate_limit": { "requests": 1, "per": 0 } }), "`per`"),
            (json!({ "rate_limit": { "requests": 1, "per": 3_600_001 } }), "hour"),
            (json!({ "slow_body": 0 }), "slow_body"),
        ] {
            let error = replace(&knobs, Scope::All, wrong.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(word), "{wrong}: {error}");
        }
        let error = replace(&knobs, Scope::Vendor("citkall"), Map::new().into()).unwrap_err();
        assert!(error.to_string().contains("`citkall`") && error.to_string().contains("`citcall`, "), "{error}");
        assert_eq!(knobs.to_json(), json!({ "all": {}, "vendors": {}, "numbers": {} }));
    }

    #[test]
    fn a_numbers_own_knob_goes_first_then_the_vendors() {
        let knobs = Knobs::default();
        let ending = |vendor, number| knobs.dials(vendor, number).caller_ending().map(str::to_owned);
        let turn = |scope, ending: &str| knobs.set(scope, Knob::CallerEnding(ending.into())).unwrap();
        turn(Scope::All, "1111");
        turn(Scope::Vendor("citcall"), "2222");
        turn(Scope::Number("+37126123456"), "3333");
        turn(Scope::Number("37126123456"), "4444");
        knobs.set(Scope::All, Knob::IdsAsStrings).unwrap();

        assert_eq!(ending("citcall", Some("+37126123456")).as_deref(), Some("4444"));
        assert!(knobs.dials("citcall", Some("+37126123456")).has(&Knob::IdsAsStrings));
        assert_eq!(ending("citcall", None).as_deref(), Some("2222"));
        assert_eq!(ending("numcheck", None).as_deref(), Some("1111"));

        knobs.clear(Scope::Number("+37126123456"));
        assert_eq!(ending("citcall", Some("+37126123456")).as_deref(), Some("2222"));
        knobs.clear(Scope::Vendor("citkall"));
        knobs.clear(Scope::Vendor("citcall"));
        assert_eq!(ending("citcall", Some("+37126123456")).as_deref(), Some("1111"));
        knobs.reset();
        assert_eq!(ending("citcall", Some("+37126123456")), None);
    }

    #[test]
    fn a_limit_counts_for_each_vendor_and_for_each_number_of_its_own() {
        let knobs = Knobs::default();
        let limit = |requests| Knob::RateLimit { requests, per: LONGEST };
        let is_over = |vendor, number| knobs.count(vendor, number).too_many().is_some();
        let (ada, eve) = (Some("+37126123456"), Some("+37126123457"));
        knobs.set(Scope::All, limit(1)).unwrap();
        knobs.set(Scope::Number("+37126123456"), limit(2)).unwrap();
        assert_eq!(
            [eve, None, ada, ada, ada].map(|whose| is_over("citcall", whose)),
            [false, true, false, false, true]
        );
        assert!(!is_over("zadarma", eve));
        assert!(knobs.dials("zadarma", eve).too_many().is_none(), "looking does not count");

        knobs.set(Scope::All, Knob::Html).unwrap();
        assert!(is_over("citcall", None), "another knob changes nothing");
        knobs.set(Scope::All, limit(1)).unwrap();
        assert!(!is_over("citcall", None));
    }

    #[test]
    fn debug_shows_no_ending_and_no_number() {
        let knobs = Knobs::default();
        knobs.set(Scope::All, Knob::CallerEnding("0042".into())).unwrap();
        assert_eq!(format!("{knobs:?}"), "Knobs { all: [caller_ending], vendors: {}, .. }");
        assert!(!format!("{:?}", Scope::Number("+37126123456")).contains("26123456"));
    }
}
