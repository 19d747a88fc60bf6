//! A PostgreSQL server of the tests' own: made once a run in a folder of its own, reached over a Unix socket, gone with
//! the run, however it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, PgConnection};

/// Starts the server, and ends it when standard input closes: which it does when the run ends, whatever ended it.
/// `fsync` is off: no story pulls the plug on this server, the crashes told are the gateway's.
const SCRIPT: &str = r#"
set -eu
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)
folder=$(mktemp -d /tmp/wachat-pg.XXXXXX)
# PostgreSQL refuses to run as root.
as=
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid postgres --regid postgres --clear-groups"; chown postgres "$folder"; fi
cd "$folder"
command -v initdb >/dev/null || { echo "no initdb: run 'cargo xtask test', which installs PostgreSQL" >&2; exit 1; }
$as initdb -D "$folder/data" -U postgres --auth trust --no-sync -E UTF8 --locale C >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
$as postgres -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c max_connections=1000 -c shared_buffers=64MB >>"$folder/log" 2>&1 &
server=$!
trap '' INT
tries=0
until $as pg_isready -q -h "$folder" -U postgres; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then cat "$folder/log" >&2; exit 1; fi
    sleep 0.1
done
echo "$folder"
cat >/dev/null
kill -QUIT $server 2>/dev/null || true
wait $server || true
rm -rf "$folder"
"#;

struct Server {
    folder: String,
    /// Its standard input is what keeps the server alive.
    _script: Child,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let mut script =
        Command::new("sh").args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    let mut folder = String::new();
    let out = script.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut folder).expect("its first line");
    assert!(!folder.trim().is_empty(), "PostgreSQL did not start; what it said stands above");
    Server { folder: folder.trim().to_owned(), _script: script }
});

/// The URL of a fresh, empty database.
pub async fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("story_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let folder = tokio::task::spawn_blocking(|| SERVER.folder.clone()).await.expect("the server starts");
    let mut admin = PgConnection::connect(&url(&folder, "postgres")).await.expect("a connection");
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut admin).await.expect("a database");
    url(&folder, &name)
}

fn url(folder: &str, name: &str) -> String {
    format!("postgres://postgres@localhost/{name}?host={}", folder.replace('/', "%2F"))
}
