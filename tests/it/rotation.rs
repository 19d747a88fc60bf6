//! Another master key: what opens before and after, and that it is safe to be killed on the way.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use wachat::clock::Clock;
use wachat::device::{LinkWay, Wish, passkey_place};
use wachat::linking::Links;
use wachat::passkey;
use wachat::secrets::{KeyFiles, MasterKey};
use wachat::store::{Change, Location, PasskeyRequest, Store, StoreError};
use whatsapp_rust::wacore::store::traits::SignalStore;

use crate::keys::{PEER, keys_of};
use crate::process::{Place, Serving, text};
use crate::world::{Database, stories};

const SESSION: &[u8] = b"a session that lives through it";

/// A place where a gateway was, with the key in the environment where one is given.
async fn founded(database: Database, key: Option<&str>) -> Place {
    let place = Place::new(database).await;
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.envs(key.map(|key| ("WACHAT_MASTER_KEY", key)));
    assert!(Serving::start(command).await.terminate().await.success());
    place
}

fn current(place: &Place) -> MasterKey {
    KeyFiles::read(&place.data_dir().join("master.key")).expect("a key")
}

async fn open(place: &Place) -> Store {
    let file = || format!("sqlite:{}", place.data_dir().join("wachat.db").display());
    let url = place.database_url.clone().unwrap_or_else(file);
    Store::open(&Location::parse(&url).expect("a location")).await.expect("opens")
}

/// Asks a session of the first device, and puts it where `put` says so; `None` when it does not open.
async fn session(place: &Place, master: &MasterKey, put: Option<&[u8]>) -> Option<Bytes> {
    let store = open(place).await;
    let lease = store.lease_devices("story", 1, i64::MAX - 1).await.expect("leased").remove(0);
    let keys = keys_of(&store, &Clock::system(), master, &lease).await;
    if let Some(put) = put {
        keys.put_session(PEER, put).await.expect("put");
    }
    let found = keys.get_session(PEER).await.ok().map(|found| found.expect("there"));
    store.release_devices("story").await.expect("released");
    store.close().await;
    found
}

async fn push_secret(place: &Place) -> Value {
    place.json(&["push", "show", "--json"]).await["secret"].take()
}

fn kept(place: &Place, key: &MasterKey) -> String {
    place.data_dir().join(format!("master-{}.key", key.fingerprint())).display().to_string()
}

stories! {
    async fn everything_opens_under_the_new_key_and_nothing_under_the_old_one(database: Database) {
        let place = founded(database, None).await;
        let (old, secret) = (current(&place), push_secret(&place).await);
        session(&place, &old, Some(SESSION)).await.expect("put");
        let said = place.json(&["master-key", "rotate", "--json"]).await;
        assert_eq!((&said["session_keys"], &said["push_secrets"]), (&1.into(), &1.into()));
        let new = current(&place);
        assert_ne!(new.fingerprint(), old.fingerprint());
        assert_eq!(session(&place, &new, None).await.as_deref(), Some(SESSION));
        assert_eq!(session(&place, &old, None).await, None);
        assert_eq!(push_secret(&place).await, secret);
        assert!(!place.data_dir().join("master.key.next").exists());
        assert!(place.serve().await.terminate().await.success());
        // A second time, and back to the first key.
        place.json(&["master-key", "rotate", "--json"]).await;
        assert_eq!(push_secret(&place).await, secret);
        place.json(&["master-key", "rotate", "--json", "--new-key-file", &kept(&place, &old)]).await;
        assert_eq!(current(&place).fingerprint(), old.fingerprint());
        assert_eq!(session(&place, &old, None).await.as_deref(), Some(SESSION));
        assert_eq!(push_secret(&place).await, secret);
        // A new secret follows from the key of the day.
        place.json(&["push", "rotate-secret", "--json"]).await;
        assert_ne!(push_secret(&place).await, secret);
    }

    async fn a_passkey_step_ends_with_the_key_that_its_code_was_sealed_with(database: Database) {
        let place = founded(database, None).await;
        let (old, clock) = (current(&place), Clock::system());
        let added = place.json(&["device", "add", "--client", "1", "--kind", "web", "--json"]).await;
        let id = added["device_id"].as_str().expect("an id");
        let store = open(&place).await;
        let leases = store.lease_devices("story", 1, i64::MAX - 1).await.expect("leased");
        let lease = leases.into_iter().find(|lease| lease.device_id == id).expect("a lease");
        store.wish_link(id, Wish::Link(LinkWay::Qr), 5).await.expect("stored");
        let code = old.sealer("links").seal(&clock, passkey_place(id, "code").as_bytes(), b"AAAA-AAAA");
        let assertion = PasskeyRequest::Assertion { options: "{}".into(), expires_at: i64::MAX };
        for request in [assertion, PasskeyRequest::Confirmation { code }] {
            store.record(&lease, Arc::new(vec![Change::Passkey { attempt: 5, request }])).await.expect("stored");
        }
        store.release_devices("story").await.expect("released");
        store.close().await;
        place.json(&["master-key", "rotate", "--json"]).await;
        let store = open(&place).await;
        let links = Links::new(store.clone(), &current(&place), clock);
        let step = links.passkey(id).await.expect("it can be read").expect("a step");
        assert_eq!((step.status, step.code), (passkey::Status::Failed, None));
        store.close().await;
    }

    async fn a_node_and_another_master_key_never_meet(database: Database) {
        let place = founded(database, None).await;
        let (old, clock) = (current(&place), Clock::system());
        let new = MasterKey::parse(&"ab".repeat(32)).expect("a key");
        let store = open(&place).await;
        let until = clock.now() + 20_000;
        assert!(store.register_node("a", old.fingerprint(), until).await.expect("noted"));
        let refused = store.rotate_master_key(old.clone(), new.clone(), clock.clone()).await;
        assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("stop every node")), "{refused:?}");
        store.deregister_node("a").await.expect("noted");
        // One that died is taken for stopped once its time has run out.
        assert!(store.register_node("b", old.fingerprint(), clock.now() - 1).await.expect("noted"));
        store.rotate_master_key(old.clone(), new.clone(), clock.clone()).await.expect("rotated");
        assert!(!store.register_node("a", old.fingerprint(), until).await.expect("asked"), "it starts with the key of before");
        assert!(store.register_node("a", new.fingerprint(), until).await.expect("noted"));
        store.close().await;
    }

    async fn a_running_gateway_keeps_its_key(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let old = current(&place);
        let said = place.fails(&["master-key", "rotate"]).await;
        assert!(said.contains("stop it first"), "{said}");
        if place.database_url.is_some() {
            // One that is served from another folder: also before the node leases a device, and when there is none.
            let elsewhere = tempfile::tempdir().expect("a folder");
            std::fs::copy(place.data_dir().join("master.key"), elsewhere.path().join("master.key")).expect("copied");
            let rotate = ["master-key", "rotate", "--data-dir", &elsewhere.path().display().to_string()];
            let devices = serving.client.manage("GET", "/devices", None).await;
            let id = devices.body["data"][0]["device_id"].as_str().expect("a device");
            assert_eq!(serving.client.manage("DELETE", &format!("/devices/{id}"), None).await.status, 200);
            let said = place.fails(&rotate).await;
            assert!(said.contains("stop every node first"), "{said}");
            assert!(!elsewhere.path().join("master.key.next").exists());
        }
        assert_eq!(current(&place).fingerprint(), old.fingerprint());
        assert!(serving.terminate().await.success());
    }

    async fn whoever_comes_after_a_kill_goes_on_with_the_key_that_fits(database: Database) {
        let place = founded(database, None).await;
        let old = current(&place);
        session(&place, &old, Some(SESSION)).await.expect("put");
        let (file, next) = (place.data_dir().join("master.key"), place.data_dir().join("master.key.next"));
        let next_key = "ab".repeat(32);
        let left_after_commit = || {
            std::fs::rename(&file, &next).expect("renamed");
            std::fs::copy(kept(&place, &old), &file).expect("copied");
        };
        // Killed before the store was touched: the old key is the key.
        std::fs::write(&next, &next_key).expect("written");
        push_secret(&place).await;
        assert_eq!(session(&place, &old, None).await.as_deref(), Some(SESSION));
        // It goes on with the key that it had begun with.
        place.json(&["master-key", "rotate", "--json"]).await;
        let new = MasterKey::parse(&next_key).expect("a key");
        assert_eq!(current(&place).fingerprint(), new.fingerprint());
        // Killed after it: the next command, the next gateway and the same command again put the new key in its place.
        left_after_commit();
        push_secret(&place).await;
        assert_eq!(current(&place).fingerprint(), new.fingerprint());
        left_after_commit();
        assert!(place.serve().await.terminate().await.success());
        assert_eq!(current(&place).fingerprint(), new.fingerprint());
        left_after_commit();
        place.json(&["master-key", "rotate", "--json"]).await;
        assert_eq!(current(&place).fingerprint(), new.fingerprint());
        assert_eq!(session(&place, &new, None).await.as_deref(), Some(SESSION));
    }

    async fn a_key_of_the_environment_is_changed_by_who_set_it(database: Database) {
        let (old, new) = ("0f".repeat(32), "f0".repeat(32));
        let place = founded(database, Some(&old)).await;
        std::fs::write(place.folder.path().join("new.key"), &new).expect("written");
        let run = |key: &str, words: &[&str]| {
            let output = place.command(words).env("WACHAT_MASTER_KEY", key).output().expect("it ran");
            (output.status.success(), text(&output.stdout) + &text(&output.stderr))
        };
        let (done, said) = run(&old, &["master-key", "rotate"]);
        assert!(!done && said.contains("--new-key-file"), "{said}");
        // The second time it finds that it is done.
        for _ in 0..2 {
            let (done, said) = run(&old, &["master-key", "rotate", "--new-key-file", "new.key"]);
            assert!(done && said.contains("set WACHAT_MASTER_KEY"), "{said}");
        }
        let (done, said) = run(&old, &["push", "show"]);
        assert!(!done && said.contains("the master key is not the one"), "{said}");
        assert!(run(&new, &["push", "show"]).0);
        assert!(!Path::new(&place.data_dir().join("master.key")).exists());
    }
}
