//! Hashing what needs none.

use std::hash::{BuildHasherDefault, Hasher};

/// The hash of keys that are as good as random already: ids of our generator, and hashes under a key of ours. Nobody can choose
/// one so that it meets others in a map, so their first bytes are hash enough.
pub(crate) type Random = BuildHasherDefault<First8>;

#[derive(Default)]
pub(crate) struct First8(u64);

impl Hasher for First8 {
    fn write(&mut self, key: &[u8]) {
        self.0 = key.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    }

    /// The length of a key, which all of them have in common.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
