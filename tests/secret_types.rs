//! What secrets and evidence cannot do, whoever asks: the compiler is asked whether their types have a trait.
//!
//! The answer is a value, so that a wrong one fails a test by its name, and a question that is put wrong is found by
//! `a_trait_that_is_there_is_found`. Files that must not compile would say the same, and build every dependency once more.
#![expect(dead_code, reason = "of the two answers to a question, one is used")]

use std::{
    borrow::Borrow,
    fmt::{Debug, Display},
    fs,
    hash::Hash,
    marker::PhantomData,
    ops::Deref,
    path::Path,
};

use handset::{
    Code, Proof, Secret,
    callback::{RawCallback, Verified},
    check::ServerKey,
    proof::{ProofKey, ProofKeys, ProofToken},
    provider::Returned,
    verifier::{Done, PendingLogin},
};
use serde::{Serialize, de::DeserializeOwned};

/// Whether a type has a trait: a constant of the type itself, which is there with the trait only, goes before one of a trait.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        trait Lacks {
            const ANSWER: bool = false;
        }
        struct Asked<T>(PhantomData<T>);
        impl<T> Lacks for Asked<T> {}
        impl<T: $bound> Asked<T> {
            const ANSWER: bool = true;
        }
        Asked::<$type>::ANSWER
    }};
}

/// Fails for each of the types that has the trait.
macro_rules! none_has {
    ($bound:path: $($type:ty),+) => {
        $(assert!(!has!($type: $bound), "{} is {}", stringify!($type), stringify!($bound));)+
    };
}

#[test]
fn d2_secrets_and_evidence_cannot_be_printed_or_serialised() {
    none_has!(Display: Secret, Code, ServerKey, ProofKey, ProofKeys, Proof, ProofToken, PendingLogin, Done);
    none_has!(Display: RawCallback, Verified, Returned);
    none_has!(Serialize: Secret, Code, ServerKey, ProofKey, ProofKeys, Proof, ProofToken, Done);
    none_has!(Serialize: RawCallback, Verified, Returned);
    // A text by another name: what reads it would print it.
    none_has!(Deref: Secret, Code, ServerKey, ProofToken, PendingLogin, RawCallback);
    none_has!(AsRef<str>: Secret, Code, ProofToken, PendingLogin);
    none_has!(AsRef<[u8]>: Secret, Code, ServerKey, ProofToken, PendingLogin, RawCallback);
    none_has!(Borrow<str>: Secret, Code, ProofToken, PendingLogin);
    none_has!(Into<String>: Secret, Code, ProofToken, PendingLogin);
}

#[cfg(feature = "signing")]
#[test]
fn d2_a_key_that_signs_for_others_cannot_be_printed_serialised_or_compared() {
    use handset::signing::{SigningKey, SigningKeys};

    none_has!(Display: SigningKey, SigningKeys);
    none_has!(Serialize: SigningKey, SigningKeys);
    none_has!(PartialEq: SigningKey, SigningKeys);
    none_has!(Default: SigningKey, SigningKeys);
}

#[test]
fn secrets_are_compared_in_constant_time_or_not_at_all() {
    none_has!(PartialEq: Secret, Code, ServerKey, ProofKey, ProofToken, PendingLogin);
    none_has!(PartialEq<str>: Secret, Code, ProofToken);
    none_has!(PartialOrd: Secret, Code, ServerKey, ProofToken);
    none_has!(Hash: Secret, Code, ServerKey, ProofKey, ProofToken);
}

#[test]
fn evidence_cannot_be_copied_or_forged() {
    none_has!(Clone: Proof, Done, RawCallback, Verified);
    none_has!(DeserializeOwned: Code, ServerKey, ProofKey, Proof, ProofToken, Done, RawCallback, Verified);
    none_has!(Default: Secret, Code, ServerKey, ProofKey, Proof, ProofToken, PendingLogin, Done, Verified);
    none_has!(From<String>: Code, Proof, ProofToken, PendingLogin, Done);
    none_has!(From<ProofToken>: Proof, Done);
    none_has!(From<Proof>: ProofToken, Done);
}

#[test]
fn the_fields_of_secrets_and_evidence_are_private() {
    for (file, names) in PRIVATE {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        for name in *names {
            let (_, rest) =
                source.split_once(&format!("pub struct {name}")).unwrap_or_else(|| panic!("no {name} in {file}"));
            let fields = rest.split_once(['{', '(']).and_then(|(_, rest)| rest.split("\n}").next()?.split(");").next());
            assert!(!fields.unwrap().contains("pub "), "{name} has a public field");
        }
    }
}

#[test]
fn a_trait_that_is_there_is_found() {
    assert!(has!(String: Display) && has!(String: Serialize) && has!(String: Deref) && has!(String: AsRef<str>));
    assert!(has!(String: AsRef<[u8]>) && has!(String: Borrow<str>) && has!(String: Into<String>));
    assert!(has!(String: PartialEq) && has!(String: PartialEq<str>) && has!(String: PartialOrd) && has!(String: Hash));
    assert!(
        has!(String: Clone) && has!(String: DeserializeOwned) && has!(String: Default) && has!(String: From<String>)
    );
    // What these types are for.
    assert!(has!(Secret: Clone) && has!(Secret: DeserializeOwned) && has!(Code: Clone) && has!(Code: Debug));
    assert!(has!(ProofToken: Clone) && has!(PendingLogin: Serialize) && has!(Proof: Debug));
}

const PRIVATE: &[(&str, &[&str])] = &[
    ("src/callback.rs", &["RawCallback", "Verified"]),
    ("src/check/keys.rs", &["ServerKey"]),
    ("src/proof/keys.rs", &["ProofKey ", "ProofKeys"]),
    ("src/proof/mod.rs", &["Proof ", "ProofToken"]),
    ("src/secret.rs", &["Code", "Secret"]),
    ("src/signing/key.rs", &["SigningKey"]),
    ("src/verifier/mfa/mod.rs", &["Done"]),
    ("src/verifier/mfa/pending.rs", &["PendingLogin"]),
];
