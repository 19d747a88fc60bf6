//! What became of a person's own messages.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::phone::Progress;

/// How far an own message got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub id: String,
    /// The account or the group that it is for, such as `15550002@s.whatsapp.net`.
    pub chat: String,
    /// The server has it.
    pub accepted: bool,
    /// Accounts on one of whose devices it is.
    pub delivered_to: BTreeSet<String>,
    pub read_by: BTreeSet<String>,
    pub played_by: BTreeSet<String>,
    /// Why it will not get further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Sent {
    pub(super) fn new(id: &str, chat: &str) -> Self {
        Self { id: id.to_owned(), chat: chat.to_owned(), ..Self::default() }
    }

    /// The later includes the earlier.
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
