#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// In the order of a request.
pub mod layer;
pub mod endpoint;
pub mod forward_auth;
pub mod verifier;
pub mod enrolment;
pub mod policy;
pub mod limiter;
pub mod record;
pub mod store;
pub mod check;
pub mod provider;
pub mod callback;
pub mod proof;

// What a request meets everywhere.
pub mod channel;
pub mod client_ip;
pub mod clock;
pub mod error;
pub mod ids;
pub mod phone;
pub mod secret;

// What web stacks need.
#[cfg(any(feature = "axum", feature = "actix"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "axum", feature = "actix"))))]
pub mod adapter;

// What several processes share.
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;

// What people call by its name.
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub mod cli;

// What other identity servers call.
#[cfg(feature = "oidc-provider")]
#[cfg_attr(docsrs, doc(cfg(feature = "oidc-provider")))]
pub mod oidc_provider;
// What identity servers call.
#[cfg(feature = "entra")]
#[cfg_attr(docsrs, doc(cfg(feature = "entra")))]
pub mod entra;

// What people see.
#[cfg(feature = "ui")]
#[cfg_attr(docsrs, doc(cfg(feature = "ui")))]
pub mod step_page;

// What signs tokens for other parties.
#[cfg(feature = "signing")]
#[cfg_attr(docsrs, doc(cfg(feature = "signing")))]
pub mod signing;

// What tests and demonstrations need.
#[cfg(feature = "sandbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "sandbox")))]
pub mod sandbox;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;

mod body;
mod cache;
mod capped;
#[cfg(feature = "testing")]
mod conformance;
mod crypto;
mod email;
mod hash;
#[cfg(feature = "ui")]
mod parameters;
mod problem;
mod random;
mod visitor;

pub use channel::Channel;
pub use client_ip::ClientIp;
pub use endpoint::Endpoints;
pub use error::{Error, ErrorKind, Result};
pub use forward_auth::ForwardAuth;
pub use ids::{Action, Binding, CheckId, KeyThumbprint, Subject};
pub use layer::StepUpLayer;
pub use phone::{PhoneNumber, Region};
pub use proof::Proof;
pub use secret::{Code, Secret};
pub use verifier::Verifier;
