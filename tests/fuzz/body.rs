//! JSON that clients send.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Code, Result, Subject,
    check::{Expected, Status},
    provider::{Handle, Order, Provider, Settle, Started},
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use super::{
    sheet::Sheet,
    world::{ORIGIN, World, Worlds, not_found, request},
};

/// A body starts a check or answers one, or changes nothing; and no answer repeats a number, a code or an address.
///
/// Of the sheet, `.to: code` sends the body to an open check, whose code is `{code}`, and else to the start of one.
pub(crate) fn check_body(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(world)) };
    }
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let begun = world.begin();
        let (code, messages) = BOOK.with(|book| book.last());
        let sheet = Sheet::read(bytes, &[("{code}", &code)]);
        let is_answer = sheet.told("to") == Some("code");
        let path = if is_answer { format!("/{}/code", begun.check.id) } else { String::new() };
        let mut headers = sheet.headers();
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let url = format!("{ORIGIN}/handset/checks{path}");
        let mut request = request(Method::POST, &url, headers, sheet.body.clone()).unwrap();
        let other = format!("not {}", begun.subject.as_str());
        let subject = if is_answer { begun.subject.clone() } else { Subject::new(other).unwrap() };
        request.extensions_mut().insert(subject);
        let before = world.look(&begun);
        let answer = world.ask(request);
        let after = world.look(&begun);
        answer.is_sound(&[200, 201, 400, 403, 410, 413, 415, 422, 429]);
        let said: Value = serde_json::from_slice(&sheet.body).unwrap_or_default();
        // A name of an action is repeated, and is no secret.
        for secret in
            values(&said).filter(|value| !said["action"].as_str().is_some_and(|action| action.contains(value)))
        {
            answer.hides(&secret);
        }
        let sent = BOOK.with(|book| book.last().1) - messages;
        assert_eq!(sent, usize::from(answer.status == StatusCode::CREATED), "{}", answer.body);
        let is_wrong = answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.body.contains("incorrect-code");
        match (answer.status, is_wrong) {
            (StatusCode::OK, _) => {
                assert!(is_answer && after.0 == Status::Verified);
                assert_eq!(digits(said["code"].as_str().unwrap()), code);
            }
            (_, true) => assert!(is_answer && after.1 + 1 == before.1),
            _ => assert_eq!(before, after, "{}", answer.body),
        }
        answer.status.is_success()
    })
}

/// The values that are long enough to be told from others.
fn values(body: &Value) -> impl Iterator<Item = String> {
    let texts = body.as_object().into_iter().flatten().map(|(_, value)| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    texts.filter(|text| text.len() >= 8 && text.bytes().filter(u8::is_ascii_digit).count() >= 6)
}

fn digits(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_digit).collect()
}

thread_local! {
    static BOOK: Book = Book::default();
}

fn world() -> World {
    let book = BOOK.with(Book::clone);
    World::new("book/sms", |_| not_found(), |builder, _| builder.provider(book))
}

/// A provider that writes codes down.
#[derive(Clone, Debug, Default)]
struct Book(Arc<Mutex<Vec<Code>>>);

impl Book {
    /// The last code, and how many there are.
    fn last(&self) -> (String, usize) {
        let codes = self.0.lock().unwrap();
        (codes.last().map(|code| code.expose().to_owned()).unwrap_or_default(), codes.len())
    }
}

impl Provider for Book {
    fn name(&self) -> &'static str {
        "book"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        self.0.lock().unwrap().push(order.code.clone());
        let settle = Settle::LocalCode(Expected::code(order.code.clone()));
        ready(Ok(Started::new(Handle::new("-"), settle))).boxed()
    }
}
