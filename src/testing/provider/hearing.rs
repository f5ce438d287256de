//! Everything that a provider lets be seen: how its values print, its errors with all their causes, what it traces.

use std::{
    error::Error as StdError,
    fmt::{self, Debug},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::case::{Failure, ensure};

/// Text as it was seen, and what must not be in it. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Book(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    seen: String,
    secrets: Vec<String>,
}

impl Book {
    /// Writes down how a value prints.
    pub(super) fn show(&self, value: &dyn Debug) {
        self.write(format_args!("{value:?}\n{value:#?}"));
    }

    /// Writes down how an error prints, with everything underneath.
    pub(super) fn show_error(&self, error: &dyn StdError) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.write(format_args!("{error}"));
            self.show(&error);
            next = error.source();
        }
    }

    /// Remembers what must not be seen. A text of less than six characters is forgotten: ports and times look like that.
    pub(super) fn secret(&self, text: &str) {
        if text.len() >= 6 {
            self.with(|pages| pages.secrets.push(text.to_owned()));
        }
    }

    /// Fails when a secret was seen.
    pub(super) fn shows_nothing_secret(&self) -> Result<(), Failure> {
        self.with(|pages| {
            let line =
                pages.seen.lines().find(|line| pages.secrets.iter().any(|secret| line.contains(secret.as_str())));
            ensure(line.is_none(), || format!("a secret, code or number is shown: {}", line.unwrap_or_default()))
        })
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        self.with(|pages| pages.seen.push_str(&format!("{line}\n")));
    }

    fn with<T>(&self, look: impl FnOnce(&mut Pages) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hears spans and events at every level.
impl Subscriber for Book {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Visit for Book {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(format_args!("{}={value:?}", field.name()));
    }
}
