//! What a person does with a phone: send, reply, react, edit, delete, vote, read, play, leave groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, JidExt};
use waproto::whatsapp as wa;

use super::companions::WaitingFile;
use super::groups::Addressing;
use super::log::LoggedMessage;
use super::outbox::{Draft, Marks, Recipient};
use super::stanza::Iq;
use super::{Action, Phone, Query, groups, stanza};
use crate::limits::{
    FILE_BYTES_MAX, PHONE_FILES_WAITING_MAX, PHONE_MESSAGES_WAITING_MAX, POLL_OPTIONS_MAX, TEXT_CHARACTERS_MAX,
};
use crate::phone::content::{
    Attachment, Content, EditForm, MessageBody, Preview, Reply, Target, encode, packed, secret_of, vote, with_secret,
};
use crate::phone::file::{FileError, FileKind, seal};

/// Why a phone cannot carry out a command.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PhoneError {
    #[error("the phone has no message {0} in this chat")]
    UnknownMessage(String),
    #[error("the phone has no call {0} that is not over")]
    UnknownCall(String),
    #[error("{PHONE_MESSAGES_WAITING_MAX} messages wait already; try again when some have left")]
    Full,
    #[error("a text has at most {TEXT_CHARACTERS_MAX} characters")]
    TooLong,
    #[error(
        "a poll has a question of at most {TEXT_CHARACTERS_MAX} characters and 2 to {POLL_OPTIONS_MAX} different options"
    )]
    WrongPoll,
    #[error("a vote is for options of its poll, and not for more than it allows")]
    WrongVote,
    #[error(transparent)]
    File(#[from] FileError),
}

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFile {
    pub file: FileKind,
    pub mime_type: String,
    #[serde(default)]
    pub caption: Option<String>,
    #[serde(default)]
    pub file_name: Option<String>,
    /// Playing time.
    #[serde(default)]
    pub seconds: Option<u32>,
    #[serde(with = "crate::phone::file::base64_text")]
    pub bytes: Vec<u8>,
}

impl Phone {
    /// Sends to a chat: another person's account, or a group. Returns the message id. A phone that is offline sends it
    /// when it is back online.
    ///
    /// # Errors
    /// [`PhoneError::Full`] or [`PhoneError::TooLong`].
    pub fn send(&mut self, chat: &Jid, body: MessageBody, now_ms: u64) -> Result<(String, Vec<Action>), PhoneError> {
        let id = self.signal.rng().message_id();
        self.send_as(&id, chat, body, now_ms)?;
        let actions = self.advance(now_ms, Vec::new());
        Ok((id, actions))
    }

    pub(super) fn send_as(&mut self, id: &str, chat: &Jid, body: MessageBody, now_ms: u64) -> Result<(), PhoneError> {
        if body.content.summary().chars().count() > TEXT_CHARACTERS_MAX {
            return Err(PhoneError::TooLong);
        }
        if let Content::Poll { options, .. } = &body.content
            && !is_choice(options)
        {
            return Err(PhoneError::WrongPoll);
        }
        let chat = self.signal.book().account(chat);
        let mut message = encode(&body, &chat, now_ms);
        if !body.content.is_about_another() {
            message = with_secret(message, self.signal.rng().bytes());
        }
        self.enqueue_as(id, chat, body, message, now_ms)
    }

    fn enqueue_as(
        &mut self,
        id: &str,
        chat: Jid,
        body: MessageBody,
        message: wa::Message,
        now_ms: u64,
    ) -> Result<(), PhoneError> {
        let (marks, secret) = (Marks::of(&body.content), secret_of(&message));
        let recipient = if chat.is_group() { Recipient::Group(chat.clone()) } else { Recipient::Account(chat.clone()) };
        self.outbox.push(Draft::new(id.to_owned(), recipient, message, marks))?;
        self.log.keep(LoggedMessage {
            chat: chat.to_string(),
            id: id.to_owned(),
            sender: self.person.jid().to_string(),
            from_me: true,
            at: now_ms / 1000,
            name: None,
            body,
            edited: None,
            deleted: false,
            reactions: BTreeMap::new(),
            votes: BTreeMap::new(),
            secret,
            origin: None,
        });
        Ok(())
    }

    /// Replies to a message with a text.
    ///
    /// # Errors
    /// As [`Self::send`], and [`PhoneError::UnknownMessage`].
    pub fn reply(
        &mut self,
        chat: &Jid,
        id: &str,
        text: &str,
        now_ms: u64,
    ) -> Result<(String, Vec<Action>), PhoneError> {
        let answered = self.find(chat, id)?;
        let reply = Reply {
            id: answered.id.clone(),
            sender: answered.sender.clone(),
            text: answered.body.content.summary().to_owned(),
        };
        let content = Content::Text { text: text.to_owned() };
        self.send(chat, MessageBody { content, reply_to: Some(reply) }, now_ms)
    }

    /// Reacts to a message; an empty `emoji` removes the reaction.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn react(
        &mut self,
        chat: &Jid,
        id: &str,
        emoji: &str,
        now_ms: u64,
    ) -> Result<(String, Vec<Action>), PhoneError> {
        let to = self.target(chat, id)?;
        self.send(chat, Content::Reaction { to, emoji: emoji.to_owned() }.into(), now_ms)
    }

    /// Edits the text of a message sent by this person.
    ///
    /// # Errors
    /// As [`Self::reply`]. Others' messages count as unknown, and with [`EditForm::Encrypted`] so do those without a
    /// secret.
    pub fn edit(
        &mut self,
        chat: &Jid,
        id: &str,
        text: &str,
        form: EditForm,
        now_ms: u64,
    ) -> Result<(String, Vec<Action>), PhoneError> {
        let of = self.target(chat, id)?;
        if !of.from_me {
            return Err(PhoneError::UnknownMessage(id.to_owned()));
        }
        if text.chars().count() > TEXT_CHARACTERS_MAX {
            return Err(PhoneError::TooLong);
        }
        let original = self.find(chat, id)?;
        let (secret, sender) = (original.secret.clone(), self.named_in(original, &self.person.jid()));
        let chat = self.signal.book().account(chat);
        let body = MessageBody::from(Content::Edit { of, text: text.to_owned() });
        let message = packed(encode(&body, &chat, now_ms), form, secret.as_deref(), &sender)
            .ok_or_else(|| PhoneError::UnknownMessage(id.to_owned()))?;
        let edit_id = self.signal.rng().message_id();
        self.enqueue_as(&edit_id, chat, body, message, now_ms)?;
        Ok((edit_id, self.advance(now_ms, Vec::new())))
    }

    /// Deletes a message for everybody: the person's own, or another's as a group admin.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn delete(&mut self, chat: &Jid, id: &str, now_ms: u64) -> Result<(String, Vec<Action>), PhoneError> {
        let of = self.target(chat, id)?;
        self.send(chat, Content::Delete { of }.into(), now_ms)
    }

    /// Votes in a poll, replacing any earlier vote; no options remove the vote.
    ///
    /// # Errors
    /// As [`Self::send`], and [`PhoneError::UnknownMessage`] if the message is not a poll; [`PhoneError::WrongVote`].
    pub fn vote(
        &mut self,
        chat: &Jid,
        id: &str,
        chosen: &[String],
        now_ms: u64,
    ) -> Result<(String, Vec<Action>), PhoneError> {
        let unknown = || PhoneError::UnknownMessage(id.to_owned());
        let poll = self.target(chat, id)?;
        let original = self.find(chat, id)?;
        let Content::Poll { options, selectable, .. } = &original.body.content else { return Err(unknown()) };
        let is_too_many = *selectable > 0 && chosen.len() > *selectable as usize;
        if is_too_many || !chosen.iter().all(|one| options.contains(one)) {
            return Err(PhoneError::WrongVote);
        }
        let author: Jid = original.sender.parse().map_err(|_| unknown())?;
        let names = (self.named_in(original, &author), self.named_in(original, &self.person.jid()));
        let secret = original.secret.as_deref().ok_or_else(unknown)?;
        let message = vote(&poll, chosen, chat, secret, (&names.0, &names.1), now_ms).ok_or_else(unknown)?;
        let vote_id = self.signal.rng().message_id();
        let body = MessageBody::from(Content::Vote { poll, options: chosen.to_vec() });
        let chat = self.signal.book().account(chat);
        self.enqueue_as(&vote_id, chat, body, message, now_ms)?;
        Ok((vote_id, self.advance(now_ms, Vec::new())))
    }

    /// An account's JID in the addressing of the message's chat.
    fn named_in(&self, message: &LoggedMessage, account: &Jid) -> String {
        let lid = || message.chat.parse::<Jid>().is_ok_and(|chat| self.names_lids(&chat, message));
        let lid = lid().then(|| self.lid_of(account)).flatten();
        lid.unwrap_or_else(|| account.clone()).to_string()
    }

    fn names_lids(&self, chat: &Jid, message: &LoggedMessage) -> bool {
        if !chat.is_group() {
            return self.on_wire(chat).is_lid();
        }
        match message.origin.as_ref().and_then(|origin| origin.participant.as_ref()) {
            Some(participant) => participant.is_lid(),
            None => self.groups.find(chat).is_some_and(|group| group.addressing == Addressing::Lid),
        }
    }

    /// Sends a message again, with the same id and newly encrypted, like an application that was closed before it
    /// received the ack.
    ///
    /// # Errors
    /// [`PhoneError::Full`], or [`PhoneError::UnknownMessage`] for one that the phone has not sent recently.
    pub fn resend(&mut self, id: &str, now_ms: u64) -> Result<Vec<Action>, PhoneError> {
        let sent = self.sent.get(&id.to_owned()).ok_or_else(|| PhoneError::UnknownMessage(id.to_owned()))?;
        self.outbox.push(Draft::new(id.to_owned(), sent.recipient.clone(), sent.message.clone(), sent.marks))?;
        Ok(self.advance(now_ms, Vec::new()))
    }

    /// Sends a file: encrypts it now, and sends the message when it is uploaded.
    ///
    /// # Errors
    /// As [`Self::send`], and [`PhoneError::File`].
    pub fn send_file(&mut self, chat: &Jid, file: NewFile, now_ms: u64) -> Result<(String, Vec<Action>), PhoneError> {
        if file.bytes.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge(file.bytes.len()).into());
        }
        if self.waiting_files.len() >= PHONE_FILES_WAITING_MAX {
            return Err(PhoneError::Full);
        }
        let key = self.signal.rng().bytes();
        let (seal, bytes) = seal(file.file, &file.bytes, key)?;
        let id = self.signal.rng().message_id();
        let kind = file.file;
        let attachment = Attachment {
            file: kind,
            mime_type: file.mime_type,
            caption: file.caption,
            file_name: file.file_name,
            seconds: file.seconds,
            preview: Preview::default(),
            seal,
        };
        let waiting = WaitingFile::Message { id: id.clone(), chat: chat.clone(), attachment };
        let store = self.wait_for_file(waiting, kind, bytes);
        let actions = self.advance(now_ms, vec![store]);
        Ok((id, actions))
    }

    /// Marks everything in a chat as read.
    pub fn read(&mut self, chat: &Jid, now_ms: u64) -> Vec<Action> {
        let chat = self.signal.book().account(chat).to_string();
        let unread = self.log.take_unread(&chat);
        stanza::seen("read", unread, now_ms).into_iter().map(Action::Send).collect()
    }

    /// Plays a voice note or a video.
    ///
    /// # Errors
    /// [`PhoneError::UnknownMessage`], also for the person's own messages.
    pub fn play(&mut self, chat: &Jid, id: &str, now_ms: u64) -> Result<Vec<Action>, PhoneError> {
        let played = self.find(chat, id)?;
        let origin = played.origin.clone().ok_or_else(|| PhoneError::UnknownMessage(id.to_owned()))?;
        let receipts = stanza::seen("played", vec![(origin, id.to_owned())], now_ms);
        Ok(receipts.into_iter().map(Action::Send).collect())
    }

    /// Leaves a group.
    pub fn leave(&mut self, group: &Jid, now_ms: u64) -> Vec<Action> {
        self.groups.remove(group);
        self.groups.clear_key_recipients(group);
        self.signal.delete_own_sender_key(group);
        let mut actions = Vec::new();
        let iq = Iq::set("w:g2", vec![groups::leave(group)]).to(Jid::group(""));
        self.send_query(Query::Ignored, iq, now_ms, &mut actions);
        actions
    }

    fn find(&self, chat: &Jid, id: &str) -> Result<&LoggedMessage, PhoneError> {
        let chat = self.signal.book().account(chat).to_string();
        self.log.find(&chat, id).ok_or_else(|| PhoneError::UnknownMessage(id.to_owned()))
    }

    fn target(&self, chat: &Jid, id: &str) -> Result<Target, PhoneError> {
        let found = self.find(chat, id)?;
        let sender = (chat.is_group() && !found.from_me).then(|| found.sender.clone());
        Ok(Target { id: found.id.clone(), from_me: found.from_me, sender })
    }
}

/// Whether these options are valid for a poll.
fn is_choice(options: &[String]) -> bool {
    let different: BTreeSet<&String> = options.iter().collect();
    let is_option = |option: &String| !option.is_empty() && option.chars().count() <= TEXT_CHARACTERS_MAX;
    different.len() == options.len() && (2..=POLL_OPTIONS_MAX).contains(&options.len()) && options.iter().all(is_option)
}
