//! Random policies and requests: the table of bits against reading the rules one by one, and `explain` against both.

use std::{collections::BTreeMap, time::SystemTime};

use proptest::{collection::vec, option::of, prelude::*, sample::select};

use super::*;
use crate::policy::{Decision, Health, OnMissing, RuleSet, Section, Signals, mutant, rule::Passed};

/// A condition: what it asks of which fact, and whether it asks for the opposite.
#[derive(Clone, Debug)]
struct Leaf(bool, Ask);

#[derive(Clone, Debug)]
enum Ask {
    Action(Vec<&'static str>),
    ActionLooks(&'static str),
    Amount(i64, i64),
    AmountIs(Vec<i64>),
    PayeeKnown(bool),
    Ip(Vec<&'static str>),
    Platform(Vec<&'static str>),
    PlatformGlob(&'static str),
    Age(u64),
    Hour(i64),
    Recycled(bool),
    Risk(i64),
    Region(Vec<&'static str>),
    Prefix(Vec<&'static str>),
    PrefixListed,
    LineType(Vec<&'static str>),
    Tried(Vec<Channel>),
    Healthy(bool),
}

#[derive(Clone, Debug)]
struct Model {
    leaves: Vec<Leaf>,
    groups: Vec<(&'static str, Vec<Vec<Leaf>>)>,
    on_missing: OnMissing,
    /// Of a step-up rule: require, deny, allow. Of a route rule: try, deny.
    answer: u8,
}

#[derive(Clone, Debug)]
struct Request {
    action: &'static str,
    amount: Option<i64>,
    payee_known: Option<bool>,
    ip: Option<&'static str>,
    platform: Option<&'static str>,
    age: Option<u64>,
    hour: Option<u64>,
    recycled: Option<bool>,
    risk: Option<i64>,
    phone: Option<(&'static str, Option<&'static str>)>,
    tried: Option<Vec<Channel>>,
    healthy: Option<bool>,
}

const ACTIONS: &[&str] = &["pay", "pay.fast", "read", "sign_in"];
const IPS: &[&str] = &["10.1.2.3", "192.0.2.7", "2001:db8::1"];
const PLATFORMS: &[&str] = &["ios", "ios 26", "android", "web"];
const PHONES: &[(&str, Option<&str>)] =
    &[("+37126123456", Some("LV")), ("+37190123456", Some("LV")), ("+80012345678", None), ("+12025550123", Some("US"))];
const TYPES: &[&str] = &["mobile", "premium_rate", "toll_free", "fixed_line_or_mobile"];
const LISTED: &[&str] = &["+3716", "+1202555", "+120255501234567"];

impl Ask {
    fn fact(&self) -> &'static str {
        match self {
            Self::Action(_) | Self::ActionLooks(_) => "action",
            Self::Amount(..) | Self::AmountIs(_) => "amount",
            Self::PayeeKnown(_) => "payee_known",
            Self::Ip(_) => "client.ip",
            Self::Platform(_) | Self::PlatformGlob(_) => "client.platform",
            Self::Age(_) => "subject.age",
            Self::Hour(_) => "time.hour",
            Self::Recycled(_) => "recycled",
            Self::Risk(_) => "risk_score",
            Self::Region(_) => "phone.region",
            Self::Prefix(_) | Self::PrefixListed => "phone.prefix",
            Self::LineType(_) => "phone.type",
            Self::Tried(_) => "check.channels_tried",
            Self::Healthy(_) => "provider.zadarma.healthy",
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Action(names)
            | Self::Platform(names)
            | Self::Region(names)
            | Self::Prefix(names)
            | Self::LineType(names) => format!("{names:?}"),
            Self::ActionLooks(prefix) => format!("{{ prefix = {prefix:?} }}"),
            Self::Amount(least, below) => format!("{{ gte = {least}, lt = {below} }}"),
            Self::AmountIs(amounts) => format!("{amounts:?}"),
            Self::PayeeKnown(flag) | Self::Recycled(flag) | Self::Healthy(flag) => flag.to_string(),
            Self::Ip(networks) => format!("{{ cidr = {networks:?} }}"),
            Self::PlatformGlob(glob) => format!("{{ glob = {glob:?} }}"),
            Self::Age(below) => format!("{{ lt = \"{below}s\" }}"),
            Self::Hour(below) => format!("{{ lt = {below} }}"),
            Self::Risk(least) => format!("{{ gte = {least} }}"),
            Self::PrefixListed => "{ in = \"listed\" }".to_owned(),
            Self::Tried(channels) => format!("{:?}", channels.iter().map(|c| c.as_str()).collect::<Vec<_>>()),
        }
    }

    /// `None` when the fact is missing.
    fn holds(&self, r: &Request) -> Option<bool> {
        let begins = |prefixes: &[&str]| {
            let (number, _) = r.phone?;
            Some(prefixes.iter().any(|prefix| number.starts_with(prefix)))
        };
        Some(match self {
            Self::Action(names) => names.contains(&r.action),
            Self::ActionLooks(prefix) => r.action.starts_with(prefix),
            Self::Amount(least, below) => *least <= r.amount? && r.amount? < *below,
            Self::AmountIs(amounts) => amounts.contains(&r.amount?),
            Self::PayeeKnown(flag) => r.payee_known? == *flag,
            Self::Ip(networks) => {
                let ip: std::net::IpAddr = r.ip?.parse().unwrap();
                networks.iter().any(|network| network.parse::<ipnet::IpNet>().unwrap().contains(&ip))
            }
            Self::Platform(names) => names.contains(&r.platform?),
            Self::PlatformGlob("*os*") => r.platform?.contains("os"),
            Self::PlatformGlob(_) => r.platform?.len() == 3,
            Self::Age(below) => r.age? < *below,
            Self::Hour(below) => i64::try_from(r.hour?).unwrap() < *below,
            Self::Recycled(flag) => r.recycled? == *flag,
            Self::Risk(least) => r.risk? >= *least,
            Self::Region(regions) => regions.contains(&r.phone?.1?),
            Self::Prefix(prefixes) => begins(prefixes)?,
            Self::PrefixListed => begins(LISTED)?,
            Self::LineType(names) => names.contains(&r.line_type()?),
            Self::Tried(channels) => r.tried.as_ref()?.iter().any(|tried| channels.contains(tried)),
            Self::Healthy(flag) => r.healthy? == *flag,
        })
    }

    /// Whether it holds for the riskiest value; `None` of what is no signal.
    fn holds_at_worst(&self) -> Option<bool> {
        match self {
            Self::Recycled(flag) => Some(*flag),
            Self::Risk(_) => Some(true),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Truth {
    No,
    Yes,
    Unknown,
    Unsignalled,
}

impl Leaf {
    fn write(&self) -> String {
        let value = self.1.write();
        let value = if self.0 { format!("{{ not = {value} }}") } else { value };
        format!("{:?} = {value}", self.1.fact())
    }

    fn truth(&self, request: &Request, at_worst: bool) -> Truth {
        match self.1.holds(request).or_else(|| self.1.holds_at_worst().filter(|_| at_worst)) {
            Some(holds) if holds != self.0 => Truth::Yes,
            Some(_) => Truth::No,
            None if self.1.holds_at_worst().is_some() => Truth::Unsignalled,
            None => Truth::Unknown,
        }
    }
}

fn both(truths: &[Truth]) -> Truth {
    [Truth::No, Truth::Unsignalled, Truth::Unknown].into_iter().find(|t| truths.contains(t)).unwrap_or(Truth::Yes)
}

fn either(truths: &[Truth]) -> Truth {
    [Truth::Yes, Truth::Unsignalled, Truth::Unknown].into_iter().find(|t| truths.contains(t)).unwrap_or(Truth::No)
}

impl Model {
    fn write(&self, section: Section, position: usize) -> String {
        let table = |leaves: &[Leaf]| leaves.iter().map(Leaf::write).collect::<Vec<_>>().join(", ");
        let groups = self.groups.iter().map(|(kind, branches)| {
            let branches: Vec<_> = branches.iter().map(|branch| format!("{{ {} }}", table(branch))).collect();
            format!("{kind} = [{}]", branches.join(", "))
        });
        let when: Vec<_> = self.leaves.iter().map(Leaf::write).chain(groups).collect();
        let answer = match (section, self.answer) {
            (_, 1) => "deny = \"x\"",
            (Section::Route, _) => "try = [\"zadarma/sms\"]",
            (_, 0) => "require = { acr = \"phone\" }",
            _ => "allow = true",
        };
        let on_missing = match (self.reads_signals(), self.on_missing) {
            (false, _) => "",
            (_, OnMissing::AssumeRisky) => "on_missing = \"assume_risky\"",
            (_, OnMissing::SkipRule) => "on_missing = \"skip_rule\"",
            (_, OnMissing::Deny) => "on_missing = \"deny\"",
        };
        format!("[[{section}]]\nname = \"r{position}\"\nwhen = {{ {} }}\n{answer}\n{on_missing}\n", when.join(", "))
    }

    fn reads_signals(&self) -> bool {
        let inner = self.groups.iter().flat_map(|(_, branches)| branches.iter().flatten());
        self.leaves.iter().chain(inner).any(|leaf| leaf.1.holds_at_worst().is_some())
    }

    /// Whether it would send to a dear number that it does not name.
    fn refuses_dear(&self, section: Section, request: &Request) -> bool {
        let names = |leaf: &Leaf| matches!(&leaf.1, Ask::LineType(types) if !leaf.0 && types.contains(&"premium_rate"));
        let grouped = self.groups.iter().filter(|(kind, _)| *kind != "none").flat_map(|(_, branches)| branches);
        let is_named = self.leaves.iter().chain(grouped.flatten()).any(names);
        let sends = section == Section::Route && self.answer != 1;
        sends && request.line_type() == Some("premium_rate") && !is_named
    }

    /// `None` when it does not match; else whether it refuses because a signal is missing.
    fn matches(&self, section: Section, request: &Request) -> Option<bool> {
        let sends = section == Section::Route && self.answer != 1;
        let careful = if section == Section::Route { !sends } else { self.answer != 2 };
        let at_worst = sends && self.on_missing == OnMissing::AssumeRisky;
        let truth_of = |leaves: &[Leaf]| both(&leaves.iter().map(|l| l.truth(request, at_worst)).collect::<Vec<_>>());
        let leaves = self.leaves.iter().map(|leaf| leaf.truth(request, at_worst));
        let groups = self.groups.iter().map(|(kind, branches)| {
            let truths: Vec<_> = branches.iter().map(|branch| truth_of(branch)).collect();
            match (*kind, either(&truths)) {
                ("all", _) => both(&truths),
                ("none", Truth::Yes) => Truth::No,
                ("none", Truth::No) => Truth::Yes,
                (_, truth) => truth,
            }
        });
        let mut refuses = false;
        for truth in leaves.chain(groups) {
            let passes = match (truth, self.on_missing) {
                (Truth::Yes, _) => true,
                (Truth::Unsignalled, OnMissing::Deny) => {
                    refuses = true;
                    true
                }
                (Truth::No, _) | (Truth::Unsignalled, OnMissing::SkipRule) => false,
                _ => careful,
            };
            if !passes {
                return None;
            }
        }
        Some(refuses)
    }
}

/// What the rules say, read one by one: the deciding rule, the answer, all that match.
fn naive(rules: &[(usize, Model)], section: Section, request: &Request) -> (Option<usize>, String, Vec<usize>) {
    let matches: Vec<_> =
        rules.iter().enumerate().filter_map(|(at, (_, rule))| Some((at, rule.matches(section, request)?))).collect();
    let first = matches.first().map(|(at, refuses)| (*at, *refuses));
    let answer = match first {
        None if section == Section::StepUp => "allow",
        None => "deny no_route",
        Some((_, true)) => "deny signal_missing",
        Some((at, false)) if rules[at].1.refuses_dear(section, request) => "deny number_type",
        Some((at, false)) => match (section, rules[at].1.answer) {
            (_, 1) => "deny x",
            (Section::Route, _) => "try zadarma/sms",
            (_, 0) => "require phone",
            _ => "allow",
        },
    };
    (first.map(|(at, _)| rules[at].0), answer.to_owned(), matches.into_iter().map(|(at, _)| at).collect())
}

/// The rules that load: of those that an earlier one hides it is checked that they never decide.
fn load(section: Section, rules: Vec<Model>, requests: &[Request]) -> (Policy, Vec<(usize, Model)>) {
    let mut rules: Vec<_> = rules.into_iter().enumerate().collect();
    loop {
        let sections: String = rules.iter().map(|(position, rule)| rule.write(section, *position)).collect();
        let rest = match section {
            Section::StepUp => "[[route]]\nname = \"r\"\ndeny = \"x\"",
            Section::Route if rules.is_empty() => "[[route]]\nname = \"r\"\nwhen = { action = \"none\" }\ndeny = \"x\"",
            Section::Route => "",
        };
        let text = format!("version = 1\n[lists]\nlisted = {LISTED:?}\n{sections}{rest}");
        let errors = match parse(&text) {
            Ok(policy) => return (policy, rules),
            Err(errors) => errors,
        };
        for fault in &errors {
            assert!(fault.message.contains("never reached"), "{errors}\n{text}");
            let hidden: usize = fault.rule.as_ref().unwrap().as_str().trim_start_matches('r').parse().unwrap();
            for request in requests {
                assert_ne!(naive(&rules, section, request).0, Some(hidden), "{errors}\n{request:?}");
            }
        }
        rules.retain(|(position, _)| {
            errors.iter().all(|fault| fault.rule.as_ref().unwrap().as_str() != format!("r{position}"))
        });
    }
}

fn agree(section: Section, rules: Vec<Model>, requests: &[Request]) -> Result<(), TestCaseError> {
    let (policy, rules) = load(section, rules, requests);
    let heads: Vec<_> = policy.rules(section).map(|rule| rule.head).collect();
    for (position, head) in heads.iter().enumerate() {
        prop_assert!(!heads[..position].iter().any(|above| above.covers(head)), "`{}` is hidden", head.name);
    }
    for request in requests {
        let action = action(request.action);
        let (signals, health) = (request.signals(), request.health());
        let context = request.context(&action, &signals, &health);

        let (rule, answer, matched) = naive(&rules, section, request);
        let evaluation = policy.evaluate(section, &context);
        let name = rule.map(|position| format!("r{position}"));
        prop_assert_eq!(evaluation.rule.map(RuleName::as_str), name.as_deref(), "{:?}", request);
        prop_assert_eq!(evaluation.decision.to_string(), answer, "{:?}", request);
        if !rules.is_empty() {
            prop_assert_eq!(
                policy.matching(section, &context),
                matched.into_iter().collect::<RuleSet>(),
                "{:?}",
                request
            );
        }
        let (step_up, routing) = (policy.step_up(&context), policy.route(&context));
        let owned = if section == Section::StepUp { Decision::from(&step_up) } else { Decision::from(&routing) };
        prop_assert_eq!(owned, evaluation.decision);

        let trace = policy.explain(section, &context);
        prop_assert_eq!(trace.decision, evaluation.decision.to_string());
        prop_assert_eq!(trace.rule.as_ref(), evaluation.rule);
        let matching = policy.matching(section, &context);
        for (position, rule) in trace.rules.iter().enumerate() {
            prop_assert_eq!(rule.matched, matching.contains(position), "{:?}", rule);
            prop_assert_eq!(rule.stopped_by.is_none(), rule.matched);
        }
        for rule in policy.rules(section) {
            let is_matching = rule.head.passes(&context) != Passed::No;
            prop_assert_eq!(is_matching, matching.contains(rule.position()));
        }
        let decided = trace.rules.iter().find(|rule| rule.matched);
        prop_assert_eq!(decided.is_some_and(|rule| rule.refuses), trace_refuses(&evaluation.decision));
    }
    Ok(())
}

/// What is left out as a change that nobody could notice changes nothing.
fn twins_agree(section: Section, rules: Vec<Model>, requests: &[Request]) {
    let (policy, _) = load(section, rules, &[]);
    let twins = mutant::tests::twins(&policy, section);
    for request in requests {
        let action = action(request.action);
        let (signals, health) = (request.signals(), request.health());
        let context = request.context(&action, &signals, &health);
        for twin in &twins {
            twin.assert_same(&policy, section, &context);
        }
    }
}

fn trace_refuses(decision: &Decision<'_>) -> bool {
    [Decision::Deny("signal_missing"), Decision::Deny("number_type")].contains(decision)
}

impl Request {
    /// Of the numbers above, by their places.
    fn line_type(&self) -> Option<&'static str> {
        let place = PHONES.iter().position(|phone| Some(phone) == self.phone.as_ref())?;
        Some(TYPES[place])
    }

    fn signals(&self) -> Signals {
        let mut signals = Signals::new();
        if let Some(recycled) = self.recycled {
            signals = signals.with_fresh("recycled", recycled);
        }
        if let Some(risk) = self.risk {
            signals = signals.with_fresh("risk_score", risk);
        }
        signals
    }

    fn health(&self) -> Health {
        self.healthy.map_or_else(Health::new, |healthy| Health::new().with("zadarma", healthy))
    }

    fn context<'a>(&'a self, action: &'a Action, signals: &'a Signals, health: &'a Health) -> Context<'a> {
        let mut context = Context::new(action).signals(signals).providers(health);
        if let Some(amount) = self.amount {
            context = context.amount(amount);
        }
        if let Some(known) = self.payee_known {
            context = context.payee_known(known);
        }
        if let Some(ip) = self.ip {
            context = context.client_ip(ip.parse().unwrap());
        }
        if let Some(platform) = self.platform {
            context = context.client_platform(platform);
        }
        if let Some(age) = self.age {
            context = context.subject_age(Duration::from_secs(age));
        }
        if let Some(hour) = self.hour {
            context = context.at(SystemTime::UNIX_EPOCH + Duration::from_secs(hour * 3600));
        }
        if let Some((number, _)) = self.phone {
            context = context.phone(&phone(number));
        }
        if let Some(tried) = &self.tried {
            context = context.channels_tried(tried.iter().copied());
        }
        context
    }
}

fn ask(section: Section) -> BoxedStrategy<Ask> {
    let anywhere = prop_oneof![
        vec(select(ACTIONS), 1..3).prop_map(Ask::Action),
        select(["pay", "re", "x"].as_slice()).prop_map(Ask::ActionLooks),
        (-2..3_i64, 1..4_i64).prop_map(|(least, width)| Ask::Amount(least, least + width)),
        vec(-2..3_i64, 1..3).prop_map(Ask::AmountIs),
        any::<bool>().prop_map(Ask::PayeeKnown),
        vec(select(["10.0.0.0/8", "192.0.2.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32"].as_slice()), 1..3)
            .prop_map(Ask::Ip),
        vec(select(PLATFORMS), 1..3).prop_map(Ask::Platform),
        select(["*os*", "???"].as_slice()).prop_map(Ask::PlatformGlob),
        (1..4_u64).prop_map(Ask::Age),
        (1..4_i64).prop_map(Ask::Hour),
        any::<bool>().prop_map(Ask::Recycled),
        (0..3_i64).prop_map(Ask::Risk),
    ];
    if section == Section::StepUp {
        return anywhere.boxed();
    }
    prop_oneof![
        2 => anywhere,
        1 => prop_oneof![
            vec(select(["LV", "US", "ID"].as_slice()), 1..3).prop_map(Ask::Region),
            vec(select(["+3", "+371", "+3716", "+1202", "+37126123456"].as_slice()), 1..3).prop_map(Ask::Prefix),
            Just(Ask::PrefixListed),
            vec(select(TYPES), 1..3).prop_map(Ask::LineType),
            vec(select(Channel::ALL.as_slice()), 1..3).prop_map(Ask::Tried),
            any::<bool>().prop_map(Ask::Healthy),
        ],
    ]
    .boxed()
}

/// Conditions on different facts.
fn leaves(section: Section, least: usize, most: usize) -> impl Strategy<Value = Vec<Leaf>> {
    vec((any::<bool>(), ask(section)), least..=most).prop_map(|leaves| {
        let by_fact: BTreeMap<_, _> = leaves.into_iter().map(|(not, ask)| (ask.fact(), Leaf(not, ask))).collect();
        by_fact.into_values().collect()
    })
}

fn rule(section: Section) -> impl Strategy<Value = Model> {
    let branches = || vec(leaves(section, 1, 2), 1..3);
    let groups = (of(branches()), of(branches()), of(branches())).prop_map(|(any, all, none)| {
        [("any", any), ("all", all), ("none", none)]
            .into_iter()
            .filter_map(|(kind, b)| Some((kind, b?)))
            .collect::<Vec<_>>()
    });
    let groups = prop_oneof![3 => Just(Vec::new()), 1 => groups];
    let on_missing = select([OnMissing::AssumeRisky, OnMissing::SkipRule, OnMissing::Deny].as_slice());
    (leaves(section, 0, 3), groups, on_missing, 0..3_u8).prop_map(|(leaves, groups, on_missing, answer)| Model {
        leaves,
        groups,
        on_missing,
        answer,
    })
}

fn request() -> impl Strategy<Value = Request> {
    let first =
        (select(ACTIONS), of(-3..4_i64), of(any::<bool>()), of(select(IPS)), of(select(PLATFORMS)), of(0..4_u64));
    let second = (
        of(0..4_u64),
        of(any::<bool>()),
        of(0..4_i64),
        of(select(PHONES)),
        of(vec(select(Channel::ALL.as_slice()), 0..3)),
        of(any::<bool>()),
    );
    (first, second).prop_map(|(first, second)| {
        let (action, amount, payee_known, ip, platform, age) = first;
        let (hour, recycled, risk, phone, tried, healthy) = second;
        Request { action, amount, payee_known, ip, platform, age, hour, recycled, risk, phone, tried, healthy }
    })
}

proptest! {
    #[test]
    fn step_up_tables_decide_as_the_rules_read(
        rules in vec(rule(Section::StepUp), 0..8),
        requests in vec(request(), 24),
    ) {
        agree(Section::StepUp, rules, &requests)?;
    }

    #[test]
    fn route_tables_decide_as_the_rules_read(
        rules in vec(rule(Section::Route), 0..8),
        requests in vec(request(), 24),
    ) {
        agree(Section::Route, rules, &requests)?;
    }
}

proptest! {
    // Each one makes and compares a hundred mutants.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn mutants_that_are_left_out_change_nothing(
        steps in vec(rule(Section::StepUp), 1..5),
        routes in vec(rule(Section::Route), 1..5),
        requests in vec(request(), 64),
    ) {
        twins_agree(Section::StepUp, steps, &requests);
        twins_agree(Section::Route, routes, &requests);
    }
}
