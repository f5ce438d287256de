//! What happens in the sandbox, told while it happens.

use std::fmt;

use serde::Serialize;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

use crate::sandbox::{event::Event, log::LoggedRequest};

/// Something that happened in the sandbox. `Debug` hides numbers and codes.
///
/// The JSON form is an object with one key, which says what: `request`, `callback`, `handset` or `missed`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// A request has come to a vendor, while its `status` is `None`, or was answered.
    Request(LoggedRequest),
    /// A vendor calls the application back, while its `status` is `None`, or was answered: with 0 where there was no answer.
    Callback(LoggedRequest),
    /// Something reached a handset, or changed there.
    Handset {
        /// The number in E.164, or the e-mail address.
        number: String,
        /// What it was.
        event: Event,
    },
    /// The reader was too slow: so many are lost to it.
    Missed(u64),
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(request) => f.debug_tuple("Request").field(request).finish(),
            Self::Callback(callback) => f.debug_tuple("Callback").field(callback).finish(),
            Self::Handset { event, .. } => f.debug_struct("Handset").field("event", event).finish_non_exhaustive(),
            Self::Missed(count) => f.debug_tuple("Missed").field(count).finish(),
        }
    }
}

/// Gives what happens in a sandbox, from the moment on when it was asked for.
#[derive(Debug)]
pub struct Watch(Receiver<Activity>);

impl Watch {
    /// Waits for what happens next, in the order in which it happens; `None` when the sandbox is gone.
    ///
    /// A reader that is more than 1,024 behind loses the oldest, and is told so.
    pub async fn next(&mut self) -> Option<Activity> {
        match self.0.recv().await {
            Ok(activity) => Some(activity),
            Err(RecvError::Lagged(count)) => Some(Activity::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Tells whoever watches.
#[derive(Clone)]
pub(super) struct Feed(Sender<Activity>);

impl Feed {
    /// Tells what happened; `activity` is called only if somebody watches.
    pub(super) fn tell(&self, activity: impl FnOnce() -> Activity) {
        if self.0.receiver_count() > 0 {
            // The last reader may be gone by now.
            let _ = self.0.send(activity());
        }
    }

    pub(super) fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self(Sender::new(CAPACITY))
    }
}

/// How far a reader may be behind.
const CAPACITY: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_lost() {
        let feed = Feed::default();
        feed.tell(|| panic!("nobody watches"));
        let mut watch = feed.watch();
        for count in 0..=1_024 {
            feed.tell(|| Activity::Missed(count));
        }
        assert!(matches!(watch.next().await, Some(Activity::Missed(1))), "one is lost");
        assert!(matches!(watch.next().await, Some(Activity::Missed(1))), "the second comes next");
        let mut late = feed.watch();
        drop(feed);
        assert!(late.next().await.is_none());
    }

    #[test]
    fn debug_shows_no_number() {
        let text = crate::sandbox::Sms { id: 1, at: std::time::UNIX_EPOCH, from: "a".into(), text: "482916".into() };
        let shown = format!("{:?}", Activity::Handset { number: "+37126123456".into(), event: Event::Sms(text) });
        assert!(!shown.contains("26123456") && !shown.contains("482916"), "{shown}");
    }
}
