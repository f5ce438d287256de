//! The steps of a Redis cluster, in every order, with every place where a process can end.
//!
//! A cluster has no step that touches a check and a budget at once, so an answer is several steps (`src/store/redis/spread.rs`). This goes
//! through all orders of the steps of several answers to two checks of one owner, each of which may break off anywhere, and looks
//! at every state on the way. Other orders of the same steps are gone through, too, and are found wrong: so the search sees.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashSet;

#[test]
fn no_order_compares_more_than_was_reserved_or_verifies_twice() {
    for answers in STORIES {
        let states = explore(answers, RESERVE_FIRST).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(states > 100, "{states} states are no search");
    }
}

#[test]
fn comparing_before_the_reservation_is_found() {
    let wrong = found(COMPARE_FIRST);
    assert!(wrong.contains("compared"), "{wrong}");
}

#[test]
fn charging_after_the_comparison_is_found() {
    let wrong = found(CHARGE_LAST);
    assert!(wrong.contains("budget"), "{wrong}");
}

#[test]
fn giving_back_what_was_compared_is_found() {
    let wrong = found(GIVE_BACK_AFTER);
    assert!(wrong.contains("compared"), "{wrong}");
}

fn found(program: &[Step]) -> String {
    let wrong = STORIES.iter().find_map(|answers| explore(answers, program).err());
    wrong.unwrap_or_else(|| panic!("no order of {program:?} is found wrong"))
}

/// One step of an answer, at one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Looks whether there is an attempt, and takes none.
    Look,
    Reserve,
    ChargeOwner,
    ChargeNumber,
    Compare,
    Settle,
    ClearOwner,
    ClearNumber,
    /// Gives the attempt back, whatever became of it.
    GiveBack,
}

use Step::*;

const RESERVE_FIRST: &[Step] = &[Reserve, ChargeOwner, ChargeNumber, Compare, Settle, ClearOwner, ClearNumber];
const COMPARE_FIRST: &[Step] = &[Look, Compare, Reserve, ChargeOwner, ChargeNumber, Settle, ClearOwner, ClearNumber];
const CHARGE_LAST: &[Step] = &[Reserve, Compare, ChargeOwner, ChargeNumber, Settle, ClearOwner, ClearNumber];
const GIVE_BACK_AFTER: &[Step] = &[Reserve, ChargeOwner, ChargeNumber, Compare, GiveBack];

/// Which check each answer is for, and whether it is right.
const STORIES: &[&[(usize, bool)]] = &[
    &[(0, false), (0, false), (0, false), (0, true)],
    &[(0, true), (0, true), (0, false)],
    &[(0, false), (1, false), (0, false), (1, false)],
    &[(0, false), (1, true), (0, false), (1, false)],
];

const ATTEMPTS: u8 = 2;
/// How many failures an owner may have; the two checks are of one owner and of two numbers.
const BUDGET: u8 = 3;
/// How many processes end in the middle.
const CRASHES: u8 = 2;

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    checks: [Check; 2],
    owner: u8,
    answers: Vec<At>,
    crashes: u8,
    /// Wrong answers that were compared since the owner's budget was cleared last.
    guesses: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Check {
    left: u8,
    in_flight: u8,
    verified: bool,
    failed: bool,
    /// Of its number.
    number: u8,
    compared: u8,
    proofs: u8,
}

/// Where an answer is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Step(usize),
    /// The number's budget has refused: the owner's charge is taken back, then the attempt.
    TakesBack {
        first: bool,
    },
    /// A budget has refused, and the attempt is given back.
    GivesBack,
    Over,
}

/// Goes through everything; how many states there are, or what is wrong with one.
fn explore(answers: &[(usize, bool)], program: &[Step]) -> Result<usize, String> {
    let check =
        Check { left: ATTEMPTS, in_flight: 0, verified: false, failed: false, number: 0, compared: 0, proofs: 0 };
    let start =
        World { checks: [check; 2], owner: 0, answers: vec![At::Step(0); answers.len()], crashes: CRASHES, guesses: 0 };
    let (mut seen, mut open) = (HashSet::from([start.clone()]), vec![start]);
    while let Some(world) = open.pop() {
        for n in 0..answers.len() {
            let mut nexts = world.goes_on(n, answers, program).into_iter().collect::<Vec<_>>();
            nexts.extend(world.breaks_off(n));
            for next in nexts {
                next.is_right().map_err(|wrong| format!("{program:?}: {wrong}"))?;
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    Ok(seen.len())
}

impl World {
    fn is_right(&self) -> Result<(), String> {
        for check in &self.checks {
            if check.compared > ATTEMPTS {
                return Err(format!("{} answers were compared, of {ATTEMPTS} attempts", check.compared));
            }
            if check.proofs > 1 {
                return Err(format!("{} proofs of one check", check.proofs));
            }
        }
        match self.guesses > BUDGET {
            true => Err(format!("{} guesses, of a budget of {BUDGET}", self.guesses)),
            false => Ok(()),
        }
    }

    /// The process of an answer ends, and takes it along.
    fn breaks_off(&self, n: usize) -> Option<Self> {
        let mut next = self.clone();
        let at = next.answers.get_mut(n)?;
        if *at == At::Over || *at == At::Step(0) || next.crashes == 0 {
            return None;
        }
        *at = At::Over;
        next.crashes -= 1;
        Some(next)
    }

    fn goes_on(&self, n: usize, answers: &[(usize, bool)], program: &[Step]) -> Option<Self> {
        let mut next = self.clone();
        let ((which, right), at) = (*answers.get(n)?, *self.answers.get(n)?);
        let check = next.checks.get_mut(which)?;
        let to = match at {
            At::Over => return None,
            At::TakesBack { first: true } => {
                // Somebody may have cleared it meanwhile.
                next.owner = next.owner.saturating_sub(1);
                At::TakesBack { first: false }
            }
            At::TakesBack { first: false } | At::GivesBack if check.verified || check.failed => At::Over,
            At::TakesBack { first: false } | At::GivesBack => {
                check.in_flight -= 1;
                check.left += 1;
                At::Over
            }
            At::Step(place) => match program.get(place) {
                None => At::Over,
                Some(step) => match step {
                    Look if check.left == 0 || check.verified || check.failed => At::Over,
                    Look => At::Step(place + 1),
                    Reserve if check.left == 0 || check.verified || check.failed => At::Over,
                    Reserve => {
                        check.left -= 1;
                        check.in_flight += 1;
                        At::Step(place + 1)
                    }
                    ChargeOwner if next.owner >= BUDGET => At::GivesBack,
                    ChargeOwner => {
                        next.owner += 1;
                        At::Step(place + 1)
                    }
                    // The budget of the number does not stop the first attempt of a check.
                    ChargeNumber if check.number >= BUDGET && check.left + 1 < ATTEMPTS => {
                        At::TakesBack { first: true }
                    }
                    ChargeNumber => {
                        check.number = (check.number + 1).min(BUDGET);
                        At::Step(place + 1)
                    }
                    Compare => {
                        check.compared += 1;
                        next.guesses += u8::from(!right);
                        At::Step(place + 1)
                    }
                    Settle if check.in_flight == 0 || check.verified || check.failed => At::Over,
                    Settle => {
                        check.in_flight -= 1;
                        if right {
                            check.verified = true;
                            check.proofs += 1;
                            At::Step(place + 1)
                        } else {
                            check.failed = check.left == 0 && check.in_flight == 0;
                            At::Over
                        }
                    }
                    ClearOwner => {
                        next.owner = 0;
                        next.guesses = 0;
                        At::Step(place + 1)
                    }
                    ClearNumber => {
                        check.number = 0;
                        At::Step(place + 1)
                    }
                    GiveBack => {
                        check.in_flight -= 1;
                        check.left += 1;
                        At::Over
                    }
                },
            },
        };
        *next.answers.get_mut(n)? = to;
        Some(next)
    }
}
