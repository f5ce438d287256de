//! What goes on in a sandbox, a line for each thing.

use std::{future::pending, io::Write, time::SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    cli::Format,
    clock::{Clock, SystemClock},
    sandbox::{Activity, Event, LoggedRequest, Watch},
};

/// Tells what goes on, with numbers and codes.
pub(super) struct Journal {
    watch: Watch,
    format: Format,
    detail: Detail,
}

/// How much is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Nothing,
    /// What reaches handsets, and requests once they are answered.
    Answers,
    /// Requests when they come, too; programs are told what was said.
    Requests,
}

impl Detail {
    pub(super) fn of(quiet: bool, verbose: bool) -> Self {
        match (quiet, verbose) {
            (true, _) => Self::Nothing,
            (false, false) => Self::Answers,
            (false, true) => Self::Requests,
        }
    }
}

impl Journal {
    pub(super) fn new(watch: Watch, format: Format, detail: Detail) -> Self {
        Self { watch, format, detail }
    }

    /// Writes until the sandbox is gone.
    pub(super) async fn follow(mut self, to: &mut dyn Write) {
        if self.detail == Detail::Nothing {
            pending::<()>().await;
        }
        while let Some(activity) = self.watch.next().await {
            if let Some(line) = self.line(&activity, SystemClock.now()) {
                // Nobody reads: the sandbox goes on all the same.
                let _ = writeln!(to, "{line}").and_then(|()| to.flush());
            }
        }
    }

    /// The line for what has happened; `None` when it is more than was asked for.
    fn line(&self, activity: &Activity, now: SystemTime) -> Option<String> {
        let is_begun = matches!(activity, Activity::Request(it) | Activity::Callback(it) if it.status.is_none());
        if is_begun && self.detail != Detail::Requests {
            return None;
        }
        Some(match self.format {
            Format::Json => {
                let activity = match (activity, self.detail) {
                    (Activity::Request(it), Detail::Answers) => &Activity::Request(it.line()),
                    (Activity::Callback(it), Detail::Answers) => &Activity::Callback(it.line()),
                    (activity, _) => activity,
                };
                json!(Entry { at: rfc3339(now), activity }).to_string()
            }
            Format::Human | Format::Plain => visible(&format!("{}  {}", rfc3339(now), words(activity))),
        })
    }
}

/// A line of JSON.
#[derive(Serialize)]
struct Entry<'a> {
    at: String,
    #[serde(flatten)]
    activity: &'a Activity,
}

fn words(activity: &Activity) -> String {
    match activity {
        Activity::Request(LoggedRequest { vendor, method, path, number, status, .. }) => {
            let about = number.as_ref().map_or_else(String::new, |number| format!("  about {number}"));
            let answer = status.map_or_else(|| "has come".to_owned(), |status| format!("answered {status}"));
            format!("{vendor}  {method} {path}  {answer}{about}")
        }
        Activity::Callback(LoggedRequest { vendor, method, path, status, .. }) => {
            let answer = match status {
                None => "goes out".to_owned(),
                Some(0) => "not answered".to_owned(),
                Some(status) => format!("answered {status}"),
            };
            format!("{vendor}  calls back: {method} {path}  {answer}")
        }
        Activity::Handset { number, event } => format!("handset {number}  {}", of_event(event)),
        Activity::Missed(count) => format!("{count} lines are left out here: too much happens at once"),
    }
}

/// `incoming call: from +37166004953, state ringing`. Made of the JSON that clients get, so that both tell the same.
fn of_event(event: &Event) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else { return "an event".to_owned() };
    for shown_elsewhere in ["id", "at", "call"] {
        fields.remove(shown_elsewhere);
    }
    let kind = fields.remove("kind").and_then(|kind| Some(kind.as_str()?.replace('_', " "))).unwrap_or_default();
    let told = fields.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    });
    format!("{kind}: {}", told.collect::<Vec<_>>().join(", "))
}

/// The same without what would move a terminal's cursor or colour it: texts come from whoever can reach the sandbox.
fn visible(line: &str) -> String {
    line.chars().fold(String::with_capacity(line.len()), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

fn rfc3339(now: SystemTime) -> String {
    humantime::format_rfc3339_millis(now).to_string()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::sandbox::{Content, Sandbox};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    async fn lines(format: Format, detail: Detail) -> Vec<String> {
        let sandbox = Sandbox::start().await.unwrap();
        let journal = Journal::new(sandbox.watch(), format, detail);
        let request = |status| {
            let (method, path) = (Method::POST, "/numcheck/en/init-call".to_owned());
            Activity::Request(LoggedRequest {
                id: 1,
                at: NOW,
                vendor: "numcheck",
                method,
                path,
                number: Some("+371".to_owned()),
                status,
                took_ms: None,
                sent: Some(Content::default()),
                answered: None,
            })
        };
        let all = [request(None), request(Some(200)), Activity::Missed(3)];
        all.iter().filter_map(|activity| journal.line(activity, NOW)).collect()
    }

    #[tokio::test]
    async fn a_line_says_who_was_asked_what() {
        assert_eq!(
            lines(Format::Human, Detail::Requests).await,
            [
                "1970-01-01T00:00:00.000Z  numcheck  POST /numcheck/en/init-call  has come  about +371",
                "1970-01-01T00:00:00.000Z  numcheck  POST /numcheck/en/init-call  answered 200  about +371",
                "1970-01-01T00:00:00.000Z  3 lines are left out here: too much happens at once",
            ]
        );
        assert_eq!(lines(Format::Plain, Detail::Answers).await.len(), 2);
        let json: Value = serde_json::from_str(&lines(Format::Json, Detail::Answers).await[0]).unwrap();
        assert_eq!(
            json,
            json!({
                "at": "1970-01-01T00:00:00.000Z",
                "request": {
                    "id": 1, "at": "1970-01-01T00:00:00.000Z", "vendor": "numcheck", "method": "POST",
                    "path": "/numcheck/en/init-call", "number": "+371", "status": 200,
                },
            })
        );
    }

    #[tokio::test]
    async fn a_callback_says_whether_it_was_answered() {
        let sandbox = Sandbox::start().await.unwrap();
        let journal = Journal::new(sandbox.watch(), Format::Human, Detail::Requests);
        let line = |status| {
            let (method, path) = (Method::POST, "https://app.example.com/x".to_owned());
            let (number, took_ms, sent, answered) = (None, None, None, None);
            let vendor = "citcall";
            let told = LoggedRequest { id: 1, at: NOW, vendor, method, path, number, status, took_ms, sent, answered };
            journal.line(&Activity::Callback(told), NOW).unwrap().split_once("  ").unwrap().1.to_owned()
        };
        assert_eq!(line(None), "citcall  calls back: POST https://app.example.com/x  goes out");
        assert_eq!(line(Some(204)), "citcall  calls back: POST https://app.example.com/x  answered 204");
        assert_eq!(line(Some(0)), "citcall  calls back: POST https://app.example.com/x  not answered");
    }

    #[test]
    fn a_text_moves_no_cursor() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{9b}é"), "a\\u{1b}[2Jb\\nc\\u{9b}é");
    }
}
