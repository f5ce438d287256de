//! A policy file that changes on disk.
#![cfg(all(feature = "testing", feature = "watch"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use handset::{
    Action, ErrorKind, PhoneNumber, Subject, Verifier,
    proof::ProofKey,
    testing::CodeBook,
    verifier::{Check, ReloadCounts, StartRequest},
};

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(40);

fn policy(channel: &str) -> String {
    format!("version = 1\n[[route]]\nname = \"everybody\"\ntry = [\"code_book/{channel}\"]")
}

/// Writes beside the file and moves it to its place, as editors do.
fn put(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("watch-{name}-{}", std::process::id()));
    fs::create_dir_all(folder.join("lists")).unwrap();
    folder
}

fn verifier(path: &Path) -> Verifier {
    let builder = Verifier::builder().policy_file(path).unwrap().proof_key(ProofKey::random().unwrap());
    builder.provider(CodeBook::default()).build().unwrap()
}

/// Waits for a condition.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn routes(verifier: &Verifier) -> String {
    verifier.policy().routes().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn counts(verifier: &Verifier) -> (u64, u64) {
    let ReloadCounts { accepted, refused, .. } = verifier.reload_counts();
    (accepted, refused)
}

async fn start(verifier: &Verifier, number: &str) -> Check {
    let phone = PhoneNumber::parse(number, None).unwrap();
    let request = StartRequest::new(Subject::new("ada").unwrap(), phone, Action::new("transfer").unwrap());
    verifier.start(request).await.unwrap()
}

#[tokio::test]
async fn g2_a_file_that_does_not_load_is_refused_as_a_whole_and_a_good_one_taken() {
    let path = folder("whole").join("policy.toml");
    put(&path, &policy("sms"));
    let verifier = verifier(&path);
    let watch = verifier.watch_policy(&path).unwrap();
    assert_eq!(counts(&verifier), (0, 0), "it is the one in force");
    let before = start(&verifier, "+37126123456").await;

    put(&path, &format!("{}\nunknown = true", policy("voice_code")));
    until("it is refused", || counts(&verifier) == (0, 1));
    assert_eq!(routes(&verifier), "code_book/sms");

    put(&path, &policy("voice_code"));
    until("it is taken", || counts(&verifier) == (1, 1));
    assert_eq!(routes(&verifier), "code_book/voice_code");
    let running = verifier.status(&Subject::new("ada").unwrap(), before.id).await.unwrap();
    assert_eq!(running.channel, before.channel, "a running check keeps its plan");
    assert_ne!(start(&verifier, "+37126123457").await.channel, before.channel);

    fs::remove_file(&path).unwrap();
    until("a file that is gone is refused", || counts(&verifier) == (1, 2));
    assert_eq!(routes(&verifier), "code_book/voice_code");
    put(&path, &policy("sms"));
    until("it is back", || counts(&verifier) == (2, 2));
    drop(watch);
}

#[test]
fn lists_and_includes_are_watched() {
    let folder = folder("beside");
    let path = folder.join("policy.toml");
    let text = "version = 1\ninclude = [\"more.toml\"]\n[lists]\nblocked = { file = \"lists/blocked.txt\" }\n\
                [[route]]\nname = \"blocked\"\nwhen = { \"phone.prefix\" = { in = \"blocked\" } }\ndeny = \"blocked\"";
    put(&path, text);
    put(
        &folder.join("more.toml"),
        &policy("sms").replace("[[route]]", "[[route]]\nwhen = { \"phone.region\" = \"LV\" }"),
    );
    put(&folder.join("lists/blocked.txt"), "+37126");
    let verifier = verifier(&path);
    let _watch = verifier.watch_policy(&path).unwrap();

    put(&folder.join("lists/blocked.txt"), "+37126\n+37127");
    until("the list is read", || counts(&verifier) == (1, 0));
    put(
        &folder.join("more.toml"),
        &policy("voice_code").replace("[[route]]", "[[route]]\nwhen = { \"phone.region\" = \"LV\" }"),
    );
    until("the included file is read", || counts(&verifier) == (2, 0));
    assert_eq!(routes(&verifier), "code_book/voice_code");
    put(&folder.join("lists/blocked.txt"), "not a prefix");
    until("a fault in a list is one of the policy", || counts(&verifier) == (2, 1));
}

/// As Kubernetes does it: the file is a link into a folder that is a link.
#[cfg(unix)]
#[test]
fn a_folder_that_is_a_link_is_followed() {
    use std::os::unix::fs::symlink;
    let folder = folder("links");
    for (version, channel) in [("one", "sms"), ("two", "voice_code")] {
        fs::create_dir_all(folder.join(version)).unwrap();
        put(&folder.join(version).join("policy.toml"), &policy(channel));
    }
    symlink("one", folder.join("..data")).unwrap();
    let path = folder.join("policy.toml");
    symlink("..data/policy.toml", &path).unwrap();
    let verifier = verifier(&path);
    let _watch = verifier.watch_policy(&path).unwrap();
    symlink("two", folder.join("..data_new")).unwrap();
    fs::rename(folder.join("..data_new"), folder.join("..data")).unwrap();
    until("the link is followed", || counts(&verifier) == (1, 0));
    assert_eq!(routes(&verifier), "code_book/voice_code");
}

#[test]
fn nothing_is_taken_any_more_when_the_watch_is_dropped() {
    let path = folder("dropped").join("policy.toml");
    put(&path, &policy("sms"));
    let (verifier, other) = (verifier(&path), verifier(&path));
    drop(verifier.watch_policy(&path).unwrap());
    let _watch = other.watch_policy(&path).unwrap();
    put(&path, &policy("voice_code"));
    until("the other one takes it", || counts(&other) == (1, 0));
    assert_eq!(counts(&verifier), (0, 0));
}

#[test]
fn a_file_that_is_not_there_cannot_be_watched() {
    let path = folder("absent").join("policy.toml");
    put(&path, &policy("sms"));
    let verifier = verifier(&path);
    let error = verifier.watch_policy(path.with_file_name("absent.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
}
