//! Waiting for a check to change, whichever process changes it.
//!
//! Each change is published on a channel that is named as the check's key. One connection listens for all who wait in this process; who
//! waits looks after it listens, and again every second, so that a message which is lost costs a second.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use dashmap::DashMap;
use futures_util::StreamExt;
use tokio::{
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};

use crate::{
    error::Result,
    redis::{Redis, Reply, unexpected},
    store::Record,
};

#[derive(Clone)]
pub(super) struct Watch {
    redis: Redis,
    waiting: Arc<DashMap<Vec<u8>, Waiting>>,
    listener: Arc<OnceLock<mpsc::UnboundedSender<Wish>>>,
}

struct Waiting {
    changed: Arc<Notify>,
    how_many: usize,
}

/// A channel to listen on, or to listen on no more.
enum Wish {
    Listen(Vec<u8>),
    Leave(Vec<u8>),
}

impl Watch {
    pub(super) fn new(redis: &Redis) -> Self {
        Self { redis: redis.clone(), waiting: Arc::default(), listener: Arc::default() }
    }

    /// Waits until the record under a key has another version, or is gone.
    pub(super) async fn changed(&self, key: Vec<u8>, version: u32) -> Result<()> {
        let place = self.wait_for(key);
        loop {
            let mut changed = std::pin::pin!(place.changed.notified());
            // Listening begins before the look, so that no change falls between the two.
            changed.as_mut().enable();
            if self.version(&place.key).await? != Some(version) {
                return Ok(());
            }
            // Whether it was a message or the second is over: look.
            let _ = timeout(LOOK_AGAIN, changed).await;
        }
    }

    async fn version(&self, key: &[u8]) -> Result<Option<u32>> {
        let mut get = ::redis::cmd("GET");
        get.arg(key);
        match self.redis.command(&get).await? {
            Reply::Nothing => Ok(None),
            Reply::Bytes(bytes) => Record::from_bytes(&bytes).map(|record| Some(record.state.version())),
            _ => Err(unexpected()),
        }
    }

    fn wait_for(&self, key: Vec<u8>) -> Place {
        let listener = self.listener.get_or_init(|| {
            let (wishes, heard) = mpsc::unbounded_channel();
            tokio::spawn(listen(self.redis.clone(), Arc::clone(&self.waiting), heard));
            wishes
        });
        let mut waiting =
            self.waiting.entry(key.clone()).or_insert_with(|| Waiting { changed: Arc::default(), how_many: 0 });
        waiting.how_many += 1;
        let changed = Arc::clone(&waiting.changed);
        if waiting.how_many == 1 {
            // Nobody hears it when the runtime ends; then nobody waits either.
            let _ = listener.send(Wish::Listen(key.clone()));
        }
        Place { key, changed, waiting: Arc::clone(&self.waiting), listener: listener.clone() }
    }
}

/// A place among those who wait, given up when it is dropped.
struct Place {
    key: Vec<u8>,
    changed: Arc<Notify>,
    waiting: Arc<DashMap<Vec<u8>, Waiting>>,
    listener: mpsc::UnboundedSender<Wish>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let was_last = self.waiting.remove_if_mut(&self.key, |_, waiting| {
            waiting.how_many -= 1;
            waiting.how_many == 0
        });
        if was_last.is_some() {
            let _ = self.listener.send(Wish::Leave(std::mem::take(&mut self.key)));
        }
    }
}

/// Listens for everybody who waits, until the store is gone.
async fn listen(redis: Redis, waiting: Arc<DashMap<Vec<u8>, Waiting>>, mut wishes: mpsc::UnboundedReceiver<Wish>) {
    loop {
        match listen_once(&redis, &waiting, &mut wishes).await {
            Ok(()) => return,
            Err(_) if wishes.is_closed() => return,
            Err(error) => tracing::debug!(%error, "not listening for changes; looking every second meanwhile"),
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn listen_once(
    redis: &Redis,
    waiting: &DashMap<Vec<u8>, Waiting>,
    wishes: &mut mpsc::UnboundedReceiver<Wish>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Whoever waits is found below.
    while wishes.try_recv().is_ok() {}
    let (mut sink, mut messages) = redis.listen().await?.split();
    let keys: Vec<Vec<u8>> = waiting.iter().map(|entry| entry.key().clone()).collect();
    for key in keys {
        sink.subscribe(&key).await?;
        wake(waiting, &key);
    }
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return Err("the connection ended".into()) };
                wake(waiting, message.get_channel_name().as_bytes());
            }
            wish = wishes.recv() => match wish {
                None => return Ok(()),
                Some(Wish::Listen(key)) => {
                    sink.subscribe(&key).await?;
                    // What has changed before this channel was heard is found by looking.
                    wake(waiting, &key);
                }
                Some(Wish::Leave(key)) if !waiting.contains_key(&key) => sink.unsubscribe(&key).await?,
                Some(Wish::Leave(_)) => {}
            },
        }
    }
}

fn wake(waiting: &DashMap<Vec<u8>, Waiting>, key: &[u8]) {
    if let Some(waiting) = waiting.get(key) {
        waiting.changed.notify_waiters();
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(1);
