//! One check, from start to end: the pure state machine, the matching of codes, and what keeps both secret.
//!
//! ```text
//!             sent            reserve ... settle(match)
//!  sending ---------> pending -------------------------> verified
//!     |                |  ^ |  settle(no match), none left
//!     | not sent       |  | `--------------------------> failed
//!     `-> failed       |  | time -----------------------> expired
//!                leave |  | sent, not sent     cancel --> cancelled
//!                      v  |
//!                     sending (the next leg; the code of the last one still counts)
//! ```

mod keys;
mod matching;
mod seal;
mod state;

pub use keys::{Digest, ServerKey};
pub(crate) use keys::{Keyring, Keys};
pub(crate) use matching::TypedCode;
pub use matching::{CodeMacs, Expected};
pub use seal::Sealed;
#[cfg(feature = "redis")]
pub(crate) use state::micros;
pub use state::{Event, State, Status};
