//! A phone's task: receives commands and stanzas one after the other, passes them to the phone, and carries out the
//! actions that the phone returns. It makes no decisions itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::state::State;
use crate::checks::Decryption;
use crate::clock;
use crate::faults::{Direction, MediaDecision, MediaTransfer, carried_ms};
use crate::limits::PHONE_TICK_MS;
use crate::phone::Action;
use crate::phone::signal::Way;
use crate::server::account::Account;
use crate::server::local_connection::LocalConnection;
use crate::server::network::Network;
use crate::wire::stanza::{Node, Read as _};

/// A function that is run on the phone's state; the actions that it returns are carried out.
pub type Act = Box<dyn FnOnce(&mut State, u64) -> Vec<Action> + Send>;

/// A command for a phone's task.
pub enum Command {
    Act(Act),
    /// Answered when the phone is connected.
    Online(oneshot::Sender<()>),
    /// Answered when it is disconnected.
    Offline(oneshot::Sender<()>),
}

/// A phone's status, readable without sending it a command.
pub struct PhoneStatus {
    pub is_online: AtomicBool,
    /// Incremented with every event.
    pub changes: watch::Sender<u64>,
}

/// State owned by the task.
pub struct Actor {
    pub network: Network,
    pub account: Arc<Account>,
    pub state: State,
    pub status: Arc<PhoneStatus>,
    /// For completed uploads. Weak, so that the task ends once all handles of the phone are dropped.
    pub commands: mpsc::WeakSender<Command>,
    pub tasks: TaskTracker,
    /// Stops all phones, and what they have started.
    pub stop: CancellationToken,
}

impl Actor {
    /// Runs until all handles of the phone are dropped, or until all phones are stopped.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let stop = self.stop.clone();
        let mut connection = None;
        let mut ticked_at_ms = clock::now_ms();
        loop {
            let actions = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command, &mut connection),
                    None => break,
                },
                node = next(&mut connection) => self.take(node.as_deref(), &mut connection),
                () = clock::sleep(Duration::from_millis(PHONE_TICK_MS)) => Vec::new(),
                () = stop.cancelled() => break,
            };
            self.execute(actions, connection.as_ref()).await;
            let now_ms = clock::now_ms();
            if now_ms.saturating_sub(ticked_at_ms) >= PHONE_TICK_MS {
                ticked_at_ms = now_ms;
                let actions = self.state.phone.tick(now_ms);
                self.execute(actions, connection.as_ref()).await;
            }
        }
        self.status.is_online.store(false, Ordering::Release);
        self.status.changes.send_modify(|count| *count += 1);
    }

    fn handle_command(&mut self, command: Command, connection: &mut Option<LocalConnection>) -> Vec<Action> {
        match command {
            Command::Act(act) => act(&mut self.state, clock::now_ms()),
            Command::Online(answer) => {
                let actions = self.come_online(connection);
                // The caller may have stopped waiting.
                answer.send(()).ok();
                actions
            }
            Command::Offline(answer) => {
                self.go_offline(connection);
                answer.send(()).ok();
                Vec::new()
            }
        }
    }

    fn come_online(&mut self, connection: &mut Option<LocalConnection>) -> Vec<Action> {
        let Some(device) = self.account.phone().filter(|_| connection.is_none()) else { return Vec::new() };
        *connection = Some(self.network.attach(&self.account, &device));
        self.status.is_online.store(true, Ordering::Release);
        self.state.phone.come_online(clock::now_ms())
    }

    fn go_offline(&mut self, connection: &mut Option<LocalConnection>) {
        if connection.take().is_some() {
            self.state.phone.go_offline();
            self.status.is_online.store(false, Ordering::Release);
        }
    }

    /// Handles a stanza, or the end of the connection: another has attached as this phone, or it was cut.
    fn take(&mut self, node: Option<&Node>, connection: &mut Option<LocalConnection>) -> Vec<Action> {
        let Some(node) = node else {
            self.go_offline(connection);
            self.status.changes.send_modify(|count| *count += 1);
            return Vec::new();
        };
        let actions = self.state.take(node, clock::now_ms());
        self.report_to_checks(node, &actions);
        if node.text("type").is_some_and(|kind| kind == "account_sync") {
            self.remove_unlinked();
        }
        actions
    }

    /// Reports to the checkers what the phone did with a stanza.
    fn report_to_checks(&self, node: &Node, actions: &[Action]) {
        let Some(delivery_id) = self.account.phone().and_then(|device| self.network.delivery_id(&device, node)) else {
            return;
        };
        let checks = self.network.checks();
        for action in actions {
            if let Action::Stepped(step) = action
                && step.way == Way::Received
            {
                let group = step.with.contains("@g.us").then_some(delivery_id.chat.as_str());
                checks.decrypted(&Decryption {
                    owner: &delivery_id.recipient,
                    peer: &delivery_id.sender,
                    group,
                    chain: step.chain.as_bytes(),
                    counter: step.counter,
                });
            }
        }
        let has = |is_it: fn(&Action) -> bool| actions.iter().any(is_it);
        // Duplicates and undecryptable messages are not displayed.
        let is_kept = has(|action| matches!(action, Action::Displayed(_)));
        let is_dropped = has(|action| matches!(action, Action::Repeated { .. } | Action::Unreadable { .. }));
        let is_taken = has(|action| matches!(action, Action::Send(node) if node.tag == "receipt"));
        if is_kept || (is_taken && !is_dropped) {
            checks.shown(&delivery_id.delivery_ref());
        }
    }

    /// Removes companions that unlinked themselves, or that the server removed.
    fn remove_unlinked(&mut self) {
        let gone: Vec<u16> =
            self.state.linked.iter().copied().filter(|device| self.account.device(*device).is_none()).collect();
        for device in &gone {
            self.state.linked.remove(device);
            // Those that the person unlinked are already removed.
            self.state.phone.remove_companion(*device).ok();
        }
        if !gone.is_empty() {
            let now_ms = clock::now_ms();
            match self.state.phone.key_index_list(now_ms) {
                Ok(list) => self.network.set_key_index_list(&self.account, now_ms / 1000, list),
                Err(error) => tracing::warn!(%error, "a phone cannot sign the list of its companions"),
            }
        }
    }

    async fn execute(&mut self, actions: Vec<Action>, connection: Option<&LocalConnection>) {
        let mut actions = VecDeque::from(actions);
        let has_news = !actions.is_empty();
        while let Some(action) = actions.pop_front() {
            self.state.record(&action);
            match action {
                Action::Send(node) => {
                    if let Some(connection) = connection {
                        connection.send(node).await;
                    }
                }
                Action::Store { ticket, bytes, .. } => actions.extend(self.store(ticket, bytes)),
                Action::Restore { ticket, direct_path } => actions.extend(self.restore(ticket, &direct_path)),
                _ => {}
            }
        }
        if has_news {
            self.status.changes.send_modify(|count| *count += 1);
        }
    }

    /// Uploads a file again that was on the media host before.
    fn restore(&mut self, ticket: u64, direct_path: &str) -> Vec<Action> {
        match self.network.media().restore(direct_path) {
            Some(path) => self.state.phone.stored(ticket, &path, "", clock::now_ms()),
            None => self.state.phone.not_stored(ticket, "the phone does not have the file"),
        }
    }

    /// Uploads a file to the media host, subject to its faults.
    fn store(&mut self, ticket: u64, bytes: Vec<u8>) -> Vec<Action> {
        let Some(device) = self.account.phone() else { return Vec::new() };
        let transfer = MediaTransfer { device: device.name(), direction: Direction::ToServer };
        let now_ms = clock::now_ms();
        match self.network.faults().on_media(&transfer) {
            MediaDecision::Serve => stored(&self.network, &mut self.state, ticket, bytes, now_ms),
            MediaDecision::Refuse(_) => self.state.phone.not_stored(ticket, "the media host does not take the file"),
            MediaDecision::Slow { delay_ms, bytes_per_second } => {
                let carried_ms = carried_ms(bytes.len(), bytes_per_second);
                let wait = Duration::from_millis(delay_ms.saturating_add(carried_ms));
                let (network, commands, stop) = (self.network.clone(), self.commands.clone(), self.stop.clone());
                let work = async move {
                    if stop.run_until_cancelled(clock::sleep(wait)).await.is_none() {
                        return;
                    }
                    if let Some(commands) = commands.upgrade() {
                        let act: Act = Box::new(move |state, now_ms| stored(&network, state, ticket, bytes, now_ms));
                        // It fails if the phone is gone.
                        commands.send(Command::Act(act)).await.ok();
                    }
                };
                self.tasks.spawn(work);
                Vec::new()
            }
        }
    }
}

fn stored(network: &Network, state: &mut State, ticket: u64, bytes: Vec<u8>, now_ms: u64) -> Vec<Action> {
    let path = network.media().put(Bytes::from(bytes));
    let host = network.media_host().unwrap_or_default();
    state.phone.stored(ticket, &path, &format!("https://{host}{path}"), now_ms)
}

/// The next stanza from the server; `None` when the connection has ended. Without a connection it never returns.
async fn next(connection: &mut Option<LocalConnection>) -> Option<Arc<Node>> {
    match connection {
        Some(connection) => connection.recv().await,
        None => std::future::pending().await,
    }
}
