//! Whatever a file looks like, its canonical form says the same, keeps every comment, and is its own canonical form.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::*;
use crate::{policy::Policy, provider::registry};

/// A value, to be written in any way.
enum Written {
    Plain(&'static str),
    List(Vec<Written>),
    Table(Vec<(&'static str, Written)>),
}

use Written::{List, Plain, Table as Inline};

type Section = (&'static str, Vec<(&'static str, Written)>);

fn texts(texts: &[&'static str]) -> Written {
    List(texts.iter().map(|text| Plain(text)).collect())
}

/// The entries of each kind stay in this order.
fn sections() -> Vec<Vec<Section>> {
    let regions = texts(&[
        "\"LV\"", "\"LT\"", "'EE'", "\"US\"", "\"DE\"", "\"GB\"", "\"FR\"", "\"ES\"", "\"IT\"", "\"PT\"", "\"ID\"",
        "\"SE\"", "\"NO\"", "\"DK\"", "\"FI\"", "\"PL\"", "\"CZ\"", "\"AT\"", "\"CH\"", "\"NL\"", "\"BE\"",
    ]);
    let any = || {
        List(vec![
            Inline(vec![("amount", Inline(vec![("gte", Plain("1_000"))])), ("currency", Plain("\"EUR\""))]),
            Inline(vec![("\"client.ip\"", Inline(vec![("cidr", texts(&["\"10.0.0.0/8\"", "\"192.168.0.0/16\""]))]))]),
        ])
    };
    vec![
        vec![(
            "[code]",
            vec![("digits", Plain("6")), ("attempts", Plain("0x5")), ("resend_after", Plain("'''30s'''"))],
        )],
        vec![("[budget]", vec![("failures", Plain("\"10/1h\""))])],
        vec![("[lists]", vec![("blocked", texts(&["\"+3716\"", "\"+49151\""])), ("empty", texts(&[]))])],
        vec![("[signals.vendor]", vec![("type", Plain("\"boolean\"")), ("expires", Plain("\"1h\""))])],
        vec![
            (
                "[[step_up]]",
                vec![
                    ("name", Plain("\"first\"")),
                    ("when", Inline(vec![("action", texts(&["\"pay\"", "\"buy\""])), ("any", any())])),
                    ("require", Inline(vec![("acr", Plain("\"phone\"")), ("single_use", Plain("true"))])),
                ],
            ),
            (
                "[[step_up]]",
                vec![
                    ("name", Plain("\"second\"")),
                    ("when.vendor", Plain("true")),
                    ("when.\"subject.age\"", Inline(vec![("lt", Plain("\"7d\""))])),
                    ("on_missing", Plain("\"deny\"")),
                    ("deny", Plain("\"vendor\"")),
                ],
            ),
        ],
        vec![
            (
                "[[route]]",
                vec![
                    ("name", Plain("\"blocked\"")),
                    ("when", Inline(vec![("\"phone.prefix\"", Inline(vec![("in", Plain("\"blocked\""))]))])),
                    ("deny", Plain("\"blocked\"")),
                ],
            ),
            (
                "[[route]]",
                vec![
                    ("name", Plain("\"some\"")),
                    ("when", Inline(vec![("phone.region", regions), ("check.legs", Plain("0"))])),
                    ("try", texts(&["\"zadarma/sms\"", "\"citcall/flash_call\""])),
                    ("message", Plain("\"\"\"\\\n  Your code: {code}\"\"\"")),
                ],
            ),
        ],
        vec![
            (
                "[[test]]",
                vec![
                    ("name", Plain("\"one\"")),
                    ("given", Inline(vec![("action", Plain("\"pay\"")), ("time", Plain("2026-05-01T23:00:00Z"))])),
                    ("expect", Inline(vec![("rule", Plain("\"first\""))])),
                ],
            ),
            (
                "[[test]]",
                vec![
                    ("name", Plain("\"two\"")),
                    ("given", Inline(vec![("action", Plain("\"x\"")), ("phone", Plain("\"+37126123456\""))])),
                    ("expect", Inline(vec![("rule", Plain("\"some\""))])),
                ],
            ),
        ],
    ]
}

/// Writes without care, as its numbers say.
struct Mess {
    numbers: Vec<u8>,
    next: usize,
    comments: usize,
    text: String,
}

impl Mess {
    fn one_of(&mut self, count: usize) -> usize {
        self.next += 1;
        usize::from(self.numbers[self.next % self.numbers.len()]) % count
    }

    fn space(&mut self) {
        let gap = ["", " ", "   ", "\t"][self.one_of(4)];
        self.text.push_str(gap);
    }

    /// The end of a line, perhaps with a comment, and perhaps lines of comments or of nothing.
    fn end(&mut self) {
        let newline = ["\n", "\n", "\r\n"][self.one_of(3)];
        if self.one_of(4) == 0 {
            self.space();
            self.comment();
        }
        self.text.push_str(newline);
        for _ in 0..self.one_of(4).saturating_sub(1) {
            self.space();
            if self.one_of(3) > 0 {
                self.comment();
            }
            self.text.push_str(newline);
        }
    }

    fn comment(&mut self) {
        self.comments += 1;
        let noise = ["", "#", " = [ \"", " [[route]]", " ñ  x"][self.one_of(5)];
        let _ = write!(self.text, "# {}{noise}", self.comments);
    }

    /// What may stand between the parts of a value.
    fn gap(&mut self) {
        match self.one_of(5) {
            0 => self.end(),
            _ => self.space(),
        }
    }

    fn value(&mut self, value: &Written) {
        match value {
            Plain(text) => self.text.push_str(text),
            List(items) => {
                self.text.push('[');
                for (position, item) in items.iter().enumerate() {
                    self.gap();
                    self.value(item);
                    self.gap();
                    if position + 1 < items.len() || self.one_of(2) == 0 {
                        self.text.push(',');
                    }
                }
                self.gap();
                self.text.push(']');
            }
            Inline(pairs) => {
                self.text.push('{');
                let has_lines = self.one_of(4) == 0;
                for (position, (key, item)) in pairs.iter().enumerate() {
                    if has_lines {
                        self.gap()
                    } else {
                        self.space()
                    }
                    self.pair(key, item);
                    if has_lines {
                        self.gap()
                    } else {
                        self.space()
                    }
                    if position + 1 < pairs.len() {
                        self.text.push(',');
                    }
                }
                if has_lines {
                    self.gap()
                } else {
                    self.space()
                }
                self.text.push('}');
            }
        }
    }

    fn pair(&mut self, key: &str, value: &Written) {
        self.text.push_str(key);
        self.space();
        self.text.push('=');
        self.space();
        self.value(value);
    }

    fn shuffled<T>(&mut self, mut list: Vec<T>) -> Vec<T> {
        let mut made = Vec::new();
        while !list.is_empty() {
            let at = self.one_of(list.len());
            made.push(list.remove(at));
        }
        made
    }

    fn file(mut self) -> String {
        self.end();
        for (key, value) in self.shuffled(vec![("version", "1"), ("profile", "\"none\"")]) {
            self.pair(key, &Plain(value));
            self.end();
        }
        // Entries of one kind keep their order; kinds are mixed.
        let mut kinds: Vec<_> = sections().into_iter().map(std::collections::VecDeque::from).collect();
        while !kinds.is_empty() {
            let kind = self.one_of(kinds.len());
            let Some((header, pairs)) = kinds[kind].pop_front() else {
                kinds.remove(kind);
                continue;
            };
            self.text.push_str(header);
            self.end();
            for (key, value) in self.shuffled(pairs) {
                self.space();
                self.pair(key, &value);
                self.end();
            }
        }
        self.text
    }
}

/// The comments of a text in which values have no `#`, sorted.
fn comments_of(text: &str) -> Vec<&str> {
    let mut found: Vec<_> =
        text.lines().filter_map(|line| line.split_once('#').map(|(_, comment)| comment.trim())).collect();
    found.sort_unstable();
    found
}

fn holds_for(text: &str) -> String {
    let made = canonical(text).unwrap_or_else(|refused| panic!("{refused:?}\n{text}"));
    assert_eq!(comments_of(&made), comments_of(text), "{text}\n---\n{made}");
    assert_eq!(canonical(&made).unwrap(), made, "{text}");
    assert_eq!(made.lines().find(|line| line.ends_with(char::is_whitespace)), None, "{made}");
    assert!(!made.contains("\n\n\n") && !made.starts_with('\n') && !made.ends_with("\n\n"), "{made}");
    made
}

proptest! {
    #[test]
    fn the_form_changes_and_nothing_else(numbers in proptest::collection::vec(any::<u8>(), 200..400)) {
        let text = Mess { numbers, next: 0, comments: 0, text: String::new() }.file();
        let made = holds_for(&text);
        let read = |text: &str| Policy::parse("policy.toml", text, &registry::catalogue());
        let before = read(&text).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        let after = read(&made).unwrap_or_else(|faults| panic!("{faults}\n{made}"));
        prop_assert!(before.diff(&after).is_empty());
        let rules = |policy: &Policy| -> Vec<_> {
            let sections = [crate::policy::Section::StepUp, crate::policy::Section::Route];
            let rules = sections.into_iter().flat_map(|section| policy.rules(section));
            rules.map(|rule| (rule.name().to_string(), rule.answer().to_string())).collect()
        };
        prop_assert_eq!(rules(&before), rules(&after));
        let cases = |policy: &Policy| policy.suite().run().iter().map(|case| (case.case.to_string(), case.passed)).collect::<Vec<_>>();
        prop_assert_eq!(cases(&before), cases(&after));
    }

    #[test]
    fn text_without_care_is_formatted_or_refused(text in "([a-c\\[\\]{}=,.\"'# \n0-9]|\r\n|\\[\\[a\\]\\]\n|b = ){0,60}") {
        if let Ok(made) = canonical(&text) {
            prop_assert_eq!(canonical(&made).unwrap(), made);
        }
    }
}

#[test]
fn every_file_of_the_repository_has_a_canonical_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    ["examples", "tests"].into_iter().for_each(|folder| files(&root.join(folder), &mut found));
    let texts = found.iter().map(|path| fs::read_to_string(path).unwrap());
    let formatted: Vec<_> = texts.filter(|text| canonical(text).is_ok()).map(|text| holds_for(&text)).collect();
    assert!(formatted.len() >= 5, "{}", formatted.len());
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => found.push(path),
            _ if path.is_dir() => files(&path, found),
            _ => {}
        }
    }
}

#[test]
fn the_examples_are_in_canonical_form() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut found);
    assert!(found.len() >= 6, "{found:?}");
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        assert!(canonical(&text).unwrap() == text, "run `handset policy fmt {}`", path.display());
    }
}

#[test]
fn a_file_in_disorder_is_put_in_order() {
    insta::assert_snapshot!(holds_for(include_str!("messy.toml")));
}

#[test]
fn what_is_no_toml_is_refused() {
    assert!(matches!(canonical("a = "), Err(Refused::Syntax(_))));
    assert_eq!(canonical("").unwrap(), "");
    assert_eq!(canonical("\n\n# alone\n\n").unwrap(), "# alone\n");
}
