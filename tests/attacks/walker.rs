//! Starts check after check, from ever other addresses or for ever other numbers, to find numbers or to make messages dear.

use super::{Report, TEXTS, policy};
use crate::stage::{PHONE, Person, Stage};

/// One subject, number after number.
pub(crate) async fn numbers() -> Report {
    walk("number walker", "subject", 10, |stage, step| (stage.person("mallory"), number(step))).await
}

/// Subjects and numbers change, and so does the address, within one network of IPv6.
pub(crate) async fn addresses_of_one_network() -> Report {
    walk("IPv6 rotation within a /64", "ip", 10, |stage, step| {
        (somebody(stage, step).with("x-ip", &format!("2001:db8::{step:x}:{step:x}")), number(step))
    })
    .await
}

/// The same through many networks, at one number.
pub(crate) async fn many_networks() -> Report {
    walk("IPv6 rotation wider than a /64", "phone", 10, |stage, step| {
        (somebody(stage, step).with("x-ip", &format!("2001:db8:{step:x}::1")), PHONE.to_owned())
    })
    .await
}

/// One address, which says that it stands for others.
pub(crate) async fn forwarded_for() -> Report {
    walk("X-Forwarded-For spoofing", "ip", 10, |stage, step| {
        let told = format!("198.51.100.{step}");
        let mallory = somebody(stage, step).with("x-ip", "192.0.2.1").with("x-forwarded-for", &told);
        (mallory.with("x-real-ip", &told).with("forwarded", &format!("for={told}")), number(step))
    })
    .await
}

/// Takes many steps where `quota` are allowed; the first ones show that steps are possible.
async fn walk(name: &'static str, key: &str, quota: usize, next: impl Fn(&Stage, usize) -> (Person, String)) -> Report {
    let limit = format!("[[limit]]\nname = \"walk\"\non = \"start\"\nkey = [\"{key}\"]\nquota = \"{quota}/1h\"\n");
    let (stage, mut report) = (Stage::new(&policy(&limit, TEXTS)).await, Report::new(name));
    for step in 0..3 * quota {
        let (mallory, number) = next(&stage, step);
        let started = mallory.start(&number).await;
        if step < quota {
            started.expect(201);
        } else {
            report.tally(&started, started.status == 201);
        }
    }
    report
}

fn somebody(stage: &Stage, step: usize) -> Person {
    stage.person(&format!("mallory-{step}"))
}

fn number(step: usize) -> String {
    format!("+371261234{step:02}")
}
