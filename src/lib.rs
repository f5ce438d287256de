#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod channel;
pub mod check;
pub mod clock;
pub mod error;
pub mod ids;
pub mod phone;
pub mod secret;

pub use channel::Channel;
pub use error::{Error, ErrorKind, Result};
pub use ids::{Action, Binding, CheckId, Subject};
pub use phone::{PhoneNumber, Region};
pub use secret::{Code, Secret};
