//! What people do with their phones: send, reply, react, edit, delete, vote, read, play, unlink, create and leave
//! groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::state::State;
use super::{Person, RequestError};
use crate::phone::app_state::Change;
use crate::phone::content::{Content, EditForm, MessageBody};
use crate::phone::{Action, NewFile, Phone, PhoneError};
use crate::server::account::{Account, Naming};
use crate::server::community::NewCommunity;
use crate::wire::stanza::Jid;

impl Person {
    /// Sends a message to a person or a group. Returns its id; [`Self::sent`] shows its progress.
    ///
    /// # Errors
    /// [`RequestError::Invalid`] for a text that is too long, [`RequestError::Conflict`] if the outbox is full.
    pub async fn send(&self, to: &Jid, body: impl Into<MessageBody>) -> Result<String, RequestError> {
        let body = body.into();
        self.send_with(to, move |phone, chat, now_ms| phone.send(chat, body, now_ms)).await
    }

    /// Sends a text. As [`Self::send`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_text(&self, to: &Jid, text: &str) -> Result<String, RequestError> {
        self.send(to, Content::Text { text: text.to_owned() }).await
    }

    /// Replies to a message with a text.
    ///
    /// # Errors
    /// As [`Self::send`], and [`RequestError::NotFound`] if there is no such message in the chat; also for the next
    /// three.
    pub async fn reply(&self, chat: &Jid, id: &str, text: &str) -> Result<String, RequestError> {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.send_with(chat, move |phone, chat, now_ms| phone.reply(chat, &id, &text, now_ms)).await
    }

    /// Reacts to a message; an empty `emoji` removes the reaction.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub async fn react(&self, chat: &Jid, id: &str, emoji: &str) -> Result<String, RequestError> {
        let (id, emoji) = (id.to_owned(), emoji.to_owned());
        self.send_with(chat, move |phone, chat, now_ms| phone.react(chat, &id, &emoji, now_ms)).await
    }

    /// Edits the text of a message sent by this person.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub async fn edit(&self, chat: &Jid, id: &str, text: &str) -> Result<String, RequestError> {
        self.edit_as(chat, id, text, EditForm::Plain).await
    }

    /// Edits the text of a message sent by this person, in the form that another application uses.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub async fn edit_as(&self, chat: &Jid, id: &str, text: &str, form: EditForm) -> Result<String, RequestError> {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.send_with(chat, move |phone, chat, now_ms| phone.edit(chat, &id, &text, form, now_ms)).await
    }

    /// Deletes a message for everybody.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub async fn delete(&self, chat: &Jid, id: &str) -> Result<String, RequestError> {
        let id = id.to_owned();
        self.send_with(chat, move |phone, chat, now_ms| phone.delete(chat, &id, now_ms)).await
    }

    /// Votes in a poll; no options remove the vote.
    ///
    /// # Errors
    /// As [`Self::reply`]; [`RequestError::Invalid`] for invalid options, or too many.
    pub async fn vote(&self, chat: &Jid, id: &str, options: &[String]) -> Result<String, RequestError> {
        let (id, options) = (id.to_owned(), options.to_vec());
        self.send_with(chat, move |phone, chat, now_ms| phone.vote(chat, &id, &options, now_ms)).await
    }

    /// Sends a message again, with the same id and newly encrypted.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the outbox is full, [`RequestError::NotFound`] for one that the phone has not sent
    /// recently.
    pub async fn resend(&self, id: &str) -> Result<(), RequestError> {
        let id = id.to_owned();
        self.perform(move |state, now_ms| split(state.phone.resend(&id, now_ms).map(|actions| ((), actions))))
            .await??;
        Ok(())
    }

    /// Sends a file.
    ///
    /// # Errors
    /// As [`Self::send`]; [`RequestError::Invalid`] for one that is too large.
    pub async fn send_file(&self, to: &Jid, file: NewFile) -> Result<String, RequestError> {
        self.send_with(to, move |phone, chat, now_ms| phone.send_file(chat, file, now_ms)).await
    }

    /// Marks everything in a chat as read, and sends the receipts.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the phone is offline; also for all that follow.
    pub async fn read(&self, chat: &Jid) -> Result<(), RequestError> {
        self.must_be_online().await?;
        let chat = chat.clone();
        self.perform(move |state, now_ms| ((), state.phone.read(&chat, now_ms))).await
    }

    /// Marks every chat as read.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_all(&self) -> Result<(), RequestError> {
        self.must_be_online().await?;
        let act = |state: &mut State, now_ms| {
            let received = state.phone.messages().filter(|kept| !kept.from_me);
            let chats: BTreeSet<String> = received.map(|kept| kept.chat.clone()).collect();
            let chats = chats.iter().filter_map(|chat| chat.parse::<Jid>().ok());
            ((), chats.flat_map(|chat| state.phone.read(&chat, now_ms)).collect())
        };
        self.perform(act).await
    }

    /// Plays a voice note or a video.
    ///
    /// # Errors
    /// As [`Self::read`], and [`RequestError::NotFound`].
    pub async fn play(&self, chat: &Jid, id: &str) -> Result<(), RequestError> {
        self.must_be_online().await?;
        let (chat, id) = (chat.clone(), id.to_owned());
        self.perform(move |state, now_ms| split(state.phone.play(&chat, &id, now_ms).map(|actions| ((), actions))))
            .await??;
        Ok(())
    }

    /// Makes the person unavailable, or available again; the phone stays connected.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn set_away(&self, is_away: bool) -> Result<(), RequestError> {
        self.perform(move |state, _| ((), state.phone.set_away(is_away))).await
    }

    /// Removes the file of a message from the media host: a client must ask its phone for it.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if there is no such message, it has no file, or the media host no longer has it.
    pub async fn expire_file(&self, id: &str) -> Result<(), RequestError> {
        let attachment = self.attachment(id).await?;
        if self.network().media().expire(&attachment.seal.direct_path) {
            return Ok(());
        }
        Err(RequestError::NotFound("the media host has the file no more".to_owned()))
    }

    /// Unlinks a companion, by its device index (1 and up).
    ///
    /// # Errors
    /// As [`Self::read`], and [`RequestError::NotFound`].
    pub async fn unlink(&self, device: u16) -> Result<(), RequestError> {
        self.must_be_online().await?;
        self.perform(move |state, now_ms| split(state.phone.unlink(device, now_ms).map(|actions| ((), actions))))
            .await??;
        Ok(())
    }

    /// Creates a group with these people; returns its JID.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if a number has no account, [`RequestError::Invalid`] for an invalid subject,
    /// [`RequestError::Conflict`] if there are too many groups or members.
    pub fn create_group(&self, subject: &str, members: &[String], naming: Naming) -> Result<Jid, RequestError> {
        let members = self.accounts(members)?;
        let group = self.network().create_group(self.account(), subject, &members, naming)?;
        Ok(group.jid().clone())
    }

    /// Creates a community; returns the JID of its parent group.
    ///
    /// # Errors
    /// As [`Self::create_group`].
    pub fn create_community(&self, new: NewCommunity, members: &[String]) -> Result<Jid, RequestError> {
        let members = self.accounts(members)?;
        Ok(self.network().create_community(self.account(), new, &members)?.jid().clone())
    }

    /// Creates a group in a community; returns its JID.
    ///
    /// # Errors
    /// As [`Self::create_group`]; [`RequestError::NotFound`] if there is no such community, [`RequestError::Conflict`]
    /// if the person may not add groups to it.
    pub fn create_linked_group(&self, parent: &Jid, subject: &str, members: &[String]) -> Result<Jid, RequestError> {
        let unknown = || RequestError::NotFound(format!("there is no community {parent}; see the list of groups"));
        let parent = self.network().groups().find(parent).ok_or_else(unknown)?;
        let members = self.accounts(members)?;
        Ok(self.network().create_linked_group(self.account(), &parent, subject, &members)?.jid().clone())
    }

    fn accounts(&self, numbers: &[String]) -> Result<Vec<Arc<Account>>, RequestError> {
        let find = |number: &String| {
            let unknown = || RequestError::NotFound(format!("nobody has the number {number}; make that person first"));
            self.network().directory().by_number(number).ok_or_else(unknown)
        };
        numbers.iter().map(find).collect()
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// As [`Self::read`], and [`RequestError::NotFound`] for a group that the person is not a member of.
    pub async fn leave(&self, group: &Jid) -> Result<(), RequestError> {
        self.must_be_online().await?;
        let known = self.network().groups().find(group).filter(|known| known.rank(self.account()).is_some());
        if known.is_none() {
            return Err(RequestError::NotFound(format!("{} is not in the group {group}", self.number())));
        }
        let group = group.clone();
        self.perform(move |state, now_ms| ((), state.phone.leave(&group, now_ms))).await
    }

    /// Changes the app state, such as the name or a contact.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn change(&self, change: Change) -> Result<(), RequestError> {
        self.perform(move |state, now_ms| ((), state.phone.change(change, now_ms))).await
    }

    /// Runs a command that sends a message.
    async fn send_with(
        &self,
        chat: &Jid,
        act: impl FnOnce(&mut Phone, &Jid, u64) -> Result<(String, Vec<Action>), PhoneError> + Send + 'static,
    ) -> Result<String, RequestError> {
        let chat = chat.clone();
        let outcome = self
            .perform(move |state, now_ms| {
                let outcome = act(&mut state.phone, &chat, now_ms);
                if let Ok((id, _)) = &outcome {
                    state.follow(id, &chat.to_string());
                }
                split(outcome)
            })
            .await??;
        Ok(outcome)
    }
}

/// Separates the result for the caller from the actions to carry out.
fn split<T, E>(outcome: Result<(T, Vec<Action>), E>) -> (Result<T, E>, Vec<Action>) {
    match outcome {
        Ok((value, actions)) => (Ok(value), actions),
        Err(error) => (Err(error), Vec::new()),
    }
}
