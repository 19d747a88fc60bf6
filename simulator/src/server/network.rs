//! The network: everything that is known, and the port at which it is reached.
//!
//! What is known lives as long as a [`Network`] or a copy of it. The port can be closed and opened again, which for
//! clients is a server that was down for a while.

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

/// How a network is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What faults follow from; the server itself decides nothing by chance that a client could see.
    pub seed: u64,
    /// The keys of handshakes: those of an earlier run, so that its clients know this one.
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

/// Handshakes by their pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// The client did not know the server.
    pub xx: u64,
    /// The client knew the server.
    pub ik: u64,
    /// The client knew the server by an older key.
    pub xx_fallback: u64,
    /// Of all of them: those of clients that came with the edge routing that they were given.
    pub edge_routed: u64,
}

/// A simulated network. Copies are the same network.
#[derive(Clone)]
pub struct Network {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub settings: Settings,
    /// Changed when the server gets other keys, as a service does now and then.
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
    /// The port that is open. Held to open, close and ask.
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Network {
    /// A network that nobody reaches yet but phones of this process.
    ///
    /// # Errors
    /// The keys are none, or TLS cannot be set up.
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

    /// Opens the port, and serves `control` under `/control`. Returns the address, which says the port if it was 0.
    ///
    /// # Errors
    /// The address cannot be had.
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

    /// Closes the port and all connections, and waits for their tasks. Phones stay attached, and all that is known
    /// stays known: after another [`Network::listen`] clients find what they left.
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

    /// Has every client that waits to be linked show another code.
    pub fn renew_codes(&self) {
        self.inner.registrations.renew_all();
    }

    /// Gives every client that is not linked yet another set of references, in place of that which it shows; returns them.
    pub fn replace_codes(&self) -> Vec<String> {
        self.inner.registrations.replace_all()
    }

    /// Where clients connect: `ws://…/ws/chat`; nothing while the port is closed.
    pub fn ws_url(&self) -> Option<String> {
        self.address().map(|address| format!("ws://{address}/ws/chat"))
    }

    /// The open port.
    pub fn address(&self) -> Option<SocketAddr> {
        self.inner.listening.lock().as_ref().map(|listening| listening.address)
    }

    /// What the network was made with, the keys of handshakes among it.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The key that a client must trust instead of the real service's.
    pub fn root_key(&self) -> [u8; 32] {
        self.inner.authority.read().root_public()
    }

    /// Gives the server other keys. Clients that remember the ones before find that out when they connect, and go on
    /// with the new ones if they trust their root.
    ///
    /// # Errors
    /// The bytes are no private keys.
    pub fn renew_keys(&self, keys: &ServerKeys) -> Result<(), KeyError> {
        *self.inner.authority.write() = Arc::new(Authority::new(keys)?);
        Ok(())
    }

    /// How connections came to their keys so far.
    pub fn handshakes(&self) -> Handshakes {
        *self.inner.handshakes.lock()
    }

    /// The account of this number (digits), new or as it was.
    pub fn register_person(&self, number: &str, name: &str) -> Arc<Account> {
        self.inner.directory.register(number, name)
    }

    /// Everybody's accounts, and who an address names.
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

    /// What holds of everything that happened so far.
    pub fn checks(&self) -> &Checks {
        &self.inner.checks
    }

    /// Requests that this server does not know: what they asked, in a word, and who asked.
    pub fn unhandled_iqs(&self) -> Vec<UnhandledIq> {
        self.inner.unhandled_iqs.all()
    }

    /// Attaches a phone, or any device, inside this process. A connection of the same device that is there is replaced.
    pub fn attach(&self, account: &Arc<Account>, device: &Arc<Device>) -> LocalConnection {
        LocalConnection::attach(self, account, device)
    }

    /// A client that shows this code, or that was given this reference for a typed code; nothing if there is none or
    /// its time is over.
    pub fn pending(&self, reference: &str) -> Option<registration::Pending> {
        self.inner.registrations.pending(reference)
    }

    /// The version of a collection of an account's app state.
    pub fn collection_version(&self, account: &Account, collection: &str) -> u64 {
        account.app_state.lock().version(collection)
    }

    /// Puts the list of valid keys that the phone has signed anew in the place of the one before (protobuf
    /// `ADVSignedKeyIndexList`).
    pub fn set_key_index_list(&self, account: &Account, signed_at_seconds: u64, list: Vec<u8>) {
        account.set_key_index_list(signed_at_seconds, list);
    }

    /// Unlinks a companion, as its phone does: its connection ends with `device_removed`. Returns whether it was there.
    pub fn remove_device(&self, account: &Arc<Account>, index: u16) -> bool {
        unlink::unlink(self, account, index, By::Phone)
    }

    /// Breaks the connection of a device without a word. Returns whether there was one.
    pub fn cut(&self, device: &Device) -> bool {
        let send_queue = device.mailbox.send_queue();
        if let Some(send_queue) = &send_queue {
            send_queue.cut();
        }
        send_queue.is_some()
    }

    /// Finds who an address names.
    pub(super) fn account(&self, jid: &Jid) -> Option<Arc<Account>> {
        self.inner.directory.resolve(jid).map(|resolved| resolved.account)
    }
}
