//! Starts check after check, from ever other addresses or for ever other numbers, to find numbers or to make messages dear.

use axum::{Router, middleware::map_request};
use handset::{ClientIp, Endpoints, layer::ClientIpLayer};

use super::{Report, TEXTS, policy, site::serve};
use crate::stage::{PHONE, Person, Stage, authenticate};

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

/// Behind a proxy that is trusted: whatever the client writes stands before the address that the proxy has written.
pub(crate) async fn before_the_proxy() -> Report {
    walk_behind_a_proxy("X-Forwarded-For spoofing through a proxy", |step| {
        let told = format!("198.51.100.{step}");
        let before = ["", ", unknown", ", 10.0.0.1", ", \"", ",", ", 127.0.0.1:80"][step % 6];
        (format!("{told}{before}, 192.0.2.1"), told)
    })
    .await
}

/// The same from one network of IPv6, whose addresses the proxy writes.
pub(crate) async fn one_network_before_the_proxy() -> Report {
    walk_behind_a_proxy("IPv6 rotation through a proxy", |step| {
        let own = format!("2001:db8::{step:x}:{step:x}");
        (format!("198.51.100.{step}, {own}"), own)
    })
    .await
}

/// Starts with what reaches the application as `X-Forwarded-For`, and with an address for what else proxies write.
async fn walk_behind_a_proxy(name: &'static str, told: impl Fn(usize) -> (String, String)) -> Report {
    let stage = stage("ip", 10).await;
    let endpoints = Router::new().nest_service("/handset", Endpoints::new(&stage.verifier));
    let one_proxy = ClientIpLayer::new(ClientIp::x_forwarded_for(1));
    let url = serve(endpoints.layer(map_request(async |ask| authenticate(ask))).layer(one_proxy)).await;
    steps(name, 10, |step| {
        let (forwarded_for, other) = told(step);
        let mallory = Person::at(&url).with("x-user", &format!("mallory-{step}"));
        let mallory = mallory.with("x-forwarded-for", &forwarded_for).with("x-real-ip", &other);
        (mallory.with("forwarded", &format!("for={other}")), number(step))
    })
    .await
}

/// Takes many steps where `quota` are allowed; the first ones show that steps are possible.
async fn walk(name: &'static str, key: &str, quota: usize, next: impl Fn(&Stage, usize) -> (Person, String)) -> Report {
    let stage = stage(key, quota).await;
    steps(name, quota, |step| next(&stage, step)).await
}

async fn steps(name: &'static str, quota: usize, next: impl Fn(usize) -> (Person, String)) -> Report {
    let mut report = Report::new(name);
    for step in 0..3 * quota {
        let (mallory, number) = next(step);
        let started = mallory.start(&number).await;
        if step < quota {
            started.expect(201);
        } else {
            report.tally(&started, started.status == 201);
        }
    }
    report
}

/// Where so many starts are allowed.
async fn stage(key: &str, quota: usize) -> Stage {
    let limit = format!("[[limit]]\nname = \"walk\"\non = \"start\"\nkey = [\"{key}\"]\nquota = \"{quota}/1h\"\n");
    Stage::new(&policy(&limit, TEXTS)).await
}

fn somebody(stage: &Stage, step: usize) -> Person {
    stage.person(&format!("mallory-{step}"))
}

fn number(step: usize) -> String {
    format!("+371261234{step:02}")
}
