//! The entry points of the fuzzer in `fuzz/`, driven without one: mutations of its corpus and of every policy in the
//! repository. The same inputs in the same order each time, a few of them, or for as long as `HANDSET_FUZZ_SECONDS` says;
//! `HANDSET_FUZZ_SEED`, a number, makes others.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it did"
)]

#[path = "fuzz/mod.rs"]
mod targets;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::{
    prelude::RngExt,
    test_runner::{RngAlgorithm, TestRng},
};

use targets::policy;

/// A test of the same name for each target that takes whatever bytes there are.
macro_rules! targets {
    ($($module:ident::$target:ident,)*) => {
        $(
            #[test]
            fn $target() {
                drive(stringify!($target), targets::$module::$target);
            }
        )*

        const TARGETS: &[&str] = &["policy_context", "policy_text", $(stringify!($target)),*];
    };
}

targets! {
    body::check_body,
    callback::callback_citcall,
    callback::callback_idlayr,
    callback::callback_zadarma,
    citcall::citcall_message,
    oidc::oidc_form,
    phone::phone_number,
    proof::proof_token,
    redirect::redirect_idlayr,
    redirect::redirect_open_gateway,
    signature::http_signature,
    signature::key_set,
}

#[test]
fn policy_text() {
    let texts = texts();
    let words: Vec<_> = texts.iter().flat_map(|text| text.split(is_between)).filter(|word| !word.is_empty()).collect();
    // All are tried; what loads by itself is worth going on from.
    let loads = |text: &&String| guarded("policy_text", text.as_bytes(), || policy::policy_text(text));
    let seeds: Vec<_> = texts.iter().filter(loads).cloned().collect();
    assert!(seeds.len() > 4, "only {} texts load", seeds.len());
    let mut pool = seeds.clone();
    let mut rng = rng();
    let mut loaded = 0;
    let tried = until_done(|| {
        let mut text = pick(&mut rng, &pool).clone();
        for _ in 0..rng.random_range(1..4) {
            text = mutated(&mut rng, &text, &seeds, &words);
        }
        if text.len() <= LONGEST && guarded("policy_text", text.as_bytes(), || policy::policy_text(&text)) {
            loaded += 1;
            // The seeds stay.
            if pool.len() < seeds.len() + MOST_KEPT {
                pool.push(text);
            } else {
                let at = rng.random_range(seeds.len()..pool.len());
                pool[at] = text;
            }
        }
    });
    println!("{tried} texts, of which {loaded} loaded");
    assert!(loaded * 50 > tried, "only {loaded} of {tried} texts load: the mutations are too wild to find anything");
}

#[test]
fn policy_context() {
    for path in files("fuzz/corpus/policy_context", "") {
        let bytes = fs::read(path).unwrap();
        guarded("policy_context", &bytes, || policy::policy_context(&bytes));
    }
    let mut rng = rng();
    let tried = until_done(|| {
        let bytes: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random::<u8>()).collect();
        guarded("policy_context", &bytes, || policy::policy_context(&bytes));
    });
    println!("{tried} requests");
}

/// Gives a target its corpus, all of it, and then mutations of what it took and did not take.
fn drive(target: &str, run: fn(&[u8]) -> bool) {
    let seeds: Vec<_> =
        files(&format!("fuzz/corpus/{target}"), "").iter().map(|path| fs::read(path).unwrap()).collect();
    let taken = seeds.iter().filter(|seed| guarded(target, seed, || run(seed))).count();
    assert!(
        taken > 0 && taken < seeds.len(),
        "{taken} of {} are taken: a corpus has what is and what is not",
        seeds.len()
    );
    let texts: Vec<_> = seeds.iter().map(|seed| String::from_utf8_lossy(seed).into_owned()).collect();
    let words: Vec<_> = texts.iter().flat_map(|text| text.split(is_between)).filter(|word| !word.is_empty()).collect();
    let (mut rng, mut pool, mut taken) = (rng(), texts.clone(), 0);
    let tried = until_done(|| {
        let mut text = pick(&mut rng, &pool).clone();
        for _ in 0..rng.random_range(1..4) {
            text = mutated(&mut rng, &text, &texts, &words);
        }
        let mut bytes = text.clone().into_bytes();
        if rng.random_range(0..4) == 0 && !bytes.is_empty() {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        if bytes.len() <= LONGEST && guarded(target, &bytes, || run(&bytes)) {
            taken += 1;
            if pool.len() < texts.len() + MOST_KEPT {
                pool.push(text);
            }
        }
    });
    println!("{target}: {tried} inputs, of which {taken} were taken");
}

#[test]
fn every_target_is_run_by_the_fuzzer_and_by_a_test() {
    let names = |folder: &str| -> Vec<_> {
        let paths = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let names = paths.map(|path| path.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let mut tested = TARGETS.to_vec();
    tested.sort_unstable();
    assert_eq!(names("fuzz/fuzz_targets"), tested);
    assert_eq!(names("fuzz/corpus"), tested);
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    let binaries: Vec<_> = manifest.lines().filter(|line| line.starts_with("path = \"fuzz_targets/")).collect();
    let expected: Vec<_> = tested.iter().map(|name| format!("path = \"fuzz_targets/{name}.rs\"")).collect();
    assert_eq!(binaries, expected);
}

/// Does something a few times, or for as long as the environment says. Returns how often.
fn until_done(mut once: impl FnMut()) -> usize {
    let seconds = env::var("HANDSET_FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds.parse().unwrap())).ok();
    let (started, mut tried) = (Instant::now(), 0);
    while seconds.map_or(tried < FEW, |seconds| started.elapsed() < seconds) {
        once();
        tried += 1;
    }
    tried
}

/// Runs an entry point. An input on which it panics is kept, to be made smaller and put into the corpus.
fn guarded<T>(target: &str, input: &[u8], run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{target}"));
        fs::write(&path, input).unwrap();
        println!("the input is in {}", path.display());
        resume_unwind(panic)
    })
}

fn rng() -> TestRng {
    let seed: u64 = env::var("HANDSET_FUZZ_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

fn mutated(rng: &mut TestRng, text: &str, seeds: &[String], words: &[&str]) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = |rng: &mut TestRng, lines: &[&str]| rng.random_range(0..=lines.len());
    match rng.random_range(0..10) {
        0 | 1 => {
            let other: Vec<&str> = pick(rng, seeds).split_inclusive('\n').collect();
            let (place, from) = (at(rng, &lines), at(rng, &other));
            let some = other[from..].iter().copied().take(rng.random_range(1..8));
            lines.splice(place..place, some);
            lines.concat()
        }
        2 => {
            let from = at(rng, &lines);
            lines.drain(from..(from + rng.random_range(1..5)).min(lines.len()));
            lines.concat()
        }
        3 => {
            let (from, to) = (at(rng, &lines), at(rng, &lines));
            let some: Vec<_> = lines[from..].iter().copied().take(rng.random_range(1..8)).collect();
            lines.splice(to..to, some);
            lines.concat()
        }
        4 => {
            let place = boundary(rng, text);
            let signs =
                ["\"", "'", "[", "]", "{", "}", "=", ",", ".", "#", "\n", "\\", "\0", "\u{202e}", "é", "𝄞", "-", " "];
            format!("{}{}{}", &text[..place], pick(rng, &signs), &text[place..])
        }
        5 => {
            let (a, b) = (boundary(rng, text), boundary(rng, text));
            format!("{}{}", &text[..a.min(b)], &text[a.max(b).min(boundary_after(text, a.min(b) + 12))..])
        }
        _ => replaced(rng, text, words),
    }
}

/// The text with one of its words replaced by another one, or by a number at the end of some range.
fn replaced(rng: &mut TestRng, text: &str, words: &[&str]) -> String {
    let starts: Vec<_> = text.split(is_between).filter(|word| !word.is_empty()).collect();
    if starts.is_empty() {
        return text.to_owned();
    }
    let old = pick(rng, &starts);
    // Where a word stands is where its slice begins.
    let start = old.as_ptr().addr() - text.as_ptr().addr();
    let numbers =
        ["0", "1", "-1", "255", "256", "65536", "9223372036854775807", "-9223372036854775808", "1e9", "0x10", "true"];
    let new = if rng.random_range(0..4) == 0 { pick(rng, &numbers) } else { pick(rng, words) };
    format!("{}{new}{}", &text[..start], &text[start + old.len()..])
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || "\"'[]{}=,#&".contains(c)
}

fn boundary(rng: &mut TestRng, text: &str) -> usize {
    boundary_after(text, rng.random_range(0..=text.len()))
}

fn boundary_after(text: &str, place: usize) -> usize {
    (place..text.len()).find(|place| text.is_char_boundary(*place)).unwrap_or(text.len())
}

fn pick<'l, T>(rng: &mut TestRng, list: &'l [T]) -> &'l T {
    &list[rng.random_range(0..list.len())]
}

/// The corpus, and every policy that stands in the repository.
fn texts() -> Vec<String> {
    let folders = ["fuzz/corpus/policy_text", "examples", "tests/policy", "tests/testdata"];
    let paths = folders.into_iter().flat_map(|folder| files(folder, "toml"));
    let texts: Vec<_> = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(texts.len() > 4, "the corpus is not found");
    texts
}

/// The files below a folder whose names end so, in an order that does not change.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if extension.is_empty() || path.extension().is_some_and(|known| known == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// How many inputs there are when nobody says how long.
const FEW: usize = 150;

/// The longest text that is tried, in bytes.
const LONGEST: usize = 32 * 1024;

/// How many texts that load are kept beside the seeds, to go on from.
const MOST_KEPT: usize = 300;
