//! The same promises on a cluster whose slots move, and behind Sentinel when the master is lost.

use std::{
    collections::HashSet,
    net::TcpListener,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt, join_all, ready};
use handset::{
    Action, CheckId, ErrorKind, PhoneNumber, Result, Secret, Subject, Verifier,
    check::ServerKey,
    limiter::{Limiter, RedisLimiter},
    proof::ProofKey,
    redis::{Redis, RedisConfig},
    store::{RedisStore, Store},
    testing::CodeBook,
    verifier::{Answer, Caller, StartRequest},
};

use super::redis::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_conforms() {
    let cluster = Arc::new(Cluster::start().await);
    let place = Arc::new(AtomicUsize::new(0));
    let open = || {
        let n = place.fetch_add(1, Ordering::Relaxed);
        let shelf = OnCluster { cluster: Arc::clone(&cluster), prefix: format!("place-{n}:"), is_last: false };
        async move { Ok(shelf) }
    };
    // The limiter's suite would end the cluster before the store's begins.
    handset::limiter::conformance::assert_conforms(open).await.unwrap();
    let open = || {
        let n = place.fetch_add(1, Ordering::Relaxed);
        let shelf = OnCluster { cluster: Arc::clone(&cluster), prefix: format!("place-{n}:"), is_last: true };
        async move { Ok(shelf) }
    };
    handset::store::conformance::assert_conforms(open).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_move_while_people_come_and_go() {
    let cluster = Arc::new(Cluster::start().await);
    let crowd = Crowd::begin(cluster.config()).await;
    crowd.has_verified(100).await;
    let mover = Arc::clone(&cluster);
    let moved = tokio::task::spawn_blocking(move || mover.move_slots(2000)).await.unwrap();
    assert!(moved > 1000, "{moved} slots were moved");
    crowd.has_verified(100).await;
    crowd.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_is_lost_and_sentinel_makes_another_one() {
    let group = Group::start();
    let crowd = Crowd::begin(group.config()).await;
    crowd.has_verified(100).await;
    group.lose_the_master();
    // Nobody restarts anything: the next answers come from the replica.
    crowd.has_verified(100).await;
    crowd.ends_well().await;
}

/// People who go through one lifecycle after the other, at three processes, until it is enough.
struct Crowd {
    enough: Arc<AtomicBool>,
    verified: Arc<AtomicUsize>,
    proofs: Arc<Mutex<Vec<CheckId>>>,
    people: Vec<tokio::task::JoinHandle<()>>,
}

impl Crowd {
    async fn begin(config: RedisConfig) -> Self {
        let codes = CodeBook::default();
        let processes: Vec<Verifier> = join_all((0..3).map(|_| process(config.clone(), &codes))).await;
        let (enough, verified) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let proofs = Arc::<Mutex<Vec<CheckId>>>::default();
        let people = (0..16).map(|n| {
            let (processes, codes) = (processes.clone(), codes.clone());
            let (enough, verified, proofs) = (Arc::clone(&enough), Arc::clone(&verified), Arc::clone(&proofs));
            tokio::spawn(async move {
                let mut round = 0;
                while !enough.load(Ordering::Relaxed) {
                    round += 1;
                    if let Some(id) = lifecycle(&processes, &codes, n, round).await {
                        proofs.lock().unwrap().push(id);
                        verified.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        Self { people: people.collect(), enough, verified, proofs }
    }

    /// Waits for so many more.
    async fn has_verified(&self, more: usize) {
        let (begun, from) = (Instant::now(), self.verified.load(Ordering::Relaxed));
        while self.verified.load(Ordering::Relaxed) < from + more {
            assert!(begun.elapsed() < Duration::from_secs(60), "nobody gets through any more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ends_well(self) {
        self.enough.store(true, Ordering::Relaxed);
        for person in self.people {
            person.await.unwrap();
        }
        let proofs = self.proofs.lock().unwrap();
        let different: HashSet<_> = proofs.iter().collect();
        assert_eq!(different.len(), proofs.len(), "a check was verified twice");
    }
}

/// A start, and two right answers at two processes at once; the check when it was verified.
async fn lifecycle(processes: &[Verifier], codes: &CodeBook, n: usize, round: usize) -> Option<CheckId> {
    let subject = Subject::new(format!("user-{n}-{round}")).unwrap();
    let phone = PhoneNumber::parse(&format!("+3712{:07}", n * 100_000 + round), None).unwrap();
    let request = StartRequest::new(subject.clone(), phone, Action::new("transfer").unwrap());
    let check = match processes[round % 3].start(request).await {
        Ok(check) => check,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            return None;
        }
    };
    let message = codes.messages().into_iter().rev().find(|message| message.phone == phone).unwrap();
    let answers = [1, 2].map(|other| {
        let (process, subject) = (&processes[(round + other) % 3], &subject);
        process.answer(subject, check.id, message.code.expose(), Caller::default())
    });
    let mut verified = 0;
    for answer in join_all(answers).await {
        match answer {
            Ok(Answer::Verified(_)) => verified += 1,
            Ok(Answer::Incorrect { .. }) => panic!("the code was right"),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::CheckEnded | ErrorKind::RateLimited),
                "{error:?}"
            ),
        }
    }
    assert!(verified <= 1, "one check was verified {verified} times");
    (verified == 1).then_some(check.id)
}

async fn process(config: RedisConfig, codes: &CodeBook) -> Verifier {
    let redis = Redis::connect(config).await.unwrap();
    let secret = |name: &str| Secret::new(format!("{name:-<40}"));
    Verifier::builder()
        .policy("policy.toml", "version = 1\n[[route]]\nname = \"all\"\ntry = [\"code_book/sms\"]\n")
        .proof_key(ProofKey::hs256(&secret("proofs")).unwrap())
        .provider(codes.clone())
        .store(RedisStore::new(&redis))
        .limiter(RedisLimiter::new(&redis))
        .server_key(ServerKey::from_secret(&secret("server key")).unwrap())
        .build()
        .unwrap()
}

/// Three masters.
struct Cluster {
    nodes: Vec<Mutex<Server>>,
}

impl Cluster {
    async fn start() -> Self {
        let nodes: Vec<Server> = (0..3).map(|_| node()).collect();
        let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(&addresses).args(["--cluster-replicas", "0", "--cluster-yes"]);
        let created = create.output().expect("install `redis-tools`, which `redis-server` of Debian brings");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        for node in &nodes {
            let begun = Instant::now();
            while !node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
                assert!(begun.elapsed() < Duration::from_secs(30), "the cluster does not come up");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Self { nodes: nodes.into_iter().map(Mutex::new).collect() }
    }

    fn config(&self) -> RedisConfig {
        let urls: Vec<String> = self.nodes.iter().map(|node| node.lock().unwrap().url()).collect();
        // The nodes share two cores with the people.
        RedisConfig::cluster(urls.iter().map(String::as_str)).unwrap().deadline(Duration::from_secs(2))
    }

    /// Moves so many slots of the others to the first node; how many it has more.
    fn move_slots(&self, slots: usize) -> usize {
        let (port, id) = {
            let first = self.nodes[0].lock().unwrap();
            let id = first.command(&["CLUSTER", "MYID"]).lines().nth(1).unwrap().to_owned();
            (first.port, id)
        };
        let before = self.slots();
        let mut reshard = Command::new("redis-cli");
        reshard.args([
            "--cluster",
            "reshard",
            &format!("127.0.0.1:{port}"),
            "--cluster-from",
            "all",
            "--cluster-to",
            &id,
        ]);
        reshard.args(["--cluster-slots", &slots.to_string(), "--cluster-yes"]);
        let done = reshard.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        self.slots() - before
    }

    /// How many slots the first node has.
    fn slots(&self) -> usize {
        let nodes = self.nodes[0].lock().unwrap().command(&["CLUSTER", "NODES"]);
        let own = nodes.lines().find(|line| line.contains("myself")).unwrap();
        let ranges = own.split_whitespace().skip(8).filter(|range| !range.starts_with('['));
        let length = |range: &str| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            to.parse::<usize>().unwrap() - from.parse::<usize>().unwrap() + 1
        };
        ranges.map(length).sum()
    }
}

fn node() -> Server {
    let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "5000"];
    Server::with(&[&options[..], &["--save", "", "--appendonly", "no"]].concat())
}

/// A place in the cluster by a prefix of its own.
struct OnCluster {
    cluster: Arc<Cluster>,
    prefix: String,
    is_last: bool,
}

impl OnCluster {
    fn redis(&self) -> Result<Redis> {
        Redis::lazy(self.cluster.config().prefix(&self.prefix))
    }

    fn end(&self) {
        if self.is_last {
            self.cluster.nodes.iter().for_each(|node| node.lock().unwrap().kill());
        }
    }
}

impl handset::store::conformance::Shelf for OnCluster {
    fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        ready(self.redis().map(|redis| Arc::new(RedisStore::new(&redis)) as Arc<dyn Store>)).boxed()
    }

    fn take_down(&self) -> BoxFuture<'_, Result<handset::store::conformance::Outage>> {
        self.end();
        ready(Ok(handset::store::conformance::Outage::Down)).boxed()
    }
}

impl handset::limiter::conformance::Shelf for OnCluster {
    fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Limiter>>> {
        ready(self.redis().map(|redis| Arc::new(RedisLimiter::new(&redis)) as Arc<dyn Limiter>)).boxed()
    }

    fn take_down(&self) -> BoxFuture<'_, Result<handset::limiter::conformance::Outage>> {
        let reason = "the suite for stores ends the same cluster";
        ready(Ok(handset::limiter::conformance::Outage::Impossible { reason })).boxed()
    }
}

/// A master, a replica, and three Sentinels that watch them.
struct Group {
    master: Mutex<Server>,
    _replica: Server,
    sentinels: Vec<Server>,
}

impl Group {
    fn start() -> Self {
        let master = Server::start();
        let port = master.port.to_string();
        let replica = Server::with(&["--save", "", "--appendonly", "no", "--replicaof", "127.0.0.1", &port]);
        until("the replica is in step", || replica.command(&["INFO", "replication"]).contains("master_link_status:up"));
        let sentinels: Vec<Server> = (0..3).map(|_| sentinel(&port)).collect();
        for sentinel in &sentinels {
            until("the Sentinels know each other", || {
                let known = sentinel.command(&["SENTINEL", "MASTER", "main"]);
                let field = |name: &str| known.lines().skip_while(|line| *line != name).nth(2).map(str::to_owned);
                (field("num-other-sentinels").as_deref(), field("num-slaves").as_deref()) == (Some("2"), Some("1"))
            });
        }
        Self { master: Mutex::new(master), _replica: replica, sentinels }
    }

    fn config(&self) -> RedisConfig {
        let urls: Vec<String> = self.sentinels.iter().map(|sentinel| sentinel.url()).collect();
        RedisConfig::sentinel("main", urls.iter().map(String::as_str)).unwrap().deadline(Duration::from_secs(1))
    }

    fn lose_the_master(&self) {
        self.master.lock().unwrap().kill();
    }
}

/// One that takes a master for lost after a second.
fn sentinel(master: &str) -> Server {
    let settings = format!(
        "sentinel monitor main 127.0.0.1 {master} 2\nsentinel down-after-milliseconds main 1000\n\
         sentinel failover-timeout main 5000\n"
    );
    Server::configured(&settings, &["--sentinel"])
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
