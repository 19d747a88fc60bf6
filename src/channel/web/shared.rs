//! What a device's parts share: the connected client, and what is remembered between messages.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use whatsapp_rust::Client;
use whatsapp_rust::upload::UploadResponse;

use crate::clock::{Clock, Millis};
use crate::limits;
use crate::media::kind::MediaKind;

/// How long it is believed that a number is on WhatsApp, and that it is not.
const ON_WHATSAPP_MS: Millis = 7 * 86_400_000;
const NOT_ON_WHATSAPP_MS: Millis = 10 * 60_000;
/// How long an uploaded file is referred to; the media hosts keep files for weeks.
const UPLOAD_MS: Millis = 24 * 3_600_000;

/// A file's upload: whoever needs it first does it, the others wait for it.
pub type Upload = Arc<OnceCell<UploadResponse>>;

/// What is uploaded: media hosts keep a file for its kind, under the hash of its bytes.
pub type FileName = (MediaKind, [u8; 32]);

#[derive(Default)]
struct Inner {
    /// The client, while it is connected and logged in.
    online: Option<Arc<Client>>,
    /// The number by which WhatsApp knows who has a number, or that nobody has it; each until when that is believed.
    numbers: HashMap<String, (Option<String>, Millis)>,
    uploads: HashMap<FileName, (Upload, Millis)>,
    /// Groups of which WhatsApp refused a message since one was last sent there.
    refused: HashSet<String>,
}

#[derive(Clone)]
pub struct Shared {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
}

impl Shared {
    pub fn new(clock: Clock) -> Self {
        Self { inner: Arc::default(), clock }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_online(&self, client: Option<Arc<Client>>) {
        self.inner().online = client;
    }

    /// The client, if a message can go now.
    pub fn online(&self) -> Option<Arc<Client>> {
        self.inner().online.clone()
    }

    /// Forgets what belonged to an account that is no longer linked.
    pub fn forget(&self) {
        *self.inner() = Inner::default();
    }

    /// The number by which WhatsApp knows who has a number, or `Some(None)` where nobody has it; `None` when that is not known.
    pub fn known_as(&self, number: &str) -> Option<Option<String>> {
        let now = self.clock.now();
        self.inner().numbers.get(number).filter(|(_, until)| *until > now).map(|(known_as, _)| known_as.clone())
    }

    pub fn cache_number(&self, number: String, known_as: Option<String>) {
        let until = self.clock.now() + if known_as.is_some() { ON_WHATSAPP_MS } else { NOT_ON_WHATSAPP_MS };
        let mut inner = self.inner();
        if inner.numbers.len() >= limits::CHECKED_NUMBERS_MAX {
            inner.numbers.clear();
        }
        inner.numbers.insert(number, (known_as, until));
    }

    /// WhatsApp refused a message to this group.
    pub fn note_refused(&self, group: &str) {
        let mut inner = self.inner();
        if inner.refused.len() >= limits::REFUSED_GROUPS_MAX {
            inner.refused.clear();
        }
        inner.refused.insert(group.to_owned());
    }

    /// Whether WhatsApp refused the last message to this group; it is then forgotten.
    pub fn was_refused(&self, group: &str) -> bool {
        self.inner().refused.remove(group)
    }

    /// The upload of a file, done or to be done.
    pub fn upload(&self, file: FileName) -> Upload {
        let now = self.clock.now();
        let mut inner = self.inner();
        if inner.uploads.len() >= limits::UPLOADS_REMEMBERED_MAX {
            inner.uploads.clear();
        }
        let (upload, until) = inner.uploads.entry(file).or_insert_with(|| (Upload::default(), now + UPLOAD_MS));
        if *until <= now {
            (*upload, *until) = (Upload::default(), now + UPLOAD_MS);
        }
        upload.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_known_of_a_number_grows_old() {
        let clock = Clock::held(1_000);
        let shared = Shared::new(clock.clone());
        assert_eq!(shared.known_as("1"), None);
        shared.cache_number("1".into(), Some("1".into()));
        shared.cache_number("2".into(), None);
        let one = Some(Some("1".to_owned()));
        assert_eq!((shared.known_as("1"), shared.known_as("2")), (one.clone(), Some(None)));
        clock.advance(Duration::from_secs(601));
        assert_eq!((shared.known_as("1"), shared.known_as("2")), (one, None));
    }

    #[test]
    fn a_file_is_uploaded_once_a_day() {
        let clock = Clock::held(1_000);
        let shared = Shared::new(clock.clone());
        let (file, other) = ((MediaKind::Image, [1; 32]), (MediaKind::Document, [1; 32]));
        let first = shared.upload(file);
        assert!(Arc::ptr_eq(&first, &shared.upload(file)) && !Arc::ptr_eq(&first, &shared.upload(other)));
        clock.advance(Duration::from_secs(86_400));
        assert!(!Arc::ptr_eq(&first, &shared.upload(file)));
    }
}
