//! Builds, wires, starts and stops: the diagram of ARCHITECTURE.md, in code.
//!
//! ```text
//! program --HTTP--> api -> outbox -> store -> dispatcher -> channel --> WhatsApp
//!                                      ^                       |
//!                             receipts / inbox <--- events ----+
//!                                      |
//!                                     push --HTTP--> the customer's Push URL
//! ```

mod folder;
mod loops;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use folder::{lock_file, make_private};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::account::{ApiKey, BadApiKey, KeySecret};
use crate::api::{Api, Foundation, Runner, routes};
use crate::bell::Bells;
use crate::clock::Clock;
use crate::console::{self, Console};
use crate::device::{FIRST_SENDER, new_device_id};
use crate::disk::Disk;
use crate::dispatcher::web;
use crate::dispatcher::web::keys::KeyRing;
use crate::dispatcher::web::network::{BadNetwork, Network};
use crate::egress::{Egress, NoClient};
use crate::files::Files;
use crate::imports::Imports;
use crate::inbox::Inbox;
use crate::media::shelf::{Shelf, ShelfError};
use crate::password::{self, PasswordError};
use crate::room::Room;
use crate::secrets::{KeyFiles, MasterKey, MasterKeyError};
use crate::settings::Settings;
use crate::store::{First, Location, Store, StoreError};
use crate::supervisor::Supervisor;
use crate::{http, limits, phone};

const FIRST_USERID: &str = "admin";

/// An opened gateway: everything that outlives a request. The command line uses it beside a running server.
pub struct App {
    pub settings: Settings,
    pub clock: Clock,
    pub store: Store,
    pub room: Room,
    pub files: Files,
    egress: Egress,
    pub master_key: MasterKey,
    /// API keys are stored under it.
    pub key_secret: KeySecret,
    pub bells: Bells,
    pub inbox: Inbox,
    pub imports: Imports,
    pub supervisor: Supervisor,
    shelf: Shelf,
}

/// Why a gateway does not start, in words for its operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error("the database URL: {0}")]
    DatabaseUrl(String),
    #[error("the data folder {path}: {error}")]
    DataDir { path: PathBuf, error: std::io::Error },
    #[error("another wachat serves {path} already; stop it first, or give this one a --data-dir of its own")]
    Served { path: PathBuf },
    #[error(
        "there is no gateway in {place} yet; start one with `wachat serve`, or name its --data-dir or --database-url"
    )]
    NoGateway { place: PathBuf },
    #[error(
        "the master key is not the one this database was made with; bring back master.key (or WACHAT_MASTER_KEY) from the backup"
    )]
    OtherMasterKey,
    #[error(
        "what the first start shows once could not be shown ({0}), so no gateway was created; start it where its output can be read, or set WACHAT_ADMIN_PASSWORD and WACHAT_API_KEY"
    )]
    NotShown(String),
    #[error("no gateway was created, what was shown above is not valid: {0}")]
    NotCreated(StoreError),
    #[error("WACHAT_API_KEY")]
    ApiKey(#[from] BadApiKey),
    #[error("WACHAT_ADMIN_PASSWORD")]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Network(#[from] BadNetwork),
    #[error("no HTTP client can be made: {0}")]
    Egress(#[from] NoClient),
}

/// What the first start shows once.
#[derive(Debug)]
pub struct Greeting {
    pub userid: String,
    pub password: String,
    pub api_key: ApiKey,
    pub device_id: String,
    pub sender: String,
}

impl App {
    /// Opens the data folder, the store and the shelf.
    ///
    /// # Errors
    /// [`StartError`], with what to do about it.
    pub async fn open(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        make_private(&settings.data_dir)?;
        let location = Location::parse(&settings.database_url).map_err(StartError::DatabaseUrl)?;
        let mut master_key = MasterKey::load(&settings, &clock)?;
        let store = Store::open(&location).await?;
        let fingerprint = store.remember("master_key", master_key.fingerprint()).await?;
        if fingerprint != master_key.fingerprint() {
            // A change of the key may have come to its end in the store, and no further.
            let next = match settings.master_key {
                Some(_) => None,
                None => KeyFiles::of(&settings).finish(&fingerprint)?,
            };
            master_key = next.ok_or(StartError::OtherMasterKey)?;
        }
        let key_secret = store.open_key_secret(&master_key).await?;
        store.seal_urls(&master_key, &clock).await?;
        let shelf = Shelf::open_with(&settings.media_store, &settings.bucket)?;
        let bells = Bells::default();
        let room = Room::new(&store, disk_of(&settings, &location, &clock), &clock, &settings);
        let files = Files::new(store.clone(), shelf.clone(), room.clone(), clock.clone());
        let imports = Imports::new(store.clone(), shelf.clone(), room.clone(), bells.clone(), clock.clone());
        let inbox = Inbox::new(store.clone(), files.clone(), bells.clone(), clock.clone());
        let egress = Egress::trusting(settings.allow_networks.clone(), settings.trusted_ca.as_deref())?;
        Ok(Self {
            settings,
            clock,
            store,
            room,
            files,
            egress,
            master_key,
            key_secret,
            bells,
            inbox,
            imports,
            supervisor: Supervisor::default(),
            shelf,
        })
    }

    /// Opens what a gateway has made before: a command in the wrong folder must not make a new one there.
    ///
    /// # Errors
    /// [`StartError::NoGateway`] when none has; else as [`App::open`].
    pub async fn open_existing(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let mut place = settings.data_dir.clone();
        if let Ok(Location::Sqlite(path)) = Location::parse(&settings.database_url) {
            place = path;
            if !place.exists() {
                return Err(StartError::NoGateway { place });
            }
        }
        // Another folder must not be given a key that opens nothing.
        if settings.master_key.is_none() && KeyFiles::of(&settings).current()?.is_none() {
            return Err(StartError::NoGateway { place: settings.data_dir });
        }
        let app = Self::open(settings, clock).await?;
        if app.store.list_clients().await?.is_empty() { Err(StartError::NoGateway { place }) } else { Ok(app) }
    }

    /// Makes sure that nobody else serves this data folder or this database file. Held until it is dropped.
    ///
    /// # Errors
    /// [`StartError::Served`] when somebody does.
    pub fn lock(settings: &Settings) -> Result<Vec<File>, StartError> {
        let folder = &settings.data_dir;
        make_private(folder)?;
        let mut locks = vec![lock_file(&folder.join("serve.lock"), folder)?];
        if let Ok(Location::Sqlite(path)) = Location::parse(&settings.database_url) {
            locks.push(lock_file(&path.with_extension("lock"), &path)?);
        }
        Ok(locks)
    }

    /// Whether a server serves this store at present.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_served(&self) -> Result<bool, StartError> {
        match self.store.is_embedded() {
            true => Ok(self.is_embedded_served()),
            false => Ok(self.store.has_fresh_lease(self.clock.now()).await?),
        }
    }

    /// The lease of an embedded store never runs out; but its server holds a lock.
    fn is_embedded_served(&self) -> bool {
        let Ok(Location::Sqlite(path)) = Location::parse(&self.settings.database_url) else { return false };
        let Ok(file) = File::options().write(true).open(path.with_extension("lock")) else { return false };
        matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
    }

    /// On an empty store: makes the first client, its administrator, his key and a sandbox device.
    ///
    /// # Errors
    /// When a given key or password cannot be used, or nothing could be stored.
    pub async fn greet(&self) -> Result<Option<Greeting>, StartError> {
        self.greet_by(|_| Ok(())).await
    }

    /// The same, but `show` shows what was made before it is stored: a password that nobody has seen opens nothing. A crash
    /// between leaves an empty store, and the next start shows others. `None` when somebody else was first, though it may have
    /// been shown.
    ///
    /// # Errors
    /// As [`App::greet`], and [`StartError::NotShown`] when it could not be shown: then nothing is stored.
    pub async fn greet_by(
        &self,
        show: impl FnOnce(&Greeting) -> Result<(), String>,
    ) -> Result<Option<Greeting>, StartError> {
        if !self.store.list_clients().await?.is_empty() {
            return Ok(None);
        }
        let api_key = match &self.settings.api_key {
            Some(key) => ApiKey::import(&key.0)?,
            None => ApiKey::generate(&self.clock),
        };
        let password = match &self.settings.admin_password {
            Some(password) => password.0.clone(),
            None => password::generate(&self.clock),
        };
        let greeting = Greeting {
            userid: FIRST_USERID.into(),
            device_id: new_device_id(1, &self.clock),
            sender: FIRST_SENDER.into(),
            password,
            api_key,
        };
        let first = First {
            client_name: "First client".into(),
            country_code: "62".into(),
            userid: greeting.userid.clone(),
            password_hash: password::hash(&greeting.password, &self.clock)?,
            password_given: self.settings.admin_password.is_none(),
            key_hash: self.key_secret.stored(&greeting.api_key.hash()),
            key_hint: greeting.api_key.hint(),
            device_id: greeting.device_id.clone(),
            sender: greeting.sender.clone(),
            device_name: "Sandbox".into(),
            now: self.clock.now(),
        };
        // Where both were chosen by the operator, nothing is shown that he does not know.
        let is_known = self.settings.api_key.is_some() && self.settings.admin_password.is_some();
        // Nor is anything shown of a store that takes nothing.
        self.store.check_writable().await?;
        match show(&greeting) {
            Err(reason) if !is_known => return Err(StartError::NotShown(reason)),
            Err(reason) => tracing::warn!(reason, "what the first start shows could not be shown"),
            Ok(()) => {}
        }
        match self.store.found(first).await {
            Ok(true) => Ok(Some(greeting)),
            // Another process made it at the same moment.
            Ok(false) => Ok(None),
            Err(error) => Err(StartError::NotCreated(error)),
        }
    }

    /// What the API's handlers work with.
    pub fn api(&self) -> Api {
        let is_nobody = self.store.is_embedded() && !self.is_embedded_served();
        self.api_of(if is_nobody { Runner::Nobody } else { Runner::Others })
    }

    fn api_of(&self, runner: Runner) -> Api {
        let foundation = Foundation {
            store: self.store.clone(),
            room: self.room.clone(),
            inbox: self.inbox.clone(),
            files: self.files.clone(),
            imports: self.imports.clone(),
            egress: self.egress.clone(),
            bells: self.bells.clone(),
            clock: self.clock.clone(),
            master_key: self.master_key.clone(),
            key_secret: self.key_secret.clone(),
            supervisor: self.supervisor.clone(),
            runner,
        };
        Api::new(foundation, &self.settings)
    }

    /// Serves up to `connections_max` connections until `stop`; then shuts down in order: no new requests, what is in hand finished, connections closed. Every loop is
    /// supervised: one that ends by a fault is started again.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub async fn serve(
        self,
        listener: TcpListener,
        connections_max: usize,
        stop: CancellationToken,
    ) -> Result<(), StartError> {
        let node = self.node()?;
        if !self.store.is_embedded() {
            let until = self.clock.now() + limits::LEASE_MS;
            let registering = self.store.register_node(&node, self.master_key.fingerprint(), until);
            // A database that does not answer must not keep it from being stopped.
            let Some(is_registered) = stop.run_until_cancelled(registering).await else { return Ok(()) };
            if !is_registered? {
                return Err(StartError::OtherMasterKey);
            }
        }
        let api = self.api_of(Runner::This(node.clone()));
        let background = CancellationToken::new();
        let tasks = self.start_loops(&api, &background)?;
        let addresses = routes::router(api.clone());
        let console = Console::new(api, addresses.clone(), stop.clone());
        let router = addresses.merge(console::router(console));
        phone::read_plans();
        let served = http::Served {
            router,
            clock: self.clock.clone(),
            supervisor: self.supervisor.clone(),
            trusted_proxies: self.settings.trusted_proxies.clone(),
            is_secure: self.settings.public_url.starts_with("https:"),
            connections_max,
        };
        http::serve(listener, served, stop).await;
        background.cancel();
        let limit = Duration::from_secs(limits::STOP_SECONDS_MAX / 2);
        if self.clock.within(limit, tasks.wait()).await.is_err() {
            tracing::warn!(
                "some devices, pushes or imports were still under way when the gateway stopped; they go on at the next start"
            );
        }
        self.close(&node).await;
        Ok(())
    }

    /// Closes the store, but does not wait for one that does not answer: nobody waits for what it has not stored.
    async fn close(&self, node: &str) {
        let closing = async {
            if let Err(error) = self.store.deregister_node(node).await {
                tracing::warn!(%error, "that this node has stopped could not be noted; it is taken for stopped in a moment");
            }
            self.store.close().await;
        };
        let limit = Duration::from_secs(limits::STORE_CLOSE_SECONDS_MAX);
        if self.clock.within(limit, closing).await.is_err() {
            tracing::warn!(
                "the store did not answer when the gateway stopped; what it has not stored goes on at the next start"
            );
        }
    }

    /// What linked accounts are connected by.
    fn web(&self) -> Result<web::Parts, StartError> {
        let network = Network::of(self.settings.simulated_network.as_deref())?;
        let sealers = self.master_key.sealers("sessions");
        let keys = KeyRing::new(self.store.clone(), sealers, self.clock.clone());
        Ok(web::Parts::new(keys, network, self.clock.clone()))
    }

    /// This node's name, the same after a restart. An embedded store has one node, whatever folder it is served from:
    /// its leases never run out, so another name would find every device taken for ever.
    fn node(&self) -> Result<String, StartError> {
        if self.store.is_embedded() {
            return Ok("embedded".into());
        }
        let path = self.settings.data_dir.join("node.id");
        let failed = |error| StartError::DataDir { path: path.clone(), error };
        match std::fs::read_to_string(&path) {
            Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
            _ => {
                let name = self.clock.new_id();
                std::fs::write(&path, &name).map_err(failed)?;
                Ok(name)
            }
        }
    }
}

/// The disks of the data folder, and of a database that is a file.
fn disk_of(settings: &Settings, location: &Location, clock: &Clock) -> Disk {
    let mut folders = vec![settings.data_dir.clone()];
    if let Location::Sqlite(path) = location {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folders.push(folder.unwrap_or(Path::new(".")).to_owned());
    }
    Disk::of(folders, settings.free_space_floor_mb, clock.clone())
}
