//! Edits and votes that are encrypted once more, under the secret of the message that they refer to.

use wacore::message_edit::{MessageEditContext, decrypt_message_edit};
use wacore::poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret};

use super::{Content, Reading, Target, decode};

/// What an encrypted reference does to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Edit,
    Vote,
}

/// An edit or vote that is not decrypted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub purpose: Purpose,
    /// The message that it refers to.
    pub of: Target,
    pub payload: Vec<u8>,
    pub iv: Vec<u8>,
}

impl Sealed {
    /// Decrypts it with the secret of `original`. `author` wrote that message and `editor` this one, both as the chat
    /// addresses them. `None` if it was encrypted for other addresses or under another secret, or cannot refer to a
    /// message like the original.
    pub fn open(&self, original: &Content, secret: &[u8], author: &str, editor: &str) -> Option<Content> {
        match self.purpose {
            Purpose::Edit => self.open_edit(secret, author, editor),
            Purpose::Vote => self.open_vote(original, secret, author, editor),
        }
    }

    fn open_edit(&self, secret: &[u8], author: &str, editor: &str) -> Option<Content> {
        let context =
            MessageEditContext { original_msg_id: &self.of.id, original_sender_jid: author, editor_jid: editor };
        let message = decrypt_message_edit(&self.payload, &self.iv, secret, &context).ok()?;
        match decode(message).reading {
            Reading::Message(body) if matches!(body.content, Content::Edit { .. }) => Some(body.content),
            _ => None,
        }
    }

    fn open_vote(&self, original: &Content, secret: &[u8], author: &str, voter: &str) -> Option<Content> {
        let Content::Poll { options, .. } = original else { return None };
        let sealed = PollVoteCiphertext { enc_payload: &self.payload, enc_iv: &self.iv };
        let hashes = decrypt_poll_vote_with_secret(sealed, secret, &self.of.id, author, voter).ok()?;
        let is_chosen = |option: &&String| hashes.iter().any(|hash| hash.as_slice() == compute_option_hash(option));
        let options = options.iter().filter(is_chosen).cloned().collect();
        Some(Content::Vote { poll: self.of.clone(), options })
    }
}
