//! A door in front of PostgreSQL, for stories about a server that is stopped or does not answer.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A socket in front of PostgreSQL's: it is shut as if the server had stopped, or frozen as if the server's machine were.
pub struct Door {
    folder: TempDir,
    behind: PathBuf,
    open: JoinSet<()>,
    frozen: watch::Sender<bool>,
}

const SOCKET: &str = ".s.PGSQL.5432";

impl Door {
    /// A door in front of the database of this address, and the address of that database behind the door.
    pub async fn before(url: &str) -> (Self, String) {
        let (front, host) = url.split_once("?host=").expect("a folder");
        let behind = PathBuf::from(host.replace("%2F", "/")).join(SOCKET);
        let folder = TempDir::new().expect("a folder");
        let url = format!("{front}?host={}", folder.path().display().to_string().replace('/', "%2F"));
        let mut door = Self { folder, behind, open: JoinSet::new(), frozen: watch::Sender::new(false) };
        door.open();
        (door, url)
    }

    pub fn open(&mut self) {
        let listener = UnixListener::bind(self.folder.path().join(SOCKET)).expect("a socket");
        let (behind, frozen) = (self.behind.clone(), self.frozen.subscribe());
        self.open.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut one, _)) = listener.accept().await {
                let (behind, mut frozen) = (behind.clone(), frozen.clone());
                connections.spawn(async move {
                    let Ok(mut other) = UnixStream::connect(behind).await else { return };
                    let is_frozen = tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut one, &mut other) => false,
                        _ = frozen.wait_for(|frozen| *frozen) => true,
                    };
                    if is_frozen {
                        // Both stay open, and nothing goes through.
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
    }

    pub async fn shut(&mut self) {
        self.open.shutdown().await;
        std::fs::remove_file(self.folder.path().join(SOCKET)).expect("removed");
    }

    /// From now on nothing goes through, and no connection ends.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }
}
