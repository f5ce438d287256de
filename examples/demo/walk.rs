//! Walks through the demo over its socket, and says what happens: the way of `walk.sh`, and what it keeps out.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::Failure;

pub(crate) async fn walk(url: &str) -> Result<(), Failure> {
    let site = Site::new(url)?;
    let transfer = json!({ "payee": "Charles Babbage", "amount": 1200 });
    let small = json!({ "payee": "Charles Babbage", "amount": 50 });
    site.post("/transfer", &small, None, StatusCode::OK, "a small transfer goes through as it is").await?;

    let refused =
        site.post("/transfer", &transfer, None, StatusCode::UNAUTHORIZED, "a large one needs a proof").await?;
    let start = text(&refused, "start")?;
    let wanted =
        json!({ "phone_number": NUMBER, "action": text(&refused, "action")?, "binding": text(&refused, "binding")? });
    let check = site.post(&start, &wanted, None, StatusCode::CREATED, "a check is started, the phone rings").await?;
    let code = site.code().await?;

    let answers = format!("{start}/{}/code", text(&check, "check_id")?);
    let wrong = json!({ "code": if code == "0000" { "0001" } else { "0000" } });
    site.post(&answers, &wrong, None, StatusCode::UNPROCESSABLE_ENTITY, "a wrong code costs an attempt").await?;
    let right = json!({ "code": code });
    let answer = site.post(&answers, &right, None, StatusCode::OK, "the right code gets a proof").await?;
    let proof = text(&answer, "proof")?;

    let other = json!({ "payee": "Lord Byron", "amount": 1200 });
    let proof = Some(proof.as_str());
    site.post("/transfer", &other, proof, StatusCode::UNAUTHORIZED, "the proof is for no other payee").await?;
    let done = site.post("/transfer", &transfer, proof, StatusCode::OK, "with the proof the money is sent").await?;
    site.post("/transfer", &transfer, proof, StatusCode::UNAUTHORIZED, "and the proof is used up").await?;
    agree(&done.get("balance"), &Some(&json!(1250)))
}

struct Site<'a> {
    url: &'a str,
    client: Client,
}

impl<'a> Site<'a> {
    fn new(url: &'a str) -> Result<Self, Failure> {
        Ok(Self { url, client: Client::builder().cookie_store(true).timeout(PATIENCE).no_proxy().build()? })
    }

    async fn post(
        &self,
        path: &str,
        body: &Value,
        proof: Option<&str>,
        expected: StatusCode,
        says: &str,
    ) -> Result<Value, Failure> {
        let mut request = self.client.post(format!("{}{path}", self.url)).json(body);
        if let Some(proof) = proof {
            request = request.header("Handset-Proof", proof);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        println!("{says}\n    POST {path} {body}\n    {} {answer}\n", status.as_u16());
        agree(&status, &expected)?;
        Ok(answer)
    }

    /// The code, as a person would read it off the phone.
    async fn code(&self) -> Result<String, Failure> {
        let path = format!("/handsets/{NUMBER}/events");
        let events: Value = self.client.get(format!("{}{path}", self.url)).send().await?.json().await?;
        println!("the handset shows who calls: the last four digits are the code\n    GET {path}\n    {events}\n");
        let caller = events.as_array().and_then(|events| events.last()).ok_or("no call reached the handset")?;
        let caller = text(caller, "from")?;
        caller.get(caller.len().saturating_sub(4)..).map(str::to_owned).ok_or_else(|| "the caller has no number".into())
    }
}

fn text(answer: &Value, field: &str) -> Result<String, Failure> {
    answer
        .get(field)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("the answer has no `{field}`").into())
}

fn agree<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(format!("found {found:?} where {expected:?} was expected").into()) }
}

const NUMBER: &str = "+37126123456";
const PATIENCE: Duration = Duration::from_secs(20);
