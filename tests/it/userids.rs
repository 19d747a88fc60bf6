//! Stories of the names that people sign in with: one person, however the name is written; and nothing of another client's.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use wachat::store::{Location, Store, StoreError};

use crate::console::{Visitor, gateway};
use crate::process::Place;
use crate::world::{Database, World, settings, stories};

const OWN: &str = "a password of the first";
const THEIRS: &str = "a password of the second";

/// One name as different keyboards, systems and copies write it.
const SPELLINGS: [&str; 6] = [
    "jos\u{e9}",
    "JOSE\u{301}",
    "\u{ff2a}\u{ff2f}\u{ff33}\u{c9}",
    "jo\u{200b}s\u{e9}",
    "\u{202e}Jos\u{e9}\u{202c}",
    "jose\u{ad}\u{301}",
];

async fn add(world: &World, client: i64, userid: &str, password: &str) -> (u16, Value) {
    let person = json!({"userid": userid, "role": "owner", "password": password});
    let reply = world.client.manage("POST", &format!("/clients/{client}/persons"), Some(person)).await;
    (reply.status, reply.body)
}

/// Who signed in at a client, or tried.
async fn deeds(world: &World, client: i64) -> Vec<(String, String)> {
    let audit = world.client.manage("GET", &format!("/audit?client_id={client}"), None).await;
    let deeds = audit.body["data"]["items"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let deeds = deeds.iter().map(|deed| (text(&deed["userid"]), text(&deed["action"])));
    deeds.filter(|(_, action)| action.starts_with("sign in")).collect()
}

/// A store as the program before this migration left it.
async fn store_before(version: usize, database: Database, rows: &[&str]) -> (Location, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let url = settings(folder.path(), database).await.database_url;
    let mut files: Vec<_> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"))
        .expect("the migrations")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "sql"))
        .collect();
    files.sort();
    let mut texts = vec!["CREATE TABLE schema_version (version BIGINT NOT NULL)".to_owned()];
    texts.extend(files.iter().take(version - 1).map(|path| std::fs::read_to_string(path).expect("a text")));
    texts.push(format!("INSERT INTO schema_version (version) VALUES ({})", version - 1));
    texts.extend(rows.iter().map(|row| (*row).to_owned()));
    match database {
        Database::Sqlite => {
            let conn = rusqlite::Connection::open(url.trim_start_matches("sqlite:")).expect("a database");
            for text in texts {
                let text = text.replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY").replace("BYTEA", "BLOB");
                conn.execute_batch(&text).expect("run");
            }
        }
        Database::Postgres => {
            let mut conn = PgConnection::connect(&url).await.expect("a connection");
            for text in texts {
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut conn).await.expect("run");
            }
        }
    }
    (Location::parse(&url).expect("a location"), folder)
}

stories! {
    async fn a_person_is_found_however_the_name_is_written(database: Database) {
        let world = gateway(database).await;
        assert_eq!(add(&world, 1, SPELLINGS[0], OWN).await.0, 201);
        for spelling in SPELLINGS {
            assert_eq!(add(&world, 1, spelling, OWN).await.0, 409, "{spelling:?}");
            assert_eq!(Visitor::new(&world).sign_in(spelling, OWN).await.status, 200, "{spelling:?}");
            let found = world.store.find_person(1, spelling).await.expect("readable").expect("found");
            assert_eq!(found.userid, SPELLINGS[0], "as it was written first");
        }
        for other in ["jose", "josef", "jos\u{e9}-2"] {
            assert_eq!(add(&world, 1, other, OWN).await.0, 201, "{other}");
        }
        assert_eq!(add(&world, 1, "\u{200b}\u{2066}", OWN).await.0, 422);
        world.stop().await;
    }

    async fn tries_of_a_password_are_counted_for_the_name_however_it_is_written(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::new(&world);
        let mut answers = Vec::new();
        for spelling in SPELLINGS {
            answers.push(visitor.sign_in(spelling, "not the password").await.status);
        }
        assert_eq!(answers, [403, 403, 403, 403, 403, 429]);
        world.stop().await;
    }

    async fn a_name_is_free_whoever_has_it_at_another_client(database: Database) {
        let world = gateway(database).await;
        let other = world.add_client("other", "628110000077").await;
        let (status, first) = add(&world, 1, "Rina", OWN).await;
        let (again, second) = add(&world, other.client_id, "rina", THEIRS).await;
        assert_eq!((status, again), (201, 201), "{second}");
        // The same answer, but for whose it is.
        let shape = |body: &Value| body["data"].as_object().expect("a person").keys().cloned().collect::<Vec<_>>();
        assert_eq!(shape(&first), shape(&second));
        assert_eq!(add(&world, other.client_id, "RINA", THEIRS).await.0, 409, "within a client it is taken");
        for (spelling, password, client_id, userid) in [("rina", OWN, 1, "Rina"), ("RINA", THEIRS, other.client_id, "rina")] {
            assert_eq!(Visitor::new(&world).sign_in(spelling, password).await.status, 200, "{spelling}");
            assert_eq!(deeds(&world, client_id).await, [(userid.to_owned(), "sign in".to_owned())]);
        }
        assert_eq!(Visitor::new(&world).sign_in("rina", "neither's password").await.status, 403);
        for client_id in [1, other.client_id] {
            assert_eq!(deeds(&world, client_id).await[0].1, "sign in refused", "whoever has the name sees that it was tried");
        }
        // All of the name have one salt: the password is hashed once, whoever has the name.
        let hashes: Vec<String> = world.store.find_passwords("rina").await.expect("readable").into_iter().filter_map(|record| record.password_hash).collect();
        let salts: Vec<_> = hashes.iter().filter_map(|hash| hash.rsplit_once('$')).map(|(way, _)| way).collect();
        assert_eq!((salts.len(), salts[0]), (2, salts[1]));
        world.stop().await;
    }

    async fn who_sets_the_password_that_another_of_the_name_has_is_signed_in_and_learns_nothing(database: Database) {
        let world = gateway(database).await;
        let other = world.add_client("other", "628110000077").await;
        assert_eq!(add(&world, 1, "rina", OWN).await.0, 201);
        let (_, second) = add(&world, other.client_id, "rina", OWN).await;
        let records = world.store.find_passwords("rina").await.expect("readable");
        assert_eq!(records[0].id, second["data"]["id"], "whoever set it last");
        assert_eq!(Visitor::new(&world).sign_in("rina", OWN).await.status, 200);
        assert_eq!((deeds(&world, 1).await.len(), deeds(&world, other.client_id).await.len()), (0, 1));
        world.stop().await;
    }

    async fn names_that_differed_before_are_found_after_an_upgrade(database: Database) {
        let rows = [
            "INSERT INTO clients (id, name, country_code, created_at) VALUES (1, 'First', '62', 1), (2, 'Second', '62', 1)",
            "INSERT INTO persons (id, client_id, userid, role, password_hash, created_at) VALUES \
             (1, 1, 'Bob', 'owner', 'one', 1), (2, 1, 'bob', 'sender', 'two', 2), (3, 1, 'BOB', 'sender', NULL, 3), \
             (4, 2, 'bOb', 'owner', 'four', 4), (5, 2, 'ann', 'owner', 'five', 5)",
        ];
        let (location, _folder) = store_before(26, database, &rows).await;
        for _ in 0..2 {
            let store = Store::open(&location).await.expect("it is brought up to date");
            for (client, spelling, id) in [
                (1, "Bob", Some(1)), (1, "bob", Some(2)), (1, "BOB", Some(3)), (1, "boB", Some(1)),
                (2, "bob", Some(4)), (2, "ANN", Some(5)), (1, "ann", None),
            ] {
                let found = store.find_person(client, spelling).await.expect("readable").map(|person| person.id);
                assert_eq!(found, id, "{client} {spelling}");
            }
            let passwords = store.find_passwords("bob").await.expect("readable");
            assert_eq!(passwords.iter().map(|record| record.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
            let new = wachat::store::NewPerson {
                client_id: 1,
                userid: "b\u{200b}ob".into(),
                role: wachat::account::Role::Sender,
                password_hash: None,
                created_at: 6,
            };
            assert!(matches!(store.add_person(new).await, Err(StoreError::Exists)));
            store.close().await;
        }
    }

    async fn commands_find_the_person_and_ask_whose_where_several_clients_have_the_name(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let made = serving.client.manage("POST", "/clients", Some(json!({"name": "Second"}))).await;
        let second = made.body["data"]["id"].as_i64().expect("a client").to_string();
        place.json(&["user", "add", "Siti", "--client", "1", "--json"]).await;
        assert_eq!(place.json(&["user", "disable", "SITI", "--json"]).await["disabled"], true);
        assert!(place.fails(&["user", "add", "siti", "--client", "1"]).await.contains("exists"));
        place.json(&["user", "add", "siti", "--client", &second, "--json"]).await;
        let said = place.fails(&["user", "enable", "s\u{ad}iti"]).await;
        assert!(said.contains("several clients have a person") && said.contains("--client"), "{said}");
        place.json(&["user", "enable", "siti", "--client", "1", "--json"]).await;
        let key = place.json(&["key", "create", "--client", &second, "--user", "SITI", "--json"]).await;
        assert_eq!(key["client_id"].to_string(), second);
        let persons = serving.client.manage("GET", &format!("/clients/{second}/persons"), None).await;
        assert_eq!(persons.body["data"]["items"].as_array().or(persons.body["data"].as_array()).map(Vec::len), Some(1), "{}", persons.text);
        assert!(serving.terminate().await.success());
    }
}
