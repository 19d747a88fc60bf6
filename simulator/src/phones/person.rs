//! A person, as tests and the control API hold one: what they do with their phone, and what they see on it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::{Act, Actor, Command, Shown};
use super::desk::Desk;
use super::{Refusal, Sent};
use crate::clock;
use crate::limits::WISHES_WAITING_MAX;
use crate::people::address;
use crate::people::appstate::Change;
use crate::people::content::{Content, Saying};
use crate::people::history::HistorySize;
use crate::people::phone::{Action, Kept, NewFile, Phone, PhoneError};
use crate::server::account::{Account, Naming};
use crate::server::network::Network;
use crate::wire::stanza::{Jid, Server};

/// A person with a phone. Copies are the same person.
#[derive(Clone)]
pub struct Person {
    inner: Arc<Inner>,
}

struct Inner {
    network: Network,
    account: Arc<Account>,
    name: String,
    commands: mpsc::Sender<Command>,
    shown: Arc<Shown>,
    /// What the next linked client is given.
    history: Mutex<HistorySize>,
    tasks: TaskTracker,
}

/// The address of a conversation: digits are a person's number; everything else is a whole address, such as
/// `120363000000000001@g.us`.
///
/// # Errors
/// [`Refusal::Invalid`].
pub fn address(text: &str) -> Result<Jid, Refusal> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Jid::pn(text));
    }
    let jid = text.parse::<Jid>().ok().filter(|jid| !jid.user.is_empty());
    let is_chat = |jid: &Jid| matches!(jid.server, Server::Pn | Server::Lid | Server::Group);
    jid.filter(is_chat).map(|jid| jid.to_non_ad()).ok_or_else(|| {
        Refusal::Invalid(format!(
            "{text:?} is no address; give a number in digits, or a group's address such as 120363000000000001@g.us"
        ))
    })
}

impl Person {
    /// Gives the account of this number a phone, and starts its task.
    pub(super) fn begin(
        network: &Network,
        number: &str,
        name: &str,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, Refusal> {
        let account = network.register_person(number, name);
        let lid = account.lid().user.to_string();
        let person = address::Person { number: number.to_owned(), lid, name: name.to_owned() };
        let phone = Phone::new(person, network.settings().seed, clock::now_ms())
            .map_err(|error| Refusal::Invalid(format!("no keys can be made: {error}")))?;
        let (commands, receiver) = mpsc::channel(WISHES_WAITING_MAX);
        let shown = Arc::new(Shown { is_online: AtomicBool::new(false), changes: watch::Sender::new(0) });
        let actor = Actor {
            network: network.clone(),
            account: account.clone(),
            desk: Desk::new(phone),
            shown: shown.clone(),
            wishes: commands.downgrade(),
            tasks: tasks.clone(),
        };
        // A phone that is new has a link before anybody can wish for anything.
        let (answer, _) = oneshot::channel();
        if commands.try_send(Command::Online(answer)).is_err() {
            return Err(Refusal::stopped());
        }
        tasks.spawn(Box::pin(actor.run(receiver, stop.clone())));
        let (network, tasks) = (network.clone(), tasks.clone());
        let history = Mutex::default();
        let inner = Inner { network, account, name: name.to_owned(), commands, shown, history, tasks };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The phone number, in digits.
    pub fn number(&self) -> &str {
        &self.inner.account.number().user
    }

    /// The name that goes along with messages.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// `15550001@s.whatsapp.net`
    pub fn jid(&self) -> &Jid {
        self.inner.account.number()
    }

    /// The account as the server knows it, with its devices.
    pub fn account(&self) -> &Arc<Account> {
        &self.inner.account
    }

    pub(super) fn network(&self) -> &Network {
        &self.inner.network
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    /// Whether the phone has a link to the server.
    pub fn is_online(&self) -> bool {
        self.inner.shown.is_online.load(Ordering::Acquire)
    }

    /// Connects the phone; what waits for it comes, and what it could not send leaves.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if the phones were stopped; so all that follow.
    pub async fn online(&self) -> Result<(), Refusal> {
        self.command(Command::Online).await
    }

    /// Disconnects the phone. It can still be written on.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn offline(&self) -> Result<(), Refusal> {
        self.command(Command::Offline).await
    }

    /// What clients that are linked from now on are given of old messages, besides what was said with this phone.
    pub fn set_history(&self, size: HistorySize) {
        *self.inner.history.lock() = size;
    }

    pub(super) fn history(&self) -> HistorySize {
        *self.inner.history.lock()
    }

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
        let (id, text) = (id.to_owned(), text.to_owned());
        self.wish(chat, move |phone, chat, now_ms| phone.edit(chat, &id, &text, now_ms)).await
    }

    /// Deletes a message for everybody.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn delete(&self, chat: &Jid, id: &str) -> Result<String, Refusal> {
        let id = id.to_owned();
        self.wish(chat, move |phone, chat, now_ms| phone.delete(chat, &id, now_ms)).await
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
    /// [`Refusal::Unknown`] if a number has no account, [`Refusal::Conflict`] if there are too many groups or members.
    pub fn create_group(&self, subject: &str, members: &[String], naming: Naming) -> Result<Jid, Refusal> {
        let find = |number: &String| {
            let unknown = || Refusal::Unknown(format!("nobody has the number {number}; make that person first"));
            self.inner.network.directory().by_number(number).ok_or_else(unknown)
        };
        let members: Vec<Arc<Account>> = members.iter().map(find).collect::<Result<_, _>>()?;
        let group = self.inner.network.create_group(self.account(), subject, &members, naming)?;
        Ok(group.jid().clone())
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// As [`Self::read`], and [`Refusal::Unknown`] for a group that the person is not in.
    pub async fn leave(&self, group: &Jid) -> Result<(), Refusal> {
        self.must_be_online().await?;
        let known = self.inner.network.groups().find(group).filter(|known| known.rank(self.account()).is_some());
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

    /// All messages that the phone shows, own ones too, the oldest first.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn messages(&self) -> Result<Vec<Kept>, Refusal> {
        self.ask(|desk, _| desk.phone.messages().cloned().collect()).await
    }

    /// The messages of others that the phone shows, the oldest first.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn received(&self) -> Result<Vec<Kept>, Refusal> {
        self.ask(|desk, _| desk.phone.messages().filter(|kept| !kept.from_me).cloned().collect()).await
    }

    /// The latest of the person's own messages, the oldest first, and how far they got.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn sent(&self) -> Result<Vec<Sent>, Refusal> {
        self.ask(|desk, _| desk.sent.iter().cloned().collect()).await
    }

    /// The content of a file in a message that the phone shows.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if there is no such message, it has no file, or the media host has it no more;
    /// [`Refusal::Invalid`] if the file is not what the message says.
    pub async fn file(&self, id: &str) -> Result<(String, Vec<u8>), Refusal> {
        let wanted = id.to_owned();
        let kept = self.ask(move |desk, _| desk.phone.messages().rev().find(|kept| kept.id == wanted).cloned()).await?;
        let Some(Content::File(attachment)) = kept.map(|kept| kept.saying.content) else {
            return Err(Refusal::Unknown(format!("the phone has no message {id} with a file")));
        };
        let stored = self.inner.network.media().get(&attachment.seal.direct_path);
        let stored = stored.ok_or_else(|| Refusal::Unknown("the media host has the file no more".to_owned()))?;
        let opened = attachment.seal.open(attachment.file, &stored).map_err(PhoneError::File)?;
        Ok((attachment.mime_type, opened))
    }

    /// Waits until the phone shows a message for which `is_meant` holds. It waits for as long as it takes.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn shows(&self, is_meant: impl Fn(&Kept) -> bool + Clone + Send + 'static) -> Result<Kept, Refusal> {
        self.wait_for(move |desk| desk.phone.messages().find(|kept| is_meant(kept)).cloned()).await
    }

    /// Waits until an own message got as far as `is_far` says. It waits for as long as it takes.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn follows(
        &self,
        id: &str,
        is_far: impl Fn(&Sent) -> bool + Clone + Send + 'static,
    ) -> Result<Sent, Refusal> {
        let id = id.to_owned();
        self.wait_for(move |desk| desk.sent.get(&id).filter(|sent| is_far(sent)).cloned()).await
    }

    /// Waits until `find` finds something.
    pub(super) async fn wait_for<T: Send + 'static>(
        &self,
        find: impl Fn(&Desk) -> Option<T> + Clone + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut changes = self.inner.shown.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let find = find.clone();
            if let Some(found) = self.ask(move |desk, _| find(desk)).await? {
                return Ok(found);
            }
            changes.changed().await.map_err(|_| Refusal::stopped())?;
        }
    }

    /// Waits until everything that was wished before is done.
    pub(super) async fn is_ready(&self) -> Result<(), Refusal> {
        self.ask(|_, _| ()).await
    }

    pub(super) async fn must_be_online(&self) -> Result<(), Refusal> {
        self.is_ready().await?;
        if self.is_online() {
            return Ok(());
        }
        Err(Refusal::Conflict(format!("the phone of {} is offline; let it come online first", self.number())))
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

    /// Looks at the phone, or changes it without anything to carry out.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Desk, u64) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.perform(move |desk, now_ms| (look(desk, now_ms), Vec::new())).await
    }

    /// Lets the phone act, and gives the outcome as soon as it has decided.
    pub(super) async fn perform<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Desk, u64) -> (T, Vec<Action>) + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, outcome) = oneshot::channel();
        let act: Act = Box::new(move |desk, now_ms| {
            let (value, actions) = act(desk, now_ms);
            // Whoever does not wait any more has wished all the same.
            answer.send(value).ok();
            actions
        });
        self.inner.commands.send(Command::Act(act)).await.map_err(|_| Refusal::stopped())?;
        outcome.await.map_err(|_| Refusal::stopped())
    }

    async fn command(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Result<(), Refusal> {
        let (answer, done) = oneshot::channel();
        self.inner.commands.send(command(answer)).await.map_err(|_| Refusal::stopped())?;
        done.await.map_err(|_| Refusal::stopped())
    }
}

/// The outcome for whoever wished, and what is to be carried out.
fn split<T, E>(outcome: Result<(T, Vec<Action>), E>) -> (Result<T, E>, Vec<Action>) {
    match outcome {
        Ok((value, actions)) => (Ok(value), actions),
        Err(error) => (Err(error), Vec::new()),
    }
}
