//! What people do with their phones: say, answer, react, edit, delete, read, play, unlink, make and leave groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::desk::Desk;
use super::{Person, Refusal};
use crate::phone::app_state::Change;
use crate::phone::content::{Content, EditForm, Saying};
use crate::phone::{Action, NewFile, Phone, PhoneError};
use crate::server::account::{Account, Naming};
use crate::server::community::NewCommunity;
use crate::wire::stanza::Jid;

impl Person {
    /// Says something to a person or in a group. Returns the message's id; how far it gets, [`Self::sent`] tells.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a text that is too long, [`Refusal::Conflict`] if too many wait.
    pub async fn say(&self, to: &Jid, saying: impl Into<Saying>) -> Result<String, Refusal> {
        let saying = saying.into();
        self.wish(to, move |phone, chat, now_ms| phone.say(chat, saying, now_ms)).await
    }

    /// Says a text. As [`Self::say`].
    ///
    /// # Errors
    /// As [`Self::say`].
    pub async fn say_text(&self, to: &Jid, text: &str) -> Result<String, Refusal> {
        self.say(to, Content::Text { text: text.to_owned() }).await
    }

    /// Answers a message with a text.
    ///
    /// # Errors
    /// As [`Self::say`], and [`Refusal::Unknown`] if there is no such message in the chat; so the next three.
    pub async fn answer(&self, chat: &Jid, id: &str, text: &str) -> Result<String, Refusal> {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.wish(chat, move |phone, chat, now_ms| phone.answer(chat, &id, &text, now_ms)).await
    }

    /// Reacts to a message; an empty `emoji` takes the reaction back.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn react(&self, chat: &Jid, id: &str, emoji: &str) -> Result<String, Refusal> {
        let (id, emoji) = (id.to_owned(), emoji.to_owned());
        self.wish(chat, move |phone, chat, now_ms| phone.react(chat, &id, &emoji, now_ms)).await
    }

    /// Changes the text of an own message.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn edit(&self, chat: &Jid, id: &str, text: &str) -> Result<String, Refusal> {
        self.edit_as(chat, id, text, EditForm::Plain).await
    }

    /// Changes the text of an own message, in the form of another application.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn edit_as(&self, chat: &Jid, id: &str, text: &str, form: EditForm) -> Result<String, Refusal> {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.wish(chat, move |phone, chat, now_ms| phone.edit(chat, &id, &text, form, now_ms)).await
    }

    /// Deletes a message for everybody.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn delete(&self, chat: &Jid, id: &str) -> Result<String, Refusal> {
        let id = id.to_owned();
        self.wish(chat, move |phone, chat, now_ms| phone.delete(chat, &id, now_ms)).await
    }

    /// Votes for some of the options of a poll; for none takes the vote back.
    ///
    /// # Errors
    /// As [`Self::answer`]; [`Refusal::Invalid`] for what is no option, or too many.
    pub async fn vote(&self, chat: &Jid, id: &str, options: &[String]) -> Result<String, Refusal> {
        let (id, options) = (id.to_owned(), options.to_vec());
        self.wish(chat, move |phone, chat, now_ms| phone.vote(chat, &id, &options, now_ms)).await
    }

    /// Sends an own message once more, with the same id and encrypted again.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if too many wait, [`Refusal::Unknown`] for one that the phone has not sent lately.
    pub async fn resend(&self, id: &str) -> Result<(), Refusal> {
        let id = id.to_owned();
        self.perform(move |desk, now_ms| split(desk.phone.resend(&id, now_ms).map(|actions| ((), actions)))).await??;
        Ok(())
    }

    /// Sends a file.
    ///
    /// # Errors
    /// As [`Self::say`]; [`Refusal::Invalid`] for one that is too large.
    pub async fn send_file(&self, to: &Jid, file: NewFile) -> Result<String, Refusal> {
        self.wish(to, move |phone, chat, now_ms| phone.send_file(chat, file, now_ms)).await
    }

    /// Looks into a chat: all that came in it counts as read, and those who wrote are told.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if the phone is offline; so all that follow.
    pub async fn read(&self, chat: &Jid) -> Result<(), Refusal> {
        self.must_be_online().await?;
        let chat = chat.clone();
        self.perform(move |desk, now_ms| ((), desk.phone.read(&chat, now_ms))).await
    }

    /// Looks into every chat.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_all(&self) -> Result<(), Refusal> {
        self.must_be_online().await?;
        let act = |desk: &mut Desk, now_ms| {
            let received = desk.phone.messages().filter(|kept| !kept.from_me);
            let chats: BTreeSet<String> = received.map(|kept| kept.chat.clone()).collect();
            let chats = chats.iter().filter_map(|chat| chat.parse::<Jid>().ok());
            ((), chats.flat_map(|chat| desk.phone.read(&chat, now_ms)).collect())
        };
        self.perform(act).await
    }

    /// Listens to a voice note or plays a video.
    ///
    /// # Errors
    /// As [`Self::read`], and [`Refusal::Unknown`].
    pub async fn play(&self, chat: &Jid, id: &str) -> Result<(), Refusal> {
        self.must_be_online().await?;
        let (chat, id) = (chat.clone(), id.to_owned());
        self.perform(move |desk, now_ms| split(desk.phone.play(&chat, &id, now_ms).map(|actions| ((), actions))))
            .await??;
        Ok(())
    }

    /// Says that the person is away, or there again; the phone stays connected.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn be_away(&self, is_away: bool) -> Result<(), Refusal> {
        self.perform(move |desk, _| ((), desk.phone.be_away(is_away))).await
    }

    /// Lets the file of a message expire on the media host: a client must ask its phone for it.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if there is no such message, it has no file, or the media host has it no more.
    pub async fn expire_file(&self, id: &str) -> Result<(), Refusal> {
        let attachment = self.attachment(id).await?;
        if self.network().media().expire(&attachment.seal.direct_path) {
            return Ok(());
        }
        Err(Refusal::Unknown("the media host has the file no more".to_owned()))
    }

    /// Ends the link of a companion, by its number (1 and up).
    ///
    /// # Errors
    /// As [`Self::read`], and [`Refusal::Unknown`].
    pub async fn unlink(&self, device: u16) -> Result<(), Refusal> {
        self.must_be_online().await?;
        self.perform(move |desk, now_ms| split(desk.phone.unlink(device, now_ms).map(|actions| ((), actions))))
            .await??;
        Ok(())
    }

    /// Makes a group with these people; returns its address.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if a number has no account, [`Refusal::Invalid`] for no proper subject,
    /// [`Refusal::Conflict`] if there are too many groups or members.
    pub fn create_group(&self, subject: &str, members: &[String], naming: Naming) -> Result<Jid, Refusal> {
        let members = self.accounts(members)?;
        let group = self.network().create_group(self.account(), subject, &members, naming)?;
        Ok(group.jid().clone())
    }

    /// Makes a community; returns the address of its parent group.
    ///
    /// # Errors
    /// As [`Self::create_group`].
    pub fn create_community(&self, new: NewCommunity, members: &[String]) -> Result<Jid, Refusal> {
        let members = self.accounts(members)?;
        Ok(self.network().create_community(self.account(), new, &members)?.jid().clone())
    }

    /// Makes a group in a community; returns its address.
    ///
    /// # Errors
    /// As [`Self::create_group`]; [`Refusal::Unknown`] for no such community, [`Refusal::Conflict`] if the person may not
    /// add groups to it.
    pub fn create_linked_group(&self, parent: &Jid, subject: &str, members: &[String]) -> Result<Jid, Refusal> {
        let unknown = || Refusal::Unknown(format!("there is no community {parent}; see the list of groups"));
        let parent = self.network().groups().find(parent).ok_or_else(unknown)?;
        let members = self.accounts(members)?;
        Ok(self.network().create_linked_group(self.account(), &parent, subject, &members)?.jid().clone())
    }

    fn accounts(&self, numbers: &[String]) -> Result<Vec<Arc<Account>>, Refusal> {
        let find = |number: &String| {
            let unknown = || Refusal::Unknown(format!("nobody has the number {number}; make that person first"));
            self.network().directory().by_number(number).ok_or_else(unknown)
        };
        numbers.iter().map(find).collect()
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// As [`Self::read`], and [`Refusal::Unknown`] for a group that the person is not in.
    pub async fn leave(&self, group: &Jid) -> Result<(), Refusal> {
        self.must_be_online().await?;
        let known = self.network().groups().find(group).filter(|known| known.rank(self.account()).is_some());
        if known.is_none() {
            return Err(Refusal::Unknown(format!("{} is not in the group {group}", self.number())));
        }
        let group = group.clone();
        self.perform(move |desk, now_ms| ((), desk.phone.leave(&group, now_ms))).await
    }

    /// Changes what all of the person's devices share, such as the name or a contact.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn change(&self, change: Change) -> Result<(), Refusal> {
        self.perform(move |desk, now_ms| ((), desk.phone.change(change, now_ms))).await
    }

    /// A wish that becomes a message.
    async fn wish(
        &self,
        chat: &Jid,
        act: impl FnOnce(&mut Phone, &Jid, u64) -> Result<(String, Vec<Action>), PhoneError> + Send + 'static,
    ) -> Result<String, Refusal> {
        let chat = chat.clone();
        let outcome = self
            .perform(move |desk, now_ms| {
                let outcome = act(&mut desk.phone, &chat, now_ms);
                if let Ok((id, _)) = &outcome {
                    desk.follow(id, &chat.to_string());
                }
                split(outcome)
            })
            .await??;
        Ok(outcome)
    }
}

/// The outcome for whoever wished, and what is to be carried out.
fn split<T, E>(outcome: Result<(T, Vec<Action>), E>) -> (Result<T, E>, Vec<Action>) {
    match outcome {
        Ok((value, actions)) => (Ok(value), actions),
        Err(error) => (Err(error), Vec::new()),
    }
}
