//! No client reads or changes another client's anything: every operation of the OpenAPI document, asked by every kind of
//! caller who may not ask it. Another client's thing and nothing get the same answer.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::account::ApiKey;
use wachat::secrets::MasterKey;
use wachat::store::NewKey;

use crate::client::{Client, Reply};
use crate::operations::{Asked, Names, Operation, operations, text};
use crate::signed_in;
use crate::victim::{Victim, add_person, missing};
use crate::world::{Other, Time, World, stories};

/// Operations that need no key.
const PUBLIC: [&str; 3] = ["GET /healthz", "GET /metrics", "GET /readyz"];
/// What changes by itself, or by being asked.
const PASSING: [&str; 6] =
    ["last_use_date", "waiting", "waiting_for", "oldest_waiting_at", "oldest_waiting_seconds", "state_until"];
/// What is sent in place of a body, whatever it should be.
const BODIES: [&str; 6] = ["", "{", "[1]", "\"x\"", "null", "{\"client_id\": [], \"message\": {}, \"name\": 7}"];
/// What shows nothing by which a client is known.
const BARE: [&str; 4] = [
    "GET /manage/1.0/devices/{device_id}/events",
    "GET /manage/1.0/messages/counts",
    "GET /manage/1.0/messages/{ref_no}/attempts",
    "GET /manage/1.0/messages/{ref_no}/members",
];
/// Bytes that no body may have.
const TOO_LARGE: usize = 1_000_000_000;

/// The operations that need a key.
fn guarded() -> Vec<Operation> {
    let (public, guarded): (Vec<_>, Vec<_>) = operations().into_iter().partition(|operation| operation.is_public);
    assert_eq!(public.iter().map(Operation::name).collect::<Vec<_>>(), PUBLIC, "operations that need no key");
    guarded
}

async fn ask(client: &Client, asked: &Asked, headers: &[(&str, &str)]) -> Reply {
    let mut all = vec![("content-type", asked.content_type.as_str())];
    all.extend_from_slice(headers);
    client.ask(&asked.method, &asked.path, &all, asked.body.clone()).await
}

/// A request with the names of each device where its path has one.
fn with_devices(operation: &Operation, names: &Names, web_device: &Value) -> Vec<Asked> {
    let mut of_web = names.clone();
    of_web.insert("device_id", web_device.clone());
    let is_of_device = operation.path.contains("{device_id}");
    std::iter::once(names).chain(is_of_device.then_some(&of_web)).map(|names| operation.ask(names)).collect()
}

/// The same request, with parameters and bodies that are not valid.
fn spoilt(operation: &Operation, asked: &Asked) -> Vec<Asked> {
    let mut all: Vec<Asked> =
        BODIES.iter().map(|body| Asked { body: Some(body.as_bytes().to_vec()), ..asked.clone() }).collect();
    for bad in ["%00", "%FF", "x", "-1"] {
        let parts = operation.path.split('/').map(|part| if part.starts_with('{') { bad } else { part });
        let path = format!("{}?client_id={bad}&limit=0&before={bad}&wait={bad}", parts.collect::<Vec<_>>().join("/"));
        all.push(Asked { path, ..asked.clone() });
    }
    all
}

/// A key with what the answer to everything that it asks is.
struct BadKey {
    key: String,
    status: u16,
    says: &'static str,
}

/// Keys of the client that are not good, and texts that are not keys.
async fn bad_keys(world: &World, victim: &Victim) -> Vec<BadKey> {
    let id = victim.owner.client_id;
    let bad = |key: &str, status: u16, says: &'static str| BadKey { key: key.to_owned(), status, says };
    let mut all = vec![
        bad("", 401, "missing"),
        bad(" \t ", 401, "missing"),
        bad("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 403, "unknown"),
        bad("0123456789\tABCDEF", 403, "unknown"),
        bad(&"K".repeat(8_000), 403, "unknown"),
    ];
    let (revoked_id, revoked) = add_person(world, id, "canary-revoked", "owner").await;
    let keys = world.client.manage("GET", &format!("/clients/{id}/keys"), None).await;
    let key = keys.body["data"].as_array().expect("keys").iter().find(|key| key["person_id"] == revoked_id);
    let path = format!("/clients/{id}/keys/{}", key.expect("a key")["id"]);
    assert_eq!(world.client.manage("DELETE", &path, None).await.status, 200);
    all.push(bad(&revoked.key, 403, "revoked"));
    let master_key = MasterKey::load(&world.settings, &world.clock).expect("a master key");
    let secret = world.store.open_key_secret(&master_key).await.expect("a secret");
    let expired = ApiKey::generate(&world.clock);
    let key = NewKey {
        client_id: id,
        person_id: victim.owner.person_id,
        name: "canary-expired".into(),
        hash: secret.stored(&expired.hash()),
        hint: expired.hint(),
        created_at: world.clock.now() - 10,
        expires_at: Some(world.clock.now()),
    };
    world.store.add_key(key).await.expect("a key");
    all.push(bad(expired.reveal(), 403, "expired"));
    let (person_id, person) = add_person(world, id, "canary-disabled", "owner").await;
    let path = format!("/clients/{id}/persons/{person_id}");
    assert_eq!(world.client.manage("PATCH", &path, Some(json!({"disabled": true}))).await.status, 200);
    all.push(bad(&person.key, 403, "person of this API key is disabled"));
    let closed = world.add_client("closed", "628110009901").await;
    let path = format!("/clients/{}", closed.client_id);
    assert_eq!(world.client.manage("PATCH", &path, Some(json!({"disabled": true}))).await.status, 200);
    all.push(bad(&closed.client.key, 403, "client of this API key is disabled"));
    all
}

/// Everything that the API shows of the client to an administrator.
pub async fn dump(world: &World, victim: &Victim) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for operation in guarded().iter().filter(|operation| operation.is_read()) {
        let mut names = victim.names.clone();
        // The whole listings.
        let is_named = |name: &str| operation.path.contains(&format!("{{{name}}}"));
        names.retain(|name, _| *name == "client_id" || is_named(name));
        names.insert("limit", json!(wachat::limits::PAGE_ROWS_MAX));
        for asked in with_devices(operation, &names, &json!(victim.web_device)) {
            let reply = ask(&world.client, &asked, &[]).await;
            let mut body = reply.body.clone();
            settle(&mut body);
            all.push((asked.path, if body.is_null() { reply.text } else { body.to_string() }));
        }
    }
    all
}

/// Drops what changes by itself: figures of the moment, what an administrator has looked at, and what was denied.
fn settle(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !PASSING.contains(&name.as_str()));
            fields.values_mut().for_each(settle);
        }
        Value::Array(items) => {
            let is_denied = |item: &Value| text(&item["action"]).starts_with("denied ") || item["userid"] == "admin";
            items.retain(|item| item["action"].is_null() || !is_denied(item));
            items.iter_mut().for_each(settle);
        }
        _ => {}
    }
}

pub async fn assert_unchanged(world: &World, victim: &Victim, before: &[(String, String)], by: &str) {
    for (now, was) in dump(world, victim).await.iter().zip(before) {
        assert_eq!(now, was, "changed by {by}");
    }
}

/// The things of the client as a caller of another one may name them: all of them, and with its own client in place of theirs.
fn views(operation: &Operation, names: &Names, own: i64) -> Vec<Names> {
    let mut all = vec![names.clone()];
    if operation.takes("client_id") {
        let (mut in_own, mut unsaid) = (names.clone(), names.clone());
        in_own.insert("client_id", own.into());
        unsaid.remove("client_id");
        all.push(in_own);
        if !operation.path.contains("{client_id}") {
            all.push(unsaid);
        }
    }
    all
}

/// A whole answer but its date, with every name that the request gave replaced.
pub fn shape(reply: &Reply, names: &Names) -> String {
    let mut headers: Vec<String> = reply
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value:?}"))
        .filter(|line| !line.starts_with("date:"))
        .collect();
    headers.sort();
    let mut shape = format!("{}\n{}\n{}", reply.status, headers.join("\n"), reply.text);
    for name in names.values().filter_map(Value::as_str) {
        shape = shape.replace(name, "NAME");
    }
    shape
}

/// Somebody with a good key, who may see nothing of the client by it.
struct Stranger<'w> {
    who: &'static str,
    client: &'w Client,
    own_client: i64,
}

impl Stranger<'_> {
    /// Whether the answer is all about the caller's own things.
    fn check(&self, operation: &Operation, asked: &Asked, victim: &Victim, reply: &Reply) {
        let carried = format!("{} {}", asked.path, String::from_utf8_lossy(asked.body.as_deref().unwrap_or_default()));
        let mut seen = victim.seen_in(&reply.text, &carried);
        seen.retain(|mark| self.own_client != victim.owner.client_id || !mark.starts_with("\"client_id\""));
        assert_eq!(seen, Vec::<String>::new(), "{} sees by {}: {}", self.who, operation.name(), reply.text);
    }

    /// Asks for the client's things and for what there is not.
    async fn try_all(&self, operation: &Operation, victim: &Victim) {
        let (theirs, mut nothing) = (&victim.names, missing(&victim.names));
        // The client's own person knows the client.
        if self.own_client == victim.owner.client_id {
            nothing.insert("client_id", self.own_client.into());
        }
        let web = json!(victim.web_device);
        let no_web = missing(&Names::from([("device_id", web.clone())]))["device_id"].clone();
        let pairs =
            views(operation, theirs, self.own_client).into_iter().zip(views(operation, &nothing, self.own_client));
        for (theirs, nothing) in pairs {
            let (asked, unreal) = (with_devices(operation, &theirs, &web), with_devices(operation, &nothing, &no_web));
            for (asked, unreal) in asked.into_iter().zip(unreal) {
                let (reply, other) = (ask(self.client, &asked, &[]).await, ask(self.client, &unreal, &[]).await);
                self.check(operation, &asked, victim, &reply);
                let (mut named, mut unnamed) = (theirs.clone(), nothing.clone());
                named.insert("web", web.clone());
                unnamed.insert("web", no_web.clone());
                if reply.status < 300 && other.status < 300 {
                    continue;
                }
                assert_eq!(
                    shape(&reply, &named),
                    shape(&other, &unnamed),
                    "{}: {} {asked:?} and {unreal:?}",
                    self.who,
                    operation.name()
                );
            }
        }
    }
}

/// That the requests are such as do something: whoever may ask them is not refused for what they name or hold, and sees what
/// others must not.
async fn assert_real(world: &World, victim: &Victim) {
    let mut all = guarded();
    let rank = |method: &str| ["GET", "POST", "PUT", "PATCH", "DELETE"].iter().position(|known| *known == method);
    all.sort_by_key(|operation| (rank(&operation.method), std::cmp::Reverse(operation.path.len())));
    for operation in all {
        let mut said = Vec::new();
        for asked in with_devices(&operation, &victim.names, &json!(victim.web_device)) {
            for client in [&victim.owner.client, &world.client] {
                let ticking = async {
                    let mut ticks = tokio::time::interval(Duration::from_millis(5));
                    loop {
                        ticks.tick().await;
                        world.advance(Duration::from_millis(20)).await;
                    }
                };
                let reply =
                    tokio::select! { reply = ask(client, &asked, &[]) => reply, () = ticking => unreachable!() };
                let is_shown = operation.is_read() && reply.status < 300 && client.key == victim.owner.client.key;
                let is_bare = BARE.contains(&operation.name().as_str());
                let is_seen = is_bare || !victim.seen_in(&reply.text, "").is_empty();
                assert!(!is_shown || is_seen, "nothing marks {}: {}", operation.name(), reply.text);
                said.push((reply.status, reply.text));
            }
        }
        let is_done = |status: u16| status < 300 || status == 409;
        assert!(said.iter().any(|(status, _)| is_done(*status)), "nobody may {}: {said:?}", operation.name());
    }
}

async fn story_world(database: crate::world::Database) -> (World, Victim) {
    let world = signed_in::world(database, Time::Held).await;
    let victim = Victim::new(&world).await;
    (world, victim)
}

async fn stranger(world: &World) -> Other {
    world.add_client("stranger", "628110009902").await
}

stories! {
    async fn a_key_that_is_not_good_is_refused_before_anything_else_is_looked_at(database: Database) {
        let (world, victim) = story_world(database).await;
        let keys = bad_keys(&world, &victim).await;
        let before = dump(&world, &victim).await;
        let client = world.client.with_key("");
        for operation in guarded() {
            for asked in with_devices(&operation, &victim.names, &json!(victim.web_device)) {
                for BadKey { key, status, says } in &keys {
                    let header = [("apikey", key.as_str())];
                    let first = ask(&client, &asked, &header).await;
                    assert_eq!(first.status, *status, "{} {says}: {}", operation.name(), first.text);
                    assert!(first.text.contains(says), "{} {says}: {}", operation.name(), first.text);
                    assert_eq!(victim.seen_in(&first.text, ""), Vec::<String>::new(), "{}", operation.name());
                    for spoilt in spoilt(&operation, &asked) {
                        let reply = ask(&client, &spoilt, &header).await;
                        assert_eq!((reply.status, &reply.text), (*status, &first.text), "{spoilt:?} {says}");
                    }
                }
                assert_eq!(ask(&client, &asked, &[]).await.status, 401, "{} without a key", operation.name());
                let (method, path) = (&asked.method, &asked.path);
                for (key, length, status) in [("", TOO_LARGE, "401"), ("unknown", TOO_LARGE, "403"), ("\u{1}", 0, "400"), ("\u{e9}", 0, "400")] {
                    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\napikey: {key}\r\ncontent-length: {length}\r\n\r\n");
                    let answer = client.raw(head.as_bytes(), "}").await;
                    assert_eq!(answer.split(' ').nth(1), Some(status), "{} {key:?}: {answer}", operation.name());
                }
            }
            if !operation.is_read() {
                assert_unchanged(&world, &victim, &before, &operation.name()).await;
            }
        }
        world.stop().await;
    }

    async fn another_clients_things_are_as_if_they_did_not_exist(database: Database) {
        let (world, victim) = story_world(database).await;
        let other = stranger(&world).await;
        let (_, sender) = add_person(&world, other.client_id, "stranger-who-sends", "sender").await;
        let strangers = [
            Stranger { who: "another client's owner", client: &other.client, own_client: other.client_id },
            Stranger { who: "another client's sender", client: &sender, own_client: other.client_id },
        ];
        let before = dump(&world, &victim).await;
        for operation in guarded() {
            for stranger in &strangers {
                stranger.try_all(&operation, &victim).await;
            }
            if !operation.is_read() {
                assert_unchanged(&world, &victim, &before, &operation.name()).await;
            }
        }
        assert_real(&world, &victim).await;
        world.stop().await;
    }

    async fn who_only_sends_manages_nothing_and_sees_nobodys_imports(database: Database) {
        let (world, victim) = story_world(database).await;
        let own = victim.owner.client_id;
        let sender = Stranger { who: "the client's sender", client: &victim.sender, own_client: own };
        let before = dump(&world, &victim).await;
        // What everybody may who has a key of the client's is not theirs alone.
        for operation in guarded().into_iter().filter(|operation| operation.tag == "Management") {
            let is_import = operation.path.starts_with("/manage/1.0/imports");
            if is_import && operation.method == "POST" && !operation.path.contains('{') {
                continue;
            }
            for asked in with_devices(&operation, &victim.names, &json!(victim.web_device)) {
                let reply = ask(sender.client, &asked, &[]).await;
                match is_import {
                    true => sender.check(&operation, &asked, &victim, &reply),
                    false => assert_eq!(reply.status, 403, "{}: {}", operation.name(), reply.text),
                }
            }
            if is_import {
                sender.try_all(&operation, &victim).await;
            }
            if !operation.is_read() {
                assert_unchanged(&world, &victim, &before, &operation.name()).await;
            }
        }
        assert_ne!(victim.sender_id, victim.owner.person_id);
        world.stop().await;
    }

    async fn a_link_to_a_file_opens_that_file_alone(database: Database) {
        let (world, victim) = story_world(database).await;
        let other = stranger(&world).await;
        let media = json!({"destination": "628111119873", "media_base64": "b3duIGZpbGU=", "file_name": "own.txt"});
        let sent = other.client.post("/media", &media).await;
        let shown = other.client.get(&format!("/status/{}", text(&sent.body["data"]["ref_no"]))).await;
        let token = |url: &str| url.rsplit('/').next().expect("a token").to_owned();
        let (theirs, own) = (token(&victim.media_url), token(&text(&shown.body["data"]["media_url"])));
        let open = async |token: &str| other.client.ask("GET", &format!("/media/{token}"), &[], None).await;
        assert_eq!((open(&theirs).await.text.as_str(), open(&own).await.text.as_str()), ("canary-bytes", "own file"));
        let nothing = open("x").await;
        assert_eq!(nothing.status, 404);
        let part = |token: &str, at: usize| token.split('.').nth(at).expect("three parts").to_owned();
        let forged = [
            part(&theirs, 0),
            format!("{}.{}", part(&theirs, 0), part(&theirs, 1)),
            format!("{}.{}.", part(&theirs, 0), part(&theirs, 1)),
            format!("{}.{}.{}", part(&theirs, 0), part(&theirs, 1), part(&own, 2)),
            format!("{}.{}.{}", part(&theirs, 0), i64::MAX, part(&theirs, 2)),
            format!("{}.{}", part(&theirs, 0), part(&own, 2)),
            format!("{theirs}A"),
            theirs.to_uppercase(),
        ];
        for token in forged {
            assert_eq!(shape(&open(&token).await, &Names::new()), shape(&nothing, &Names::new()), "{token}");
        }
        world.advance(Duration::from_secs(9 * 86_400)).await;
        assert_eq!(shape(&open(&theirs).await, &Names::new()), shape(&nothing, &Names::new()), "an old link");
        world.stop().await;
    }
}
