//! What the stories play in: a gateway on a store of its own, told over real sockets.
//!
//! [`World`] runs the gateway inside the test, so that a story can hold its clock; `process.rs` runs the real program,
//! for stories about signals, crashes and the command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wachat::app::App;
use wachat::clock::{Clock, Millis};
use wachat::device::{DeviceState, Kind};
use wachat::inbox::Inbox;
use wachat::room::Room;
use wachat::settings::{Hidden, Settings};
use wachat::store::{Location, Store};
use wachat::supervisor::Supervisor;

use crate::client::Client;
use crate::postgres;

/// The first key of every world.
pub const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";
/// A number that the sandbox plays no failure for.
pub const ALICE: &str = "628111111111";
pub const BOB: &str = "628111111112";
/// When held clocks begin: 2026-09-21T14:26:40Z, far from midnight.
const AFTERNOON: Millis = 1_790_000_800_000;
/// How long a story waits for a thing before it says that it did not happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Which database a story runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A gateway, and what a story needs to play with it.
pub struct World {
    pub database: Database,
    pub settings: Settings,
    pub clock: Clock,
    pub store: Store,
    pub inbox: Inbox,
    pub room: Room,
    pub supervisor: Supervisor,
    pub address: SocketAddr,
    /// Talks to it with [`KEY`].
    pub client: Client,
    pub device_id: String,
    pub sender: String,
    /// The administrator's, as the first start prints it; none after a restart.
    pub first_password: Option<String>,
    time: Time,
    stop: CancellationToken,
    served: JoinHandle<()>,
    /// As `wachat serve` holds them: commands beside it see by them that it runs.
    locks: Vec<std::fs::File>,
    folder: TempDir,
}

/// A gateway that is stopped, with its store and its clock.
pub struct Down {
    database: Database,
    settings: Settings,
    time: Time,
    clock: Clock,
    folder: TempDir,
}

impl Down {
    pub async fn start(self) -> World {
        World::start(self.folder, self.database, self.settings, self.time, self.clock).await
    }
}

/// Whose time a world keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Machine,
    /// It stands still until the story moves it.
    Held,
}

impl World {
    /// A gateway on the machine's own time.
    pub async fn new(database: Database) -> Self {
        Self::with(database, Time::Machine, |_| ()).await
    }

    /// A gateway whose clock stands still until the story moves it.
    pub async fn held(database: Database) -> Self {
        Self::with(database, Time::Held, |_| ()).await
    }

    /// A gateway with other settings.
    pub async fn with(database: Database, time: Time, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = match time {
            Time::Machine => Clock::system(),
            Time::Held => Clock::held(AFTERNOON),
        };
        let folder = TempDir::new().expect("a folder");
        let mut settings = settings(&folder.path().join("data"), database).await;
        change(&mut settings);
        Self::start(folder, database, settings, time, clock).await
    }

    async fn start(folder: TempDir, database: Database, mut settings: Settings, time: Time, clock: Clock) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        if !settings.public_url.starts_with("https:") {
            settings.public_url = format!("http://{address}");
        }
        let locks = App::lock(&settings).expect("nobody else serves it");
        let app = App::open(settings.clone(), clock.clone()).await.expect("the gateway opens");
        let first_password = app.greet().await.expect("the first rows").map(|greeting| greeting.password);
        let devices = app.store.list_devices(Some(1)).await.expect("devices");
        let device = devices.into_iter().find(|device| device.kind == Kind::Sandbox).expect("the first device");
        let (store, inbox, supervisor) = (app.store.clone(), app.inbox.clone(), app.supervisor.clone());
        let room = app.room.clone();
        let stop = CancellationToken::new();
        let served = spawn(app.serve(listener, wachat::limits::CONNECTIONS_MAX, stop.clone()));
        let world = Self {
            database,
            settings,
            clock,
            store,
            inbox,
            room,
            supervisor,
            address,
            client: Client::new(address, KEY),
            device_id: device.id,
            sender: device.sender,
            first_password,
            time,
            stop,
            served,
            locks,
            folder,
        };
        world.until_online(&world.device_id).await;
        world
    }

    /// Stops the gateway in order, as a SIGTERM does.
    pub async fn stop(self) {
        self.end().await;
    }

    /// Stops the gateway and starts it again on the same store, with the same clock.
    pub async fn restart(self) -> Self {
        self.end().await.start().await
    }

    /// Stops the gateway in order; it can be started again.
    pub async fn end(self) -> Down {
        self.stop.cancel();
        let stopped = within(Duration::from_secs(10), self.served).await;
        stopped.expect("the gateway stops within 10 s").expect("the gateway does not panic");
        let Self { database, settings, time, clock, folder, locks, .. } = self;
        drop(locks);
        Down { database, settings, time, clock, folder }
    }

    /// Where the gateway keeps its things, in `data`.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Moves the held clock, and gives what it wakes the time to run.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// Sends a text and gives its reference number.
    pub async fn send(&self, to: &str, text: &str) -> String {
        self.send_with(json!({"destination": to, "message": text})).await
    }

    /// Posts a message with these fields and gives its reference number.
    pub async fn send_with(&self, body: Value) -> String {
        let reply = self.client.post("/message", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned()
    }

    /// Posts a media message with these fields and gives its reference number.
    pub async fn send_media(&self, body: Value) -> String {
        let reply = self.client.post("/media", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned()
    }

    /// One message's `data`.
    pub async fn status(&self, ref_no: &str) -> Value {
        let reply = self.client.get(&format!("/status/{ref_no}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["data"].clone()
    }

    /// Waits until a message is in a state; a held clock is moved on in small steps meanwhile.
    pub async fn until(&self, ref_no: &str, state: &str) -> Value {
        self.until_within(ref_no, state, Duration::from_millis(20)).await
    }

    /// As [`World::until`], moving a held clock by `step` at a time.
    pub async fn until_within(&self, ref_no: &str, state: &str, step: Duration) -> Value {
        eventually(&format!("{ref_no} becomes {state}"), async || {
            if self.time == Time::Held {
                self.advance(step).await;
            }
            let message = self.status(ref_no).await;
            if message["status"] == state { Ok(message) } else { Err(message.to_string()) }
        })
        .await
    }

    pub async fn until_online(&self, device_id: &str) {
        eventually("the device is online", async || {
            let device = self.store.find_device(device_id).await.expect("a readable store");
            match device {
                Some(device) if device.state == DeviceState::Online => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Adds a client with an owner, his key and a sandbox device.
    pub async fn add_client(&self, name: &str, sender: &str) -> Other {
        let reply = self.client.manage("POST", "/clients", Some(json!({"name": name}))).await;
        let client_id = reply.body["data"]["id"].as_i64().expect("a client");
        let person = json!({"userid": format!("owner-of-{name}"), "role": "owner"});
        let reply = self.client.manage("POST", &format!("/clients/{client_id}/persons"), Some(person)).await;
        let person_id = reply.body["data"]["id"].as_i64().expect("a person");
        let key = json!({"person_id": person_id});
        let reply = self.client.manage("POST", &format!("/clients/{client_id}/keys"), Some(key)).await;
        let key = reply.body["data"]["api_key"].as_str().expect("a key").to_owned();
        let device = json!({"client_id": client_id, "kind": "sandbox", "sender": sender});
        let reply = self.client.manage("POST", "/devices", Some(device)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let device_id = reply.body["data"]["device_id"].as_str().expect("a device").to_owned();
        self.until_online(&device_id).await;
        Other { client_id, person_id, device_id, client: Client::new(self.address, &key) }
    }
}

/// Another client of the same gateway.
pub struct Other {
    pub client_id: i64,
    pub person_id: i64,
    pub device_id: String,
    pub client: Client,
}

/// The settings of a gateway on a fresh store.
pub async fn settings(data_dir: &std::path::Path, database: Database) -> Settings {
    let mut settings = Settings::with_defaults(data_dir, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    settings.api_key = Some(Hidden(KEY.into()));
    settings.rate_limit = 0;
    // Whatever the machine has: stories say what is free.
    settings.free_space_floor_mb = 0;
    settings.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
    if database == Database::Postgres {
        settings.database_url = postgres::database().await;
    }
    settings
}

/// A fresh store, without a gateway.
pub async fn fresh_store(database: Database) -> (Store, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let settings = settings(folder.path(), database).await;
    let location = Location::parse(&settings.database_url).expect("a location");
    (Store::open(&location).await.expect("the store opens"), folder)
}

#[allow(clippy::disallowed_methods, reason = "joined by who spawns it")]
fn spawn<E: std::fmt::Debug>(served: impl Future<Output = Result<(), E>> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async { served.await.expect("the gateway serves") })
}

/// Gives a future at most `limit`.
#[allow(clippy::disallowed_methods, reason = "a guard against a hang, no part of any story")]
pub async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, tokio::time::error::Elapsed> {
    tokio::time::timeout(limit, future).await
}

/// Asks again and again until it is so; gives what was found. `look` says what it saw instead.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// As [`eventually`], for as long as `limit`: there may be much to do.
pub async fn eventually_within<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    // A look may move a clock on: after a hold-up of this machine, what waits for that clock gets as much time as ever.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = String::from("nothing");
    let found = within(limit, async {
        loop {
            ticks.tick().await;
            match look().await {
                Ok(found) => return found,
                Err(instead) => seen = instead,
            }
        }
    })
    .await;
    found.unwrap_or_else(|_| panic!("{what}: not within {limit:?}; last seen: {seen}"))
}

/// Stories, each told on both stores.
macro_rules! stories {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: Database) $story:block)+) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "a story need not use everything its file does")]
                use super::*;
                use crate::world::Database;

                $(#[$meta])*
                async fn story($database: Database) $story

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    story(Database::Sqlite).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    story(Database::Postgres).await;
                }
            }
        )+
    };
}
pub(crate) use stories;
