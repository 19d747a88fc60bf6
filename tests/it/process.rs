//! The real program: started, asked, killed. For stories about signals, crashes and the command line.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::postgres;
use crate::world::{Database, KEY, eventually};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wachat");
pub const PASSWORD: &str = "a password for stories";

/// Where a program keeps its things: a folder, and a database.
pub struct Place {
    pub folder: TempDir,
    pub database_url: Option<String>,
}

impl Place {
    pub async fn new(database: Database) -> Self {
        let database_url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(postgres::database().await),
        };
        Self { folder: TempDir::new().expect("a folder"), database_url }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The program with these words, on this place and nothing of the environment's own settings.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(self.folder.path());
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WACHAT_")) {
            command.env_remove(name);
        }
        command.env("WACHAT_DATA_DIR", self.data_dir()).env("WACHAT_API_KEY", KEY);
        command.env("WACHAT_ADMIN_PASSWORD", PASSWORD).env("WACHAT_ALLOW_NETWORKS", "127.0.0.0/8");
        command.env("WACHAT_RATE_LIMIT", "0").env("WACHAT_FREE_SPACE_FLOOR_MB", "0");
        if let Some(url) = &self.database_url {
            command.env("WACHAT_DATABASE_URL", url);
        }
    }

    /// Runs the program to its end.
    pub async fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        let ran = tokio::task::spawn_blocking(move || command.output());
        ran.await.expect("it ran").expect("it started")
    }

    /// Runs the program, which succeeds; gives what it printed as JSON.
    pub async fn json(&self, words: &[&str]) -> Value {
        let output = self.run(words).await;
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {}", text(&output.stdout)))
    }

    /// Runs the program, which fails; gives what it said.
    pub async fn fails(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        assert!(!output.status.success(), "{words:?} succeeded: {}", text(&output.stdout));
        text(&output.stderr)
    }

    /// Starts `serve` on a free port and waits until it answers.
    pub async fn serve(&self) -> Serving {
        Serving::start(self.command(&["serve", "--listen", "127.0.0.1:0"])).await
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `serve`. Killed when it is dropped.
pub struct Serving {
    child: Child,
    pub client: Client,
    /// What it printed to standard output until it was ready.
    pub said: String,
    log: Arc<Mutex<String>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    pub async fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log: Arc<Mutex<String>> = Arc::default();
        let (mut out, err) = (BufReader::new(child.stdout.take().expect("out")), child.stderr.take().expect("err"));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = std::mem::take(&mut *kept) + &line + "\n";
            }
        });
        let first = tokio::task::spawn_blocking(move || {
            let mut first = String::new();
            let _ = out.read_line(&mut first);
            let greets = !first.contains("API documentation");
            let mut said = first.clone();
            // The greeting's last line is the request for a status.
            while greets && !said.contains("/status/REF_NO") {
                let mut line = String::new();
                if out.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                said += &line;
            }
            std::thread::spawn(move || drop(out.read_to_string(&mut String::new())));
            (first, said)
        });
        let (first, said) = first.await.expect("it was read");
        let address = first.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.wait();
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            panic!("it does not serve: {first}{log}");
        };
        Self { child, client: Client::new(address, KEY), said, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }

    /// SIGTERM; waits for its end.
    pub async fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        eventually("it stops", async || self.child.try_wait().expect("a child").ok_or_else(|| self.log())).await
    }
}

/// A command that runs on while the story goes on. Killed when it is dropped.
pub struct Typed {
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Drop for Typed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Typed {
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said: Arc<Mutex<String>> = Arc::default();
        let (out, err) = (child.stdout.take().expect("out"), child.stderr.take().expect("err"));
        let pipes: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        let readers = pipes.map(|pipe| {
            let kept = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    *kept.lock().unwrap_or_else(PoisonError::into_inner) += &(line + "\n");
                }
            })
        });
        Self { child, said, readers: readers.into() }
    }

    /// What it printed so far, to standard output and standard error.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Types a line into it.
    pub fn enter(&mut self, line: &str) {
        self.enter_bytes(line.as_bytes());
    }

    /// The same, of bytes that may be no text.
    pub fn enter_bytes(&mut self, line: &[u8]) {
        let input = self.child.stdin.as_mut().expect("in");
        input.write_all(&[line, b"\n"].concat()).and_then(|()| input.flush()).expect("it reads");
    }

    pub async fn until(&self, words: &str) {
        eventually(words, async || if self.said().contains(words) { Ok(()) } else { Err(self.said()) }).await;
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is signalled");
    }

    /// Waits for its end; gives its exit code and what it printed.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let look = async || self.child.try_wait().expect("a child").ok_or_else(|| String::from("it runs on"));
        let status = eventually("it ends", look).await;
        for reader in std::mem::take(&mut self.readers) {
            reader.join().expect("it was read");
        }
        (status.code(), self.said())
    }
}

/// Whether a file holds these bytes.
pub fn holds(path: &Path, needle: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}
