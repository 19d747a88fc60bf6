//! A person, as tests and the control API hold one: their phone's link, and what they see on it (`commands.rs` has what
//! they do with it).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::{Act, Actor, Command, Shown};
use super::desk::Desk;
use super::passkey::Passkeys;
use super::{Refusal, Sent};
use crate::clock;
use crate::limits::{HISTORY_MESSAGES_MAX, WISHES_WAITING_MAX};
use crate::phone::address;
use crate::phone::content::{Attachment, Content};
use crate::phone::history::HistorySize;
use crate::phone::passkey::Passkey;
use crate::phone::{Action, Kept, Phone, PhoneError};
use crate::server::account::Account;
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
    passkeys: Passkeys,
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
        let passkeys = Passkeys::new(Passkey::new(network.settings().seed, number, &lid), stop.clone());
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
            stop: stop.clone(),
        };
        // A phone that is new has a link before anybody can wish for anything.
        let (answer, _) = oneshot::channel();
        if commands.try_send(Command::Online(answer)).is_err() {
            return Err(Refusal::stopped());
        }
        tasks.spawn(Box::pin(actor.run(receiver)));
        let (network, tasks) = (network.clone(), tasks.clone());
        let history = Mutex::default();
        let inner = Inner { network, account, name: name.to_owned(), commands, shown, history, passkeys, tasks };
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

    pub(super) fn passkeys(&self) -> &Passkeys {
        &self.inner.passkeys
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

    /// From now on the phone names chats with persons by LID, and says so to clients that are linked.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn migrate_to_lids(&self) -> Result<(), Refusal> {
        self.inner.account.migrate_to_lids();
        self.ask(|desk, now_ms| desk.phone.migrate_to_lids(now_ms)).await
    }

    /// What clients that are linked from now on are given of old messages, besides what was said with this phone.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for more messages than there may be.
    pub fn set_history(&self, size: HistorySize) -> Result<(), Refusal> {
        if !size.is_allowed() {
            return Err(Refusal::Invalid(format!("a history has at most {HISTORY_MESSAGES_MAX} messages in all")));
        }
        *self.inner.history.lock() = size;
        Ok(())
    }

    pub(super) fn history(&self) -> HistorySize {
        *self.inner.history.lock()
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
        let attachment = self.attachment(id).await?;
        let stored = self.inner.network.media().get(&attachment.seal.direct_path);
        let stored = stored.ok_or_else(|| Refusal::Unknown("the media host has the file no more".to_owned()))?;
        let opened = attachment.seal.open(attachment.file, &stored).map_err(PhoneError::File)?;
        Ok((attachment.mime_type, opened))
    }

    /// What a message that the phone shows says of its file.
    pub(super) async fn attachment(&self, id: &str) -> Result<Attachment, Refusal> {
        let wanted = id.to_owned();
        let kept = self.ask(move |desk, _| desk.phone.messages().rev().find(|kept| kept.id == wanted).cloned()).await?;
        match kept.map(|kept| kept.saying.content) {
            Some(Content::File(attachment)) => Ok(*attachment),
            _ => Err(Refusal::Unknown(format!("the phone has no message {id} with a file"))),
        }
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
