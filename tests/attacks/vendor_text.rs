//! Puts text into every field that a vendor answers, and into what a device brings back: to split our headers, to forge lines of our
//! log, to reach a page or a problem unescaped.

use std::{
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::future::join_all;
use handset::sandbox::Over;
use http::Response;
use serde_json::{Value, json};
use tokio::{runtime, task};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{filter::LevelFilter, util::SubscriberInitExt};

use super::{Report, hostile_vendor, policy, return_forger::with, ssrf::routes};
use crate::{
    stage::{Answer, PHONE},
    vendors,
};

/// Each text in each field of each answer, one at a time.
pub(crate) async fn attack() -> Report {
    // The log of one thread is heard, so each vendor has one for everything that happens.
    let attacks = routes().map(|route| {
        task::spawn_blocking(move || {
            runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(every_field(route))
        })
    });
    let mut report = Report::new("header and log injection by vendors' text");
    for attack in join_all(attacks).await {
        for (defence, has_won) in attack.unwrap() {
            report.count(&defence, has_won);
        }
    }
    report
}

/// What stopped each attempt, and whether it did.
async fn every_field(route: &str) -> Vec<(String, bool)> {
    let log = Log::default();
    let _listening = log.listen();
    let fields = journey(route, None).await.fields;
    assert!(!fields.is_empty(), "{route}: the vendor answers");
    assert!(log.take().lines().all(is_a_line), "the honest log is one of whole lines");
    let mut attempts = Vec::new();
    let mut tried = |defence: String, answers: &[Answer]| {
        let forged = log.take().lines().any(|line| !is_a_line(line) || is_hostile(line));
        attempts.push((defence, forged || answers.iter().any(is_split)));
    };
    for field in fields.iter().filter(|field| field.is_number) {
        let Seen { answers, .. } = journey(route, Some(Change { field: field.clone(), text: HUGE.to_owned() })).await;
        tried(format!("{} at the start", answers[0].status), &answers);
    }
    for text in texts() {
        for field in &fields {
            let Seen { answers, .. } = journey(route, Some(Change { field: field.clone(), text: text.clone() })).await;
            tried(format!("{} at the start", answers[0].status), &answers);
        }
        if route.ends_with("silent_network") {
            let visited = come_back_with(route, &text).await;
            tried(format!("{} to what a device brings", visited.status), &[visited]);
        }
    }
    attempts
}

/// What a journey has shown to the client, and which texts the vendor has answered.
struct Seen {
    answers: Vec<Answer>,
    fields: Vec<Field>,
}

/// Where a text stands: in which answer, and where in that.
#[derive(Clone, Debug)]
struct Field {
    answer: usize,
    pointer: String,
    is_number: bool,
}

/// What is appended to a text of the vendor's, or takes the place of its number.
#[derive(Clone, Debug)]
struct Change {
    field: Field,
    text: String,
}

/// Starts a check, does what it asks for, and looks at it; with a text in one field of what the vendor answers.
async fn journey(route: &str, change: Option<Change>) -> Seen {
    let vendor = Arc::new(Mutex::new(Vendor { change: change.clone(), ..Vendor::default() }));
    let changed = Arc::clone(&vendor);
    let client = hostile_vendor::client(move |answer| changed.lock().unwrap().answer(answer));
    let stage = vendors::stage_through(client, &policy("", &format!("[\"{route}\"]"))).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await;
    let mut answers = vec![check.clone()];
    if check.status == 201 {
        match check.body["prompt"]["url"].as_str() {
            None => answers.push(ada.answer(check.id(), "0000").await),
            // What the vendor has spoilt, the phone need not be able to open.
            Some(url) => {
                let opened = stage.sandbox.handset(PHONE).open(url, Over::MobileData).await;
                if let Some(back) = opened.ok().filter(|opened| opened.final_url.starts_with(&stage.url)) {
                    answers.push(vendors::visit(&stage, &ada, &back.final_url).await);
                }
            }
        }
        answers.push(ada.look(check.id()).await);
    }
    let Vendor { count, fields, has_changed, .. } = std::mem::take(&mut *vendor.lock().unwrap());
    assert!(count > 0, "{route}: the vendor was asked");
    assert_eq!(has_changed, change.is_some(), "{route}: {change:?} reached the application");
    Seen { answers, fields }
}

/// A device brings the text back as the vendor's word for what went wrong.
async fn come_back_with(route: &str, text: &str) -> Answer {
    let stage = vendors::stage(&policy("", &format!("[\"{route}\"]"))).await;
    let ada = stage.person("ada");
    let back = vendors::open(&stage.sandbox.handset(PHONE), &ada.start(PHONE).await.expect(201)).await;
    vendors::visit(&stage, &ada, &with(&back, "error", Some(text))).await.expect(200)
}

/// The vendor's side of a journey.
#[derive(Default)]
struct Vendor {
    change: Option<Change>,
    has_changed: bool,
    /// How often it has answered.
    count: usize,
    fields: Vec<Field>,
}

impl Vendor {
    fn answer(&mut self, answer: &mut Response<Bytes>) {
        let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
        texts_of(&body, String::new(), &mut |pointer, is_number| {
            self.fields.push(Field { answer: self.count, pointer, is_number });
        });
        if let Some(Change { field, text }) = self.change.as_ref().filter(|change| change.field.answer == self.count) {
            let place = body.pointer_mut(&field.pointer).expect("a text that was there");
            // What was there before stays in front: it may make the whole thing pass.
            *place = match &*place {
                Value::String(before) => json!(format!("{before}{text}")),
                before => serde_json::from_str(text).unwrap_or_else(|_| json!(format!("{before}{text}"))),
            };
            *answer.body_mut() = body.to_string().into();
            self.has_changed = true;
        }
        self.count += 1;
    }
}

/// The places of all texts, and of the numbers, which could be texts.
fn texts_of(value: &Value, at: String, found: &mut impl FnMut(String, bool)) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| texts_of(value, format!("{at}/{name}"), found));
        }
        // One item stands for all. Lists of words say what a server can do.
        Value::Array(items) => {
            let object = items.first().filter(|item| item.is_object());
            object.into_iter().for_each(|item| texts_of(item, format!("{at}/0"), found));
        }
        Value::String(_) | Value::Number(_) => found(at, value.is_number()),
        _ => {}
    }
}

/// A header and a line of the log; what turns a text round on the page; what has no end.
fn texts() -> [String; 3] {
    [
        "\r\nx-injected: yes\r\n\r\n<script>\n2026-01-01T00:00:00Z ERROR handset: forged\0\u{1b}[2J".to_owned(),
        "\u{202e}\u{2066}\u{200f}<script>alert(1)</script>".to_owned(),
        "x".repeat(LONG),
    ]
}

/// Whether an answer of ours is anything but ours, or shows what nobody should have to read.
fn is_split(answer: &Answer) -> bool {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name == "x-injected" || value.to_str().is_ok_and(|value| value.contains("x-injected") || is_hostile(value))
    };
    answer.body.is_null() || answer.headers.iter().any(header) || is_shown(&answer.body)
}

fn is_shown(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| is_hostile(name) || is_shown(value)),
        Value::Array(items) => items.iter().any(is_shown),
        Value::String(text) => is_hostile(text),
        _ => false,
    }
}

/// Whether a text has characters that are not seen as they stand, markup, or no end.
fn is_hostile(text: &str) -> bool {
    let unseen = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().any(unseen) || text.contains("<script") || text.len() > LONG
}

/// Whether a line of the log is one of ours: it begins with its level.
fn is_a_line(line: &str) -> bool {
    ["TRACE ", "DEBUG ", "INFO ", "WARN ", "ERROR "].iter().any(|level| line.trim_start().starts_with(level))
}

/// What this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens until the guard is dropped.
    fn listen(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_max_level(LevelFilter::TRACE);
        subscriber.with_writer(move || log.clone()).set_default()
    }

    /// What was logged since the last time.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// More than any field of a vendor has to say, and less than an answer may have.
const LONG: usize = 20_000;

/// More than any time or wait can be.
const HUGE: &str = "18446744073709551615";
