use serde_json::Value;
use tokio::sync::watch;

use super::*;
use crate::{
    clock::ManualClock,
    sandbox::{Scope, common::Stop, event::Event},
};

const NUMBER: &str = "+37126123456";

struct Account {
    emulator: Arc<Emulator>,
    clock: ManualClock,
}

impl Account {
    fn new() -> Self {
        let clock = ManualClock::default();
        let common = Arc::new(Common::new(Stop::new(watch::channel(()).1), String::new()));
        Self { emulator: Arc::new(Emulator::new(common, Arc::new(clock.clone())).unwrap()), clock }
    }

    /// Sends a request that is signed as it should be.
    fn post(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let owned: Vec<_> = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (key, secret) = (self.emulator.key().expose(), self.emulator.secret().expose());
        self.ask(Method::POST, path, parameters, &php::authorization(key, secret, path, &owned), FORM)
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
        authorization: &str,
        kind: &'static str,
    ) -> (u16, Value) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(authorization).unwrap());
        headers.insert("content-type", HeaderValue::from_static(kind));
        let ask = Ask::new(method, &path.parse().unwrap(), &headers, body.as_bytes());
        let dials = self.emulator.common.knobs.dials("zadarma", self.emulator.recipient(&ask).as_deref());
        let answer = self.emulator.serve(&ask, &dials);
        (answer.status.as_u16(), answer.body)
    }

    fn sent(&self, parameters: &[(&str, &str)]) -> (String, Event) {
        let (status, body) = self.post("/v1/verify/", parameters);
        assert_eq!((status, &body["status"]), (200, &json!("success")), "{body}");
        let to = parameters.iter().find(|(name, _)| *name == "to").unwrap().1;
        let event = self.emulator.common.handsets.handset(to).events().pop().unwrap();
        (body["request_id"].as_str().unwrap().to_owned(), event)
    }

    fn check(&self, id: &str, code: &str) -> Value {
        let (status, mut body) = self.post("/v1/verify/check", &[("request_id", id), ("code", code)]);
        assert_eq!(status, 200);
        body["message"].take()
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_code_is_sent_and_judged() {
    let account = Account::new();
    let (id, event) = account.sent(&[("channel", "sms"), ("to", NUMBER), ("format", "json")]);
    let Event::Sms(sms) = event else { panic!("no text message") };
    assert_eq!((id.len(), sms.from.as_str()), (32, "Teamsale"));
    let code = sms.code().unwrap();
    assert_eq!((code.len(), sms.text.clone()), (6, format!("Your code: {code}")));
    let wrong = if code == "123456" { "123457" } else { "123456" };
    assert_eq!(account.check(&id, wrong), "Invalid verification code");
    assert_eq!(account.check("N2QreWpjS25mR3EvOW8rdGNHdFF2aVE9", code), "No such request id");
    assert_eq!(account.check(&id, code), "Code is correct");
    assert_eq!(account.check(&id, code), "No such request id");
}

#[test]
fn a_code_ends_after_ten_minutes() {
    let account = Account::new();
    let (id, _) = account.sent(&[("channel", "sms"), ("to", NUMBER), ("code", "482916")]);
    account.clock.advance(LIFETIME - Duration::from_secs(1));
    assert_eq!(account.check(&id, "482917"), "Invalid verification code");
    account.clock.advance(Duration::from_secs(1));
    assert_eq!(account.check(&id, "482916"), "No such request id");
}

#[test]
fn every_option_is_heeded() {
    let account = Account::new();
    let (_, event) = account.sent(&[
        ("channel", "sms"),
        ("to", NUMBER),
        ("code", "0042"),
        ("language", "de"),
        ("template_id", "7"),
        ("caller_id", "Ada's Shop"),
    ]);
    let Event::Sms(sms) = event else { panic!("no text message") };
    assert_eq!((sms.from.as_str(), sms.text.as_str()), ("Ada's Shop", "[template 7] Ihr Code: 42"), "an integer");

    let call = [
        ("channel", "call_code"),
        ("to", "37126123456"),
        ("from", "442037691881"),
        ("code", "4829"),
        ("language", "fr"),
    ];
    let (_, Event::VoiceCall(call)) = account.sent(&call) else { panic!("no call") };
    assert_eq!(call.spoken, "Votre code: 4 8 2 9. Encore une fois: 4 8 2 9.");
    assert_eq!((call.from.as_str(), call.code().as_deref()), ("+442037691881", Some("4829")));

    let (_, Event::Email(email)) = account.sent(&[
        ("channel", "email"),
        ("to", "Ada@example.com"),
        ("from", "shop@example.com"),
        ("code", "482916"),
        ("email_subject", "Hello"),
        ("email_body", "{#code#} it is"),
    ]) else {
        panic!("no e-mail")
    };
    let parts = (email.from.as_str(), email.subject.as_str(), email.text.as_str());
    assert_eq!(parts, ("shop@example.com", "Hello", "482916 it is"));
    assert_eq!(account.emulator.common.calls(), 3);
}

#[test]
fn every_language_has_words_of_its_own() {
    let account = Account::new();
    let texts: std::collections::BTreeSet<_> = ["en", "es", "de", "pl", "ru", "ua", "fr"]
        .into_iter()
        .map(|language| {
            let order = [("channel", "sms"), ("to", NUMBER), ("code", "482916"), ("language", language)];
            let (_, Event::Sms(sms)) = account.sent(&order) else { panic!("no text message") };
            sms.text
        })
        .collect();
    assert_eq!(texts.len(), 7);
}

#[test]
fn what_the_vendor_would_not_take_is_refused() {
    let account = Account::new();
    let sms = |more: &[(&'static str, &'static str)]| [&[("channel", "sms"), ("to", NUMBER)], more].concat();
    let email =
        |more: &[(&'static str, &'static str)]| [&[("channel", "email"), ("to", "a@example.com")], more].concat();
    for (parameters, message) in [
        (vec![], "\"to\" param is required"),
        (vec![("to", NUMBER)], "\"channel\" param is required"),
        (vec![("to", NUMBER), ("channel", "fax")], "\"channel\" param is invalid"),
        (vec![("to", ""), ("channel", "sms")], "\"to\" param is required"),
        (vec![("to", "26123456x"), ("channel", "sms")], "\"to\" param is invalid"),
        (vec![("to", "a@example.com"), ("channel", "call_code")], "\"to\" param is invalid"),
        (vec![("to", NUMBER), ("channel", "email")], "\"to\" param is invalid"),
        (sms(&[("to", NUMBER)]), "\"to\" param is invalid"),
        (sms(&[("from", "Ada")]), "\"from\" param is invalid"),
        (sms(&[("language", "uk")]), "\"language\" param is invalid"),
        (sms(&[("code", "12a4")]), "\"code\" param is invalid"),
        (sms(&[("code", "12345678901")]), "\"code\" param is invalid"),
        (sms(&[("template_id", "0")]), "\"template_id\" param is invalid"),
        (sms(&[("caller_id", "")]), "\"caller_id\" param is invalid"),
        (sms(&[("format", "xml")]), "\"format\" param is invalid"),
        (email(&[("code", "1234567")]), "\"code\" param is invalid"),
        (email(&[("code", "012345")]), "\"code\" param is invalid"),
        (email(&[("email_body", "code")]), "\"email_body\" param is invalid"),
        (email(&[("from", "Ada")]), "\"from\" param is invalid"),
        (email(&[("template_id", "1")]), "\"template_id\" param is invalid"),
    ] {
        let (status, body) = account.post("/v1/verify/", &parameters);
        assert_eq!((status, body), (200, json!({ "status": "error", "message": message })), "{parameters:?}");
    }
    let call = |more: &[(&'static str, &'static str)]| {
        let sounds =
            [("button_1_sound_id", "6718bc2af7cd712b0e0a96f6"), ("fallback_sound_id", "6718bd57e2cc3072e20c0ba6")];
        [&[("channel", "call_button"), ("to", NUMBER)], &sounds[..], more].concat()
    };
    let greeting = ("greeting_sound_id", "657c2c822fb364c1d201f685");
    for (parameters, message) in [
        (call(&[]), "\"greeting_sound_id\" param is required"),
        (call(&[("greeting_sound_id", "hello")]), "\"greeting_sound_id\" param is invalid"),
        (call(&[greeting, ("language", "de")]), "\"language\" param is invalid"),
        (call(&[greeting, ("code", "482916")]), "\"code\" param is invalid"),
        (call(&[greeting, ("from", "Ada")]), "\"from\" param is invalid"),
        (call(&[greeting]), "Notifications are not configured"),
    ] {
        let (status, body) = account.post("/v1/verify/", &parameters);
        assert_eq!((status, body), (200, json!({ "status": "error", "message": message })), "{parameters:?}");
    }
    for (parameters, message) in [
        (vec![("code", "1")], "\"request_id\" param is required"),
        (vec![("request_id", "x")], "\"code\" param is required"),
        (vec![("request_id", "x"), ("code", "one")], "\"code\" param is invalid"),
        (vec![("request_id", "x"), ("code", "1"), ("to", NUMBER)], "\"to\" param is invalid"),
    ] {
        assert_eq!(account.post("/v1/verify/check", &parameters).1["message"], message, "{parameters:?}");
    }
    assert_eq!(account.emulator.common.calls(), 0);
}

#[test]
fn only_what_php_would_sign_is_served() {
    let account = Account::new();
    let (key, secret) = (account.emulator.key().expose(), account.emulator.secret().expose());
    let parameters = [("channel", "sms"), ("to", NUMBER)];
    let owned: Vec<_> = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let sign = |key: &str, secret: &str, path: &str| php::authorization(key, secret, path, &owned);
    let right = sign(key, secret, "/v1/verify/");
    assert_eq!(account.ask(Method::POST, "/v1/verify/", &parameters, &right, FORM).0, 200);
    let without = sign(key, secret, "/v1/verify");
    assert_eq!(account.ask(Method::POST, "/v1/verify", &parameters, &without, FORM).0, 200, "each by its own path");

    let lower = right.to_lowercase();
    let more = [parameters.as_slice(), &[("language", "de")]].concat();
    for (parameters, authorization, kind) in [
        (&parameters[..], without.as_str(), FORM),
        (&parameters[..], &sign(key, "wrong", "/v1/verify/"), FORM),
        (&parameters[..], &sign("wrong", secret, "/v1/verify/"), FORM),
        (&parameters[..], lower.as_str(), FORM),
        (&parameters[..], "", FORM),
        (&more, right.as_str(), FORM),
        (&parameters[..1], right.as_str(), FORM),
        (&parameters[..], right.as_str(), "application/json"),
    ] {
        let (status, body) = account.ask(Method::POST, "/v1/verify/", parameters, authorization, kind);
        assert_eq!((status, &body["message"]), (401, &json!("Auth error")), "{authorization} {kind}");
    }
    assert_eq!(account.ask(Method::GET, "/v1/verify/", &parameters, &right, FORM).0, 405);
    assert_eq!(account.ask(Method::POST, "/v1/verify/x", &parameters, &right, FORM).0, 404);
    assert_eq!(account.emulator.common.calls(), 2);
}

#[test]
fn knobs_refuse_and_lose_messages() {
    let account = Account::new();
    let knobs = &account.emulator.common.knobs;
    let order = [("channel", "email"), ("to", "Ada@example.com")];
    knobs.set(Scope::Number("ada@EXAMPLE.com"), Knob::NotAnswered).unwrap();
    assert_eq!(account.post("/v1/verify/", &order).1["status"], "success");
    assert!(account.emulator.common.handsets.handset("ada@example.com").events().is_empty());
    for (status, message) in [(401, "Auth error"), (402, "Refused (7)"), (429, "You exceeded the rate limit")] {
        knobs.set(Scope::All, Knob::ErrorCode { code: 7, status }).unwrap();
        let (got, body) = account.post("/v1/verify/", &order);
        assert_eq!((got, &body["message"]), (status, &json!(message)));
    }
    assert_eq!(account.emulator.common.calls(), 1);
}
