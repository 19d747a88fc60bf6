//! Stories of passwords in media URLs and Push URLs: they reach the servers that they are for, and can be read nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use wachat::settings::Hidden;

use crate::console::Visitor;
use crate::files::png;
use crate::imports::{begin, give, until};
use crate::process::Place;
use crate::receiver::{Answer, Asked, Receiver};
use crate::world::{ALICE, BOB, Time, World, eventually, stories};

const PASSWORD: &str = "rahasia-4711-kata";
/// What the administrator signs in with.
const ADMIN: &str = "a password for the console";

/// An address of the receiver's with the password, as it is given.
fn with_password(receiver: &Receiver, path: &str) -> String {
    receiver.url(path).replacen("://", &format!("://toko:{PASSWORD}@"), 1)
}

/// The same as it is shown.
fn shown(receiver: &Receiver, path: &str) -> String {
    receiver.url(path).replacen("://", "://toko:***@", 1)
}

async fn files() -> Receiver {
    Receiver::new(vec![Answer::file(&png(2, 2))]).await
}

fn assert_signed_in(asked: &Asked) {
    let wanted = format!("Basic {}", STANDARD.encode(format!("toko:{PASSWORD}")));
    assert_eq!(asked.header("authorization"), wanted, "{}", asked.path);
}

async fn until_asked(receiver: &Receiver, path: &str, times: usize) {
    let asked = eventually(&format!("{path} is asked for"), async || {
        let asked: Vec<Asked> = receiver.asked().into_iter().filter(|asked| asked.path == path).collect();
        if asked.len() >= times { Ok(asked) } else { Err(format!("{} times", asked.len())) }
    })
    .await;
    asked.last().into_iter().for_each(assert_signed_in);
}

/// What whoever steals a copy of the database has: the file and its log, or every row.
async fn copy_of(url: &str) -> Vec<u8> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let wal = std::fs::read(format!("{path}-wal")).unwrap_or_default();
        return [std::fs::read(path).expect("a database"), wal].concat();
    }
    let mut conn = PgConnection::connect(url).await.expect("a connection");
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut conn).await.expect("tables");
    let mut copy = Vec::new();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" AS t")))
            .fetch_all(&mut conn)
            .await
            .expect("rows");
        rows.iter().for_each(|row| copy.extend_from_slice(row.as_bytes()));
    }
    copy
}

fn is_in(copy: &[u8]) -> bool {
    let hex = PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    [PASSWORD, &hex].iter().any(|needle| copy.windows(needle.len()).any(|part| part == needle.as_bytes()))
}

async fn change(url: &str, text: &str, values: &[&str]) {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let conn = rusqlite::Connection::open(path).expect("a connection");
            conn.execute(&text.replace('$', "?"), rusqlite::params_from_iter(values)).expect("changed");
        }
        None => {
            let mut conn = PgConnection::connect(url).await.expect("a connection");
            let query = sqlx::query(AssertSqlSafe(text.to_owned()));
            let query = values.iter().fold(query, |query, value| query.bind((*value).to_owned()));
            query.execute(&mut conn).await.expect("changed");
        }
    }
}

async fn manage(world: &World, method: &str, path: &str, body: Option<Value>) -> Value {
    let reply = world.client.manage(method, path, body).await;
    assert!(reply.status < 300, "{method} {path}: {}", reply.text);
    reply.body["data"].clone()
}

async fn receive(world: &World) {
    let path = format!("/devices/{}/receive", world.device_id);
    manage(world, "POST", &path, Some(json!({"from": BOB, "text": "hello"}))).await;
}

fn ref_no(data: &Value) -> String {
    data["ref_no"].as_str().expect("a ref_no").to_owned()
}

stories! {
    async fn a_password_that_any_request_brings_reaches_its_server_and_is_readable_nowhere(database: Database) {
        let server = files().await;
        let world = World::with(database, Time::Machine, |settings| settings.admin_password = Some(Hidden(ADMIN.into()))).await;
        let body = json!({"destination": ALICE, "media_url": with_password(&server, "/api.png")});
        let key = [("Idempotency-Key", "once")];
        let first = world.client.post_with("/media", &body, &key).await;
        assert_eq!((first.status, first.body["data"]["media_url"].as_str()), (201, Some(shown(&server, "/api.png").as_str())));
        let again = world.client.post_with("/media", &body, &key).await;
        assert_eq!((again.status, &again.body["data"]), (201, &first.body["data"]));
        world.until(&ref_no(&first.body["data"]), "R").await;
        assert_eq!(world.status(&ref_no(&first.body["data"])).await["media_url"], shown(&server, "/api.png"));
        until_asked(&server, "/api.png", 1).await;

        // One that was never downloaded, sent again.
        let device = manage(&world, "POST", "/devices", Some(json!({"kind": "web", "sender": "628110000081"}))).await;
        let body = json!({"destination": ALICE, "media_url": with_password(&server, "/again.png"), "queue": device["device_id"]});
        let waits = world.send_media(body).await;
        let resent = manage(&world, "POST", &format!("/messages/{waits}/resend"), None).await;
        assert_eq!(world.status(&ref_no(&resent)).await["media_url"], shown(&server, "/again.png"));

        let file = format!("destination,message,media_url\n{ALICE},hi,{}\n", with_password(&server, "/import.png"));
        let id = begin(&world.client, &file, &format!("?queue={}", world.device_id)).await;
        let import = until(&world.client, &id, "done").await;
        assert_eq!(import["first_rows"][0]["media_url"], shown(&server, "/import.png"), "{import}");
        until_asked(&server, "/import.png", 1).await;

        let mut visitor = Visitor::new(&world);
        visitor.sign_in("admin", ADMIN).await;
        visitor.post("/console/push", &[("url", &with_password(&server, "/push"))]).await;
        let page = visitor.get("/console/push").await;
        assert!(page.shows(&shown(&server, "/push")), "{}", page.text);
        receive(&world).await;
        until_asked(&server, "/push", 1).await;
        // What is shown is given back, and stays what it is.
        visitor.post("/console/push", &[("url", &shown(&server, "/push"))]).await;
        receive(&world).await;
        until_asked(&server, "/push", 2).await;
        let url = json!({"url": with_password(&server, "/put")});
        assert_eq!(manage(&world, "PUT", "/clients/1/push", Some(url)).await["url"], shown(&server, "/put"));
        assert_eq!(manage(&world, "POST", "/clients/1/push/test", None).await["url"], shown(&server, "/put"));
        until_asked(&server, "/put", 1).await;

        let url = world.settings.database_url.clone();
        assert!(!is_in(&copy_of(&url).await), "while it runs");
        let world = world.restart().await;
        assert!(!is_in(&copy_of(&url).await), "after a restart");
        receive(&world).await;
        until_asked(&server, "/put", 2).await;
        world.stop().await;
    }

    async fn a_password_given_at_the_command_line_lives_through_another_master_key(database: Database) {
        let (place, server) = (Place::new(database).await, files().await);
        let serving = place.serve().await;
        assert!(serving.terminate().await.success());
        let (sent, imported) = (with_password(&server, "/sent.png"), with_password(&server, "/imported.png"));
        let (pushed, moved) = (with_password(&server, "/pushed"), with_password(&server, "/moved"));
        place.json(&["send", "--to", ALICE, "--url", &sent, "--json"]).await;
        std::fs::write(place.folder.path().join("a.csv"), format!("destination,message,media_url\n{BOB},hi,{imported}\n")).expect("written");
        place.json(&["import", "a.csv", "--json"]).await;
        let set = place.json(&["push", "set", "--client", "1", "--url", &pushed, "--json"]).await;
        assert_eq!(set["url"], shown(&server, "/pushed"));
        let migrate = ["migrate", "--key", "11055-a-key-of-a-customer", "--device-id", "11055-171379261223689", "--sender", "628110000077", "--json"];
        let with = |url: &str| [&migrate[..], &["--push-url", url]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let words = with(&moved);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(place.json(&words).await["push_url"], shown(&server, "/moved"));
        place.json(&["master-key", "rotate", "--json"]).await;
        // The same again is here already; another is refused in words that do not show the password.
        assert_eq!(place.json(&words).await["created"], json!([]));
        let words = with(&server.url("/other"));
        let refused = place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(refused.contains(&shown(&server, "/moved")) && !refused.contains(PASSWORD), "{refused}");

        let serving = place.serve().await;
        for path in ["/sent.png", "/imported.png"] {
            until_asked(&server, path, 1).await;
        }
        for (client, path) in [(1, "/pushed"), (2, "/moved")] {
            assert_eq!(serving.client.manage("POST", &format!("/clients/{client}/push/test"), None).await.status, 200);
            until_asked(&server, path, 1).await;
        }
        let file = format!("sqlite:{}", place.data_dir().join("wachat.db").display());
        let url = place.database_url.clone().unwrap_or(file);
        assert!(!is_in(&copy_of(&url).await) && !serving.log().contains(PASSWORD));
        assert!(serving.terminate().await.success());
        assert!(!is_in(&copy_of(&url).await));
    }

    async fn what_an_earlier_version_stored_in_clear_is_sealed_at_the_first_start(database: Database) {
        // The file is not there yet.
        let server = Receiver::new(vec![Answer::status(503), Answer::file(&png(2, 2))]).await;
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "media_url": server.url("/old.png")});
        let key = [("Idempotency-Key", "once")];
        let first = world.client.post_with("/media", &body, &key).await;
        assert_eq!(first.status, 201, "{}", first.text);
        server.until(1).await;
        let file = format!("destination,message,media_url\n{BOB},hi,{}\n", server.url("/import.png"));
        let import = give(&world.client, &file, "").await;
        assert_eq!(import.status, 201, "{}", import.text);
        manage(&world, "PUT", "/clients/1/push", Some(json!({"url": server.url("/push")}))).await;
        let url = world.settings.database_url.clone();
        let down = world.end().await;
        let (plain, clear) = (server.url("/"), with_password(&server, "/"));
        for (table, column) in [("messages", "media_url"), ("clients", "push_url"), ("idempotency", "answer"), ("imports", "preview")] {
            let text = format!("UPDATE {table} SET {column} = REPLACE({column}, $1, $2)");
            change(&url, &text, &[&plain, &clear]).await;
        }
        change(&url, "INSERT INTO meta (name, value) VALUES ('url_passwords_in_clear', $1)", &["true"]).await;
        assert!(is_in(&copy_of(&url).await));
        let world = down.start().await;
        assert!(!is_in(&copy_of(&url).await), "while it runs");
        let again = world.client.post_with("/media", &body, &key).await;
        assert_eq!((again.status, again.body["data"]["media_url"].as_str()), (201, Some(shown(&server, "/old.png").as_str())));
        assert_eq!(world.status(&ref_no(&first.body["data"])).await["media_url"], shown(&server, "/old.png"));
        until_asked(&server, "/old.png", 2).await;
        world.until(&ref_no(&first.body["data"]), "R").await;
        receive(&world).await;
        until_asked(&server, "/push", 1).await;
        let world = world.restart().await;
        assert!(!is_in(&copy_of(&url).await), "after a restart");
        receive(&world).await;
        until_asked(&server, "/push", 2).await;
        world.stop().await;
    }
}
