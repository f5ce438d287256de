//! The script beside the plain algorithm and beside governor, on a real server.

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::{
    check::{Keys, ServerKey},
    ids::Subject,
    limiter::{LimitFacts, LimitKey, LocalLimiter},
    policy::{KeyPart, Limit, On},
    redis::RedisConfig,
};

#[path = "../../../tests/common/redis.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod server;

/// Some requests at one time: whose they are, and how many microseconds after those before them.
type Step = (Vec<(usize, usize)>, u64);

/// Counts whose share of a minute is a whole number of microseconds: there all three agree to the microsecond.
const COUNTS: [u32; 6] = [1, 2, 3, 4, 5, 6];

const KEYS: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let takes = prop::collection::vec((0..COUNTS.len(), 0..KEYS), 1..5);
    // Long enough for a quota to be whole again, short enough for it not to be, and none at all.
    let gap = prop_oneof![Just(0), 1_u64..1_000, 1_u64..20_000_000, 20_000_000_u64..90_000_000];
    prop::collection::vec((takes, gap), 1..30)
}

/// Theoretical arrival times in microseconds, one for each limit and key.
#[derive(Default)]
struct Model([[u64; KEYS]; COUNTS.len()]);

impl Model {
    fn check(&mut self, takes: &[(usize, usize)], now: u64) -> Admission {
        for (place, &(limit, key)) in takes.iter().enumerate() {
            let (count, arrival) = (u64::from(COUNTS[limit]), &mut self.0[limit][key]);
            let interval = 60_000_000 / count;
            let wait = arrival.saturating_sub(interval * (count - 1)).saturating_sub(now);
            if wait > 0 {
                return Admission::Refused { place, retry_after: Duration::from_micros(wait) };
            }
            *arrival = (*arrival).max(now) + interval;
        }
        Admission::Granted
    }
}

#[test]
fn it_counts_as_the_model_and_as_the_limiter_of_one_process() {
    let runtime = Runtime::new().unwrap();
    let server = server::Server::start();
    let config = RedisConfig::single(&server.url()).unwrap().deadline(Duration::from_secs(10));
    let redis = runtime.block_on(Redis::connect(config)).unwrap();
    let limits = COUNTS.map(|count| {
        Limit::new(&format!("limit-{count}"), On::Start, vec![KeyPart::Subject], format!("{count}/1m").parse().unwrap())
    });

    proptest!(ProptestConfig::with_cases(64), |(steps in steps())| {
        // Another server key, so that each case counts from nothing.
        let keys = Keys::derive(&ServerKey::random().unwrap());
        let take = |&(limit, key): &(usize, usize)| {
            let subject = Subject::new(format!("subject-{key}")).unwrap();
            let facts = LimitFacts { subject: Some(&subject), ..LimitFacts::default() };
            Take::new(&limits[limit], LimitKey::of(&keys, &limits[limit], &facts).unwrap())
        };
        let (shared, local, mut model) = (RedisLimiter::new(&redis), LocalLimiter::default(), Model::default());
        let (mut now, begin) = (0, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        for (requests, gap) in &steps {
            now += gap;
            let takes: Vec<_> = requests.iter().map(take).collect();
            let at = begin + Duration::from_micros(now);
            let expected = model.check(requests, now);
            prop_assert_eq!(runtime.block_on(shared.check(&takes, at)).unwrap(), expected, "on Redis");
            prop_assert_eq!(runtime.block_on(local.check(&takes, at)).unwrap(), expected, "in the process");
        }
    });
}

/// Shares that are no whole number of microseconds are rounded up: never more than governor lets through, and a wait that is longer by
/// less than a microsecond for each request that the burst holds.
#[tokio::test]
async fn a_share_of_less_than_a_microsecond_is_rounded_up() {
    let server = server::Server::start();
    let redis = Redis::connect(RedisConfig::single(&server.url()).unwrap()).await.unwrap();
    let limit = Limit::new("test", On::Start, vec![KeyPart::Subject], "7/1m".parse().unwrap());
    let takes = [Take::new(&limit, LimitKey::probe(&Keys::derive(&ServerKey::random().unwrap())))];
    let (shared, local) = (RedisLimiter::new(&redis), LocalLimiter::default());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for _ in 0..7 {
        assert_eq!(shared.check(&takes, now).await.unwrap(), Admission::Granted);
        assert_eq!(local.check(&takes, now).await.unwrap(), Admission::Granted);
    }
    let wait = |admission| match admission {
        Admission::Refused { retry_after, .. } => retry_after,
        Admission::Granted => panic!("over the quota"),
    };
    let (longer, exact) =
        (wait(shared.check(&takes, now).await.unwrap()), wait(local.check(&takes, now).await.unwrap()));
    assert!((Duration::ZERO..Duration::from_micros(7)).contains(&(longer - exact)), "{longer:?}, {exact:?}");
}
