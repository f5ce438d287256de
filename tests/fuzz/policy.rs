//! What holds of every text and every request: the entry points of both the fuzzer and the test that runs in its stead.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime},
};

use handset::{
    Action, Channel, PhoneNumber,
    policy::{
        Catalogue, Context, Decision, Diagnostic, Health, Policy, PolicyErrors, RecordedFacts, Replayer, Section,
        SignalValue, Signals, Sources,
    },
};

/// A text is a policy that loads or has faults that stand in it; what loads can be looked at from all sides, and asked.
/// Returns whether it loads.
///
/// A line `#file lists/blocked.txt` begins another file, which the policy may name.
pub(crate) fn policy_text(text: &str) -> bool {
    let files = files(text);
    let policy = match compiled(&files) {
        Ok(policy) => policy,
        Err(faults) => {
            assert!(!faults.to_string().is_empty() && faults.iter().len() > 0);
            faults.iter().for_each(|fault| stands_in(&files, fault));
            return false;
        }
    };
    look_at(&policy, &files);
    // The same text makes the same requests, and another one, however little is different, makes others.
    let words: Vec<_> = text.split('"').skip(1).step_by(2).filter(|word| word.len() <= 64).take(64).collect();
    let bytes = thrown(text);
    let mut dice = Dice(&bytes);
    with_request(&mut Dice(&[]), &words, |context, now| ask(&policy, context, now));
    for _ in 0..REQUESTS {
        with_request(&mut dice, &words, |context, now| ask(&policy, context, now));
    }
    true
}

/// Every request has an answer from every policy.
pub(crate) fn policy_context(bytes: &[u8]) {
    thread_local! {
        static POLICIES: [Policy; 2] = [EXAMPLE, EVERY_FACT].map(|text| compiled(&files(text)).unwrap());
    }
    with_request(&mut Dice(bytes), &[], |context, now| {
        POLICIES.with(|policies| policies.iter().for_each(|policy| ask(policy, context, now)));
    });
}

fn compiled(files: &[(String, String)]) -> Result<Policy, PolicyErrors> {
    let named = files.iter().skip(1);
    let sources = named.fold(Sources::new(MAIN, files[0].1.as_str()), |sources, (name, text)| {
        sources.with(name.as_str(), text.as_str())
    });
    Policy::compile(&sources, &catalogue())
}

/// The files of a text, by their paths; the first one is the policy.
fn files(text: &str) -> Vec<(String, String)> {
    let mut files = vec![(MAIN.to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        let name = line.strip_prefix("#file ").map(str::trim);
        let is_name = |name: &&str| {
            let plain = |c: char| c.is_ascii_lowercase() || "./_".contains(c);
            (1..40).contains(&name.len()) && name.chars().all(plain) && *name != MAIN
        };
        match (name.filter(is_name), files.last_mut()) {
            (Some(name), _) => {
                // A later one of the same path is in force.
                files.retain(|(known, _)| known != name);
                files.push((name.to_owned(), String::new()));
            }
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
    }
    files
}

fn stands_in(files: &[(String, String)], fault: &Diagnostic) {
    let (_, text) = files.iter().find(|(name, _)| *name == fault.file).unwrap_or_else(|| panic!("no file: {fault}"));
    let lines = text.matches('\n').count() + 1;
    assert!((1..=lines).contains(&fault.line), "line {} of {lines}: {fault}", fault.line);
    let line = text.split('\n').nth(fault.line - 1).unwrap_or_default();
    assert!((1..=line.chars().count() + 1).contains(&fault.column), "column {}: {fault}", fault.column);
    assert!(!fault.message.is_empty() && !fault.help.is_empty(), "{fault}");
    let shown = fault.to_string();
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
}

fn look_at(policy: &Policy, files: &[(String, String)]) {
    for finding in
        policy.lint().iter().chain(&policy.lint_for(&Catalogue::new().with("numcheck", [Channel::FlashCall])))
    {
        stands_in(files, &finding.diagnostic);
    }
    let difference = policy.diff(policy);
    assert!(difference.is_empty(), "{difference:?}");
    for section in SECTIONS {
        let names: BTreeSet<_> = policy.rules(section).map(|rule| rule.name().as_str()).collect();
        assert_eq!(names.len(), policy.rules(section).count());
    }
    policy.cases().iter().for_each(|case| assert!(!case.run(policy).found.is_empty()));
}

fn ask(policy: &Policy, context: &Context<'_>, now: Option<SystemTime>) {
    for section in SECTIONS {
        let evaluation = policy.evaluate(section, context);
        let trace = policy.explain(section, context);
        assert_eq!(trace.decision, evaluation.decision.to_string());
        assert_eq!(trace.rule.as_ref(), evaluation.rule);
        let decided = trace.rules.iter().find(|rule| rule.matched);
        assert_eq!(decided.map(|rule| &rule.rule), evaluation.rule);
        let matched = trace.rules.iter().enumerate().filter_map(|(at, rule)| rule.matched.then_some(at));
        assert!(policy.matching(section, context).iter().eq(matched));
        assert!(trace.rules.iter().all(|rule| rule.matched == rule.stopped_by.is_none()));
        assert!(serde_json::to_string(&trace).is_ok());
    }
    let (step_up, routing) = (policy.step_up(context), policy.route(context));
    assert_eq!(Decision::from(&step_up), policy.evaluate(Section::StepUp, context).decision);
    assert_eq!(Decision::from(&routing), policy.evaluate(Section::Route, context).decision);
    // What is recorded of it gets the same answer, or one that is called unsure.
    let (Some(now), replayer) = (now, Replayer::new(policy)) else { return };
    let facts = RecordedFacts::of(policy, context);
    if let Some(replayed) = replayer.ask(&facts, now).filter(|replayed| replayed.is_sure) {
        assert_eq!(replayed.evaluation, policy.evaluate(Section::Route, context), "{facts:?}");
    }
}

/// Bytes that hang on all of a text.
fn thrown(text: &str) -> Vec<u8> {
    let mut seed = DefaultHasher::new();
    text.hash(&mut seed);
    let word = |position: usize| {
        let mut hasher = seed.clone();
        position.hash(&mut hasher);
        hasher.finish().to_le_bytes()
    };
    (0..REQUESTS * 32).flat_map(word).collect()
}

/// Bytes as dice: a byte decides a choice, and when there are no more, the first choice is taken.
struct Dice<'b>(&'b [u8]);

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        let wide = self.byte() % 9;
        (0..wide).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.byte().is_multiple_of(4)).then(|| value(self))
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }

    /// A word of ours or of the policy, or one that it does not know.
    fn word(&mut self, of_policy: &[&str], ours: &[&str]) -> String {
        match self.byte() % 4 {
            0 => self.one_of(ours).to_owned(),
            1 | 2 if !of_policy.is_empty() => self.one_of(of_policy).to_owned(),
            1 => format!("{}{}", self.one_of(ours), self.byte()),
            _ => (0..self.byte() % 12).map(|_| char::from_u32(self.byte().into()).unwrap_or('x')).collect(),
        }
    }
}

/// Makes a request of bytes and hands it on, with its time if it has one.
fn with_request(dice: &mut Dice<'_>, words: &[&str], then: impl FnOnce(&Context<'_>, Option<SystemTime>)) {
    let action = Action::new(dice.word(words, ACTIONS)).unwrap_or_else(|_| Action::new("transfer").unwrap());
    let now = dice.maybe(|dice| SystemTime::UNIX_EPOCH + Duration::from_secs(dice.number() % YEAR_9999));
    let platform = dice.maybe(|dice| dice.word(words, &["ios", "android", "web"]));
    let signals = dice.maybe(|dice| signals(dice, words, now));
    let health = dice.maybe(|dice| {
        (0..dice.byte() % 4).fold(Health::new(), |health, _| health.with(dice.one_of(PROVIDERS), dice.flag()))
    });
    let mut plain = with(Context::new(&action), now, Context::at);
    plain = with(plain, platform.as_deref(), Context::client_platform);
    plain = with(plain, signals.as_ref(), Context::signals);
    plain = with(plain, health.as_ref(), Context::providers);
    plain = with(plain, dice.maybe(|dice| phone(dice, words)).flatten(), |c, phone| c.phone(&phone));
    plain = with(plain, dice.maybe(Dice::number), |c, n| c.amount(n.cast_signed()));
    plain = with(plain, dice.maybe(|dice| dice.one_of(&["EUR", "USD", "eur", ""])), Context::currency);
    plain = with(plain, dice.maybe(Dice::flag), Context::payee_known);
    plain = with(plain, dice.maybe(ip), Context::client_ip);
    plain = with(plain, dice.maybe(|dice| dice.one_of(REGIONS).parse().unwrap()), Context::client_ip_region);
    plain = with(plain, dice.maybe(Dice::flag), Context::client_mobile_data);
    plain = with(plain, dice.maybe(Dice::flag), Context::subject_known);
    plain = with(plain, dice.maybe(Dice::number).map(Duration::from_secs), Context::subject_age);
    plain = with(plain, dice.maybe(Dice::flag), Context::subject_had_verified_phone);
    plain = with(plain, dice.maybe(Dice::byte).map(u32::from), Context::subject_failures);
    plain = with(plain, dice.maybe(Dice::byte).map(u32::from), Context::check_legs);
    plain = with(plain, dice.maybe(Dice::byte), |c, mask| {
        let tried = Channel::ALL.into_iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1);
        c.channels_tried(tried.map(|(_, channel)| channel))
    });
    then(&plain, now);
}

/// A number that begins as one of the policy's words, or an ordinary one.
fn phone(dice: &mut Dice<'_>, words: &[&str]) -> Option<PhoneNumber> {
    let begins: Vec<_> = words.iter().copied().filter(|word| word.starts_with('+')).chain(NUMBERS).collect();
    let begins = dice.one_of(&begins);
    let rest = if dice.flag() { String::new() } else { format!("{:07}", dice.number() % 10_000_000) };
    PhoneNumber::parse(&format!("{begins}{rest}"), None).or_else(|_| PhoneNumber::parse(begins, None)).ok()
}

fn with<C, T>(context: C, value: Option<T>, put: impl FnOnce(C, T) -> C) -> C {
    match value {
        Some(value) => put(context, value),
        None => context,
    }
}

fn ip(dice: &mut Dice<'_>) -> IpAddr {
    match dice.byte() % 3 {
        0 => Ipv4Addr::new(10, dice.byte(), dice.byte(), dice.byte()).into(),
        1 => Ipv4Addr::from_bits(u32::from_be_bytes([0; 4].map(|_: u8| dice.byte()))).into(),
        _ => Ipv6Addr::from_bits(u128::from_be_bytes([0; 16].map(|_: u8| dice.byte()))).into(),
    }
}

fn signals(dice: &mut Dice<'_>, words: &[&str], now: Option<SystemTime>) -> Signals {
    let now = now.unwrap_or(SystemTime::UNIX_EPOCH);
    (0..dice.byte() % 6).fold(Signals::new(), |signals, _| {
        let name = dice.word(words, SIGNALS);
        let value = match dice.byte() % 5 {
            0 => SignalValue::Flag(dice.flag()),
            1 => SignalValue::Number(dice.number().cast_signed()),
            2 => SignalValue::Time(SystemTime::UNIX_EPOCH + Duration::from_secs(dice.number() % YEAR_9999)),
            3 => SignalValue::Ago(Duration::from_secs(dice.number())),
            _ => SignalValue::Text(dice.word(words, &["high", "low"])),
        };
        match dice.byte() % 3 {
            0 => signals.with_fresh(name, value),
            1 => signals.with(name, value, now),
            _ => signals.with(name, value, SystemTime::UNIX_EPOCH + Duration::from_secs(dice.number() % YEAR_9999)),
        }
    })
}

/// Every provider and channel that the policies of the corpus name, whatever the library is built with.
fn catalogue() -> Catalogue {
    PROVIDERS.iter().fold(Catalogue::new(), |catalogue, provider| catalogue.with(*provider, Channel::ALL))
}

/// The policy that everybody begins with.
const EXAMPLE: &str = include_str!("../../examples/policy.toml");

/// A policy with a rule for every fact and every operator.
const EVERY_FACT: &str = include_str!("every_fact.toml");

const MAIN: &str = "policy.toml";
/// How many requests a text is asked.
const REQUESTS: usize = 8;

const SECTIONS: [Section; 2] = [Section::StepUp, Section::Route];
const PROVIDERS: &[&str] = &["citcall", "idlayr", "numcheck", "open_gateway", "zadarma"];
const ACTIONS: &[&str] = &["transfer", "sign_in", "pay", "pay.fast", "recover"];
const SIGNALS: &[&str] =
    &["sim_swapped_at", "recycled", "forwarding", "risk_score", "device_trusted", "score", "label", "seen_at"];
const REGIONS: &[&str] = &["LV", "ID", "US", "GB", "DE"];
const NUMBERS: [&str; 7] =
    ["+37126123456", "+6281234567890", "+12025550123", "+447911123456", "+80012345678", "+491701234567", "+3712"];
const YEAR_9999: u64 = 253_402_300_800;
