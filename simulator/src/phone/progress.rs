//! Delivery progress of sent messages: the server's acks and others' receipts.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;

use super::outbox::{Marks, Recipient};
use super::{Action, Phone, stanza};

/// Delivery progress of a sent message. A later state includes the earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// The server has acked it.
    Accepted,
    /// It has reached a device of this account.
    Delivered {
        by: String,
    },
    Read {
        by: String,
    },
    Played {
        by: String,
    },
}

impl Progress {
    fn rank(&self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Delivered { .. } => 1,
            Self::Read { .. } => 2,
            Self::Played { .. } => 3,
        }
    }
}

/// A sent message, kept for retries and to track its progress.
pub struct Sent {
    pub recipient: Recipient,
    pub message: wa::Message,
    pub marks: Marks,
    /// The furthest progress, by account.
    pub ranks: HashMap<String, u8>,
    /// Retry requests, by device.
    pub requests: HashMap<Jid, u8>,
    /// Retries sent to one device that are not acked yet.
    pub resent_without_ack: u32,
    has_ack: bool,
}

impl Sent {
    pub fn new(recipient: Recipient, message: wa::Message, marks: Marks) -> Self {
        Self {
            recipient,
            message,
            marks,
            ranks: HashMap::new(),
            requests: HashMap::new(),
            resent_without_ack: 0,
            has_ack: false,
        }
    }

    /// Counts a server ack of this message. Returns whether it is for the message itself: acks arrive in the order of
    /// the stanzas, so those after the first are for retries to one device.
    fn handle_ack(&mut self) -> bool {
        let is_of_resend = self.has_ack && self.resent_without_ack > 0;
        self.has_ack = true;
        self.resent_without_ack -= u32::from(is_of_resend);
        !is_of_resend
    }
}

impl Phone {
    /// The server has acked or nacked a message.
    pub(super) fn handle_ack(&mut self, node: &Node, actions: &mut Vec<Action>) {
        let is_message = node.attrs.get("class").is_some_and(|class| *class == "message");
        let Some(id) = node.attrs.get("id").map(|id| id.as_str().into_owned()).filter(|_| is_message) else { return };
        let Some(sent) = self.sent.get_mut(&id) else { return };
        let is_for_people = matches!(sent.recipient, Recipient::Account(_) | Recipient::Group(_)) && sent.handle_ack();
        match node.attrs.get("error").map(|error| error.as_str()) {
            Some(error) if is_for_people => {
                actions.push(Action::Failed { id, reason: format!("the server refuses it with {error}") });
            }
            Some(error) => tracing::warn!(%id, %error, "the server refuses what is for one device"),
            None => self.report_progress(&id, Progress::Accepted, actions),
        }
    }

    /// Handles a receipt.
    pub(super) fn handle_receipt(&mut self, node: &Node, actions: &mut Vec<Action>) {
        actions.extend(stanza::ack_of(node).map(Action::Send));
        let mut attrs = node.attrs();
        let kind = attrs.optional_string("type");
        if let Some(participants) = node.get_optional_child("participants") {
            // Grouped receipts of several group members, sent while the phone was offline.
            let key = participants.attrs.get("key").map(|key| key.as_str().into_owned());
            for by in participants.get_children_by_tag("user").filter_map(|user| user.attrs().optional_jid("jid")) {
                self.handle_progress(&by, kind.as_deref(), key.clone(), actions);
            }
            return;
        }
        let Some(from) = attrs.optional_jid("participant").or_else(|| attrs.optional_jid("from")) else { return };
        if kind.as_deref() == Some("retry") {
            return self.resend_for_retry(node, &from);
        }
        if kind.as_deref() == Some("server-error") && self.signal.book().is_same_account(&from, &self.person.jid()) {
            return self.restore_file(node, &from, actions);
        }
        self.handle_progress(&from, kind.as_deref(), stanza::receipt_ids(node), actions);
    }

    /// Others have received, read or played these messages.
    fn handle_progress(
        &mut self,
        by: &Jid,
        kind: Option<&str>,
        ids: impl IntoIterator<Item = String>,
        actions: &mut Vec<Action>,
    ) {
        if self.signal.book().is_same_account(by, &self.person.jid()) {
            return;
        }
        let account = self.signal.book().account(by);
        let by = account.to_string();
        let progress = match kind {
            None | Some("inactive" | "delivery") => Progress::Delivered { by },
            Some("read") => Progress::Read { by },
            Some("played") => Progress::Played { by },
            Some(_) => return,
        };
        for id in ids {
            // Only the server knows the group's members: a member may have left since.
            let is_of_another = |sent: &Sent| {
                let Recipient::Account(to) = &sent.recipient else { return false };
                !self.signal.book().is_same_account(to, &account)
            };
            if self.sent.get(&id).is_some_and(is_of_another) {
                tracing::warn!(%id, %account, "a receipt for a message that its sender was not sent");
                continue;
            }
            self.report_progress(&id, progress.clone(), actions);
        }
    }

    /// Reports progress once, and never backwards.
    fn report_progress(&mut self, id: &str, progress: Progress, actions: &mut Vec<Action>) {
        let Some(sent) = self.sent.get_mut(&id.to_owned()) else { return };
        let by = match &progress {
            Progress::Accepted => String::new(),
            Progress::Delivered { by } | Progress::Read { by } | Progress::Played { by } => by.clone(),
        };
        let rank = progress.rank();
        let (Recipient::Account(chat) | Recipient::Group(chat)) = &sent.recipient else { return };
        let is_news = sent.ranks.get(&by).is_none_or(|known| *known < rank);
        if is_news {
            sent.ranks.insert(by, rank);
            actions.push(Action::Progress { id: id.to_owned(), chat: chat.to_string(), progress });
        }
    }
}
