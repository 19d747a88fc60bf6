//! What the client library keeps for linked accounts, asked as the library asks. The same on both databases.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use wachat::channel::web::keys::{KeyRing, Keys};
use wachat::clock::Clock;
use wachat::device::Kind;
use wachat::secrets::MasterKey;
use wachat::store::{Lease, NewDevice, Store};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::traits::{
    AppStateSyncKey, AppSyncStore, DeviceInfo, DeviceListRecord, DeviceStore, LidPnMappingEntry, MsgSecretEntry,
    MsgSecretStore, PendingInboundKey, PendingInboundRow, ProtocolStore, SignalStore, TcTokenEntry,
};

use crate::stores::{NOW, founded};
use crate::world::{Database, stories};

pub const OTHER: &str = "1-000000000000002";
pub const PEER: &str = "6281234567890:7@s.whatsapp.net";
pub const CHAT: &str = "6281234567890@s.whatsapp.net";
pub const GROUP: &str = "120363021033254949@g.us";

/// A store with two devices, both this node's, and the keys of both.
pub struct Pair {
    pub store: Store,
    pub keys: Keys,
    pub other: Keys,
    pub clock: Clock,
    pub folder: TempDir,
}

pub fn master(digit: &str) -> MasterKey {
    MasterKey::parse(&digit.repeat(64)).expect("a key")
}

pub async fn keys_of(store: &Store, clock: &Clock, master: &MasterKey, lease: &Lease) -> Keys {
    let ring = KeyRing::new(store.clone(), master.sealers("sessions"), clock.clone());
    ring.of(&store.find_device(&lease.device_id).await.expect("readable").expect("a device"), lease.epoch)
}

pub async fn pair(database: Database) -> Pair {
    let (store, folder) = founded(database).await;
    let second = NewDevice {
        id: OTHER.into(),
        client_id: 1,
        sender: String::new(),
        name: "Second".into(),
        kind: Kind::Web,
        daily_limit: 0,
        created_at: NOW,
    };
    store.add_device(second).await.expect("added");
    let mut leases = store.lease_devices("a", NOW, i64::MAX).await.expect("leased");
    leases.sort_by(|one, other| one.device_id.cmp(&other.device_id));
    let (clock, master) = (Clock::held(NOW), master("7"));
    let keys = keys_of(&store, &clock, &master, &leases[0]).await;
    let other = keys_of(&store, &clock, &master, &leases[1]).await;
    Pair { store, keys, other, clock, folder }
}

pub fn arc(text: &str) -> Arc<str> {
    Arc::from(text)
}

pub fn lid(lid: &str, phone: &str) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.into(),
        phone_number: phone.into(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".into(),
    }
}

pub fn secret(msg_id: &str, secret: u8, expires_at: i64, message_ts: i64) -> MsgSecretEntry {
    let (chat, sender, msg_id) = (arc(GROUP), arc(CHAT), arc(msg_id));
    MsgSecretEntry { chat, sender, msg_id, secret: [secret; 32], expires_at, message_ts }
}

fn list(user: &str, device_id: u32) -> DeviceListRecord {
    let devices = vec![DeviceInfo::new(0, None), DeviceInfo::new(device_id, Some(1))];
    DeviceListRecord { user: user.into(), devices, timestamp: 5, phash: Some("2:x".into()), raw_id: Some(9) }
}

stories! {
    async fn identities_and_sessions_come_back_as_they_were_put(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        assert_eq!(keys.load_identity(PEER).await.expect("asked"), None);
        assert!(!keys.has_signal_state_for_user("6281234567890").await.expect("asked"));
        keys.put_identity(PEER, [1; 32]).await.expect("put");
        assert!(keys.has_signal_state_for_user("6281234567890").await.expect("asked"));
        assert!(!keys.has_signal_state_for_user("628123456789").await.expect("a user is no prefix of another"));
        keys.put_identities_batch(&[(arc(PEER), [2; 32]), (arc("5@lid"), [3; 32]), (arc("5@lid"), [4; 32])]).await.expect("put");
        assert_eq!(keys.load_identity(PEER).await.expect("asked"), Some([2; 32]));
        assert_eq!(keys.load_identity("5@lid").await.expect("asked"), Some([4; 32]));
        keys.delete_identity(PEER).await.expect("deleted");
        assert_eq!(keys.load_identity(PEER).await.expect("asked"), None);

        assert!(!keys.has_session(PEER).await.expect("asked"));
        keys.put_session(PEER, b"one").await.expect("put");
        let batch = [(arc(PEER), Bytes::from_static(b"two")), (arc("5@lid"), Bytes::from_static(b"three"))];
        keys.put_sessions_batch(&batch).await.expect("put");
        keys.put_sessions_batch(&[]).await.expect("nothing to put");
        assert!(keys.has_session(PEER).await.expect("asked"));
        assert_eq!(keys.get_session(PEER).await.expect("asked"), Some(Bytes::from_static(b"two")));
        keys.delete_session(PEER).await.expect("deleted");
        assert_eq!(keys.get_session(PEER).await.expect("asked"), None);

        keys.put_sender_key("a/b\0%", b"one").await.expect("put");
        keys.put_sender_keys_batch(&[(arc(GROUP), Bytes::from_static(b"two"))]).await.expect("put");
        assert_eq!(keys.get_sender_key("a/b\0%").await.expect("asked").as_deref(), Some(&b"one"[..]));
        assert_eq!(keys.get_sender_key(GROUP).await.expect("asked").as_deref(), Some(&b"two"[..]));
        keys.delete_sender_key(GROUP).await.expect("deleted");
        assert_eq!(keys.get_sender_key(GROUP).await.expect("asked"), None);
        store.close().await;
    }

    async fn a_one_time_key_that_is_used_up_stays_so(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        assert_eq!(keys.get_max_prekey_id().await.expect("asked"), 0);
        let record = |byte: u8| Bytes::from(vec![byte]);
        keys.store_prekey(9, &[9], false).await.expect("stored");
        keys.store_prekeys_batch(&[(10, record(10)), (100, record(100)), (2, record(2))], false).await.expect("stored");
        assert_eq!(keys.get_max_prekey_id().await.expect("asked"), 100);
        keys.remove_prekey(100).await.expect("removed");
        keys.mark_prekeys_uploaded(&[9, 100]).await.expect("marked");
        assert_eq!(keys.load_prekey(100).await.expect("asked"), None);
        assert_eq!(keys.load_prekey(9).await.expect("asked"), Some(record(9)));
        let mut found = keys.load_prekeys_batch(&[2, 10, 100]).await.expect("asked");
        found.sort();
        assert_eq!(found, [(2, record(2)), (10, record(10))]);
        assert_eq!(keys.get_max_prekey_id().await.expect("asked"), 10);

        keys.store_signed_prekey(1, b"one").await.expect("stored");
        keys.store_signed_prekey(2, b"two").await.expect("stored");
        assert_eq!(keys.load_signed_prekey(2).await.expect("asked").as_deref(), Some(&b"two"[..]));
        assert_eq!(keys.load_all_signed_prekeys().await.expect("asked"), [(1, b"one".to_vec()), (2, b"two".to_vec())]);
        keys.remove_signed_prekey(1).await.expect("removed");
        assert_eq!(keys.load_signed_prekey(1).await.expect("asked"), None);
        store.close().await;
    }

    async fn synchronised_settings_keep_their_keys_versions_and_check_values(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        assert_eq!(keys.get_latest_sync_key_id().await.expect("asked"), None);
        for id in [2, 1] {
            let key = AppStateSyncKey { key_data: vec![id], fingerprint: vec![0], timestamp: 7 };
            keys.set_sync_key(&[id, 0], key).await.expect("set");
        }
        assert_eq!(keys.get_latest_sync_key_id().await.expect("asked"), Some(vec![1, 0]));
        assert_eq!(keys.get_sync_key(&[2, 0]).await.expect("asked").map(|key| key.key_data), Some(vec![2]));

        assert_eq!(keys.get_version("regular").await.expect("asked").version, 0);
        let state = HashState { version: 8, hash: [3; 128], mac_mismatch_fatal: true, ..HashState::default() };
        keys.set_version("regular", state).await.expect("set");
        let state = keys.get_version("regular").await.expect("asked");
        assert_eq!((state.version, state.hash, state.mac_mismatch_fatal), (8, [3; 128], true));

        let mac = |index: u8| AppStateMutationMAC { index_mac: vec![index; 32], value_mac: vec![index] };
        keys.put_mutation_macs("regular", 8, &[mac(1), mac(2), mac(3)]).await.expect("put");
        keys.put_mutation_macs("critical", 1, &[mac(1)]).await.expect("put");
        keys.delete_mutation_macs("regular", &[vec![3; 32]]).await.expect("deleted");
        assert_eq!(keys.get_mutation_mac("regular", &[2; 32]).await.expect("asked"), Some(vec![2]));
        let found = keys.get_mutation_macs("regular", &[[1; 32], [2; 32], [3; 32]]).await.expect("asked");
        assert_eq!(found, [([1; 32], vec![1]), ([2; 32], vec![2])].into());
        keys.clear_mutation_macs("regular").await.expect("cleared");
        assert_eq!(keys.get_mutation_mac("regular", &[2; 32]).await.expect("asked"), None);
        assert_eq!(keys.get_mutation_mac("critical", &[1; 32]).await.expect("asked"), Some(vec![1]));
        store.close().await;
    }

    async fn who_has_our_key_of_a_group_is_known_and_forgotten(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        let sorted = async |group: &str| {
            let mut devices = keys.get_sender_key_devices(group).await.expect("asked");
            devices.sort();
            devices
        };
        keys.set_sender_key_status(GROUP, &[("a@lid", true), ("b@lid", true)]).await.expect("set");
        keys.set_sender_key_status("2@g.us", &[("a@lid", true), ("c@lid", false)]).await.expect("set");
        keys.set_sender_key_status(GROUP, &[("b@lid", false)]).await.expect("set");
        assert_eq!(sorted(GROUP).await, [("a@lid".into(), true), ("b@lid".into(), false)]);
        keys.delete_sender_key_device_rows(&["a@lid"]).await.expect("deleted");
        assert_eq!(sorted(GROUP).await, [("b@lid".into(), false)]);
        assert_eq!(sorted("2@g.us").await, [("c@lid".into(), false)]);
        keys.clear_sender_key_devices(GROUP).await.expect("cleared");
        assert!(sorted(GROUP).await.is_empty());
        keys.clear_all_sender_key_devices().await.expect("cleared");
        assert!(sorted("2@g.us").await.is_empty());
        store.close().await;
    }

    async fn a_hidden_id_stands_for_one_number_and_the_last_learned_is_asked_first(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        keys.put_lid_mapping(&lid("100", "62811")).await.expect("put");
        keys.put_lid_mappings(&[lid("200", "62822"), lid("300", "62811")]).await.expect("put");
        let of = async |phone: &str| keys.get_pn_mapping(phone).await.expect("asked").map(|entry| entry.lid);
        assert_eq!(of("62811").await.as_deref(), Some("300"));
        assert_eq!(keys.get_lid_mapping("100").await.expect("asked").map(|entry| entry.phone_number).as_deref(), Some("62811"));
        // The number moves on, in one call twice: the later word holds.
        keys.put_lid_mappings(&[lid("200", "62833"), lid("200", "62844")]).await.expect("put");
        assert_eq!((of("62822").await, of("62833").await, of("62844").await), (None, None, Some("200".into())));
        assert_eq!(keys.get_all_lid_mappings().await.expect("asked").len(), 3);
        store.close().await;
    }

    async fn base_keys_devices_and_groups_come_back_as_they_were_put(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        keys.save_base_key(PEER, "M1", b"base").await.expect("saved");
        assert!(keys.has_same_base_key(PEER, "M1", b"base").await.expect("asked"));
        assert!(!keys.has_same_base_key(PEER, "M1", b"else").await.expect("asked"));
        keys.delete_base_key(PEER, "M1").await.expect("deleted");
        assert!(!keys.has_same_base_key(PEER, "M1", b"base").await.expect("asked"));

        keys.update_device_list(list("1", 4)).await.expect("updated");
        keys.update_device_lists(vec![list("1", 5), list("2", 6)]).await.expect("updated");
        let found = keys.get_devices("1").await.expect("asked").expect("there");
        assert_eq!((found.devices[1].device_id, found.phash.as_deref(), found.raw_id), (5, Some("2:x"), Some(9)));
        keys.delete_devices("1").await.expect("deleted");
        assert!(keys.get_devices("1").await.expect("asked").is_none());
        assert!(keys.get_devices("2").await.expect("asked").is_some());

        keys.put_group_metadata(GROUP, b"one").await.expect("put");
        keys.put_group_metadata(GROUP, b"two").await.expect("put");
        assert_eq!(keys.get_group_metadata(GROUP).await.expect("asked").as_deref(), Some(&b"two"[..]));
        keys.delete_group_metadata(GROUP).await.expect("deleted");
        assert_eq!(keys.get_group_metadata(GROUP).await.expect("asked"), None);
        store.close().await;
    }

    async fn a_contacts_token_and_when_we_gave_ours_do_not_disturb_each_other(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        let token = async |jid: &str| {
            let found = keys.get_tc_token(jid).await.expect("asked").expect("there");
            (found.token, found.token_timestamp, found.sender_timestamp)
        };
        keys.touch_tc_token_sender_timestamp("a@lid", 50).await.expect("touched");
        assert_eq!(token("a@lid").await, (vec![], 50, Some(50)));
        // The first real token is never too old for a place that waits for it.
        keys.store_received_tc_token("a@lid", &[1], 10).await.expect("stored");
        assert_eq!(token("a@lid").await, (vec![1], 10, Some(50)));
        keys.touch_tc_token_sender_timestamp("a@lid", 40).await.expect("touched");
        keys.store_received_tc_token("a@lid", &[2], 9).await.expect("an older one");
        assert_eq!(token("a@lid").await, (vec![1], 10, Some(50)));
        keys.touch_tc_token_sender_timestamp("a@lid", 60).await.expect("touched");
        keys.store_received_tc_token("a@lid", &[3], 10).await.expect("one as new");
        assert_eq!(token("a@lid").await, (vec![3], 10, Some(60)));
        keys.store_received_tc_token("b@lid", &[4], 7).await.expect("stored");
        assert_eq!(token("b@lid").await, (vec![4], 7, None));
        keys.touch_tc_token_sender_timestamp("b@lid", 5).await.expect("touched");
        assert_eq!(token("b@lid").await, (vec![4], 7, Some(5)));
        let mut jids = keys.get_all_tc_token_jids().await.expect("asked");
        jids.sort();
        assert_eq!(jids, ["a@lid", "b@lid"]);
        keys.delete_tc_token("a@lid").await.expect("deleted");
        assert!(keys.get_tc_token("a@lid").await.expect("asked").is_none());
        store.close().await;
    }

    async fn a_token_goes_only_when_both_its_times_are_over(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        let entry = |token: u8, token_timestamp, sender_timestamp| TcTokenEntry { token: vec![token], token_timestamp, sender_timestamp };
        keys.touch_tc_token_sender_timestamp("recent", 2500).await.expect("touched");
        keys.touch_tc_token_sender_timestamp("stale", 1500).await.expect("touched");
        keys.put_tc_token("given", &entry(1, 1, Some(2500))).await.expect("put");
        keys.put_tc_token("over", &entry(2, 1, None)).await.expect("put");
        keys.put_tc_token("fresh", &entry(3, 5000, None)).await.expect("put");
        assert_eq!(keys.delete_expired_tc_tokens(1000, 2000).await.expect("deleted"), 2);
        let mut left = keys.get_all_tc_token_jids().await.expect("asked");
        left.sort();
        assert_eq!(left, ["fresh", "given", "recent"]);
        store.close().await;
    }

    async fn a_sent_message_is_had_by_all_who_ask_at_once_and_forgotten_in_time(database: Database) {
        let Pair { store, keys, clock, .. } = pair(database).await;
        keys.store_sent_message(CHAT, "M1", b"hello").await.expect("stored");
        let takes = futures_util::future::join_all((0..4).map(|_| keys.take_sent_message(CHAT, "M1"))).await;
        let taken: Vec<_> = takes.into_iter().filter_map(|taken| taken.expect("asked")).collect();
        assert_eq!(taken, vec![b"hello".to_vec(); 4]);
        keys.store_sent_message(CHAT, "M2", b"old").await.expect("stored");
        clock.advance(Duration::from_secs(10));
        keys.store_sent_message(CHAT, "M3", b"new").await.expect("stored");
        assert_eq!(keys.delete_expired_sent_messages(NOW / 1000 + 10).await.expect("deleted"), 2);
        assert_eq!(keys.take_sent_message(CHAT, "M2").await.expect("asked"), None);
        assert_eq!(keys.take_sent_message(CHAT, "M3").await.expect("asked"), Some(b"new".to_vec()));
        store.close().await;
    }

    async fn a_message_that_is_not_taken_over_yet_is_kept_for_its_chat_sender_and_id(database: Database) {
        let Pair { store, keys, clock, .. } = pair(database).await;
        keys.store_pending_inbound(GROUP, "a", "b", b"one").await.expect("stored");
        assert_eq!(keys.get_pending_inbound(GROUP, "a", "b").await.expect("asked"), Some(b"one".to_vec()));
        for (chat, sender, id) in [("2@g.us", "a", "b"), (GROUP, "ab", ""), (GROUP, "a/b", ""), (GROUP, "", "a/b")] {
            assert_eq!(keys.get_pending_inbound(chat, sender, id).await.expect("asked"), None, "{sender} {id}");
        }
        let row = |id: &'static str| PendingInboundRow { chat: GROUP, sender: "a", id, message: id.as_bytes() };
        clock.advance(Duration::from_secs(10));
        keys.store_pending_inbound_batch(&[row("c"), row("d"), row("e")]).await.expect("stored");
        keys.delete_pending_inbound_batch(&[PendingInboundKey { chat: GROUP, sender: "a", id: "c" }]).await.expect("deleted");
        keys.delete_pending_inbound(GROUP, "a", "d").await.expect("deleted");
        assert_eq!(keys.delete_expired_pending_inbound(NOW / 1000 + 10).await.expect("deleted"), 1);
        let mut left = Vec::new();
        for id in ["b", "c", "d", "e"] {
            left.extend(keys.get_pending_inbound(GROUP, "a", id).await.expect("asked"));
        }
        assert_eq!(left, [b"e".to_vec()]);
        store.close().await;
    }

    async fn a_messages_secret_is_never_kept_shorter_than_it_was_to_be(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        let found = async |id: &str| keys.get_msg_secret_with_ts(GROUP, CHAT, id).await.expect("asked").map(|(secret, ts)| (secret[0], ts));
        let first = vec![secret("a", 1, 100, 5), secret("b", 1, 0, 0), secret("c", 1, 100, 0), secret("c", 2, 300, 7), secret("c", 3, 200, 0)];
        assert_eq!(keys.put_msg_secrets(first).await.expect("put"), 5);
        assert_eq!((found("a").await, found("b").await, found("c").await), (Some((1, 5)), Some((1, 0)), Some((3, 7))));
        // The last secret holds, the later time, and for ever is later than all.
        keys.put_msg_secrets(vec![secret("a", 2, 50, 0), secret("b", 2, 100, 9), secret("c", 4, 250, 6)]).await.expect("put");
        assert_eq!((found("a").await, found("b").await, found("c").await), (Some((2, 5)), Some((2, 9)), Some((4, 7))));
        assert_eq!(keys.delete_expired_msg_secrets(99).await.expect("deleted"), 0);
        assert_eq!(keys.delete_expired_msg_secrets(100).await.expect("deleted"), 1);
        assert_eq!(keys.delete_expired_msg_secrets(299).await.expect("deleted"), 0);
        assert_eq!(keys.delete_expired_msg_secrets(300).await.expect("deleted"), 1);
        assert_eq!(found("b").await, Some((2, 9)));
        keys.put_msg_secret(CHAT, CHAT, "a", &[8; 32]).await.expect("put");
        assert_eq!(keys.get_msg_secret(CHAT, CHAT, "a").await.expect("asked"), Some(vec![8; 32]));
        assert_eq!(keys.get_msg_secret(GROUP, CHAT, "a").await.expect("asked"), None);
        store.close().await;
    }

    async fn the_linked_account_is_the_one_that_was_saved(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        assert!(!keys.exists().await.expect("asked") && keys.load().await.expect("asked").is_none());
        keys.create().await.expect("created");
        let made = keys.load().await.expect("asked").expect("there");
        keys.create().await.expect("there already");
        let mut account = keys.load().await.expect("asked").expect("there");
        assert_eq!(account.registration_id, made.registration_id);
        assert_eq!(account.device_props, made.device_props);
        assert_eq!(keys.account().await.expect("asked"), None);
        account.pn = Some("6281234567890:12@s.whatsapp.net".parse::<Jid>().expect("an address"));
        account.lid = Some("100000012345678:12@lid".parse::<Jid>().expect("an address"));
        account.push_name = "Name".into();
        account.next_pre_key_id = 813;
        keys.save(&account).await.expect("saved");
        let found = keys.load().await.expect("asked").expect("there");
        assert_eq!((found.push_name.as_str(), found.next_pre_key_id), ("Name", 813));
        assert_eq!((found.pn, found.lid), (account.pn, account.lid));
        let bytes = |pair: &whatsapp_rust::wacore::libsignal::protocol::KeyPair| *pair.private_key.serialize();
        assert_eq!(bytes(&found.identity_key), bytes(&account.identity_key));
        assert_eq!(keys.account().await.expect("asked"), Some(("6281234567890".into(), Some("100000012345678".into()))));
        store.close().await;
    }

    async fn many_rows_at_once_are_one_unit(database: Database) {
        let Pair { store, keys, .. } = pair(database).await;
        let sessions: Vec<_> = (0..500).map(|at| (arc(&format!("{at}@lid")), Bytes::from(vec![1; 2000]))).collect();
        keys.put_sessions_batch(&sessions).await.expect("put");
        let ids: Vec<u32> = (1..=812).collect();
        let records: Vec<_> = ids.iter().map(|id| (*id, Bytes::from_static(b"record"))).collect();
        keys.store_prekeys_batch(&records, false).await.expect("stored");
        keys.mark_prekeys_uploaded(&ids).await.expect("marked");
        assert_eq!(keys.load_prekeys_batch(&ids).await.expect("asked").len(), 812);
        assert_eq!(keys.get_session("499@lid").await.expect("asked").map(|session| session.len()), Some(2000));
        store.close().await;
    }
}
