//! The audit log: what is done is in it, and what cannot be recorded is not done, whoever does it and by whatever way.

use serde_json::{Value, json};
use sqlx::Connection as _;
use wachat::store::{AuditWay, NewAuditEntry};

use crate::client::Client;
use crate::console::gateway;
use crate::process::Place;
use crate::signed_in::{Browser, world};
use crate::world::{Time, World, stories};

const AWAY: &str = "ALTER TABLE audit RENAME TO audit_away";
const BACK: &str = "ALTER TABLE audit_away RENAME TO audit";

/// Changes the store behind the gateway's back.
async fn alter(world: &World, text: &'static str) {
    let url = &world.settings.database_url;
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let conn = rusqlite::Connection::open(path).expect("a connection");
            conn.busy_timeout(std::time::Duration::from_secs(5)).expect("patience");
            conn.execute_batch(text).expect("altered");
        }
        None => {
            let mut conn = sqlx::PgConnection::connect(url).await.expect("a connection");
            sqlx::query(text).execute(&mut conn).await.expect("altered");
        }
    }
}

/// Each entry of a client as `userid, way, action, subject`, newest first.
async fn entries(client: &Client, of: &str) -> Vec<String> {
    let reply = client.manage("GET", &format!("/audit{of}"), None).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let word = |entry: &Value, name: &str| entry[name].as_str().expect("a text").to_owned();
    let row = |entry| ["userid", "way", "action", "subject"].map(|name| word(entry, name)).join(", ");
    reply.body["data"]["items"].as_array().expect("items").iter().map(row).collect()
}

/// What time changes, or what is counted now and then.
const PASSING: [&str; 9] = [
    "last_use_date",
    "waiting",
    "waiting_for",
    "oldest_waiting_at",
    "oldest_waiting_seconds",
    "state",
    "state_code",
    "state_reason",
    "position",
];

/// Everything that the management API shows of what the actions change.
async fn state(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for path in
        ["/clients", "/clients/1/persons", "/clients/1/keys", "/devices", "/messages", "/imports", "/clients/1/push"]
    {
        let mut body = client.manage("GET", path, None).await.body["data"].clone();
        let rows = if body["items"].is_array() { &mut body["items"] } else { &mut body };
        for row in rows.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            row.retain(|name, _| !PASSING.contains(&name.as_str()));
        }
        all.push(body);
    }
    all
}

/// An action of the management API: its method, its path, its body, and the subject of its entry.
type Action = (&'static str, String, Option<Value>, String);

stories! {
    async fn what_cannot_be_recorded_is_not_done(database: Database) {
        let world = world(database, Time::Machine).await;
        let client = &world.client;
        client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(json!({"paused": true}))).await;
        let [waiting, lost] = [world.send("628111110001", "waits").await, world.send("628111110001", "is cancelled").await];
        assert_eq!(client.manage("POST", &format!("/messages/{lost}/cancel"), None).await.status, 200);
        let web = json!({"kind": "web", "device_id": "1-000000000000001"});
        assert_eq!(client.manage("POST", "/devices", Some(web)).await.status, 201);
        let key = client.manage("POST", "/clients/1/keys", Some(json!({"person_id": 1, "name": "old"}))).await;
        let key = key.body["data"]["id"].as_i64().expect("a number");
        let budi = client.manage("POST", "/clients/1/persons", Some(json!({"userid": "budi"}))).await;
        let budi = budi.body["data"]["id"].as_i64().expect("a number");
        let actions: Vec<Action> = vec![
            ("POST", "/clients".into(), Some(json!({"name": "New", "country_code": "62"})), String::new()),
            ("PATCH", "/clients/1".into(), Some(json!({"name": "Other"})), "1".into()),
            ("POST", "/clients/1/persons".into(), Some(json!({"userid": "siti"})), "1 siti".into()),
            ("PATCH", format!("/clients/1/persons/{budi}"), Some(json!({"disabled": true})), format!("1 {budi}")),
            ("POST", "/clients/1/keys".into(), Some(json!({"person_id": 1, "name": "new"})), "1 ".into()),
            ("DELETE", format!("/clients/1/keys/{key}"), None, format!("1 {key}")),
            ("POST", "/devices".into(), Some(json!({"kind": "sandbox", "sender": "628770000099", "device_id": "1-000000000000099"})), "1-000000000000099".into()),
            ("PATCH", format!("/devices/{}", world.device_id), Some(json!({"name": "till"})), world.device_id.clone()),
            ("POST", "/devices/1-000000000000001/link/share".into(), None, "1-000000000000001".into()),
            ("DELETE", "/devices/1-000000000000001/link/share".into(), None, "1-000000000000001".into()),
            ("DELETE", "/devices/1-000000000000001".into(), None, "1-000000000000001".into()),
            ("PUT", "/clients/1/push".into(), Some(json!({"url": "https://example.com/hook"})), "1".into()),
            ("POST", "/clients/1/push/rotate-secret".into(), None, "1".into()),
            ("POST", "/clients/1/push/pause".into(), None, "1".into()),
            ("POST", "/clients/1/push/resume".into(), None, "1".into()),
            ("POST", "/clients/1/pushes/replay".into(), Some(json!({"from": "2020-01-01T00:00:00Z"})), "1".into()),
            ("DELETE", "/clients/1/push".into(), None, "1".into()),
            ("POST", format!("/messages/{waiting}/cancel"), None, waiting.clone()),
            ("POST", format!("/messages/{lost}/resend"), None, lost.clone()),
            ("POST", "/migrate".into(), Some(json!({"api_key": "k".repeat(40), "device_id": "9-000000000000009", "sender": "628990000009"})), "9-000000000000009".into()),
        ];
        for (method, path, body, subject) in actions {
            let (before, recorded) = (state(client).await, entries(client, "").await);
            alter(&world, AWAY).await;
            let (headers, given) = ([("content-type", "application/json")], body.as_ref().map(|body| body.to_string().into_bytes()));
            let refused = client.ask_faulty(method, &format!("/manage/1.0{path}"), &headers, given).await;
            alter(&world, BACK).await;
            assert!((500..600).contains(&refused.status), "{method} {path}: {} {}", refused.status, refused.text);
            assert_eq!(state(client).await, before, "{method} {path}");
            assert_eq!(entries(client, "").await, recorded, "{method} {path}");
            let done = client.manage(method, &path, body).await;
            assert!((200..300).contains(&done.status), "{method} {path}: {} {}", done.status, done.text);
            let of = if path == "/migrate" { format!("?client_id={}", done.body["data"]["client_id"]) } else { String::new() };
            let newest = entries(client, &of).await;
            // The database numbers clients and keys.
            let number = done.body["data"]["id"].as_i64().filter(|_| matches!(path.as_str(), "/clients" | "/clients/1/keys"));
            let subject = subject + &number.map(|number| number.to_string()).unwrap_or_default();
            let (begins, ends) = (format!("admin, key 1, {method} /"), format!(", {subject}"));
            let is_resent = path.ends_with("/resend") && newest[0].contains(&ends);
            assert!(newest[0].starts_with(&begins) && (newest[0].ends_with(&ends) || is_resent), "{method} {path}: {newest:?}");
            assert!(newest.len() == recorded.len() + 1 || path == "/migrate", "{method} {path}: once");
        }
        world.stop().await;
    }

    async fn what_changed_nothing_is_not_recorded(database: Database) {
        let world = world(database, Time::Machine).await;
        let client = &world.client;
        let ref_no = world.send("6281234567890", "leaves").await;
        world.until(&ref_no, "R").await;
        let before = entries(client, "").await;
        for (method, path, body) in [
            ("POST", format!("/messages/{ref_no}/cancel"), None),
            ("DELETE", "/clients/1/keys/99".into(), None),
            ("PATCH", "/clients/1/persons/99".into(), Some(json!({"disabled": true}))),
            ("DELETE", "/devices/1-000000000000099".into(), None),
            ("POST", "/devices".into(), Some(json!({"kind": "sandbox", "sender": "1"}))),
            ("POST", "/clients/1/persons".into(), Some(json!({"userid": "admin"}))),
            ("PATCH", "/clients/1".into(), Some(json!({"country_code": "x"}))),
        ] {
            let reply = client.manage(method, &path, body).await;
            assert!((400..500).contains(&reply.status), "{method} {path}: {}", reply.text);
            assert_eq!(entries(client, "").await, before, "{method} {path}");
        }
        world.stop().await;
    }

    async fn secrets_exports_sign_outs_and_denied_requests_are_recorded(database: Database) {
        let world = world(database, Time::Held).await;
        let other = world.add_client("other", "628770000777").await;
        let browser = Browser::of(&world, "admin").await;
        assert_eq!(browser.get("/console/messages/export.csv").await.status, 200);
        assert_eq!(entries(&world.client, "").await[0], "admin, console, export messages, ");
        for _ in 0..2 {
            assert_eq!(world.client.manage("GET", "/clients/1/push", None).await.status, 200);
        }
        let seen = entries(&world.client, "").await;
        let shown = "admin, key 1, GET /clients/{client_id}/push, 1";
        assert_eq!(seen.iter().filter(|entry| *entry == shown).count(), 1, "{seen:?}");
        // Pages look again and again.
        world.advance(std::time::Duration::from_secs(61)).await;
        world.client.manage("GET", "/clients/1/push", None).await;
        let seen = entries(&world.client, "").await;
        assert_eq!(seen.iter().filter(|entry| *entry == shown).count(), 2, "{seen:?}");
        for _ in 0..3 {
            assert_eq!(other.client.manage("POST", "/clients", Some(json!({"name": "x"}))).await.status, 403);
        }
        let its = entries(&other.client, "").await;
        let denied = its.iter().filter(|entry| entry.ends_with("denied POST /clients, ")).count();
        assert_eq!(denied, 1, "{its:?}");
        assert_eq!(browser.send("/console/sign-out", "").await.status, 303);
        assert_eq!(entries(&world.client, "").await[0], "admin, console, sign out, ");
        world.stop().await;
    }

    async fn the_command_line_is_recorded_too(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let device = serving.client.manage("GET", "/devices", None).await.body["data"][0]["device_id"].as_str().expect("an id").to_owned();
        let file = place.folder.path().join("promo.csv");
        std::fs::write(&file, "destination,message\n628111111111,hello\n628111111112,hello\n").expect("written");
        let file = file.display().to_string();
        serving.client.manage("PATCH", &format!("/devices/{device}"), Some(json!({"paused": true}))).await;
        let body = json!({"destination": "628111110001", "message": "waits"});
        let waiting = serving.client.post("/message", &body).await.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        for (words, action, subject) in [
            (vec!["client", "add", "--name", "Two"], "POST /clients", "2"),
            (vec!["client", "set", "--client", "1", "--name", "One"], "PATCH /clients/{client_id}", "1"),
            (vec!["user", "add", "ann", "--client", "1"], "POST /clients/{client_id}/persons", "1 ann"),
            (vec!["user", "disable", "ann"], "PATCH /clients/{client_id}/persons/{person_id}", "1 2"),
            (vec!["key", "create", "--user", "admin"], "POST /clients/{client_id}/keys", "1 2"),
            (vec!["key", "revoke", "2"], "DELETE /clients/{client_id}/keys/{key_id}", "1 2"),
            (vec!["device", "add", "--client", "1", "--kind", "sandbox", "--sender", "628770000099", "--device-id", "1-000000000000099"], "POST /devices", "1-000000000000099"),
            (vec!["device", "set", &device, "--name", "till"], "PATCH /devices/{device_id}", &device),
            (vec!["device", "pause", "1-000000000000099"], "PATCH /devices/{device_id}", "1-000000000000099"),
            (vec!["device", "remove", "1-000000000000099"], "DELETE /devices/{device_id}", "1-000000000000099"),
            (vec!["push", "set", "--url", "https://example.com/hook", "--client", "1"], "PUT /clients/{client_id}/push", "1"),
            (vec!["push", "show", "--client", "1"], "GET /clients/{client_id}/push", "1"),
            (vec!["push", "rotate-secret", "--client", "1"], "POST /clients/{client_id}/push/rotate-secret", "1"),
            (vec!["push", "pause", "--client", "1"], "POST /clients/{client_id}/push/pause", "1"),
            (vec!["push", "resume", "--client", "1"], "POST /clients/{client_id}/push/resume", "1"),
            (vec!["push", "replay", "--client", "1"], "POST /clients/{client_id}/pushes/replay", "1"),
            (vec!["push", "remove", "--client", "1"], "DELETE /clients/{client_id}/push", "1"),
            (vec!["cancel", &waiting], "POST /messages/{ref_no}/cancel", &waiting),
            (vec!["import", &file, "--campaign", "Promo", "--client", "1"], "POST /imports", "Promo"),
            (vec!["sandbox", "receive", "--from", "628111110001", "--text", "hi", "--client", "1"], "POST /devices/{device_id}/receive", &device),
        ] {
            let before = entries(&serving.client, "").await.len();
            place.json(&[&words[..], &["--json"]].concat()).await;
            let seen = entries(&serving.client, "").await;
            assert_eq!(seen[0], format!("operator, command line, {action}, {subject}"), "{words:?}");
            assert_eq!(seen.len(), before + 1, "{words:?}: once: {seen:?}");
        }
        let before = entries(&serving.client, "").await;
        assert!(place.fails(&["cancel", &waiting]).await.contains("cannot be cancelled"));
        assert_eq!(entries(&serving.client, "").await, before, "nothing was done");
        assert!(serving.terminate().await.success());
    }

    async fn old_entries_are_deleted(database: Database) {
        let world = gateway(database).await;
        let (now, day) = (world.clock.now(), 86_400_000);
        for days in [500, 401, 399] {
            world.store.record_done(NewAuditEntry {
                at: now - days * day, client_id: 1, userid: "ann".into(), way: AuditWay::Console, action: "x".into(), subject: days.to_string(),
            }).await;
        }
        assert_eq!(world.store.delete_audit(now - 400 * day, 1).await.expect("a number"), 1);
        assert_eq!(world.store.delete_audit(now - 400 * day, 10).await.expect("a number"), 1);
        assert_eq!(entries(&world.client, "").await, ["ann, console, x, 399"]);
        world.stop().await;
    }
}
