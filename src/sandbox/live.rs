//! Everything that goes on, for pages and tests: requests to the vendors, and what reaches the handsets.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use http::header;
use serde::{Deserialize, Serialize};

use crate::sandbox::{
    activity::{Activity, Watch},
    common::Common,
    event::Event,
    log::{Log, LoggedRequest},
};

pub(super) fn router(common: Arc<Common>) -> Router {
    Router::new()
        .route("/requests", get(requests))
        .route("/callbacks", get(callbacks))
        .route("/activity", get(activity))
        .with_state(common)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    #[serde(default)]
    after: u64,
}

async fn requests(State(common): State<Arc<Common>>, Query(since): Query<Since>) -> Json<Vec<LoggedRequest>> {
    Json(since.of(&common.log))
}

async fn callbacks(State(common): State<Arc<Common>>, Query(since): Query<Since>) -> Json<Vec<LoggedRequest>> {
    Json(since.of(&common.callbacks))
}

impl Since {
    fn of(&self, log: &Log) -> Vec<LoggedRequest> {
        let mut requests = log.requests();
        requests.retain(|request| request.id > self.after);
        requests
    }
}

async fn activity(State(common): State<Arc<Common>>) -> Response {
    // Before the snapshot, so that nothing falls between the two. What is in both has an id to know it by.
    let watch = common.feed.watch();
    let first = stream::iter([message(&Snapshot::of(&common))]);
    let live = first.chain(live(watch)).take_until(common.stop.wait());
    ([(header::CACHE_CONTROL, "no-store")], Sse::new(live).keep_alive(KeepAlive::default())).into_response()
}

/// What there is when somebody begins to look. An object with one key, as [`Activity`] is in JSON.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Snapshot {
    Snapshot { handsets: BTreeMap<String, Vec<Event>>, requests: Vec<LoggedRequest>, callbacks: Vec<LoggedRequest> },
}

impl Snapshot {
    fn of(common: &Common) -> Self {
        let latest = |log: &Log| {
            let mut requests = log.requests();
            requests.drain(..requests.len().saturating_sub(SHOWN));
            requests
        };
        Self::Snapshot {
            handsets: common.handsets.events(),
            requests: latest(&common.log),
            callbacks: latest(&common.callbacks),
        }
    }
}

/// What happens. It ends for a reader who has missed something: browsers come again, and get a new snapshot.
fn live(watch: Watch) -> impl Stream<Item = Result<Message, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        match watch.next().await? {
            Activity::Missed(_) => None,
            activity => Some((message(&activity), watch)),
        }
    })
}

fn message(said: &impl Serialize) -> Result<Message, Infallible> {
    Ok(Message::default().data(serde_json::to_string(said).unwrap_or_default()))
}

/// How many requests a snapshot has.
const SHOWN: usize = 200;
