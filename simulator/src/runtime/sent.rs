//! Progress of a person's sent messages.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::phone::Progress;

/// Progress of a sent message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub id: String,
    /// The recipient's account or the group, such as `15550002@s.whatsapp.net`.
    pub chat: String,
    /// The server has acked it.
    pub accepted: bool,
    /// Accounts with at least one device that has received it.
    pub delivered_to: BTreeSet<String>,
    pub read_by: BTreeSet<String>,
    pub played_by: BTreeSet<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Sent {
    pub(super) fn new(id: &str, chat: &str) -> Self {
        Self { id: id.to_owned(), chat: chat.to_owned(), ..Self::default() }
    }

    /// A later state includes the earlier ones.
    pub(super) fn record(&mut self, progress: Progress) {
        match progress {
            Progress::Accepted => self.accepted = true,
            Progress::Delivered { by } => {
                self.delivered_to.insert(by);
            }
            Progress::Read { by } => {
                self.delivered_to.insert(by.clone());
                self.read_by.insert(by);
            }
            Progress::Played { by } => {
                self.delivered_to.insert(by.clone());
                self.read_by.insert(by.clone());
                self.played_by.insert(by);
            }
        }
    }
}
