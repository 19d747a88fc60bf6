//! Retries: requesting them for undecryptable messages, and resending messages when others request it.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt, Node};

use super::groups::Group;
use super::outbox::{Again, Draft, Recipient};
use super::stanza::Head;
use super::{Action, Phone};
use crate::limits::{RETRIES_COUNTED_MAX, RETRIES_MAX};
use crate::phone::bundle::{Bundle, number};
use crate::phone::recent::Recent;
use crate::phone::signal::SignalError;

/// From this retry count on, the request includes the requester's prekey bundle.
const KEYS_FROM_REQUEST: u8 = 2;

/// Retry count of each undecryptable message, by sender and id.
pub struct Requests(Recent<(String, String), u8>);

impl Default for Requests {
    fn default() -> Self {
        Self(Recent::new(RETRIES_COUNTED_MAX))
    }
}

impl Phone {
    /// Sends a retry receipt to the sender of a message, and acks the message to the server. Gives up after the last
    /// retry.
    pub(super) fn request_retry(&mut self, head: &Head, error: &SignalError, actions: &mut Vec<Action>) {
        let key = (self.signal.book().canonical(&head.sender).to_string(), head.id.clone());
        let count = self.requests.0.get(&key).copied().unwrap_or_default() + 1;
        let is_given_up = count > RETRIES_MAX;
        if !is_given_up {
            self.requests.0.insert(key, count);
            actions.push(Action::Send(self.retry_receipt(head, error, count)));
        }
        actions.push(Action::Send(head.ack(None)));
        actions.push(Action::Unreadable {
            chat: self.signal.book().account(&head.chat).to_string(),
            sender: self.signal.book().account(&head.sender).to_string(),
            id: head.id.clone(),
            reason: error.to_string(),
            is_given_up,
        });
    }

    fn retry_receipt(&mut self, head: &Head, error: &SignalError, count: u8) -> Node {
        let retry = NodeBuilder::new("retry")
            .attr("v", "1")
            .attr("id", head.id.as_str())
            .attr("t", head.at)
            .attr("count", count)
            .attr("error", error.retry_reason());
        let (identity, rng) = self.signal.identity_mut();
        let registration = NodeBuilder::new("registration").bytes(identity.registration_id().to_be_bytes()).build();
        let mut children = vec![retry.build(), registration];
        if count >= KEYS_FROM_REQUEST {
            children.push(identity.retry_keys(rng));
        }
        let mut receipt = NodeBuilder::new("receipt")
            .attr("id", head.id.as_str())
            .attr("to", &head.origin.from)
            .attr("type", "retry");
        if let Some(participant) = &head.origin.participant {
            receipt = receipt.attr("participant", participant);
        }
        if head.is_peer {
            receipt = receipt.attr("category", "peer");
        } else if let Some(recipient) = head.recipient.as_ref().filter(|_| head.is_own) {
            receipt = receipt.attr("recipient", recipient);
        }
        receipt.children(children).build()
    }

    /// A device could not decrypt a sent message. It is encrypted again, with a new session if necessary.
    pub(super) fn resend_for_retry(&mut self, receipt: &Node, device: &Jid) {
        let Some(retry) = receipt.get_optional_child("retry") else { return };
        let Some(id) = retry.attrs.get("id").map(|id| id.as_str().into_owned()) else { return };
        let count = retry.attrs().optional_u64("count").and_then(|count| u8::try_from(count).ok()).unwrap_or(1);
        let Some(sent) = self.sent.get(&id) else { return };
        let (recipient, message, marks) = (sent.recipient.clone(), sent.message.clone(), sent.marks);
        if !self.was_for(&recipient, device) {
            tracing::warn!(%device, %id, "a device asks for a message that it was not sent");
            return;
        }
        // The device's own count restarts with each of its runs. Clients refuse the last retry too.
        let canonical = self.signal.book().canonical(device);
        let Some(sent) = self.sent.get_mut(&id) else { return };
        let pending_queries = sent.requests.entry(canonical).or_default();
        *pending_queries = pending_queries.saturating_add(1);
        if count == 0 || count.max(*pending_queries) >= RETRIES_MAX {
            return;
        }
        self.recreate_session(receipt, device, count);
        let chat = match recipient {
            Recipient::Account(chat) | Recipient::Group(chat) => chat,
            Recipient::Peer(device, _) => {
                return self.post(Draft::new(id, Recipient::Peer(device, Some(count)), message, marks));
            }
            Recipient::Again(_) => return,
        };
        if chat.is_group() {
            let address = self.signal.book().signal_address(device);
            self.groups.unmark_key_sent(&chat, address.as_str());
        }
        let again = Recipient::Again(Again { device: device.clone(), chat, count });
        self.post(Draft::new(id, again, message, marks));
    }

    fn was_for(&self, recipient: &Recipient, device: &Jid) -> bool {
        let book = self.signal.book();
        let is_own = book.is_same_account(device, &self.person.jid());
        match recipient {
            Recipient::Account(account) => is_own || book.is_same_account(device, account),
            Recipient::Group(group) => {
                // A group whose membership has just changed is not known until the next message; the requester was a
                // member when the message was sent.
                let is_in = |known: &Group| known.members.iter().any(|member| book.is_same_account(device, member));
                is_own || self.groups.find(group).is_none_or(is_in)
            }
            Recipient::Peer(companion, _) => book.canonical(device) == book.canonical(companion),
            Recipient::Again(_) => false,
        }
    }

    fn recreate_session(&mut self, receipt: &Node, device: &Jid, count: u8) {
        if let Ok(bundle) = Bundle::read_retry(receipt)
            && self.signal.begin(device, &bundle).is_ok()
        {
            return;
        }
        let registration_id = number(receipt, "registration").ok();
        let is_another = registration_id.is_some() && registration_id != self.signal.registration_id_of(device);
        // The first request may be due to a lost message; later ones show that the session itself is broken.
        if is_another || count >= KEYS_FROM_REQUEST {
            self.signal.delete_session(device);
        }
    }
}
