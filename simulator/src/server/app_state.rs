//! The app state of an account: collections of encrypted patches shared by its devices.
//!
//! The server cannot decrypt them. It numbers the patches of a collection, sends each device those that it lacks, and
//! refuses a patch based on an outdated version.

use std::collections::BTreeMap;

use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::{SyncdPatch, SyncdVersion};

use crate::limits::PATCHES_PER_COLLECTION_MAX;

/// Why a patch was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum PatchRefused {
    /// The collection is at this version: fetch, then try again.
    Conflict(u64),
    /// The bytes are not a patch.
    Unreadable,
    /// There is no such collection.
    Unknown,
    /// The collection has the maximum number of patches.
    Full,
}

/// The collections of the clients.
const NAMES: [&str; 5] = ["critical_block", "critical_unblock_low", "regular", "regular_high", "regular_low"];

#[derive(Default)]
pub struct Collections {
    by_name: BTreeMap<&'static str, Vec<Vec<u8>>>,
}

impl Collections {
    /// The version of a collection, which is the number of its patches.
    pub fn version(&self, name: &str) -> u64 {
        self.by_name.get(name).map_or(0, |patches| patches.len() as u64)
    }

    /// Appends a patch based on version `base`, and returns the new version.
    ///
    /// # Errors
    /// It is based on another version, unreadable, for an unknown collection, or exceeds the limit.
    pub fn append(&mut self, name: &str, base: u64, patch: &[u8]) -> Result<u64, PatchRefused> {
        let mut patch = SyncdPatch::decode_from_slice(patch).map_err(|_| PatchRefused::Unreadable)?;
        let known = NAMES.iter().find(|known| **known == name).ok_or(PatchRefused::Unknown)?;
        let patches = self.by_name.entry(*known).or_default();
        let version = patches.len() as u64;
        if version != base {
            return Err(PatchRefused::Conflict(version));
        }
        if patches.len() >= PATCHES_PER_COLLECTION_MAX {
            return Err(PatchRefused::Full);
        }
        patch.version = MessageField::some(SyncdVersion { version: Some(version + 1) });
        patches.push(patch.encode_to_vec());
        Ok(version + 1)
    }

    /// Up to `most` patches after a version (protobuf `SyncdPatch`, oldest first).
    pub fn after(&self, name: &str, version: u64, most: usize) -> Vec<Vec<u8>> {
        let patches = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let start = usize::try_from(version).unwrap_or(usize::MAX).min(patches.len());
        patches[start..].iter().take(most).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_numbered_and_one_made_on_an_older_version_is_refused() {
        let mut collections = Collections::default();
        let patch = SyncdPatch::default().encode_to_vec();
        assert_eq!(collections.append("regular", 0, &patch), Ok(1));
        assert_eq!(collections.append("regular", 0, &patch), Err(PatchRefused::Conflict(1)));
        assert_eq!(collections.append("regular", 1, &patch), Ok(2));
        assert_eq!(collections.append("regular_low", 0, &[0xff]), Err(PatchRefused::Unreadable));
        assert_eq!(collections.append("of my own", 0, &patch), Err(PatchRefused::Unknown));
        let late = collections.after("regular", 1, 10);
        let version = SyncdPatch::decode_from_slice(&late[0]).unwrap().version.into_option().unwrap();
        assert_eq!((late.len(), version.version), (1, Some(2)));
        assert!(collections.after("regular", 9, 10).is_empty());
    }
}
