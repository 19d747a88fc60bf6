//! The network: all of its state, and the port that serves it.
//!
//! The state lives as long as any clone of a [`Network`]. The port can be closed and opened again, which looks to
//! clients like a server that was down for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use parking_lot::{Mutex, RwLock};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::account::Account;
use super::contact_codes::ContactCodes;
use super::device::Device;
use super::directory::Directory;
use super::groups::Groups;
use super::local_connection::LocalConnection;
use super::media::MediaHost;
use super::newsletters::Newsletters;
use super::pictures::Pictures;
use super::presence::Subscriptions;
use super::registration::Registrations;
use super::sender_keys::SenderKeys;
use super::stanza_log::StanzaLog;
use super::tls::{self, TlsError};
use super::unhandled_iqs::{UnhandledIq, UnhandledIqs};
use super::unlink::{self, By};
use super::{listener, registration};
use crate::checks::Checks;
use crate::clock;
use crate::faults::Plan;
use crate::limits::STOP_WAIT_SECONDS;
use crate::wire::certificate::{Authority, KeyError, ServerKeys};
use crate::wire::stanza::Jid;

/// Parameters of a network.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Seed of the faults; the server itself makes no random decision that a client could observe.
    pub seed: u64,
    /// The handshake keys: reusing an earlier run's keys keeps its clients working.
    pub keys: ServerKeys,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 0, keys: ServerKeys::generate() }
    }
}

#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Handshakes by pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// The client did not know the server's static key.
    pub xx: u64,
    /// The client knew the server's static key.
    pub ik: u64,
    /// The client knew an outdated static key.
    pub xx_fallback: u64,
    /// The total number that used the edge routing they had been given.
    pub edge_routed: u64,
}

/// A simulated network. Clones share its state.
#[derive(Clone)]
pub struct Network {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub settings: Settings,
    /// Replaced when the server's keys are renewed, as a real service does from time to time.
    pub authority: RwLock<Arc<Authority>>,
    pub handshakes: Mutex<Handshakes>,
    pub tls: TlsAcceptor,
    pub directory: Directory,
    pub groups: Groups,
    pub contact_codes: ContactCodes,
    pub newsletters: Newsletters,
    pub registrations: Registrations,
    pub media: MediaHost,
    pub pictures: Pictures,
    pub subscriptions: Subscriptions,
    pub sender_keys: SenderKeys,
    pub log: StanzaLog,
    pub unhandled_iqs: UnhandledIqs,
    pub faults: Plan,
    pub checks: Checks,
    pub tasks: TaskTracker,
    /// The open port. Locked to open, close and read.
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Network {
    /// A network that is only reachable by phones of this process so far.
    ///
    /// # Errors
    /// The keys are invalid, or TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        let inner = Inner {
            authority: RwLock::new(Arc::new(Authority::new(&settings.keys)?)),
            handshakes: Mutex::default(),
            faults: Plan::new(settings.seed),
            checks: Checks::new(),
            settings,
            tls: tls::make()?,
            directory: Directory::default(),
            groups: Groups::default(),
            contact_codes: ContactCodes::default(),
            newsletters: Newsletters::default(),
            registrations: Registrations::default(),
            media: MediaHost::default(),
            pictures: Pictures::default(),
            subscriptions: Subscriptions::default(),
            sender_keys: SenderKeys::default(),
            log: StanzaLog::default(),
            unhandled_iqs: UnhandledIqs::default(),
            tasks: TaskTracker::new(),
            listening: Mutex::new(None),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens the port, and serves `control` under `/control`. Returns the address, with the actual port if it was 0.
    ///
    /// # Errors
    /// The address is not available.
    pub async fn listen(&self, address: SocketAddr, control: Router) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let before = self.inner.listening.lock().replace(Listening { address, stop: stop.clone() });
        if let Some(before) = before {
            before.stop.cancel();
        }
        self.inner.tasks.reopen();
        self.inner.tasks.spawn(listener::serve(self.clone(), listener, control, stop));
        Ok(address)
    }

    /// Closes the port and all connections, and waits for their tasks. Phones stay attached, and the state is kept:
    /// after another [`Network::listen`] clients find everything as they left it.
    pub async fn stop(&self) {
        if let Some(listening) = self.inner.listening.lock().take() {
            listening.stop.cancel();
        }
        for account in self.inner.directory.all() {
            for device in account.devices().iter().filter(|device| device.linked().is_some()) {
                if let Some(send_queue) = device.mailbox.send_queue() {
                    send_queue.cut();
                }
            }
        }
        self.inner.registrations.end_all();
        self.inner.tasks.close();
        clock::within(Duration::from_secs(STOP_WAIT_SECONDS), self.inner.tasks.wait()).await;
    }

    /// Makes every client that waits to be linked show a new code.
    pub fn renew_codes(&self) {
        self.inner.registrations.renew_all();
    }

    /// Sends every unlinked client new refs, which replace those that it shows; returns them.
    pub fn replace_codes(&self) -> Vec<String> {
        self.inner.registrations.replace_all()
    }

    /// The URL for clients: `ws://…/ws/chat`; `None` while the port is closed.
    pub fn ws_url(&self) -> Option<String> {
        self.address().map(|address| format!("ws://{address}/ws/chat"))
    }

    /// The address of the open port.
    pub fn address(&self) -> Option<SocketAddr> {
        self.inner.listening.lock().as_ref().map(|listening| listening.address)
    }

    /// The parameters of the network, including the handshake keys.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The root key that a client must trust instead of the real service's.
    pub fn root_key(&self) -> [u8; 32] {
        self.inner.authority.read().root_public()
    }

    /// Replaces the server's keys. Clients that remember the previous ones notice when they connect, and continue with
    /// the new ones if they trust the root.
    ///
    /// # Errors
    /// The bytes are not valid private keys.
    pub fn renew_keys(&self, keys: &ServerKeys) -> Result<(), KeyError> {
        *self.inner.authority.write() = Arc::new(Authority::new(keys)?);
        Ok(())
    }

    /// Number of handshakes so far, by pattern.
    pub fn handshakes(&self) -> Handshakes {
        *self.inner.handshakes.lock()
    }

    /// The account of this number (digits), created if necessary.
    pub fn register_person(&self, number: &str, name: &str) -> Arc<Account> {
        self.inner.directory.register(number, name)
    }

    /// All accounts, and address resolution.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// All groups.
    pub fn groups(&self) -> &Groups {
        &self.inner.groups
    }

    /// All newsletters.
    pub fn newsletters(&self) -> &Newsletters {
        &self.inner.newsletters
    }

    /// The latest stanzas.
    pub fn log(&self) -> &StanzaLog {
        &self.inner.log
    }

    /// The invariant checks.
    pub fn checks(&self) -> &Checks {
        &self.inner.checks
    }

    /// Requests that this server does not implement, with the requesting device.
    pub fn unhandled_iqs(&self) -> Vec<UnhandledIq> {
        self.inner.unhandled_iqs.all()
    }

    /// Attaches a phone, or any device, inside this process. It replaces an existing connection of the same device.
    pub fn attach(&self, account: &Arc<Account>, device: &Arc<Device>) -> LocalConnection {
        LocalConnection::attach(self, account, device)
    }

    /// The client that shows the code with this ref, or that was given it for a pairing code; `None` if there is none
    /// or it has expired.
    pub fn pending(&self, reference: &str) -> Option<registration::Pending> {
        self.inner.registrations.pending(reference)
    }

    /// The version of a collection in an account's app state.
    pub fn collection_version(&self, account: &Account, collection: &str) -> u64 {
        account.app_state.lock().version(collection)
    }

    /// Replaces the key-index list with one that the phone has newly signed (protobuf `ADVSignedKeyIndexList`).
    pub fn set_key_index_list(&self, account: &Account, signed_at_seconds: u64, list: Vec<u8>) {
        account.set_key_index_list(signed_at_seconds, list);
    }

    /// Unlinks a companion, as its phone would: its connection ends with `device_removed`. Returns whether it existed.
    pub fn remove_device(&self, account: &Arc<Account>, index: u16) -> bool {
        unlink::unlink(self, account, index, By::Phone)
    }

    /// Cuts the connection of a device without any stanza. Returns whether there was one.
    pub fn cut(&self, device: &Device) -> bool {
        let send_queue = device.mailbox.send_queue();
        if let Some(send_queue) = &send_queue {
            send_queue.cut();
        }
        send_queue.is_some()
    }

    /// Resolves an address.
    pub(super) fn account(&self, jid: &Jid) -> Option<Arc<Account>> {
        self.inner.directory.resolve(jid).map(|resolved| resolved.account)
    }
}
