//! What every start leaves behind: why it was decided so, and how it ended.
//!
//! A [`Verifier`](crate::Verifier) that is built with a [`Sink`] writes a line of JSON when a check starts, and another when it
//! ends. Neither has a phone number, an address, a code or the name of a subject in it; both can be kept and shown around.
//!
//! ```
//! # #[cfg(feature = "testing")] #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use handset::{Action, PhoneNumber, Subject, Verifier, proof::ProofKey};
//! use handset::{record::FileSink, testing::CodeBook, verifier::StartRequest};
//!
//! # let folder = std::env::temp_dir().join(format!("handset-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let path = folder.join("decisions.jsonl");
//! let policy = "version = 1\n[[route]]\nname = \"everybody\"\ntry = [\"code_book/sms\"]";
//! let verifier = Verifier::builder()
//!     .policy("policy.toml", policy)
//!     .proof_key(ProofKey::random()?)
//!     .provider(CodeBook::default())
//!     .record_to(FileSink::open(&path)?)
//!     .build()?;
//!
//! let phone = PhoneNumber::parse("+37126123456", None)?;
//! verifier.start(StartRequest::new(Subject::new("ada")?, phone, Action::new("sign_in")?)).await?;
//! verifier.flush_records().await;
//! let line = std::fs::read_to_string(&path)?;
//! assert!(line.contains(r#""try":["code_book/sms"]"#) && !line.contains("26123456"));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok(()) }
//! # #[cfg(not(feature = "testing"))] fn main() {}
//! ```
#![doc = include_str!("format.md")]

mod file;
mod queue;
mod replay;
mod report;
mod sink;

use std::{borrow::Cow, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use crate::{
    channel::Channel,
    error::{Error, ErrorKind, Result},
    policy::{RecordedAnswer, RecordedFacts},
};

pub use file::FileSink;
pub use queue::Counts;
pub(crate) use queue::Records;
pub use replay::Replay;
pub use report::{Change, Example, Group, Report};
pub use sink::{Sink, TracingSink};

/// One line of the log of decisions. `Display` prints it as JSON.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "another kind of line is another version of the format")]
pub enum Record {
    /// A check was asked for.
    Start(Box<StartRecord>),
    /// A check ended.
    End(EndRecord),
}

/// A check was asked for: what was known, what the policy said, what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StartRecord {
    /// The id of the check; of one that never was, where it was refused.
    pub id: String,
    /// When, to the millisecond.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub at: SystemTime,
    /// What came of it.
    pub result: StartResult,
    /// What the policy answered.
    pub decision: RecordedAnswer,
    /// What the shadow answered, where it is not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<RecordedAnswer>,
    /// The channel that the person asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Channel>,
    /// The limits that counted it, by name; the last of them refused it, if `result` is `limited`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// Stands for the number: the same number has the same name for as long as the server key is the same.
    pub phone: String,
    /// Stands for the subject, in the same way.
    pub subject: String,
    /// What the rules could read.
    pub facts: RecordedFacts,
}

/// What came of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StartResult {
    /// A check began; its first message is ordered next.
    Started,
    /// There was an open check for the same, and the person got that one.
    Joined,
    /// The policy refused it.
    Denied,
    /// A limit or a failure budget refused it.
    Limited,
    /// What was asked for cannot be had: a channel that is not in the plan, a number for tests, a used idempotency key.
    Refused,
    /// The store or the limiter could not be reached.
    Unavailable,
}

/// A check ended. One that runs out of time has no such line: nothing happens then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndRecord {
    /// The id of the check.
    pub id: String,
    /// When, to the millisecond.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub at: SystemTime,
    /// How it ended.
    pub outcome: Outcome,
    /// The provider of the message that was out, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// How many messages were ordered.
    pub messages: u32,
    /// How long it took from the start, in milliseconds.
    pub ms: u64,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Possession was shown.
    Verified,
    /// Too many answers were wrong.
    Failed,
    /// No provider took the order.
    NotSent,
    /// It was called off.
    Cancelled,
}

impl Record {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is no record, or one of another version.
    pub fn parse(line: &str) -> Result<Self> {
        let invalid = |source| Error::new(ErrorKind::InvalidInput, "not a decision record").with_source(source);
        let Tag { v, record } = serde_json::from_str(line).map_err(invalid)?;
        match (v, record.as_ref()) {
            (Self::VERSION, "start") => serde_json::from_str(line).map(|start| Self::Start(Box::new(start))),
            (Self::VERSION, "end") => serde_json::from_str(line).map(Self::End),
            (version, kind) => {
                let message = match version {
                    Self::VERSION => format!("a record of the unknown kind `{}`", kind.escape_debug()),
                    _ => format!("a record of version {version}; this program reads version {}", Self::VERSION),
                };
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
        }
        .map_err(invalid)
    }

    /// The version of the format that this program writes and reads.
    pub const VERSION: u32 = 1;
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

/// With `v` and `record` first, which say how to read the rest.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            #[serde(flatten)]
            tag: Tag<'a>,
            #[serde(flatten)]
            body: &'a T,
        }
        let tag = |record: &'static str| Tag { v: Self::VERSION, record: record.into() };
        match self {
            Self::Start(body) => Tagged { tag: tag("start"), body }.serialize(serializer),
            Self::End(body) => Tagged { tag: tag("end"), body }.serialize(serializer),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Tag<'a> {
    v: u32,
    #[serde(borrow)]
    record: Cow<'a, str>,
}

fn write_time<S: Serializer>(time: &SystemTime, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    // `Display` of a time outside the years that RFC 3339 can write is an error, which `to_string` would panic on.
    let mut text = String::new();
    std::fmt::Write::write_fmt(&mut text, format_args!("{}", humantime::format_rfc3339_millis(*time)))
        .map_err(S::Error::custom)?;
    serializer.serialize_str(&text)
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<SystemTime, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    humantime::parse_rfc3339(&text).map_err(D::Error::custom)
}
