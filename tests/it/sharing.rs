//! Whose keys are whose: another device's, another node's, a removed device's, and who reads the file.

use bytes::Bytes;
use wachat::clock::Clock;
use wachat::store::StoreError;
use whatsapp_rust::wacore::store::traits::{DeviceStore, MsgSecretStore, ProtocolStore, SignalStore};

use crate::keys::{CHAT, OTHER, PEER, Pair, arc, keys_of, lid, master, pair, secret};
use crate::stores::{DEVICE, NOW};
use crate::world::stories;

stories! {
    async fn another_device_sees_nothing_and_a_wipe_leaves_it_alone(database: Database) {
        let Pair { store, keys, other, .. } = pair(database).await;
        keys.create().await.expect("created");
        keys.put_session(PEER, b"ours").await.expect("put");
        assert!(!other.exists().await.expect("asked"));
        assert_eq!(other.get_session(PEER).await.expect("asked"), None);
        assert!(!other.has_signal_state_for_user("6281234567890").await.expect("asked"));
        other.put_session(PEER, b"theirs").await.expect("put");
        other.delete_identity(PEER).await.expect("nothing to delete");
        keys.wipe().await.expect("wiped");
        assert_eq!(keys.get_session(PEER).await.expect("asked"), None);
        assert!(!keys.exists().await.expect("asked"));
        assert_eq!(other.get_session(PEER).await.expect("asked"), Some(Bytes::from_static(b"theirs")));
        store.close().await;
    }

    async fn who_lost_the_lease_writes_nothing_and_is_told(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        keys.put_session(PEER, b"ours").await.expect("put");
        keys.store_sent_message(CHAT, "M1", b"hello").await.expect("stored");
        store.release_devices("a").await.expect("released");
        let lease = store.lease_devices("b", NOW, i64::MAX).await.expect("leased").into_iter().find(|l| l.device_id == DEVICE);
        let new = keys_of(&store, &Clock::held(NOW), &master("7"), &lease.expect("leased")).await;
        let lost = |outcome: whatsapp_rust::wacore::store::error::Result<()>| {
            let error = outcome.expect_err("the lease is lost");
            let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<StoreError>());
            assert!(matches!(source, Some(StoreError::NotOwner)), "{error:?}");
        };
        lost(keys.put_session(PEER, b"late").await);
        let batch = [(arc(PEER), Bytes::from_static(b"late")), (arc("5@lid"), Bytes::from_static(b"late"))];
        lost(keys.put_sessions_batch(&batch).await);
        lost(keys.delete_session(PEER).await);
        lost(keys.put_msg_secrets(vec![secret("a", 1, 0, 0)]).await.map(drop));
        lost(keys.touch_tc_token_sender_timestamp("a@lid", 5).await);
        lost(keys.put_lid_mapping(&lid("100", "62811")).await);
        lost(keys.delete_expired_sent_messages(i64::MAX).await.map(drop));
        lost(keys.create().await.map(drop));
        lost(keys.wipe().await);
        assert_eq!(new.get_session(PEER).await.expect("asked"), Some(Bytes::from_static(b"ours")));
        assert_eq!(new.get_session("5@lid").await.expect("asked"), None);
        assert_eq!(new.take_sent_message(CHAT, "M1").await.expect("asked"), Some(b"hello".to_vec()));
        assert!(new.get_all_lid_mappings().await.expect("asked").is_empty());
        store.close().await;
    }

    async fn a_removed_device_leaves_nothing_behind(database: Database) {
        let Pair { store, keys, other, .. } = pair(database).await;
        keys.put_session(PEER, b"ours").await.expect("put");
        other.put_session(PEER, b"theirs").await.expect("put");
        store.remove_device(OTHER, NOW).await.expect("removed");
        assert_eq!(other.get_session(PEER).await.expect("asked"), None);
        assert!(other.put_session(PEER, b"late").await.is_err());
        assert_eq!(other.get_session(PEER).await.expect("asked"), None);
        assert_eq!(keys.get_session(PEER).await.expect("asked"), Some(Bytes::from_static(b"ours")));
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_moved_to_another_place_does_not_open_and_no_key_lies_in_clear() {
    let Pair { store, keys, other, folder, .. } = pair(crate::world::Database::Sqlite).await;
    keys.put_session(PEER, b"a secret that all would like to read").await.expect("put");
    keys.create().await.expect("created");
    let account = keys.load().await.expect("asked").expect("there");
    let file = folder.path().join("wachat.db");
    let conn = rusqlite::Connection::open(&file).expect("a connection");
    conn.execute("UPDATE session_keys SET device_id = ?1 WHERE kind = 'session'", [OTHER]).expect("moved");
    assert!(other.get_session(PEER).await.is_err(), "another device's");
    conn.execute(
        "UPDATE session_keys SET device_id = ?1, name = 'x@lid', owner = 'x' WHERE kind = 'session'",
        [DEVICE],
    )
    .expect("moved");
    assert!(keys.get_session("x@lid").await.is_err(), "another peer's");
    conn.execute("UPDATE session_keys SET name = ?1, owner = '6281234567890'  WHERE kind = 'session'", [PEER])
        .expect("moved");
    assert!(keys.get_session(PEER).await.expect("asked").is_some(), "back in its place");
    let private = account.noise_key.private_key.serialize();
    for file in [file.clone(), file.with_extension("db-wal")] {
        let bytes = std::fs::read(file).expect("a file");
        for needle in [&b"would like to read"[..], &private[..], b"noise_key", b"adv_secret_key"] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "in clear");
        }
    }
    let bytes = [file.clone(), file.with_extension("db-wal")].map(|file| std::fs::read(file).expect("a file")).concat();
    assert!(bytes.windows(PEER.len()).any(|window| window == PEER.as_bytes()), "the look is into the right file");
    store.close().await;
}
