//! What was aimed at: each a ratio, or a size, with its bound.

use crate::measured::Measured;

pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    /// Nothing when it was not measured in this run.
    pub(crate) value: Option<f64>,
    pub(crate) unit: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// Whether it was reached, if it was measured.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.value.map(|value| match self.bound {
            Bound::AtMost(bound) => value <= bound,
            Bound::AtLeast(bound) => value >= bound,
        })
    }
}

pub(crate) fn all(measured: &Measured) -> Vec<Target> {
    let mut targets = Vec::new();
    answers(measured, &mut targets);
    callbacks(measured, &mut targets);
    layer(measured, &mut targets);
    policy(measured, &mut targets);
    targets
}

use Bound::{AtLeast, AtMost};

fn ratio(measured: &Measured, one: &str, other: &[&str]) -> Option<f64> {
    Some(measured.get(one)? / measured.sum(other)?)
}

fn push(targets: &mut Vec<Target>, what: impl Into<String>, bound: Bound, value: Option<f64>, unit: &'static str) {
    targets.push(Target { what: what.into(), bound, value, unit });
}

fn answers(measured: &Measured, targets: &mut Vec<Target>) {
    let name = |kind: &str, live: u32| format!("code_match/{kind}/{live}");
    for kind in ["wrong", "right"] {
        for live in [1_000, 100_000, 1_000_000] {
            let floor = ["floor/hmac_sha256/48 bytes".to_owned(), format!("floor/moka_get/{live}")];
            let floor: Vec<&str> = floor.iter().map(String::as_str).collect();
            let value = ratio(measured, &name(kind, live), &floor);
            let what =
                format!("a {kind} answer among {live} live checks, against one prepared HMAC and one look into moka");
            push(targets, what, AtMost(3.0), value, "x");
        }
        let value = ratio(measured, &name(kind, 1_000_000), &[&name(kind, 1_000)]);
        push(targets, format!("a {kind} answer among 1,000,000 live checks, against 1,000"), AtMost(1.5), value, "x");
        let name = format!("{kind} answers on two threads, against one");
        let value = measured.get(&name);
        push(targets, name, AtLeast(1.8), value, "x");
    }
    for live in [1, 1_000, 20_000] {
        for kind in ["wrong", "right"] {
            let names = |engine: &str| format!("codes/{kind} answer among {live}/{engine}");
            let value = ratio(measured, &names("handset"), &[&names("authkestra")]);
            push(
                targets,
                format!("a {kind} answer among {live} live checks, against authkestra"),
                AtMost(1.0),
                value,
                "x",
            );
        }
    }
    let value = measured.get("Welch's t: wrong in the first digit, wrong in the last").map(f64::abs);
    push(
        targets,
        "Welch's t between the times of answers wrong in the first and in the last digit",
        AtMost(10.0),
        value,
        "",
    );
    let value = ratio(measured, "lifecycle/start/1000000", &["lifecycle/start/1000"]);
    push(targets, "a start among 1,000,000 live checks, against 1,000", AtMost(1.3), value, "x");
    let most = measured.get("share of one function");
    push(
        targets,
        "the function that takes most of a lifecycle over HTTP, the kernel's apart",
        AtMost(10.0),
        most,
        " %",
    );
    push(targets, "memory of a live check", AtMost(512.0), measured.get("memory of a live check"), " B");
}

fn callbacks(measured: &Measured, targets: &mut Vec<Target>) {
    let parts: [(&str, &[&str]); 3] = [
        ("zadarma", &["floor/form/zadarma", "floor/hmac_sha1/32 bytes", "phone/library/+37126123456"]),
        ("idlayr", &["floor/rsa2048_verify", "floor/sha256/idlayr", "floor/serde_json/idlayr"]),
        ("citcall v3", &["floor/serde_json/citcall"]),
    ];
    for (vendor, floor) in parts {
        let good = format!("callback/{vendor}/good");
        let what = format!("a callback of {vendor}, against its cryptography and the parsing of its body");
        push(targets, what, AtMost(1.3), ratio(measured, &good, floor), "x");
        let forged = format!("callback/{vendor}/forged");
        if vendor != "citcall v3" {
            let what = format!("a forged callback of {vendor}, against a good one");
            push(targets, what, AtMost(1.0), ratio(measured, &forged, &[&good]), "x");
        }
    }
}

fn layer(measured: &Measured, targets: &mut Vec<Target>) {
    let added = |name: &str| Some(measured.get(name)? - measured.get("layer/none, with a token")?);
    push(
        targets,
        "the layer, with a proof that it has seen before",
        AtMost(500.0),
        added("layer/proof seen before"),
        " ns",
    );
    for algorithm in ["HS256", "ES256", "EdDSA"] {
        let decode = measured.get(&format!("floor/jwt_decode/{algorithm}"));
        let value =
            added(&format!("layer/proof not seen before/{algorithm}")).zip(decode).map(|(one, other)| one / other);
        push(targets, format!("the layer, with a new {algorithm} proof, against decoding it"), AtMost(1.2), value, "x");
    }
}

fn policy(measured: &Measured, targets: &mut Vec<Target>) {
    for section in ["step_up", "route"] {
        let value = measured.get(&format!("policy/evaluate {section}/1000 rules"));
        push(targets, format!("a decision of 1,000 {section} rules"), AtMost(1000.0), value, " ns");
    }
    let ours = "policy/1000 rules, the last rule matches/handset";
    for peer in ["regorus, machine", "regorus, interpreter", "cedar"] {
        let value = ratio(measured, &format!("policy/1000 rules, the last rule matches/{peer}"), &[ours]);
        push(targets, format!("{peer} on the same 1,000 rules, against a decision of ours"), AtLeast(5.0), value, "x");
    }
    for number in ["+37126123456", "+12025550123", "+6281234567890"] {
        let value = ratio(measured, &format!("phone/parse/{number}"), &[&format!("phone/library/{number}")]);
        push(
            targets,
            format!("reading a number of +{}.., against the library underneath", &number[1..4]),
            AtMost(1.1),
            value,
            "x",
        );
    }
}
