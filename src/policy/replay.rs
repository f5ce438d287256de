//! Asking a policy about starts of which only a record is left.

use std::time::SystemTime;

use super::{
    Policy, condition::Test, decision::Evaluation, fact::Fact, given::Given, ranges, recorded::RecordedFacts,
    rule::Section,
};

/// A policy that is ready to be asked about many recorded starts.
///
/// ```
/// use std::time::SystemTime;
/// use handset::{Action, Channel, PhoneNumber};
/// use handset::policy::{Catalogue, Context, Policy, RecordedFacts, Replayer, Section};
///
/// let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
/// let policy = Policy::parse("policy.toml", include_str!("../../examples/policy.toml"), &catalogue)?;
/// let (action, phone, now) = (Action::new("transfer")?, PhoneNumber::parse("+37126123456", None)?, SystemTime::now());
/// let context = Context::new(&action).phone(&phone).at(now);
///
/// let kept = RecordedFacts::of(&policy, &context);
/// let replayer = Replayer::new(&policy);
/// let replayed = replayer.ask(&kept, now).ok_or("the action was withheld")?;
/// assert!(replayed.is_sure);
/// assert_eq!(replayed.evaluation, policy.evaluate(Section::Route, &context));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Replayer {
    policy: Policy,
    /// Where a condition on the beginning of the number turns, as places on the line, ascending.
    numbers: Vec<u128>,
    /// The same for the client's address.
    addresses: Vec<u128>,
    /// The facts that the rules read.
    reads: Vec<Fact>,
}

/// What a policy says to a recorded start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replayed<'p> {
    /// The answer.
    pub evaluation: Evaluation<'p>,
    /// Whether the answer is sure: whatever was cut or withheld from the record, it would have been this one.
    pub is_sure: bool,
    /// The facts that the rules read and the record lacks, as positions in [`Replayer::reads`].
    pub missing: Vec<usize>,
}

impl Replayer {
    /// Makes a policy ready.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let mut replayer =
            Self { policy: policy.clone(), numbers: Vec::new(), addresses: Vec::new(), reads: Vec::new() };
        for rule in policy.rules(Section::Route) {
            for condition in rule.when().every_condition() {
                let turns = match condition.fact() {
                    "phone.prefix" => Some(&mut replayer.numbers),
                    "client.ip" => Some(&mut replayer.addresses),
                    _ => None,
                };
                if let (Some(turns), Test::Scalars(ranges)) = (turns, &condition.test) {
                    turns.extend(ranges.iter().flat_map(|(least, most)| [Some(least), most.checked_add(1)]).flatten());
                }
                if !replayer.reads.contains(&condition.fact) {
                    replayer.reads.push(condition.fact.clone());
                }
            }
        }
        for turns in [&mut replayer.numbers, &mut replayer.addresses] {
            turns.sort_unstable();
            turns.dedup();
        }
        replayer
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The names of the facts that its rules for routes read.
    pub fn reads(&self) -> impl ExactSizeIterator<Item = &str> {
        self.reads.iter().map(Fact::as_str)
    }

    /// Asks which routes the start may use; `None` when its action was withheld.
    #[must_use]
    pub fn ask(&self, facts: &RecordedFacts, at: SystemTime) -> Option<Replayed<'_>> {
        let mut given = facts.given(at)?;
        let evaluation = self.policy.evaluate(Section::Route, &given.context());
        let missing = self.missing(&given);
        let is_sure = !facts.withheld.iter().any(|name| self.reads().any(|read| read == name))
            && self.others(facts, &mut given, &evaluation).is_some();
        Some(Replayed { evaluation, is_sure, missing })
    }

    fn missing(&self, given: &Given) -> Vec<usize> {
        let context = given.context();
        let lacks = |(position, fact): (usize, &Fact)| fact.value(&context).is_none().then_some(position);
        self.reads.iter().enumerate().filter_map(lacks).collect()
    }

    /// Asks about every other number and address that the start may have had, as far as rules tell them apart. `None` when
    /// some would get another answer, or when there are too many.
    fn others(&self, facts: &RecordedFacts, given: &mut Given, evaluation: &Evaluation<'_>) -> Option<()> {
        let numbers = within(&self.numbers, facts.numbers())?;
        let addresses = within(&self.addresses, facts.addresses())?;
        let first = (given.plain.line.and_then(|line| line.begins), given.plain.client_ip);
        let numbers = std::iter::once(first.0).chain(numbers.iter().copied().map(Some));
        let addresses: Vec<_> =
            std::iter::once(first.1).chain(addresses.iter().map(|place| Some(ranges::address_at(*place)))).collect();
        for number in numbers {
            for address in &addresses {
                if let Some(line) = &mut given.plain.line {
                    line.begins = number;
                }
                given.plain.client_ip = *address;
                if (number, *address) == first {
                    continue;
                }
                let other = self.policy.evaluate(Section::Route, &given.context());
                if other.rule != evaluation.rule || !other.decision.is_same(evaluation.decision) {
                    return None;
                }
            }
        }
        Some(())
    }
}

/// The turns inside a block, without its beginning; `None` when they are too many to look at.
fn within(turns: &[u128], block: Option<(u128, u128)>) -> Option<&[u128]> {
    let Some((first, last)) = block else { return Some(&[]) };
    let from = turns.partition_point(|turn| *turn <= first);
    let to = turns.partition_point(|turn| *turn <= last);
    turns.get(from..to).filter(|turns| turns.len() <= MOST_TURNS)
}

/// How many places inside a block are looked at.
const MOST_TURNS: usize = 32;
