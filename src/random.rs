//! Randomness, from the operating system's generator and from nowhere else.

use crate::error::{Error, ErrorKind, Result};

/// Random bytes from the operating system's generator.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| {
        Error::new(ErrorKind::Unavailable, "the system's random generator failed").with_source(source)
    })?;
    Ok(bytes)
}
