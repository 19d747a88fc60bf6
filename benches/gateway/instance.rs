//! The files and database of one gateway under measurement: a data folder on the same disk as the build, and a
//! database. Both are deleted when the [`Instance`] is dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use url::Url;
use wachat::app::App;
use wachat::clock::Clock;
use wachat::device::{Kind, new_device_id};
use wachat::settings::{Hidden, Settings};
use wachat::store::{DevicePatch, Location, NewDevice, Store};

/// The API key of every measured gateway.
pub const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";
/// The client that the first run creates.
pub const CLIENT: i64 = 1;

/// Prefix of an instance's folder name.
const PREFIX: &str = "instance-";

/// Whether an instance's devices send the messages that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    Sending,
    Paused,
}

/// The folder, and optionally the database server, in which instances are created.
pub struct Workspace {
    folder: PathBuf,
    /// Locked while a benchmark runs: two at once would distort each other.
    _lock: File,
    /// A database with permission to create databases; `None` for SQLite.
    admin: Option<Url>,
}

pub struct Instance {
    folder: TempDir,
    database: Option<Database>,
}

/// A PostgreSQL database, dropped at the end.
struct Database {
    admin: Url,
    name: String,
    url: Url,
}

impl Workspace {
    /// The benchmark folder beside the build, cleared of leftovers of killed benchmarks.
    pub fn new(database_url: Option<&str>) -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = File::create(folder.join("bench.lock"))?;
        lock.try_lock().with_context(|| format!("another benchmark runs in {}", folder.display()))?;
        for left in std::fs::read_dir(&folder)? {
            let left = left?;
            if left.file_name().to_string_lossy().starts_with(PREFIX) {
                std::fs::remove_dir_all(left.path())?;
            }
        }
        let admin = database_url.map(Url::parse).transpose().context("--database-url")?;
        Ok(Self { folder, _lock: lock, admin })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The database under measurement, with the settings that decide how durable a commit is.
    pub async fn database(&self) -> anyhow::Result<String> {
        let Some(admin) = &self.admin else { return Ok("SQLite, WAL, synchronous=FULL".into()) };
        let mut conn = PgConnection::connect(admin.as_str()).await.context("--database-url")?;
        let mut shown = Vec::new();
        for name in ["server_version", "fsync", "synchronous_commit"] {
            let value: String = sqlx::query_scalar(AssertSqlSafe(format!("SHOW {name}"))).fetch_one(&mut conn).await?;
            shown.push(format!("{name} {value}"));
        }
        Ok(format!("PostgreSQL, {}", shown.join(", ")))
    }

    /// Creates an empty instance.
    pub async fn instance(&self) -> anyhow::Result<Instance> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&self.folder)?;
        let database = match &self.admin {
            Some(admin) => Some(Database::create(admin).await?),
            None => None,
        };
        Ok(Instance { folder, database })
    }

    /// Creates an instance with a client, [`KEY`] and `count` sandbox devices; also returns the devices.
    pub async fn with_devices(&self, count: u32, devices: Devices) -> anyhow::Result<(Instance, Vec<String>)> {
        let instance = self.instance().await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let app = open(instance.folder(), address, instance.database_url()).await?;
        let greeting = app.greet().await?.context("the store is not empty")?;
        let mut ids = vec![greeting.device_id];
        for number in 1..count {
            let device = NewDevice {
                id: new_device_id(CLIENT, &app.clock),
                client_id: CLIENT,
                sender: format!("{}", 628_110_000_000 + u64::from(number)),
                name: format!("Sandbox {number}"),
                kind: Kind::Sandbox,
                daily_limit: 0,
                created_at: app.clock.now(),
            };
            ids.push(device.id.clone());
            app.store.add_device(device).await?;
        }
        if devices == Devices::Paused {
            for id in &ids {
                app.store.update_device(id, DevicePatch { paused: Some(true), ..DevicePatch::default() }).await?;
            }
        }
        app.store.close().await;
        Ok((instance, ids))
    }
}

impl Instance {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `None` when the database is the SQLite file in its folder.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(|database| database.url.as_str())
    }

    /// Opens its store, whether or not a server is running.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let url = match self.database_url() {
            Some(url) => url.to_owned(),
            None => format!("sqlite:{}", self.folder().join("wachat.db").display()),
        };
        Ok(Store::open(&Location::parse(&url).map_err(anyhow::Error::msg)?).await?)
    }

    /// Number of messages in its store.
    pub async fn count(&self) -> anyhow::Result<u64> {
        let store = self.store().await?;
        let counts = store.count_messages(None).await?;
        store.close().await;
        Ok(counts.iter().map(|(_, count)| count.unsigned_abs()).sum())
    }
}

/// Opens the application on this folder, as a gateway would.
pub async fn open(folder: &Path, address: SocketAddr, database_url: Option<&str>) -> anyhow::Result<App> {
    let mut settings = Settings::with_defaults(folder, address);
    settings.rate_limit = 0;
    settings.api_key = Some(Hidden(KEY.into()));
    if let Some(url) = database_url {
        settings.database_url = url.to_owned();
    }
    Ok(App::open(settings, Clock::system()).await?)
}

impl Database {
    async fn create(admin: &Url) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("wachat_bench_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut url = admin.clone();
        url.set_path(&name);
        on(admin, format!("CREATE DATABASE {name}")).await?;
        Ok(Self { admin: admin.clone(), name, url })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, text) = (self.admin.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // Drop cannot block on the runtime it runs in, so it uses a thread and a runtime of its own.
        let dropped = std::thread::spawn(move || -> anyhow::Result<()> {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(on(&admin, text))
        });
        if !dropped.join().is_ok_and(|dropped| dropped.is_ok()) {
            crate::report::say(&format!("the database {} could not be dropped", self.name));
        }
    }
}

async fn on(admin: &Url, text: String) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(admin.as_str()).await.context("--database-url")?;
    // The SQL consists only of a fixed name and two numbers.
    sqlx::query(AssertSqlSafe(text)).execute(&mut conn).await?;
    Ok(conn.close().await?)
}
