//! A person with a phone, who comes by whichever process has the turn.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::{join, join_all};
use handset::sandbox::Event;
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::nodes::Nodes;

pub(super) struct Person {
    subject: String,
    phone: String,
    http: reqwest::Client,
}

/// How a lifecycle has ended.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The id of the proof that was given.
    pub(super) proof_id: Option<String>,
    /// How many answers came with a proof.
    pub(super) proofs_given: usize,
    /// How many requests were refused with 503, or cut off.
    pub(super) broken: usize,
}

/// What came back.
enum Reply {
    Answered {
        status: StatusCode,
        body: Value,
    },
    /// 503, documented: nothing was opened.
    Refused,
    /// Nobody knows.
    CutOff,
}

impl Reply {
    fn slug(&self) -> &str {
        match self {
            Self::Answered { body, .. } => {
                body["type"].as_str().and_then(|name| name.strip_prefix("urn:handset:problem:")).unwrap_or_default()
            }
            Self::Refused | Self::CutOff => "",
        }
    }

    fn proof(&self) -> Option<String> {
        match self {
            Self::Answered { body, .. } => body["proof"].as_str().map(str::to_owned),
            Self::Refused | Self::CutOff => None,
        }
    }
}

impl Person {
    pub(super) fn new(n: usize, http: &reqwest::Client) -> Self {
        let http = http.clone();
        Self { subject: format!("user-{n}"), phone: format!("+3712{n:07}"), http }
    }

    /// A start, a wrong answer, two right ones at the same time, and the proof shown.
    pub(super) async fn goes_through(&self, nodes: &Nodes) -> Ends {
        let mut ends = Ends::default();
        let (id, code) = self.starts(nodes, &mut ends).await;
        let path = format!("/handset/checks/{id}/code");

        let wrong = if code == "1234" { "1235" } else { "1234" };
        let first = self.sends(nodes, Method::POST, &path, json!({ "code": wrong }), &mut ends).await;
        assert!(
            matches!(first, Reply::Refused | Reply::CutOff) || first.slug() == "incorrect-code",
            "{}",
            first.slug()
        );

        let end = Instant::now() + PATIENCE;
        while ends.proof_id.is_none() && Instant::now() < end {
            let mut others = Ends::default();
            let body = json!({ "code": code });
            let right = join(
                self.sends(nodes, Method::POST, &path, body.clone(), &mut ends),
                self.sends(nodes, Method::POST, &path, body, &mut others),
            );
            let (one, other) = right.await;
            ends.broken += others.broken;
            for proof in [&one, &other].into_iter().filter_map(|reply| reply.proof()) {
                ends.proofs_given += 1;
                ends.proof_id = Some(id_of(&proof));
                self.shows(nodes, &proof, &mut ends).await;
            }
            // The check is over, or all its attempts are: by answers of which nobody heard.
            if [&one, &other].iter().all(|reply| ["check-ended", "rate-limited"].contains(&reply.slug())) {
                break;
            }
        }
        ends
    }

    /// As many wrong answers as the processes take, all at once, to check after check.
    pub(super) async fn guesses(&self, nodes: &Nodes) -> usize {
        let (mut compared, mut ends) = (0, Ends::default());
        for n in 0..6 {
            let start = json!({ "phone_number": self.phone, "action": format!("guess-{n}") });
            let started = self.sends(nodes, Method::POST, "/handset/checks", start, &mut ends).await;
            let Reply::Answered { status: StatusCode::CREATED, body } = started else { break };
            let path = format!("/handset/checks/{}/code", body["check_id"].as_str().unwrap());
            let code = nodes.sandbox.handset(&self.phone).next_call().await.ending().to_owned();
            let wrong: Vec<String> = (0..20).map(|n| format!("{n:04}")).filter(|guess| *guess != code).collect();
            let answers = wrong.iter().map(async |guess| {
                let mut ends = Ends::default();
                self.sends(nodes, Method::POST, &path, json!({ "code": guess }), &mut ends).await
            });
            compared += join_all(answers).await.iter().filter(|reply| reply.slug() == "incorrect-code").count();
        }
        assert_eq!(ends.broken, 0);
        compared
    }

    /// Starts until the phone rings. A start that broke off in the middle is called off first, as a person would who sees no call.
    async fn starts(&self, nodes: &Nodes, ends: &mut Ends) -> (String, String) {
        let handset = nodes.sandbox.handset(&self.phone);
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "{} cannot start", self.subject);
            let start = json!({ "phone_number": self.phone, "action": "transfer" });
            let reply = self.sends(nodes, Method::POST, "/handset/checks", start, ends).await;
            let Reply::Answered { status: StatusCode::CREATED, body } = reply else {
                assert!(matches!(reply, Reply::Refused | Reply::CutOff), "a start ended as {}", reply.slug());
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let id = body["check_id"].as_str().unwrap().to_owned();
            // The last call is the one that it is about: earlier ones belong to starts that broke off.
            let last = handset.events().into_iter().rev().find_map(|event| match event {
                Event::IncomingCall(call) => Some(call.ending().to_owned()),
                _ => None,
            });
            if body["prompt"]["type"] == "enter_code" {
                return (id, last.unwrap());
            }
            let gone = format!("/handset/checks/{id}");
            self.sends(nodes, Method::DELETE, &gone, Value::Null, ends).await;
        }
    }

    /// A proof that was given is taken, at whichever process.
    async fn shows(&self, nodes: &Nodes, proof: &str, ends: &mut Ends) {
        let end = Instant::now() + PATIENCE;
        loop {
            let request = self.http.get(format!("{}/forward-auth", nodes.url)).header("x-user", &self.subject);
            let request = request.header("x-original-uri", "/transfer").header("x-original-method", "POST");
            match request.header("handset-proof", proof).send().await.unwrap().status() {
                StatusCode::OK => return,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => ends.broken += 1,
                other => panic!("a proof that was given ended as {other}"),
            }
            assert!(Instant::now() < end, "a proof that was given is not taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn sends(&self, nodes: &Nodes, method: Method, path: &str, body: Value, ends: &mut Ends) -> Reply {
        let request = self.http.request(method, format!("{}{path}", nodes.url)).header("x-user", &self.subject);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        if status == StatusCode::BAD_GATEWAY {
            ends.broken += 1;
            return Reply::CutOff;
        }
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_server_error() {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
            assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
            assert_eq!(body["type"], "urn:handset:problem:unavailable", "{text}");
            ends.broken += 1;
            return Reply::Refused;
        }
        Reply::Answered { status, body }
    }
}

fn id_of(proof: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(proof.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["jti"].as_str().unwrap().to_owned()
}

/// Longer than any of the faults.
const PATIENCE: Duration = Duration::from_secs(60);
