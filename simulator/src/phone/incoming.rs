//! Incoming messages: decrypting, displaying and receipting them.

use std::collections::BTreeMap;

use wacore_binary::{Jid, Node, NodeContent};
use waproto::codec::message_decode;

use super::log::LoggedMessage;
use super::stanza::Head;
use super::{Action, Phone};
use crate::phone::content::{Content, Decoded, MessageBody, PeerRequest, Reading, Sealed, Target, decode};
use crate::phone::signal::{EncKind, SignalError};

/// Ack error for a stanza that cannot be parsed.
const UNPARSABLE: u16 = 487;

/// Ack error for a message whose decrypted content is not a message.
const NO_MESSAGE: u16 = 491;

/// A decoded chat message.
struct ChatMessage {
    body: MessageBody,
    /// The chat that another own device sent it to.
    sent_to: Option<String>,
    secret: Option<Vec<u8>>,
}

/// Outcome of decrypting the parts of a message.
#[derive(Default)]
struct Opened {
    said: Option<ChatMessage>,
    pending_queries: Option<PeerRequest>,
    /// Something was decrypted, now or earlier.
    is_readable: bool,
    is_repeated: bool,
    is_no_message: bool,
    error: Option<SignalError>,
}

impl Phone {
    pub(super) fn handle_message(&mut self, node: &Node, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(head) = Head::read(node, &self.person.jid(), self.signal.book()) else {
            if let Some(Action::Send(mut ack)) = super::stanza::ack_of(node).map(Action::Send) {
                ack.attrs.insert("error", UNPARSABLE);
                actions.push(Action::Send(ack));
            }
            return;
        };
        for (one, other) in &head.pairs {
            self.signal.learn(one, other);
        }
        let opened = self.open(node, &head);
        let has_content = opened.said.is_some() || opened.pending_queries.is_some();
        match opened.error {
            Some(error) if !has_content => return self.request_retry(&head, &error, actions),
            _ if opened.is_no_message && !has_content => return actions.push(Action::Send(head.ack(Some(NO_MESSAGE)))),
            _ if !opened.is_readable => return actions.push(Action::Send(head.ack(Some(UNPARSABLE)))),
            _ => {}
        }
        match (opened.said, opened.pending_queries) {
            (Some(said), _) => self.show(&head, said, actions),
            (None, Some(request)) if head.is_own => {
                self.answer_companion(&head.sender, &head.id, request, now_ms, actions)
            }
            (None, Some(_)) => {}
            (None, None) if opened.is_repeated && !head.is_peer => actions.push(self.repeated(&head)),
            (None, None) => {}
        }
        // The message is displayed before its receipt is sent.
        actions.push(Action::Send(head.delivered()));
    }

    /// Decrypts each `<enc>`.
    fn open(&mut self, node: &Node, head: &Head) -> Opened {
        let mut opened = Opened::default();
        for enc in node.get_children_by_tag("enc") {
            let kind = enc.attrs.get("type").and_then(|kind| EncKind::read(&kind.as_str()));
            let (Some(kind), Some(NodeContent::Bytes(bytes))) = (kind, &enc.content) else { continue };
            let decrypted = match kind {
                EncKind::SenderKey => self.signal.decrypt_from_group(&head.origin.from, &head.sender, bytes),
                EncKind::PreKey | EncKind::Session => self.signal.decrypt(&head.sender, kind, bytes),
            };
            match decrypted {
                Ok(plaintext) => match message_decode(&plaintext) {
                    Ok(message) => self.handle_decrypted(decode(message), head, &mut opened),
                    Err(_) => opened.is_no_message = true,
                },
                Err(SignalError::Again) => (opened.is_readable, opened.is_repeated) = (true, true),
                Err(error) => opened.error = Some(error),
            }
        }
        opened
    }

    fn handle_decrypted(&mut self, unpacked: Decoded, head: &Head, opened: &mut Opened) {
        opened.is_readable = true;
        if let Some(distribution) = &unpacked.distribution
            // Only for the chat of the message: otherwise a sender could fill the phone with keys for arbitrary chats.
            && distribution.group.parse::<Jid>().is_ok_and(|group| group == head.chat)
            && let Err(error) = self.signal.process_distribution(&head.chat, &head.sender, &distribution.key)
        {
            tracing::warn!(group = %head.chat, sender = %head.sender, %error, "a phone cannot use a sender key");
        }
        let (sent_to, secret) = (unpacked.sent_to, unpacked.secret);
        match unpacked.reading {
            Reading::Message(body) => opened.said = Some(ChatMessage { body: *body, sent_to, secret }),
            Reading::Sealed(sealed) => {
                let content = self.unseal(&sealed, head, sent_to.as_deref());
                opened.said = Some(ChatMessage { body: content.into(), sent_to, secret });
            }
            Reading::PeerRequest(request) => opened.pending_queries = Some(request),
            Reading::Silent => {}
        }
    }

    /// Decrypts an edit or vote with the secret of the message that it refers to.
    fn unseal(&self, sealed: &Sealed, head: &Head, sent_to: Option<&str>) -> Content {
        let opened = || {
            let editor = self.signal.book().account(&head.sender);
            let of = self.by_account(sealed.of.clone());
            let chat = self.chat_of(head, sent_to).to_string();
            let original = self.log.target(&chat, &editor.to_string(), &of)?;
            let (secret, author) = (original.secret.as_deref()?, original.sender.parse::<Jid>().ok()?);
            let lids = self.lid_of(&author).zip(self.lid_of(&editor));
            // The sender used one addressing mode for both (wacore, poll.rs).
            let names = [(author, editor)].into_iter().chain(lids);
            let open = |(author, editor): (Jid, Jid)| {
                sealed.open(&original.body.content, secret, &author.to_string(), &editor.to_string())
            };
            names.into_iter().find_map(open)
        };
        let size = sealed.payload.len() as u64;
        opened().unwrap_or(Content::Other { size })
    }

    /// The LID of an account, if known; the phone's own always is.
    pub(super) fn lid_of(&self, account: &Jid) -> Option<Jid> {
        let is_own = self.signal.book().is_same_account(account, &self.person.jid());
        if is_own { Some(self.person.lid_jid()) } else { self.signal.book().lid_of(account) }
    }

    /// Converts a target's author to the addressing used in the log.
    fn by_account(&self, target: Target) -> Target {
        let account = |sender: String| match sender.parse::<Jid>() {
            Ok(jid) => self.signal.book().account(&jid).to_string(),
            Err(_) => sender,
        };
        Target { sender: target.sender.map(account), ..target }
    }

    /// The chat of a message; if an own device sent it, the chat it was sent to.
    fn chat_of(&self, head: &Head, sent_to: Option<&str>) -> Jid {
        let sent_to = sent_to.and_then(|chat| chat.parse::<Jid>().ok()).filter(|_| head.is_own);
        self.signal.book().account(sent_to.as_ref().unwrap_or(&head.chat))
    }

    fn show(&mut self, head: &Head, said: ChatMessage, actions: &mut Vec<Action>) {
        let ChatMessage { mut body, sent_to, secret } = said;
        let chat = self.chat_of(head, sent_to.as_deref());
        if let Some(target) = body.content.target_mut() {
            *target = self.by_account(target.clone());
        }
        let kept = LoggedMessage {
            chat: chat.to_string(),
            id: head.id.clone(),
            sender: self.signal.book().account(&head.sender).to_string(),
            from_me: head.is_own,
            at: head.at,
            name: head.name.clone(),
            body,
            edited: None,
            deleted: false,
            reactions: BTreeMap::new(),
            votes: BTreeMap::new(),
            secret,
            origin: (!head.is_own).then(|| head.origin.clone()),
        };
        if self.log.keep(kept.clone()) {
            actions.push(Action::Displayed(Box::new(kept)));
        } else {
            actions.push(Action::Repeated { chat: kept.chat, sender: kept.sender, id: kept.id });
        }
    }

    fn repeated(&self, head: &Head) -> Action {
        let book = self.signal.book();
        Action::Repeated {
            chat: book.account(&head.chat).to_string(),
            sender: book.account(&head.sender).to_string(),
            id: head.id.clone(),
        }
    }
}
