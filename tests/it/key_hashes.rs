//! Stories of what the store keeps of API keys: one that an operator chose cannot be guessed from a copy of the database.

use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use wachat::account::KeyHash;

use crate::process::Place;
use crate::world::{KEY, World, stories};

/// Somebody's idea of a key.
const CHOSEN: &str = "toko-sehat-2024-key";

enum Rows {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl Rows {
    async fn of(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(rusqlite::Connection::open(path).expect("a connection")),
            None => Self::Postgres(PgConnection::connect(url).await.expect("a connection")),
        }
    }

    /// What is stored of each key.
    async fn hashes(&mut self) -> Vec<Vec<u8>> {
        let text = "SELECT hash FROM api_keys ORDER BY id";
        match self {
            Self::Sqlite(conn) => {
                let mut found = conn.prepare(text).expect("prepared");
                let rows = found.query_map([], |row| row.get(0)).expect("read");
                rows.collect::<Result<_, _>>().expect("read")
            }
            Self::Postgres(conn) => sqlx::query_scalar(text).fetch_all(conn).await.expect("read"),
        }
    }

    /// Makes the first key what a program before stored of it.
    async fn forget_secret(&mut self, hash: Vec<u8>) {
        let text = "UPDATE api_keys SET hash = $1, is_keyed = FALSE WHERE id = 1";
        match self {
            Self::Sqlite(conn) => drop(conn.execute(&text.replace('$', "?"), [hash]).expect("stored")),
            Self::Postgres(conn) => drop(sqlx::query(text).bind(hash).execute(conn).await.expect("stored")),
        }
    }
}

/// What somebody who guesses a key can make of it without the master key.
fn guesses(key: &str) -> [Vec<u8>; 2] {
    let hash = KeyHash::of(key).0.to_vec();
    [hash.clone(), Sha256::digest(&hash).to_vec()]
}

stories! {
    async fn what_is_stored_of_a_key_is_worth_nothing_without_the_master_key(database: Database) {
        let (one, other) = (World::new(database).await, World::new(database).await);
        let mut stored = Vec::new();
        for world in [&one, &other] {
            let key = serde_json::json!({"person_id": 1, "api_key": CHOSEN});
            assert_eq!(world.client.manage("POST", "/clients/1/keys", Some(key.clone())).await.status, 201);
            assert_eq!(world.client.manage("POST", "/clients/1/keys", Some(key)).await.status, 409, "it is known");
            assert_eq!(world.client.with_key(CHOSEN).get("/auth/api_key").await.status, 200);
            let hashes = Rows::of(&world.settings.database_url).await.hashes().await;
            for (hash, key) in hashes.iter().zip([KEY, CHOSEN]) {
                assert!(!guesses(key).contains(hash), "{key}");
            }
            stored.push(hashes);
        }
        // The same keys under another master key.
        assert!(stored[0].iter().all(|hash| !stored[1].contains(hash)));
        other.stop().await;
        one.stop().await;
    }

    async fn a_key_that_was_stored_before_is_stored_so_at_the_next_start_and_stays_good(database: Database) {
        let mut world = World::new(database).await;
        let url = world.settings.database_url.clone();
        let before = Rows::of(&url).await.hashes().await;
        let [plain, _] = guesses(KEY);
        let down = world.end().await;
        Rows::of(&url).await.forget_secret(plain.clone()).await;
        assert_eq!(Rows::of(&url).await.hashes().await, std::slice::from_ref(&plain));
        world = down.start().await;
        assert_eq!(world.client.get("/auth/api_key").await.status, 200);
        assert_eq!(Rows::of(&url).await.hashes().await, before);
        world.stop().await;
    }

    async fn a_key_is_good_under_every_master_key(database: Database) {
        let place = Place::new(database).await;
        assert!(place.serve().await.terminate().await.success());
        let first = place.data_dir().join("first.key");
        std::fs::copy(place.data_dir().join("master.key"), &first).expect("copied");
        place.json(&["key", "import", CHOSEN, "--client", "1", "--user", "shop", "--json"]).await;
        let back = first.display().to_string();
        for words in [&["master-key", "rotate", "--json"][..], &["master-key", "rotate", "--json"], &["master-key", "rotate", "--json", "--new-key-file", &back]] {
            place.json(words).await;
            assert!(place.fails(&["key", "import", CHOSEN, "--client", "1", "--user", "shop"]).await.contains("known"));
            let serving = place.serve().await;
            for key in [KEY, CHOSEN] {
                assert_eq!(serving.client.with_key(key).get("/auth/api_key").await.status, 200, "{key}");
            }
            assert!(serving.terminate().await.success());
        }
    }
}
