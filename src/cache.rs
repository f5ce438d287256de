//! What is costly to get and good for a while: fetched once, however many ask at the same moment. It may be lost.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    hash::{Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::{DecodingKey, jwk::Jwk};
use moka::{Entry, Equivalent, Expiry, future::Cache, ops::compute::Op, sync::Cache as ByText};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    hash::Random,
};

/// One value that says itself for how long it is good.
pub(crate) struct Kept<V>(Cache<(), Lasting<V>>);

#[derive(Clone)]
struct Lasting<V> {
    value: V,
    life: Duration,
}

impl<V: Clone + Send + Sync + 'static> Kept<V> {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(1).expire_after(ByLife).build())
    }

    /// The value, or what `fetch` brings, with the time for which that may be used. Everybody who asks meanwhile waits for the
    /// same fetch, and gets its error.
    pub(crate) async fn get_or_fetch(&self, fetch: impl Future<Output = Result<(V, Duration)>>) -> Result<V> {
        let fetch = async { fetch.await.map(|(value, life)| Lasting { value, life }) };
        let kept = self.0.try_get_with((), fetch).await;
        kept.map(|lasting| lasting.value).map_err(|error| Error::clone(&error))
    }

    /// Forgets the value that has turned out to be good no more. Of many who find that out one after the other, the later ones
    /// do not take away what an earlier one has fetched in its place.
    pub(crate) async fn forget(&self, is_it: impl Fn(&V) -> bool) {
        let decide = async |kept: Option<Entry<(), Lasting<V>>>| match kept {
            Some(kept) if is_it(&kept.value().value) => Op::Remove,
            _ => Op::Nop,
        };
        self.0.entry(()).and_compute_with(decide).await;
    }
}

impl<V> fmt::Debug for Kept<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept([redacted])")
    }
}

struct ByLife;

impl<V> Expiry<(), Lasting<V>> for ByLife {
    fn expire_after_create(&self, (): &(), created: &Lasting<V>, _: Instant) -> Option<Duration> {
        Some(created.life)
    }
}

/// What tokens were found to say, by the very text of each. A bounded number: the ones that are seen most often stay.
pub(crate) struct Read<V>(ByText<Token, Arc<V>, Random>);

impl<V: Send + Sync + 'static> Read<V> {
    pub(crate) fn new(capacity: u64) -> Self {
        Self(ByText::builder().max_capacity(capacity).build_with_hasher(Random::default()))
    }

    /// What was found when this text was read in full, if it was.
    pub(crate) fn get(&self, text: &str) -> Option<Arc<V>> {
        self.0.get(&Shown(text))
    }

    pub(crate) fn keep(&self, text: &str, value: Arc<V>) {
        self.0.insert(Token(Zeroizing::new(text.into())), value);
    }

    /// Forgets what is good no more. Called in the background.
    pub(crate) fn sweep(&self, is_over: impl Fn(&V) -> bool) {
        for (text, value) in &self.0 {
            if is_over(&value) {
                self.0.invalidate(&*text);
            }
        }
        self.0.run_pending_tasks();
    }
}

impl<V> fmt::Debug for Read<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Read({} tokens)", self.0.entry_count())
    }
}

/// A token that is kept. Equal by its whole text; found by its end, which is the signature and as good as random.
#[derive(PartialEq, Eq)]
struct Token(Zeroizing<Box<str>>);

/// A token that is looked for.
struct Shown<'a>(&'a str);

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Shown(&self.0).hash(state);
    }
}

impl Hash for Shown<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_bytes().last_chunk::<8>().map_or(&[], <[u8; 8]>::as_slice));
    }
}

impl Equivalent<Token> for Shown<'_> {
    fn equivalent(&self, kept: &Token) -> bool {
        *self.0 == **kept.0
    }
}

/// The public keys of one signer, by the names that the signer gives them.
pub(crate) struct PublicKeys(Cache<(), Arc<Fetched>>);

struct Fetched {
    keys: HashMap<String, DecodingKey>,
    fetched_at: SystemTime,
}

impl PublicKeys {
    pub(crate) fn new() -> Self {
        Self(Cache::new(1))
    }

    /// The key of a name. The set is fetched when it is not there or too old, and once more for a name that is not in it,
    /// since the signer may have changed keys; but not again within a minute, whatever names strangers make up.
    pub(crate) async fn key(
        &self,
        name: &str,
        now: SystemTime,
        fetch: impl Future<Output = Result<HashMap<String, DecodingKey>>>,
    ) -> Result<Option<DecodingKey>> {
        if let Some(set) = self.0.get(&()).await.filter(|set| set.settles(name, now)) {
            return Ok(set.keys.get(name).cloned());
        }
        // One at a time: who waited looks at what the one before has fetched.
        let looked = self.0.entry(()).and_try_compute_with(async |current| match current {
            Some(set) if set.value().settles(name, now) => Ok(Op::Nop),
            _ => fetch.await.map(|keys| Op::Put(Arc::new(Fetched { keys, fetched_at: now }))),
        });
        let looked: Result<_> = looked.await;
        Ok(looked?.into_entry().and_then(|set| set.value().keys.get(name).cloned()))
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKeys")
    }
}

impl Fetched {
    /// Whether the set is young enough to say which key a name has, or that it has none.
    fn settles(&self, name: &str, now: SystemTime) -> bool {
        let age = now.duration_since(self.fetched_at).unwrap_or_default();
        age < if self.keys.contains_key(name) { KEYS_LIFE } else { UNKNOWN_LIFE }
    }
}

/// Public keys as their owner publishes them: a JSON Web Key Set (RFC 7517).
#[derive(Deserialize)]
pub(crate) struct KeySet {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys of a kind by their names, which may be empty. A key of a kind that is not known here is no reason to refuse the
    /// others (RFC 7517, section 5).
    pub(crate) fn by_name(self, fits: fn(&Jwk) -> bool) -> HashMap<String, DecodingKey> {
        let known = self.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        let fitting = known.filter(fits);
        let named = |key: Jwk| Some((key.common.key_id.clone().unwrap_or_default(), DecodingKey::from_jwk(&key).ok()?));
        fitting.filter_map(named).collect()
    }
}

/// For how long a key is used before its signer is asked whether it still is one.
const KEYS_LIFE: Duration = Duration::from_secs(60 * 60);

/// How long an unknown name stays unknown.
const UNKNOWN_LIFE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_token_is_known_by_its_whole_text_until_it_is_over() {
        let read = Read::new(10);
        read.keep("head.one.signature", Arc::new(1));
        assert_eq!(read.get("head.one.signature").as_deref(), Some(&1));
        for other in ["head.two.signature", "xhead.one.signature", "signature", "ignature", ""] {
            assert!(read.get(other).is_none(), "{other}");
        }
        read.sweep(|value| *value == 2);
        assert!(read.get("head.one.signature").is_some());
        read.sweep(|value| *value == 1);
        assert!(read.get("head.one.signature").is_none());
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cost_one_fetch() {
        let (kept, fetched) = (Kept::new(), AtomicUsize::new(0));
        let fetch = || async {
            tokio::task::yield_now().await;
            Ok((fetched.fetch_add(1, Ordering::Relaxed), Duration::from_secs(60)))
        };
        let got = join_all((0..32).map(|_| kept.get_or_fetch(fetch()))).await;
        assert!(got.into_iter().all(|value| value.unwrap() == 0));

        kept.forget(|value| *value == 0).await;
        assert_eq!(kept.get_or_fetch(fetch()).await.unwrap(), 1);
        kept.forget(|value| *value == 0).await;
        assert_eq!(kept.get_or_fetch(fetch()).await.unwrap(), 1, "what came in its place stays");
    }

    #[tokio::test]
    async fn what_has_no_life_left_and_what_failed_is_not_kept() {
        let kept = Kept::new();
        let failed = kept.get_or_fetch(async { Err(Error::new(ErrorKind::Unavailable, "down")) }).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(kept.get_or_fetch(async { Ok((1, Duration::ZERO)) }).await.unwrap(), 1);
        assert_eq!(kept.get_or_fetch(async { Ok((2, Duration::from_secs(60))) }).await.unwrap(), 2);
        assert_eq!(kept.get_or_fetch(async { Ok((3, Duration::from_secs(60))) }).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn strangers_names_cost_one_fetch_a_minute() {
        let (keys, fetched) = (PublicKeys::new(), AtomicUsize::new(0));
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        let at = |seconds| start + Duration::from_secs(seconds);
        let look = async |name: &str, now| {
            let fetch = async {
                tokio::task::yield_now().await;
                let names: &[&str] = if fetched.fetch_add(1, Ordering::Relaxed) == 0 { &["old"] } else { &["new"] };
                Ok(names.iter().map(|name| ((*name).to_owned(), DecodingKey::from_secret(b"k"))).collect())
            };
            keys.key(name, now, fetch).await.unwrap().is_some()
        };
        assert!(join_all((0..32).map(|_| look("old", start))).await.into_iter().all(|found| found));
        assert!(!look("new", at(59)).await);
        assert!(look("old", at(59)).await);
        assert_eq!(fetched.load(Ordering::Relaxed), 1);

        assert!(join_all((0..32).map(|_| look("new", at(60)))).await.into_iter().all(|found| found));
        assert!(!look("old", at(60)).await, "a key that was taken back is no key");
        assert_eq!(fetched.load(Ordering::Relaxed), 2);

        look("new", at(60 + 3600)).await;
        assert_eq!(fetched.load(Ordering::Relaxed), 3, "once an hour the signer is asked again");
    }

    #[tokio::test]
    async fn a_fetch_that_failed_leaves_the_keys_as_they_were() {
        let keys = PublicKeys::new();
        let now = SystemTime::UNIX_EPOCH;
        let down = || async { Err(Error::new(ErrorKind::Unavailable, "down")) };
        assert!(keys.key("a", now, down()).await.is_err());
        let set = async { Ok(HashMap::from([("a".to_owned(), DecodingKey::from_secret(b"k"))])) };
        assert!(keys.key("a", now, set).await.unwrap().is_some());
        let later = now + Duration::from_secs(600);
        assert!(keys.key("b", later, down()).await.is_err());
        assert!(keys.key("a", later, down()).await.unwrap().is_some());
    }
}
