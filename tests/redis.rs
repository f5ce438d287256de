//! What several processes share: a start on one, an answer on another, and what it costs; and the ways to reach a Redis.
#![cfg(all(feature = "redis", feature = "testing"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "common/redis.rs"]
mod server;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use handset::{
    Action, ErrorKind, PhoneNumber, Secret, Subject, Verifier,
    check::ServerKey,
    limiter::RedisLimiter,
    proof::ProofKey,
    redis::{Redis, RedisConfig},
    store::RedisStore,
    testing::CodeBook,
    verifier::{Answer, Caller, StartRequest},
};
use server::Server;

/// One of several processes: each has a connection of its own, and the same secrets.
async fn process(config: RedisConfig, codes: &CodeBook) -> Verifier {
    let redis = Redis::connect(config).await.unwrap();
    on(&redis, codes)
}

fn on(redis: &Redis, codes: &CodeBook) -> Verifier {
    let secret = |name: &str| Secret::new(format!("{name:-<40}"));
    Verifier::builder()
        .policy("policy.toml", "version = 1\n[[route]]\nname = \"all\"\ntry = [\"code_book/sms\"]\n")
        .proof_key(ProofKey::hs256(&secret("proofs")).unwrap())
        .provider(codes.clone())
        .store(RedisStore::new(redis))
        .limiter(RedisLimiter::new(redis))
        .server_key(ServerKey::from_secret(&secret("server key")).unwrap())
        .build()
        .unwrap()
}

fn request(subject: &str, number: &str) -> StartRequest {
    let phone = PhoneNumber::parse(number, None).unwrap();
    StartRequest::new(Subject::new(subject).unwrap(), phone, Action::new("transfer").unwrap())
}

async fn lifecycle(start: &Verifier, answer: &Verifier, codes: &CodeBook, subject: &str) {
    let check = start.start(request(subject, "+37126123456")).await.unwrap();
    let code = codes.last_code().unwrap();
    let (subject, caller) = (Subject::new(subject).unwrap(), Caller::default());
    let answered = answer.answer(&subject, check.id, code.expose(), caller).await.unwrap();
    assert!(matches!(answered, Answer::Verified(_)), "{answered:?}");
}

#[tokio::test]
async fn a_check_that_one_process_starts_is_answered_at_another() {
    let (server, codes) = (Server::start(), CodeBook::default());
    let config = RedisConfig::single(&server.url()).unwrap();
    let (one, other) = (process(config.clone(), &codes).await, process(config, &codes).await);
    lifecycle(&one, &other, &codes, "ada").await;

    // Who waits at one process is woken by what happens at another.
    let check = one.start(request("grace", "+37126123457")).await.unwrap();
    let (grace, code) = (Subject::new("grace").unwrap(), codes.last_code().unwrap());
    let waiting = async {
        let began = Instant::now();
        let woken = other.wait(&grace, check.id, Duration::from_secs(30)).await.unwrap();
        (woken, began.elapsed())
    };
    let answering = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        one.answer(&grace, check.id, code.expose(), Caller::default()).await.unwrap()
    };
    let ((woken, took), _) = tokio::join!(waiting, answering);
    assert_eq!(woken.status, handset::check::Status::Verified);
    assert!(took < Duration::from_secs(20), "{took:?}");

    // Tenants do not see each other.
    let tenant = RedisConfig::single(&server.url()).unwrap().prefix("another:");
    let tenant = process(tenant, &codes).await;
    let unknown = tenant.status(&grace, check.id).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::CheckEnded);
}

/// The built-in limit of five messages an hour to a number, wherever they are asked for.
#[tokio::test]
async fn b6_a_limit_holds_across_processes() {
    let (server, codes) = (Server::start(), CodeBook::default());
    let config = RedisConfig::single(&server.url()).unwrap();
    let processes = [process(config.clone(), &codes).await, process(config, &codes).await];
    for n in 0..5 {
        let person = request(&format!("person-{n}"), "+37126123456");
        processes[n % 2].start(person).await.unwrap();
    }
    for (n, process) in processes.iter().enumerate() {
        let refused = process.start(request(&format!("another-{n}"), "+37126123456")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
    }
    assert_eq!(codes.messages().len(), 5);
}

#[tokio::test]
async fn a_whole_lifecycle_is_four_round_trips_to_the_store_and_one_to_the_limiter_for_each_request() {
    let (server, codes) = (Server::start(), CodeBook::default());
    let verifier = process(RedisConfig::single(&server.url()).unwrap(), &codes).await;
    // The scripts are known to the server from here on.
    lifecycle(&verifier, &verifier, &codes, "first").await;
    let before = calls(&server);
    lifecycle(&verifier, &verifier, &codes, "second").await;
    let after = calls(&server);
    let made: BTreeMap<_, _> = after
        .into_iter()
        .map(|(name, count)| (name.clone(), count - before.get(&name).copied().unwrap_or_default()))
        .filter(|(name, count)| *count > 0 && name != "info")
        .collect();
    // Besides: what the scripts do inside of the server.
    let (trips, inside): (BTreeMap<_, _>, BTreeMap<_, _>) = made.into_iter().partition(|(name, _)| name == "evalsha");
    assert_eq!(trips, BTreeMap::from([("evalsha".to_owned(), 4 + 2)]), "{inside:?}");
    assert!(inside.keys().all(|name| SCRIPTED.contains(&name.as_str())), "{inside:?}");
}

/// What scripts call.
const SCRIPTED: &[&str] = &["get", "set", "del", "llen", "lindex", "rpush", "rpop", "ltrim", "pexpire", "publish"];

/// How often each command was called.
fn calls(server: &Server) -> BTreeMap<String, u64> {
    let stats = server.command(&["INFO", "commandstats"]);
    let read = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    stats.lines().filter_map(read).collect()
}

#[tokio::test]
async fn what_is_kept_has_an_end_and_tells_nobodys_number_or_code() {
    let (server, codes) = (Server::start(), CodeBook::default());
    let verifier = process(RedisConfig::single(&server.url()).unwrap(), &codes).await;
    let check = verifier.start(request("ada", "+37126123456").with_idempotency_key("the key")).await.unwrap();
    let ada = Subject::new("ada").unwrap();
    verifier.answer(&ada, check.id, "000000001", Caller::default()).await.unwrap();
    let code = codes.last_code().unwrap();

    let listed = server.command(&["KEYS", "*"]);
    let keys: Vec<&str> = listed.lines().filter(|line| line.starts_with("handset:")).collect();
    let kinds: std::collections::BTreeSet<_> = keys.iter().filter_map(|key| key.split(':').nth(1)).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["check", "claim", "failures", "limit", "probe"], "{listed}");
    for key in &keys {
        let end = server.command(&["PTTL", key]);
        let millis: i64 = end.trim_start_matches(':').trim().parse().unwrap();
        assert!((1..32 * 24 * 3_600_000).contains(&millis), "{key} ends after {millis} ms");
        let kept = server.command(&["DUMP", key]);
        for secret in ["26123456", "ada", "transfer", "the key", code.expose()] {
            assert!(!kept.contains(secret) && !key.contains(secret), "`{secret}` in {key}");
        }
    }
}

#[tokio::test]
async fn a_check_of_a_newer_version_is_refused_and_left_as_it_is() {
    let (server, codes) = (Server::start(), CodeBook::default());
    let verifier = process(RedisConfig::single(&server.url()).unwrap(), &codes).await;
    let check = verifier.start(request("ada", "+37126123456")).await.unwrap();
    let (ada, code) = (Subject::new("ada").unwrap(), codes.last_code().unwrap());
    let listed = server.command(&["KEYS", "handset:check:*"]);
    let key = listed.lines().find(|line| line.starts_with("handset:check:")).unwrap();
    // The first byte is the version.
    server.command(&["SETRANGE", key, "0", "\u{2}"]);
    let kept = server.command(&["DUMP", key]);
    let looked = verifier.status(&ada, check.id).await.unwrap_err();
    let answered = verifier.answer(&ada, check.id, code.expose(), Caller::default()).await.unwrap_err();
    let cancelled = verifier.cancel(&ada, check.id).await.unwrap_err();
    let waited = verifier.wait(&ada, check.id, Duration::from_secs(5)).await.unwrap_err();
    assert!([looked, answered, cancelled, waited].iter().all(|error| error.kind() == ErrorKind::Unavailable));
    assert_eq!(server.command(&["DUMP", key]), kept);
    // Back to the one that knows it.
    server.command(&["SETRANGE", key, "0", "\u{1}"]);
    let answered = verifier.answer(&ada, check.id, code.expose(), Caller::default()).await.unwrap();
    assert!(matches!(answered, Answer::Verified(_)), "{answered:?}");
}

#[tokio::test]
async fn a_redis_that_goes_away_is_unavailable_within_the_deadline_and_comes_back_by_itself() {
    let (mut server, codes) = (Server::start(), CodeBook::default());
    let config = RedisConfig::single(&server.url()).unwrap();
    let verifier = process(config, &codes).await;
    lifecycle(&verifier, &verifier, &codes, "ada").await;

    server.kill();
    let error = verifier.start(request("bob", "+37126123457")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(verifier.ready().await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.restart();
    ready(&verifier).await;
    lifecycle(&verifier, &verifier, &codes, "carl").await;

    // It hangs.
    stop(server.pid(), "-STOP");
    let began = Instant::now();
    let error = verifier.start(request("dan", "+37126123458")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    stop(server.pid(), "-CONT");
    ready(&verifier).await;
    lifecycle(&verifier, &verifier, &codes, "erin").await;

    // Its memory is full.
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = verifier.start(request("fred", "+37126123459")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);

    // It forgets the scripts.
    server.command(&["SCRIPT", "FLUSH"]);
    lifecycle(&verifier, &verifier, &codes, "fred").await;
}

#[tokio::test]
async fn an_application_may_start_before_its_redis() {
    let (mut server, codes) = (Server::start(), CodeBook::default());
    server.kill();
    let config = RedisConfig::single(&server.url()).unwrap();
    assert_eq!(Redis::connect(config.clone()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let verifier = on(&Redis::lazy(config).unwrap(), &codes);
    assert_eq!(verifier.ready().await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.restart();
    ready(&verifier).await;
    lifecycle(&verifier, &verifier, &codes, "ada").await;
}

#[tokio::test]
async fn b4_a_redis_that_evicts_keys_is_refused() {
    let evicting = Server::with(&["--save", "", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = Redis::connect(RedisConfig::single(&evicting.url()).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("noeviction"), "{error}");
    let full = Server::with(&["--save", "", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"]);
    Redis::connect(RedisConfig::single(&full.url()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_user_has_a_password_which_nothing_shows() {
    let acl = "user handset on >the-password ~handset:* &handset:* +@all -@dangerous +info";
    let acl: Vec<&str> = acl.split(' ').collect();
    let server = Server::with(&[&["--save", "", "--requirepass", "admin", "--user"], &acl[1..]].concat());
    let config = RedisConfig::single(&server.url()).unwrap();
    let codes = CodeBook::default();
    let known = config.clone().user("handset", Secret::new("the-password"));
    let verifier = process(known.clone(), &codes).await;
    lifecycle(&verifier, &verifier, &codes, "ada").await;
    for wrong in [config.clone(), config.clone().user("handset", Secret::new("wrong-password")), config.prefix("x:")] {
        let error = Redis::connect(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error:?}");
        assert!(!format!("{error:?}").contains("-password"), "{error:?}");
    }
    assert!(!format!("{known:?}").contains("the-password"));

    let url = |password: &str| Secret::new(format!("redis://handset:{password}@127.0.0.1:{}", server.port));
    let whole = RedisConfig::secret_url(&url("the-password")).unwrap();
    assert!(!format!("{whole:?}").contains("the-password"));
    lifecycle(&process(whole, &codes).await, &verifier, &codes, "bob").await;
    let error = Redis::connect(RedisConfig::secret_url(&url("wrong-password")).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error:?}");
    assert!(!format!("{error:?}").contains("-password"), "{error:?}");
}

#[tokio::test]
async fn a_connection_may_be_encrypted_and_the_server_has_to_be_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new([]).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).unwrap().pem();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).unwrap();
    std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(path("cert.pem"), certificate.pem()).unwrap();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let tls_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let options = ["--save", "", "--tls-port", &tls_port, "--tls-cert-file", &cert, "--tls-key-file", &key];
    let _server = Server::with(&[&options[..], &["--tls-ca-cert-file", &cert, "--tls-auth-clients", "no"]].concat());
    let config = RedisConfig::single(&format!("rediss://127.0.0.1:{tls_port}")).unwrap();
    let codes = CodeBook::default();
    let verifier = process(config.clone().ca(authority), &codes).await;
    lifecycle(&verifier, &verifier, &codes, "ada").await;
    // The system knows no such authority.
    assert_eq!(Redis::connect(config).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn addresses_that_are_none_are_refused_and_not_shown() {
    for url in [
        "",
        "redis.example.com",
        "http://redis.example.com",
        "redis://:hunter2@redis.example.com",
        "redis://me:hunter2@h",
    ] {
        let error = RedisConfig::single(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for url in ["http://me:hunter2@h", "rediss://me:hunter2@h/#insecure"] {
        let error = RedisConfig::secret_url(&Secret::new(url)).unwrap_err();
        assert!(error.kind() == ErrorKind::Misconfigured && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert!(RedisConfig::single("rediss://redis.example.com/#insecure").is_err());
    assert!(RedisConfig::cluster([]).is_err());
}

/// Waits until it can be used again.
async fn ready(verifier: &Verifier) {
    let end = Instant::now() + Duration::from_secs(30);
    while let Err(error) = verifier.ready().await {
        assert!(Instant::now() < end, "{error:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn stop(pid: u32, signal: &str) {
    assert!(std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}
