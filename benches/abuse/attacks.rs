//! The attacks: what callers without a key can do, and what a customer's own programs can do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wachat::account::{ApiKey, Role};
use wachat::api::routes::{BASE, MANAGE};
use wachat::clock::Clock;
use wachat::device::{Kind, new_device_id};
use wachat::secrets::MasterKey;
use wachat::store::{NewDevice, NewKey, NewPerson};

use crate::instance::Instance;

/// Upper bound on one round of an attack.
pub const LONGEST: Duration = Duration::from_secs(60);
const MB: usize = 1_000_000;
static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// 2,000 sign-ins with made-up names, each from a different address
    SignIns,
    /// 400 password changes for a user, with nobody waiting for the responses
    Passwords,
    /// 16 uploads of 90 MB at once
    Uploads,
    /// 200 uploads at one byte per second
    SlowUploads,
    /// 48 files of 60 MB that the gateway downloads
    Downloads,
    /// 200 arrays of 1 MB where an object is expected
    Lists,
    /// 64 uploads of 60 MB without an API key
    Strangers,
    /// 900 connections whose client never reads
    Deaf,
}

impl Attack {
    pub const ALL: [Self; 8] = [
        Self::SignIns,
        Self::Passwords,
        Self::Uploads,
        Self::SlowUploads,
        Self::Downloads,
        Self::Lists,
        Self::Strangers,
        Self::Deaf,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::SignIns => "2,000 hostile sign-ins",
            Self::Passwords => "400 abandoned passwords",
            Self::Uploads => "16 uploads of 90 MB",
            Self::SlowUploads => "200 uploads of a byte a second",
            Self::Downloads => "48 downloads of 60 MB",
            Self::Lists => "200 lists of 1 MB",
            Self::Strangers => "64 bodies of 60 MB without a key",
            Self::Deaf => "900 clients that never read",
        }
    }

    /// Upper bound on the gateway's peak memory: one client's files get at most a third of the node's memory budget.
    pub fn bound_mb(self) -> f64 {
        match self {
            Self::Uploads | Self::Downloads => 600.0,
            Self::SlowUploads | Self::Lists => 300.0,
            Self::SignIns | Self::Passwords | Self::Strangers | Self::Deaf => 150.0,
        }
    }

    pub async fn run(self, address: SocketAddr, key: String) {
        match self {
            Self::SignIns => sign_ins(address).await,
            Self::Passwords => passwords(address, &key).await,
            Self::Uploads => many(16, |_| upload(address, key.clone(), 90 * MB)).await,
            Self::SlowUploads => many(200, |_| slow_upload(address, key.clone())).await,
            Self::Downloads => downloads(address, &key).await,
            Self::Lists => many(200, |_| list(address, key.clone())).await,
            Self::Strangers => many(64, |_| upload(address, "no-such-key-0000".into(), 60 * MB)).await,
            Self::Deaf => many(900, |_| deaf(address, key.clone())).await,
        }
    }
}

/// Creates a customer for the attacker and returns its API key.
pub async fn prepare(instance: &Instance) -> anyhow::Result<String> {
    let (store, clock) = (instance.store().await?, Clock::system());
    let (now, key) = (clock.now(), ApiKey::generate(&clock));
    let client_id = store.add_client("Attacker", "62", now).await?;
    let (userid, role) = ("attacker".to_owned(), Role::Owner);
    let person = NewPerson { client_id, userid, role, password_hash: None, created_at: now };
    let person_id = store.add_person(person).await?;
    let master_key = MasterKey::parse(&std::fs::read_to_string(instance.folder().join("master.key"))?)?;
    let hash = store.open_key_secret(&master_key).await?.stored(&key.hash());
    let (name, hint) = ("key".to_owned(), key.hint());
    store.add_key(NewKey { client_id, person_id, name, hash, hint, created_at: now, expires_at: None }).await?;
    let device = NewDevice {
        id: new_device_id(client_id, &clock),
        client_id,
        sender: "628110000099".into(),
        name: "Attacker".into(),
        kind: Kind::Sandbox,
        daily_limit: 0,
        created_at: now,
    };
    store.add_device(device).await?;
    store.close().await;
    Ok(key.reveal().to_owned())
}

async fn many<F: Future<Output = std::io::Result<()>> + Send + 'static>(count: usize, one: impl Fn(usize) -> F) {
    let mut all = JoinSet::new();
    for number in 0..count {
        all.spawn(one(number));
    }
    // The gateway is expected to close some of these connections.
    while all.join_next().await.is_some() {}
}

/// Writes a request and reads until the peer closes the connection.
async fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    read_all(stream).await
}

async fn read_all(mut stream: TcpStream) -> std::io::Result<()> {
    let mut answer = [0; 4096];
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}

async fn sign_ins(address: SocketAddr) {
    many(32, |lane| async move {
        for number in 0..2_000 / 32 + 1 {
            let body = format!("userid=nobody-{lane}-{number}&password=wrong-{number}");
            let from = format!("10.{lane}.{}.{}", number / 250, number % 250 + 1);
            let request = format!(
                "POST /console/sign-in HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {from}\r\nConnection: close\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            exchange(address, request.as_bytes()).await?;
        }
        Ok(())
    })
    .await;
}

async fn passwords(address: SocketAddr, key: &str) {
    many(400, |number| {
        let body = format!(r#"{{"password":"a new password {number}"}}"#);
        let request = format!(
            "PATCH {MANAGE}/clients/2/persons/2 HTTP/1.1\r\nHost: localhost\r\nAPIKey: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(request.as_bytes()).await
        }
    })
    .await;
}

const END: &str = "\r\n--cut--\r\n";

fn upload_head(key: &str, bytes: usize) -> String {
    let part = "--cut\r\nContent-Disposition: form-data; name=\"destination\"\r\n\r\n6281234567890\r\n\
                --cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    format!(
        "POST {BASE}/media HTTP/1.1\r\nHost: localhost\r\nAPIKey: {key}\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {}\r\n\r\n{part}",
        bytes + part.len() + END.len()
    )
}

async fn upload(address: SocketAddr, key: String, bytes: usize) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(upload_head(&key, bytes).as_bytes()).await?;
    let mut left = bytes;
    while left > 0 {
        let now = left.min(CHUNK.len());
        stream.write_all(&CHUNK[..now]).await?;
        left -= now;
    }
    stream.write_all(END.as_bytes()).await?;
    read_all(stream).await
}

async fn slow_upload(address: SocketAddr, key: String) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(upload_head(&key, 90 * MB).as_bytes()).await?;
    let clock = Clock::system();
    for _ in 0..LONGEST.as_secs() {
        stream.write_all(b"x").await?;
        clock.sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// A file server that serves as many bytes as the URL asks for, which the gateway downloads from.
async fn downloads(address: SocketAddr, key: &str) {
    let Ok(files) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await else { return };
    let Ok(host) = files.local_addr() else { return };
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut all = JoinSet::new();
        while let Ok((stream, _)) = files.accept().await {
            all.spawn(serve_file(stream));
        }
    });
    many(48, |number| {
        let body = format!(
            r#"{{"destination":"62812000{number:05}","media_url":"http://{host}/{number}.bin","kind":"document"}}"#
        );
        let request = format!(
            "POST {BASE}/media HTTP/1.1\r\nHost: localhost\r\nAPIKey: {key}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        async move { exchange(address, request.as_bytes()).await }
    })
    .await;
    Clock::system().sleep(LONGEST / 2).await;
}

async fn serve_file(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 4096];
    if stream.read(&mut request).await? == 0 {
        return Ok(());
    }
    let bytes = 60 * MB;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut left = bytes;
    while left > 0 {
        let now = left.min(CHUNK.len());
        stream.write_all(&CHUNK[..now]).await?;
        left -= now;
    }
    Ok(())
}

/// 1 MB of tiny array elements, built once so that the attacker spends little CPU time.
static LIST: LazyLock<String> = LazyLock::new(|| format!("[{}{{}}]", "{},".repeat(MB / 3 - 1)));

async fn list(address: SocketAddr, key: String) -> std::io::Result<()> {
    let body = &*LIST;
    let head = format!(
        "POST {BASE}/message HTTP/1.1\r\nHost: localhost\r\nAPIKey: {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    read_all(stream).await
}

/// Requests the largest possible response and never reads it.
async fn deaf(address: SocketAddr, key: String) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nAPIKey: {key}\r\n\r\n").repeat(20);
    stream.write_all(request.as_bytes()).await?;
    Clock::system().sleep(LONGEST / 2).await;
    Ok(())
}
