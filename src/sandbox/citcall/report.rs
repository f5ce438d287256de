//! What is called back when a call has ended.
//!
//! The vendor names the fields and gives none of their values; `Success` and `Failed` are known from hearsay. The others are the
//! emulator's own:
//!
//! | the call | `dial_code` | `dial_status` | `call_status` | `result` |
//! |---|---|---|---|---|
//! | rang, until the vendor or the phone ended it | 487 | `CANCEL` | `missed` | `Success` |
//! | was taken by a machine | 200 | `ANSWER` | `answered` | `Success` |
//! | did not reach the phone | 480 | `UNAVAILABLE` | `failed` | `Failed` |
//!
//! Version 2 wraps it as it wraps everything, and names the order by `clientUniqueId` and `trx_id`; version 3 writes plain JSON
//! and `trxid`. Neither signs it.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::{cipher, fields::Order, refusal::Version};
use crate::{
    clock::{Clock, SystemClock},
    sandbox::{
        call::Call,
        courier::Letter,
        knob::{CallbackFault, Dials, Knob},
    },
    secret::Secret,
};

/// A report that is not yet due.
pub(super) struct Report {
    url: String,
    call: Call,
    fields: Map<String, Value>,
    is_wrapped: bool,
    fault: Option<CallbackFault>,
}

impl Report {
    /// The report of a call; `None` where nobody wants it, or the vendor has lost it.
    pub(super) fn of(order: Order, id: u64, ending: &str, call: Call, dials: &Dials) -> Option<Self> {
        let fault = dials.callback();
        if fault == Some(CallbackFault::None) || matches!(call, Call::Lost) {
            return None;
        }
        let (v2, id_name) = match order.version {
            Version::V2 => (true, "trx_id"),
            Version::V3 => (false, "trxid"),
        };
        let mut fields = Map::new();
        let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        add("rc", order.version.rc(0, dials));
        add(id_name, json!(id.to_string()));
        add("msisdn", json!(if v2 { format!("+{}", order.number) } else { order.number }));
        add("via", json!("miscall"));
        add("token", json!(order.version.token(ending)));
        if let Some(own) = order.client_unique_id {
            add("clientUniqueId", json!(own));
        }
        fields.extend(outcome(&call));
        let is_wrapped = v2 && !dials.has(&Knob::PlainCallbacks);
        let url = order.callback_url.or_else(|| dials.callback_url().map(str::to_owned))?;
        Some(Self { url, call, fields, is_wrapped, fault })
    }

    /// Waits until the call has ended, or not at all if the report is to come early, and writes it with its faults.
    pub(super) async fn letters(self, account: (Secret, Secret)) -> Vec<Letter> {
        if self.fault != Some(CallbackFault::Early) {
            self.call.wait_for_end().await;
        }
        let (now, other) = (SystemClock.now(), self.other());
        let letter = |fields, wrapped_at| self.letter(fields, &account, wrapped_at);
        match self.fault {
            Some(CallbackFault::Duplicate) => vec![letter(&self.fields, now); 2],
            Some(CallbackFault::OutOfOrder) => vec![letter(&self.fields, now), letter(&other, now - OLDER)],
            Some(CallbackFault::Forged) => vec![letter(&other, now)],
            Some(CallbackFault::Late) => vec![letter(&self.fields, now - LATE)],
            _ => vec![letter(&self.fields, now)],
        }
    }

    fn letter(&self, fields: &Map<String, Value>, (user_id, key): &(Secret, Secret), wrapped_at: SystemTime) -> Letter {
        let text = cipher::ascii_json(fields);
        let wrap = |key: &str| cipher::wrap(&text, user_id.expose(), key, wrapped_at);
        let data = match self.fault {
            _ if !self.is_wrapped => None,
            Some(CallbackFault::Unsigned) => None,
            // Back to front, no byte meets the key that it was mixed with.
            Some(CallbackFault::WrongSignature) => Some(wrap(key.expose()).chars().rev().collect()),
            Some(CallbackFault::ForeignKey) => Some(wrap(FOREIGN_KEY)),
            _ => Some(wrap(key.expose())),
        };
        let body = data.map_or(text, |data: String| json!({ "data": data }).to_string());
        Letter { url: self.url.clone(), content_type: "application/json", headers: Vec::new(), body }
    }

    /// The opposite: that the call did not reach the phone, or that it did.
    fn other(&self) -> Map<String, Value> {
        let mut other = self.fields.clone();
        other.extend(match self.call {
            Call::Rings(..) | Call::Voicemail | Call::Lost => words(480, "UNAVAILABLE", "failed", "Failed"),
            Call::Unreachable => words(487, "CANCEL", "missed", "Success"),
        });
        other
    }
}

fn outcome(call: &Call) -> [(String, Value); 4] {
    match call {
        Call::Rings(..) => words(487, "CANCEL", "missed", "Success"),
        Call::Voicemail => words(200, "ANSWER", "answered", "Success"),
        Call::Unreachable | Call::Lost => words(480, "UNAVAILABLE", "failed", "Failed"),
    }
}

fn words(code: u16, dial: &str, call: &str, result: &str) -> [(String, Value); 4] {
    [
        ("dial_code".to_owned(), json!(code.to_string())),
        ("dial_status".to_owned(), json!(dial)),
        ("call_status".to_owned(), json!(call)),
        ("result".to_owned(), json!(result)),
    ]
}

/// A key that was once printed as a sample: somebody else's.
const FOREIGN_KEY: &str = "fe01ce2a7fbac8fafaed7c982a04e229";

/// How late a late report is.
const LATE: Duration = Duration::from_secs(10 * 60);

/// How much before a report the one was wrapped that comes after it.
const OLDER: Duration = Duration::from_secs(5);
