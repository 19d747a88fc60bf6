//! The current pictures of people and groups, by their paths on the media host.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::clock;
use crate::limits::PICTURES_MAX;

/// A picture as described to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub id: u64,
    pub direct_path: String,
}

#[derive(Default)]
pub struct Pictures {
    by_owner: Mutex<HashMap<String, Picture>>,
}

impl Pictures {
    /// Sets the picture of a person or group; `None` if there are too many.
    pub fn set(&self, owner: &str, direct_path: String) -> Option<Picture> {
        let mut by_owner = self.by_owner.lock();
        if by_owner.len() >= PICTURES_MAX && !by_owner.contains_key(owner) {
            return None;
        }
        let id = by_owner.get(owner).map_or(0, |before| before.id + 1).max(clock::now_ms());
        let picture = Picture { id, direct_path };
        by_owner.insert(owner.to_owned(), picture.clone());
        Some(picture)
    }

    pub fn remove(&self, owner: &str) {
        self.by_owner.lock().remove(owner);
    }

    pub fn get(&self, owner: &str) -> Option<Picture> {
        self.by_owner.lock().get(owner).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_picture_has_another_id() {
        let pictures = Pictures::default();
        let first = pictures.set("15550001@s.whatsapp.net", "/v/1".to_owned()).unwrap();
        let second = pictures.set("15550001@s.whatsapp.net", "/v/2".to_owned()).unwrap();
        assert!(second.id > first.id);
        assert_eq!(pictures.get("15550001@s.whatsapp.net"), Some(second));
        pictures.remove("15550001@s.whatsapp.net");
        assert_eq!(pictures.get("15550001@s.whatsapp.net"), None);
    }
}
