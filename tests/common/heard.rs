//! What the library says while something happens, event by event.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt},
};

/// What the events of this library say, by their fields.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("handset") {
            let mut fields = Fields(BTreeMap::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }
    }
}

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Heard {
    /// Listens on this thread until the guard goes.
    pub(super) fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let heard = Self::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(heard.clone()));
        (heard, guard)
    }

    /// The events since the last time that somebody asked for any.
    pub(super) fn all(&self) -> Vec<BTreeMap<&'static str, String>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The one event of these words among those since the last time that somebody asked for any.
    #[track_caller]
    pub(super) fn one(&self, message: &str) -> BTreeMap<&'static str, String> {
        let heard = self.all();
        let mut found: Vec<_> = heard.iter().filter(|event| event["message"] == message).cloned().collect();
        assert_eq!(found.len(), 1, "`{message}` in {heard:#?}");
        found.remove(0)
    }
}
