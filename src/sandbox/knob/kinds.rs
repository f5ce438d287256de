//! What a knob can be turned to, where that is more than a number.

use serde::{Deserialize, Serialize};

/// What an operator does with a device that comes without mobile data, so that its SIM is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OverWifi {
    /// Sends it back with an error. The default.
    #[default]
    Refuse,
    /// Gives it a code and a token, and answers the question with 403.
    Forbid,
    /// Says yes to numbers that end in 1, no to those that end in 2, and anything to others, as a vendor's mock mode does.
    Mock,
}

/// Whom an operator asks when a CIBA request names a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Backchannel {
    /// The person with that phone, and waits for the answer. The default.
    #[default]
    Ask,
    /// The same, who says yes at once.
    Approve,
    /// The same, who says no at once.
    Deny,
    /// Nobody: it gives a token, and answers the question whose SIM that is with 403.
    Nobody,
}

/// What is wrong with a vendor's callback.
///
/// Some faults are of a signature. A callback that bears none is sent as if nothing were wrong with it; where the whole body is
/// wrapped instead, as Citcall's of version 2, the wrapping stands for the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallbackFault {
    /// It is not sent.
    None,
    /// It is sent twice.
    Duplicate,
    /// An older one, which knows less or says otherwise, is sent after it.
    OutOfOrder,
    /// It comes before the answer to the request that it is about.
    Early,
    /// Its body was altered after it was signed: it says the opposite. Wrapped or unsigned it only says the opposite, for
    /// nothing in it would show.
    Forged,
    /// It has no signature; what is wrapped comes plain.
    Unsigned,
    /// Its signature is damaged; what is wrapped does not open.
    WrongSignature,
    /// Somebody else's key has signed or wrapped it.
    ForeignKey,
    /// It was signed or wrapped ten minutes ago.
    Late,
}
