//! Handle of a person for tests and the control API: their phone's connection, and what it shows (`commands.rs` has
//! what they do).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::{Act, Actor, Command, PhoneStatus};
use super::passkey::Passkeys;
use super::state::State;
use super::{RequestError, Sent};
use crate::clock;
use crate::limits::{COMMANDS_WAITING_MAX, HISTORY_MESSAGES_MAX};
use crate::phone::address;
use crate::phone::content::{Attachment, Content};
use crate::phone::history::HistorySize;
use crate::phone::passkey::Passkey;
use crate::phone::{Action, LoggedMessage, Phone, PhoneError};
use crate::server::account::Account;
use crate::server::network::Network;
use crate::wire::stanza::{Jid, Server};

/// A person with a phone. Clones are handles of the same person.
#[derive(Clone)]
pub struct Person {
    inner: Arc<Inner>,
}

struct Inner {
    network: Network,
    account: Arc<Account>,
    name: String,
    commands: mpsc::Sender<Command>,
    status: Arc<PhoneStatus>,
    /// The made-up history for the next linked client.
    history: Mutex<HistorySize>,
    passkeys: Passkeys,
    tasks: TaskTracker,
}

/// Parses the address of a chat: digits are a person's number; anything else is a JID such as
/// `120363000000000001@g.us`.
///
/// # Errors
/// [`RequestError::Invalid`].
pub fn address(text: &str) -> Result<Jid, RequestError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Jid::pn(text));
    }
    let jid = text.parse::<Jid>().ok().filter(|jid| !jid.user.is_empty());
    let is_chat = |jid: &Jid| matches!(jid.server, Server::Pn | Server::Lid | Server::Group);
    jid.filter(is_chat).map(|jid| jid.to_non_ad()).ok_or_else(|| {
        RequestError::Invalid(format!(
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
    ) -> Result<Self, RequestError> {
        let account = network.register_person(number, name);
        let lid = account.lid().user.to_string();
        let passkeys = Passkeys::new(Passkey::new(network.settings().seed, number, &lid), stop.clone());
        let person = address::Profile { number: number.to_owned(), lid, name: name.to_owned() };
        let phone = Phone::new(person, network.settings().seed, clock::now_ms())
            .map_err(|error| RequestError::Invalid(format!("no keys can be made: {error}")))?;
        let (commands, receiver) = mpsc::channel(COMMANDS_WAITING_MAX);
        let status = Arc::new(PhoneStatus { is_online: AtomicBool::new(false), changes: watch::Sender::new(0) });
        let actor = Actor {
            network: network.clone(),
            account: account.clone(),
            state: State::new(phone),
            status: status.clone(),
            commands: commands.downgrade(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        // The first command: a new phone is connected before any other command.
        let (answer, _) = oneshot::channel();
        if commands.try_send(Command::Online(answer)).is_err() {
            return Err(RequestError::stopped());
        }
        tasks.spawn(Box::pin(actor.run(receiver)));
        let (network, tasks) = (network.clone(), tasks.clone());
        let history = Mutex::default();
        let inner = Inner { network, account, name: name.to_owned(), commands, status, history, passkeys, tasks };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The phone number, in digits.
    pub fn number(&self) -> &str {
        &self.inner.account.number().user
    }

    /// The push name sent with messages.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// `15550001@s.whatsapp.net`
    pub fn jid(&self) -> &Jid {
        self.inner.account.number()
    }

    /// The account on the server, with its devices.
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

    /// Whether the phone is connected to the server.
    pub fn is_online(&self) -> bool {
        self.inner.status.is_online.load(Ordering::Acquire)
    }

    /// Connects the phone: it receives what was queued for it, and sends what is in its outbox.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the phones were stopped; also for all that follow.
    pub async fn online(&self) -> Result<(), RequestError> {
        self.command(Command::Online).await
    }

    /// Disconnects the phone. Messages can still be written on it.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn offline(&self) -> Result<(), RequestError> {
        self.command(Command::Offline).await
    }

    /// From now on the phone addresses chats with people by LID, and announces this to clients that are linked.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn migrate_to_lids(&self) -> Result<(), RequestError> {
        self.inner.account.migrate_to_lids();
        self.ask(|state, now_ms| state.phone.migrate_to_lids(now_ms)).await
    }

    /// Sets the made-up history for clients that are linked from now on, in addition to the phone's real chats.
    ///
    /// # Errors
    /// [`RequestError::Invalid`] if there are too many messages.
    pub fn set_history(&self, size: HistorySize) -> Result<(), RequestError> {
        if !size.is_allowed() {
            return Err(RequestError::Invalid(format!("a history has at most {HISTORY_MESSAGES_MAX} messages in all")));
        }
        *self.inner.history.lock() = size;
        Ok(())
    }

    pub(super) fn history(&self) -> HistorySize {
        *self.inner.history.lock()
    }

    /// All messages on the phone, sent and received, the oldest first.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn messages(&self) -> Result<Vec<LoggedMessage>, RequestError> {
        self.ask(|state, _| state.phone.messages().cloned().collect()).await
    }

    /// The received messages on the phone, the oldest first.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn received(&self) -> Result<Vec<LoggedMessage>, RequestError> {
        self.ask(|state, _| state.phone.messages().filter(|kept| !kept.from_me).cloned().collect()).await
    }

    /// The latest sent messages with their progress, the oldest first.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn sent(&self) -> Result<Vec<Sent>, RequestError> {
        self.ask(|state, _| state.sent.iter().cloned().collect()).await
    }

    /// The file in a message on the phone.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if there is no such message, it has no file, or the media host no longer has it;
    /// [`RequestError::Invalid`] if the file does not match the message.
    pub async fn file(&self, id: &str) -> Result<(String, Vec<u8>), RequestError> {
        let attachment = self.attachment(id).await?;
        let stored = self.inner.network.media().get(&attachment.seal.direct_path);
        let stored = stored.ok_or_else(|| RequestError::NotFound("the media host has the file no more".to_owned()))?;
        let opened = attachment.seal.open(attachment.file, &stored).map_err(PhoneError::File)?;
        Ok((attachment.mime_type, opened))
    }

    /// The attachment of a message on the phone.
    pub(super) async fn attachment(&self, id: &str) -> Result<Attachment, RequestError> {
        let wanted = id.to_owned();
        let kept =
            self.ask(move |state, _| state.phone.messages().rev().find(|kept| kept.id == wanted).cloned()).await?;
        match kept.map(|kept| kept.body.content) {
            Some(Content::File(attachment)) => Ok(*attachment),
            _ => Err(RequestError::NotFound(format!("the phone has no message {id} with a file"))),
        }
    }

    /// Waits, without a timeout, until the phone shows a message that matches.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn wait_for_message(
        &self,
        is_match: impl Fn(&LoggedMessage) -> bool + Clone + Send + 'static,
    ) -> Result<LoggedMessage, RequestError> {
        self.wait_for(move |state| state.phone.messages().find(|kept| is_match(kept)).cloned()).await
    }

    /// Waits, without a timeout, until a sent message has made the expected progress.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn wait_for_progress(
        &self,
        id: &str,
        is_far: impl Fn(&Sent) -> bool + Clone + Send + 'static,
    ) -> Result<Sent, RequestError> {
        let id = id.to_owned();
        self.wait_for(move |state| state.sent.get(&id).filter(|sent| is_far(sent)).cloned()).await
    }

    /// Waits until `find` returns something.
    pub(super) async fn wait_for<T: Send + 'static>(
        &self,
        find: impl Fn(&State) -> Option<T> + Clone + Send + 'static,
    ) -> Result<T, RequestError> {
        let mut changes = self.inner.status.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let find = find.clone();
            if let Some(found) = self.ask(move |state, _| find(state)).await? {
                return Ok(found);
            }
            changes.changed().await.map_err(|_| RequestError::stopped())?;
        }
    }

    /// Waits until all earlier commands have run.
    pub(super) async fn is_ready(&self) -> Result<(), RequestError> {
        self.ask(|_, _| ()).await
    }

    pub(super) async fn must_be_online(&self) -> Result<(), RequestError> {
        self.is_ready().await?;
        if self.is_online() {
            return Ok(());
        }
        Err(RequestError::Conflict(format!("the phone of {} is offline; let it come online first", self.number())))
    }

    /// Reads or changes the phone's state, without actions.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut State, u64) -> T + Send + 'static,
    ) -> Result<T, RequestError> {
        self.perform(move |state, now_ms| (look(state, now_ms), Vec::new())).await
    }

    /// Runs a command on the phone's state, and returns its result before its actions are carried out.
    pub(super) async fn perform<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut State, u64) -> (T, Vec<Action>) + Send + 'static,
    ) -> Result<T, RequestError> {
        let (answer, outcome) = oneshot::channel();
        let act: Act = Box::new(move |state, now_ms| {
            let (value, actions) = act(state, now_ms);
            // The command has run even if the caller has stopped waiting.
            answer.send(value).ok();
            actions
        });
        self.inner.commands.send(Command::Act(act)).await.map_err(|_| RequestError::stopped())?;
        outcome.await.map_err(|_| RequestError::stopped())
    }

    async fn command(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Result<(), RequestError> {
        let (answer, done) = oneshot::channel();
        self.inner.commands.send(command(answer)).await.map_err(|_| RequestError::stopped())?;
        done.await.map_err(|_| RequestError::stopped())
    }
}
