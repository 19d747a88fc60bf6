//! Newsletters (channels): their messages are displayed like others, and the person's own are sent unencrypted, as
//! everything in a newsletter is.

use std::collections::BTreeMap;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent, Server};
use waproto::buffa::Message as _;
use waproto::codec::message_decode;

use super::log::LoggedMessage;
use super::{Action, Phone, PhoneError, stanza};
use crate::limits::TEXT_CHARACTERS_MAX;
use crate::phone::content::{Content, MessageBody, Reading, decode, encode};

/// Whether a message belongs to a newsletter.
pub fn is_post(message: &Node) -> bool {
    message.attrs().optional_jid("from").is_some_and(|from| from.server == Server::Newsletter)
}

impl Phone {
    /// Handles a newsletter message.
    pub(super) fn handle_post(&mut self, node: &Node, actions: &mut Vec<Action>) {
        actions.extend(stanza::ack_of(node).map(Action::Send));
        let mut attrs = node.attrs();
        let (Some(from), Some(id)) = (attrs.optional_jid("from"), attrs.optional_string("id")) else { return };
        let content = node.get_optional_child("plaintext").and_then(|plaintext| plaintext.content.as_ref());
        let Some(NodeContent::Bytes(bytes)) = content else { return };
        let Ok(message) = message_decode(bytes) else { return };
        let Reading::Message(body) = decode(message).reading else { return };
        let at = attrs.optional_u64("t").unwrap_or_default();
        let kept = post(&from, &id, at, *body);
        if self.log.keep(kept.clone()) {
            actions.push(Action::Displayed(Box::new(kept)));
        }
    }

    /// Publishes in the person's newsletter. Returns the message id.
    ///
    /// # Errors
    /// [`PhoneError::TooLong`].
    pub fn publish(&mut self, newsletter: &Jid, text: &str, now_ms: u64) -> Result<(String, Vec<Action>), PhoneError> {
        if text.chars().count() > TEXT_CHARACTERS_MAX {
            return Err(PhoneError::TooLong);
        }
        let id = self.signal.rng().message_id();
        let body = MessageBody::from(Content::Text { text: text.to_owned() });
        let message = encode(&body, newsletter, now_ms).encode_to_vec();
        let plaintext = NodeBuilder::new("plaintext").bytes(message).build();
        let stanza = NodeBuilder::new("message").attr("to", newsletter).attr("id", id.as_str()).attr("type", "text");
        self.log.keep(LoggedMessage { from_me: true, ..post(newsletter, &id, now_ms / 1000, body) });
        Ok((id, vec![Action::Send(stanza.children([plaintext]).build())]))
    }
}

/// A message without an author.
fn post(newsletter: &Jid, id: &str, at: u64, body: MessageBody) -> LoggedMessage {
    LoggedMessage {
        chat: newsletter.to_string(),
        id: id.to_owned(),
        sender: newsletter.to_string(),
        from_me: false,
        at,
        name: None,
        body,
        edited: None,
        deleted: false,
        reactions: BTreeMap::new(),
        votes: BTreeMap::new(),
        secret: None,
        origin: None,
    }
}
