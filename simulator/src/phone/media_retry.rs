//! Media retry: uploads a file again that a companion could not download, and tells it the new location.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent};

use super::companions::WaitingFile;
use super::{Action, Phone};
use crate::phone::content::Content;
use crate::phone::media_retry_payload::{answer, is_request};

/// The error code if the phone does not have the file: whatsmeow's `ErrMediaNotAvailableOnPhone`.
const NOT_FOUND: u8 = 2;

/// A request that waits for the upload.
pub struct Retry {
    device: Jid,
    chat: String,
    id: String,
    /// The message, as the companion identified it.
    named: Node,
    media_key: Vec<u8>,
}

impl Phone {
    /// A companion could not download the file of a message.
    pub(super) fn restore_file(&mut self, receipt: &Node, device: &Jid, actions: &mut Vec<Action>) {
        let id = receipt.attrs().optional_string("id").map(std::borrow::Cow::into_owned).unwrap_or_default();
        // Without it, a history chunk could not be downloaded: the companion requests older messages then.
        let Some(named) = receipt.get_optional_child("rmr").cloned() else { return };
        let chat = named.attrs().optional_jid("jid").map(|chat| self.signal.book().account(&chat).to_string());
        let chat = chat.unwrap_or_default();
        let kept = self.log.find(&chat, &id);
        let part = |name| match &receipt.get_optional_child_by_tag(&["encrypt", name])?.content {
            Some(NodeContent::Bytes(bytes)) => Some(bytes.as_slice()),
            _ => None,
        };
        let seal = match (kept.map(|kept| &kept.body.content), part("enc_iv"), part("enc_p")) {
            (Some(Content::File(file)), Some(iv), Some(sealed)) if is_request(&file.seal.key, &id, iv, sealed) => {
                Some(file.seal.clone())
            }
            _ => None,
        };
        let media_key = seal.as_ref().map(|seal| seal.key.clone()).unwrap_or_default();
        let retry = Retry { device: device.clone(), chat, id, named, media_key };
        match seal {
            Some(seal) => {
                self.last_id += 1;
                self.waiting_files.insert(self.last_id, WaitingFile::Retry(retry));
                actions.push(Action::Restore { ticket: self.last_id, direct_path: seal.direct_path });
            }
            None => actions.push(retry.not_found()),
        }
    }

    /// The file is uploaded again.
    pub(super) fn file_restored(&mut self, retry: &Retry, direct_path: &str) -> Action {
        if let Some(file) = self.log.file_mut(&retry.chat, &retry.id) {
            direct_path.clone_into(&mut file.seal.direct_path);
        }
        let iv = self.signal.rng().bytes();
        match answer(&retry.media_key, &retry.id, direct_path, iv) {
            Some(sealed) => {
                let sealed = NodeBuilder::new("enc_p").bytes(sealed).build();
                let iv = NodeBuilder::new("enc_iv").bytes(iv.to_vec()).build();
                retry.answer(NodeBuilder::new("encrypt").children([sealed, iv]).build())
            }
            None => retry.not_found(),
        }
    }
}

impl Retry {
    pub fn not_found(&self) -> Action {
        self.answer(NodeBuilder::new("error").attr("code", NOT_FOUND).build())
    }

    fn answer(&self, says: Node) -> Action {
        let notification = NodeBuilder::new("notification")
            .attr("type", "mediaretry")
            .attr("id", self.id.as_str())
            .attr("to", &self.device)
            .children([says, self.named.clone()]);
        Action::Send(notification.build())
    }
}
