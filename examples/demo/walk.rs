//! Walks through the demo over its socket, and says what happens: the way of `walk.sh`, what it keeps out, and every channel.

use std::{fmt::Debug, time::Duration};

use reqwest::{Client, Method, StatusCode, redirect::Policy};
use serde_json::{Value, json};

use crate::Failure;

pub(crate) async fn walk(url: &str) -> Result<(), Failure> {
    one_transfer(url).await?;
    for (way, channel) in TYPED {
        typed(url, way, channel).await?;
    }
    for way in ["idlayr", "open_gateway"] {
        silent(url, way).await?;
        wrong_phone(url, way).await?;
    }
    keyed(url).await?;
    for (number, channel) in DECIDED {
        decided(url, number, channel).await?;
    }
    all_vendors(url).await
}

/// The ways that end in a code to type.
const TYPED: [(&str, &str); 5] = [
    ("numcheck", "flash_call"),
    ("citcall", "flash_call"),
    ("sms", "sms"),
    ("voice_code", "voice_code"),
    ("email", "email"),
];

/// What the policy decides for the number of a person, when it is left to it: Latvia, Indonesia, Spain, a British landline.
const DECIDED: [(&str, Option<&str>); 5] = [
    (NUMBER, Some("flash_call")),
    ("+6281234567890", Some("flash_call")),
    ("+34612345678", Some("silent_network")),
    ("+442079460958", Some("voice_code")),
    ("+37190000000", None),
];

/// What needs a proof, what a wrong code does, and what a proof is good for.
async fn one_transfer(url: &str) -> Result<(), Failure> {
    let site = Visitor::new(url)?;
    let small = json!({ "payee": PAYEE, "amount": 50 });
    site.post("/transfer", &small, StatusCode::OK, "a small transfer goes through as it is").await?;

    let check = site.start("/transfer", NUMBER).await?;
    let code = site.code(NUMBER).await?;
    let wrong = json!({ "code": if code == "0000" { "0001" } else { "0000" } });
    let answers = format!("{}/code", check.path);
    site.post(&answers, &wrong, StatusCode::UNPROCESSABLE_ENTITY, "a wrong code costs an attempt").await?;
    let proof = site.answer(&check, &code).await?;

    let other = json!({ "payee": "Lord Byron", "amount": AMOUNT });
    let says = "the proof is for no other payee";
    site.send(Method::POST, "/transfer", Some(&other), &[(PROOF, &proof)], StatusCode::UNAUTHORIZED, says).await?;
    let done = site.transfer("/transfer", &proof, StatusCode::OK, "with the proof the money is sent").await?;
    site.transfer("/transfer", &proof, StatusCode::UNAUTHORIZED, "and the proof is used up").await?;
    agree(&done.get("balance"), &Some(&json!(1250)))
}

/// A message comes, its code is typed, the money is sent.
async fn typed(url: &str, way: &str, channel: &str) -> Result<(), Failure> {
    let (site, path) = (Visitor::new(url)?, format!("/transfer/{way}"));
    let check = site.start(&path, NUMBER).await?;
    agree(&text(&check.body, "/channel")?.as_str(), &channel)?;
    agree(&text(&check.body, "/prompt/type")?.as_str(), &"enter_code")?;
    let code = site.code(if channel == "email" { EMAIL } else { NUMBER }).await?;
    let proof = site.answer(&check, &code).await?;
    site.transfer(&path, &proof, StatusCode::OK, "the money is sent").await.map(drop)
}

/// The phone rings and asks for a key; the bank's page, which waits, gets the proof when the vendor has reported.
async fn keyed(url: &str) -> Result<(), Failure> {
    let (site, path) = (Visitor::new(url)?, "/transfer/key_press");
    let check = site.start(path, NUMBER).await?;
    agree(&text(&check.body, "/prompt/type")?.as_str(), &"press_keys")?;
    let keys = json!({ "digits": text(&check.body, "/prompt/digits")? });
    site.post(&format!("/handsets/{NUMBER}/press"), &keys, StatusCode::OK, "the call is taken, the key pressed")
        .await?;
    let ended = site.look(&check).await?;
    let proof = text(&ended, "/proof")?;
    site.transfer(path, &proof, StatusCode::OK, "the money is sent").await.map(drop)
}

/// The phone opens the operator's page over mobile data and comes back; the bank's page, which waits, gets the proof.
async fn silent(url: &str, way: &str) -> Result<(), Failure> {
    let (site, path) = (Visitor::new(url)?, format!("/transfer/{way}"));
    let check = site.start(&path, NUMBER).await?;
    agree(&text(&check.body, "/channel")?.as_str(), &"silent_network")?;
    let back = site.open(&check, NUMBER, "mobile_data").await?;
    let stranger = Visitor::new(url)?;
    stranger.get(&back, StatusCode::GONE, "in another visitor's browser the way back leads nowhere").await?;
    site.get(&back, StatusCode::OK, "the phone is back at the bank").await?;
    let ended = site.look(&check).await?;
    let proof = text(&ended, "/proof")?;
    site.transfer(&path, &proof, StatusCode::OK, "the money is sent, and nobody typed anything").await.map(drop)
}

/// With another SIM, and over Wi-Fi, the operator does not confirm the number. The next channel does.
async fn wrong_phone(url: &str, way: &str) -> Result<(), Failure> {
    for (sim, over, attempts_left) in [(OTHER, "mobile_data", 4), (NUMBER, "wifi", 5)] {
        let (site, path) = (Visitor::new(url)?, format!("/transfer/{way}"));
        let check = site.start(&path, NUMBER).await?;
        let back = site.open(&check, sim, over).await?;
        let seen = site.get(&back, StatusCode::OK, "the phone is back, and the operator did not confirm").await?;
        agree(&text(&seen, "/status")?.as_str(), &"pending")?;
        let next = format!("{}/next", check.path);
        let moved = site.post(&next, &json!({}), StatusCode::OK, "so the next channel is used").await?;
        agree(&text(&moved, "/channel")?.as_str(), &"sms")?;
        agree(&moved.get("attempts_left"), &Some(&json!(attempts_left)))?;
        let code = site.code(NUMBER).await?;
        let proof = site.answer(&check, &code).await?;
        site.transfer(&path, &proof, StatusCode::OK, "the money is sent").await?;
    }
    Ok(())
}

/// The policy chooses by the number, or refuses it.
async fn decided(url: &str, number: &str, channel: Option<&str>) -> Result<(), Failure> {
    let site = Visitor::new(url)?;
    let Some(channel) = channel else {
        let (start, wanted) = site.refused("/transfer", number).await?;
        return site.post(&start, &wanted, StatusCode::FORBIDDEN, "a dear number is not called").await.map(drop);
    };
    let check = site.start("/transfer", number).await?;
    agree(&text(&check.body, "/channel")?.as_str(), &channel)
}

/// Each of the five vendors was asked, and none of them refused.
async fn all_vendors(url: &str) -> Result<(), Failure> {
    let log = Visitor::new(url)?.get("/requests", StatusCode::OK, "what the vendors were asked").await?;
    let requests = log.as_array().ok_or("no requests")?;
    for vendor in ["citcall", "idlayr", "numcheck", "open_gateway", "zadarma"] {
        let of_vendor = || requests.iter().filter(|request| request.get("vendor") == Some(&json!(vendor)));
        agree(&(of_vendor().count() > 0), &true)?;
        agree(&of_vendor().find(|request| request.get("status").and_then(Value::as_u64) >= Some(400)), &None)?;
    }
    Ok(())
}

/// A browser with a cookie of its own.
struct Visitor<'a> {
    url: &'a str,
    client: Client,
}

/// A check that was started, and where it is.
struct Check {
    path: String,
    body: Value,
}

impl<'a> Visitor<'a> {
    fn new(url: &'a str) -> Result<Self, Failure> {
        let client = Client::builder().cookie_store(true).redirect(Policy::none()).timeout(PATIENCE).no_proxy();
        Ok(Self { url, client: client.build()? })
    }

    /// Tries without a proof; returns where to start, and with what.
    async fn refused(&self, path: &str, number: &str) -> Result<(String, Value), Failure> {
        let says = "a large transfer needs a proof";
        let refused = self.post(path, &large(), StatusCode::UNAUTHORIZED, says).await?;
        let (action, binding) = (text(&refused, "/action")?, text(&refused, "/binding")?);
        let wanted = json!({ "phone_number": number, "email": EMAIL, "action": action, "binding": binding });
        Ok((text(&refused, "/start")?, wanted))
    }

    async fn start(&self, path: &str, number: &str) -> Result<Check, Failure> {
        let (start, wanted) = self.refused(path, number).await?;
        let body = self.post(&start, &wanted, StatusCode::CREATED, "a check is started").await?;
        Ok(Check { path: format!("{start}/{}", text(&body, "/check_id")?), body })
    }

    /// Hands in a right code, and returns the proof.
    async fn answer(&self, check: &Check, code: &str) -> Result<String, Failure> {
        let (path, body) = (format!("{}/code", check.path), json!({ "code": code }));
        text(&self.post(&path, &body, StatusCode::OK, "the right code gets a proof").await?, "/proof")
    }

    /// Waits for the check to end, as the page does.
    async fn look(&self, check: &Check) -> Result<Value, Failure> {
        let says = "the bank's page has the proof";
        self.send(Method::GET, &check.path, None, &[("prefer", "wait=10")], StatusCode::OK, says).await
    }

    async fn transfer(&self, path: &str, proof: &str, expected: StatusCode, says: &str) -> Result<Value, Failure> {
        self.send(Method::POST, path, Some(&large()), &[(PROOF, proof)], expected, says).await
    }

    /// Opens the URL of a check on a handset; returns the path that leads back to the bank.
    async fn open(&self, check: &Check, sim: &str, over: &str) -> Result<String, Failure> {
        let body = json!({ "url": text(&check.body, "/prompt/url")?, "over": over });
        let says = format!("a phone opens the operator's page, over {over}");
        let opened = self.post(&format!("/handsets/{sim}/open"), &body, StatusCode::OK, &says).await?;
        let back = text(&opened, "/final_url")?;
        Ok(back.strip_prefix(self.url).ok_or("the phone was not sent back to the bank")?.to_owned())
    }

    /// The code, as a person would read it off the phone or in the inbox.
    async fn code(&self, place: &str) -> Result<String, Failure> {
        let path = format!("/handsets/{place}/events");
        let events = self.get(&path, StatusCode::OK, "what reached the handset").await?;
        // A call that ends is an event, too.
        let came = |event: &&Value| event.get("state").is_none_or(|state| state == "ringing");
        let event =
            events.as_array().and_then(|events| events.iter().rfind(came)).ok_or("nothing reached the handset")?;
        read(event).ok_or_else(|| format!("no code in {event}").into())
    }

    async fn get(&self, path: &str, expected: StatusCode, says: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None, &[], expected, says).await
    }

    async fn post(&self, path: &str, body: &Value, expected: StatusCode, says: &str) -> Result<Value, Failure> {
        self.send(Method::POST, path, Some(body), &[], expected, says).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
        expected: StatusCode,
        says: &str,
    ) -> Result<Value, Failure> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = body.map(Value::to_string).unwrap_or_default();
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        println!("{says}\n    {method} {path} {sent}\n    {} {answer}\n", status.as_u16());
        agree(&status, &expected)?;
        Ok(answer)
    }
}

/// What is written, what is said, or who calls: the last four digits.
fn read(event: &Value) -> Option<String> {
    let field = |name: &str| event.get(name).and_then(Value::as_str);
    match field("text").or_else(|| field("spoken")) {
        Some(words) => Some(words.split('.').next()?.chars().filter(char::is_ascii_digit).collect()),
        None => field("from").and_then(|from| from.get(from.len().saturating_sub(4)..)).map(str::to_owned),
    }
}

fn large() -> Value {
    json!({ "payee": PAYEE, "amount": AMOUNT })
}

fn text(answer: &Value, pointer: &str) -> Result<String, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("the answer has no `{pointer}`: {answer}").into())
}

fn agree<T: PartialEq + Debug>(found: &T, expected: &T) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(format!("found {found:?} where {expected:?} was expected").into()) }
}

const PAYEE: &str = "Charles Babbage";
/// Euros.
const AMOUNT: i64 = 1200;
const NUMBER: &str = "+37126123456";
const OTHER: &str = "+37129999999";
const EMAIL: &str = "ada@example.com";
const PROOF: &str = "Handset-Proof";
const PATIENCE: Duration = Duration::from_secs(20);
