//! Plays the table against a server, and writes down what was asked and answered.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::Value;

use crate::{
    site::{PATIENCE, Site},
    table::{Body, ROWS, Request, Row},
    wire::{Reply, Sent, send},
};

/// All of it, with names in place of what is different each time.
pub(super) async fn of(site: &Site, address: &str) -> String {
    let mut player = Player { site, address, last: BTreeMap::new(), names: Vec::new(), text: String::new() };
    for row in ROWS {
        tokio::time::timeout(PATIENCE, player.play(row)).await.unwrap_or_else(|_| panic!("no answer: {}", row.name));
    }
    player.text
}

struct Player<'a> {
    site: &'a Site,
    address: &'a str,
    /// What stands for `{check}`, `{proof}` and `{cookie}`.
    last: BTreeMap<&'static str, String>,
    /// What was random, and its name.
    names: Vec<(String, String)>,
    text: String,
}

impl Player<'_> {
    async fn play(&mut self, row: &Row) {
        writeln!(self.text, "--- {}", row.name).unwrap();
        let sent = self.ask(&row.request).await;
        match &row.meanwhile {
            None => self.note(sent.reply().await),
            Some(meanwhile) => {
                let second = self.ask(meanwhile).await.reply().await;
                self.note(second);
                self.note(sent.reply().await);
            }
        }
    }

    async fn ask(&mut self, request: &Request) -> Sent {
        writeln!(self.text, "> {}", request.line).unwrap();
        let mut head = format!("{} HTTP/1.1\r\nhost: example.org\r\n", self.filled(request.line));
        for (name, value) in request.headers {
            writeln!(self.text, "> {name}: {value}").unwrap();
            write!(head, "{name}: {}\r\n", self.filled(value)).unwrap();
        }
        let (framing, body) = match request.body {
            Body::None => (String::new(), String::new()),
            Body::Whole(text) => self.whole(self.filled(text), text),
            Body::Large(bytes) => self.whole(" ".repeat(bytes), &format!("{bytes} spaces")),
            Body::Chunked(text) => self.chunked(&self.filled(text), text),
            Body::LargeChunked(bytes) => self.chunked(&" ".repeat(bytes), &format!("{bytes} spaces, in chunks")),
        };
        send(self.address, format!("{head}{framing}\r\n{body}").as_bytes()).await
    }

    fn whole(&mut self, body: String, shown: &str) -> (String, String) {
        writeln!(self.text, "> {shown}").unwrap();
        (format!("content-length: {}\r\n", body.len()), body)
    }

    fn chunked(&mut self, body: &str, shown: &str) -> (String, String) {
        writeln!(self.text, "> {shown}").unwrap();
        let (first, second) = body.split_at(body.len() / 2);
        let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
        ("transfer-encoding: chunked\r\n".to_owned(), format!("{}{}0\r\n\r\n", chunk(first), chunk(second)))
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.last {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        if text.contains("{code}") || text.contains("{wrong}") {
            let code = self.site.code();
            let wrong: String = code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect();
            text = text.replace("{code}", &code).replace("{wrong}", &wrong);
        }
        text
    }

    fn note(&mut self, reply: Reply) {
        self.remember(&reply);
        writeln!(self.text, "{}", reply.status).unwrap();
        for (name, value) in &reply.headers {
            // The description has its own tests, and its length changes with it.
            let value = if reply.body == DESCRIPTION && name == "content-length" { "<its length>" } else { value };
            writeln!(self.text, "{name}: {}", self.named(value)).unwrap();
        }
        let body = if reply.body == DESCRIPTION {
            "<src/endpoint/openapi.json>"
        } else {
            str::from_utf8(&reply.body).unwrap()
        };
        writeln!(self.text, "\n{}", self.named(body)).unwrap();
        self.text.push('\n');
    }

    /// Keeps what later requests need, and names what is random.
    fn remember(&mut self, reply: &Reply) {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let cookie = reply.headers.iter().find(|(name, _)| name == "set-cookie");
        let cookie = cookie.map(|(_, value)| value.split(';').next().unwrap().to_owned());
        for (kind, value) in [("check", text(&body, "check_id")), ("proof", text(&body, "proof")), ("cookie", cookie)] {
            let Some(value) = value else { continue };
            if !self.names.iter().any(|(known, _)| *known == value) {
                let number = self.names.iter().filter(|(_, name)| name.starts_with(&format!("<{kind}"))).count() + 1;
                self.names.push((value.clone(), format!("<{kind} {number}>")));
            }
            self.last.insert(kind, value);
        }
    }

    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        visitor(&text)
    }
}

/// The subject of a visitor is a keyed hash, and the key is random.
fn visitor(text: &str) -> String {
    match text.split_once("visitor:") {
        Some((before, after)) => {
            let end = after.find(|c: char| c.is_whitespace()).unwrap_or(after.len());
            format!("{before}visitor:<hash>{}", &after[end..])
        }
        None => text.to_owned(),
    }
}

fn text(body: &Value, member: &str) -> Option<String> {
    body.get(member).and_then(Value::as_str).map(str::to_owned)
}

const DESCRIPTION: &[u8] = include_bytes!("../../src/endpoint/openapi.json");
