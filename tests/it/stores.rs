//! The store on its own: leases, epochs, claims, and what it refuses. The same on both databases.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use wachat::clock::Clock;
use wachat::device::{DeviceState, Health, Kind};
use wachat::limits::LISTING_ROWS_READ_MAX;
use wachat::message::kind::MediaKind;
use wachat::message::{Content, MediaSource, NewMessage, Priority, RefNo, State};
use wachat::store::{
    Accept, Behind, First, LastWaits, Lease, MessageFilter, NewDevice, NewInbound, Page, Progress, PushEnd,
    PushOutcome, Step, Store, StoreError, WaitCode,
};

use crate::process::Place;
use crate::world::{ALICE, Database, fresh_store, stories};

pub const DEVICE: &str = "1-000000000000001";
pub const NOW: i64 = 1_790_000_000_000;

pub async fn founded(database: Database) -> (Store, tempfile::TempDir) {
    let (store, folder) = fresh_store(database).await;
    let first = First {
        client_name: "First".into(),
        country_code: "62".into(),
        userid: "admin".into(),
        password_given: false,
        password_hash: "none".into(),
        key_hash: wachat::account::StoredKeyHash([7; 32]),
        key_hint: "key".into(),
        device_id: DEVICE.into(),
        sender: "628110000000".into(),
        device_name: "Sandbox".into(),
        now: NOW,
    };
    assert!(store.found(first.clone()).await.expect("founded"));
    assert!(!store.found(first).await.expect("founded already"));
    (store, folder)
}

pub fn message(device_id: &str, text: &str) -> NewMessage {
    NewMessage {
        ref_no: RefNo::new(&Clock::system()),
        client_id: 1,
        person_id: 1,
        device_id: device_id.into(),
        sender: "628110000000".into(),
        sandbox: true,
        destination: ALICE.into(),
        is_group: false,
        content: Content::Text(text.into()),
        created_at: NOW,
        expires_at: NOW + 60_000,
        priority: Priority::Normal,
        tag: None,
    }
}

pub async fn accept(store: &Store, message: NewMessage) -> RefNo {
    let ref_no = message.ref_no.clone();
    store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None }).await.expect("accepted");
    ref_no
}

pub fn step(lease: &Lease, ref_no: &RefNo, step: Step) -> Vec<Progress> {
    vec![Progress { ref_no: ref_no.clone(), device_id: lease.device_id.clone(), epoch: lease.epoch, step }]
}

/// What the store says of a message: its state, and its dates.
pub async fn state(store: &Store, ref_no: &RefNo) -> (String, [Option<i64>; 3]) {
    let message = store.find_message(1, ref_no).await.expect("readable").expect("there");
    (message.status, [message.sent_at, message.delivered_at, message.read_at])
}

/// Makes a store look as if a later program had been there.
pub async fn pretend_newer(place: &Place) {
    let text = "INSERT INTO schema_version (version) VALUES (999)";
    match &place.database_url {
        Some(url) => {
            let mut conn = sqlx::PgConnection::connect(url).await.expect("a connection");
            sqlx::query(text).execute(&mut conn).await.expect("written");
        }
        None => {
            let conn = rusqlite::Connection::open(place.data_dir().join("wachat.db")).expect("a connection");
            conn.execute(text, []).expect("written");
        }
    }
}

stories! {
    async fn a_device_has_one_owner_and_a_former_owner_writes_nothing(database: Database) {
        let (store, _folder) = founded(database).await;
        let ours = store.lease_devices("a", NOW, NOW + 20_000).await.expect("leased").remove(0);
        assert!(store.lease_devices("b", NOW + 10_000, NOW + 30_000).await.expect("none left").is_empty());
        // Renewing keeps the epoch.
        let renewed = store.lease_devices("a", NOW + 15_000, NOW + 35_000).await.expect("renewed");
        assert_eq!(renewed, std::slice::from_ref(&ours));
        // `a` falls silent; `b` takes over under a new epoch.
        let theirs = store.lease_devices("b", NOW + 40_000, NOW + 60_000).await.expect("leased").remove(0);
        assert!(theirs.epoch > ours.epoch);
        let ref_no = accept(&store, message(DEVICE, "hello")).await;
        assert_eq!(store.begin_attempts(DEVICE, ours.epoch, NOW, vec![ref_no.clone()], None, None).await.expect("asked"), None);
        let late = store.progress(step(&ours, &ref_no, Step::Sent { at: NOW })).await;
        assert!(matches!(late, Err(StoreError::NotOwner)), "{late:?}");
        assert_eq!(state(&store, &ref_no).await.0, "Q");
        assert!(!store.set_device_health(&ours, Health::new(DeviceState::Online, ""), NOW).await.expect("asked"));
        let begun = store.begin_attempts(DEVICE, theirs.epoch, NOW, vec![ref_no.clone()], None, None).await.expect("asked");
        assert_eq!(begun.map(|begun| begun.ref_nos), Some(vec![ref_no.clone()]));
        store.progress(step(&theirs, &ref_no, Step::Sent { at: NOW })).await.expect("stored");
        assert_eq!(state(&store, &ref_no).await.0, "S");
        store.release_devices("b").await.expect("released");
        assert_eq!(store.lease_devices("a", NOW + 41_000, NOW + 61_000).await.expect("leased").len(), 1);
        store.close().await;
    }

    async fn states_and_dates_only_move_forward_in_whatever_order_they_come(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = store.lease_devices("a", NOW, i64::MAX).await.expect("leased").remove(0);
        let sent = |at| Step::Sent { at };
        let delivered = |at| Step::Delivered { at, member: None };
        let read = |at| Step::Read { at, member: None };
        let aborted = |at| Step::Aborted { at, reason: "no".into(), attempts: 1, uncounted: None };
        for (steps, wanted, dates) in [
            (vec![sent(1), delivered(2), read(3)], "R", [Some(1), Some(2), Some(3)]),
            (vec![read(3), delivered(4), sent(5)], "R", [Some(3), Some(3), Some(3)]),
            (vec![sent(1), sent(2), delivered(3), delivered(4)], "D", [Some(1), Some(3), None]),
            (vec![delivered(2), sent(3), aborted(4)], "D", [Some(2), Some(2), None]),
            (vec![aborted(1), sent(2), delivered(3), read(4)], "A", [None, None, None]),
            (vec![Step::Retry { due_at: 9, attempts: 1, number: 1, at: 1, reason: "not yet".into(), code: WaitCode::Retry }, sent(2)], "S", [Some(2), None, None]),
        ] {
            let ref_no = accept(&store, message(DEVICE, "hello")).await;
            for one in steps.clone() {
                store.progress(step(&lease, &ref_no, one)).await.expect("stored");
            }
            assert_eq!(state(&store, &ref_no).await, (wanted.to_owned(), dates), "{steps:?}");
        }
        store.close().await;
    }

    async fn a_group_counts_its_members_receipts(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = store.lease_devices("a", NOW, i64::MAX).await.expect("leased").remove(0);
        let ref_no = accept(&store, message(DEVICE, "hello")).await;
        let read = |who: &str, at| Step::Read { at, member: Some(who.into()) };
        let delivered = |who: &str, at| Step::Delivered { at, member: Some(who.into()) };
        // A member's receipt before our own acknowledgement, twice, and out of order.
        for one in [Step::Counted { members: 2 }, read("x", 1), delivered("x", 2), Step::Sent { at: 3 }, delivered("y", 4), delivered("y", 5)] {
            store.progress(step(&lease, &ref_no, one)).await.expect("stored");
        }
        assert_eq!(state(&store, &ref_no).await, ("D".into(), [Some(1), Some(4), None]));
        store.progress(step(&lease, &ref_no, read("y", 6))).await.expect("stored");
        assert_eq!(state(&store, &ref_no).await, ("R".into(), [Some(1), Some(4), Some(6)]));
        store.close().await;
    }

    async fn a_queue_is_read_in_the_order_of_acceptance_under_many_writers(database: Database) {
        let (store, _folder) = founded(database).await;
        let writers = (0..200).map(|at| accept(&store, message(DEVICE, &at.to_string())));
        let reader = async {
            // What a loop does: read on behind the last number seen. Nothing may turn up before it later.
            let (mut cursor, mut seen) = (0, Vec::new());
            while seen.len() < 200 {
                let behind = [Behind { after: cursor, rows: 50 }; 3];
                let found = store.find_waiting(DEVICE, behind).await.expect("readable");
                cursor = found.last().map_or(cursor, |waiting| waiting.seq);
                seen.extend(found.into_iter().map(|waiting| waiting.ref_no));
                tokio::task::yield_now().await;
            }
            seen
        };
        let both = Box::pin(async { tokio::join!(futures_util::future::join_all(writers), reader) });
        let (accepted, mut seen) = Box::pin(crate::world::within(Duration::from_secs(20), both)).await.expect("none is missed");
        let mut accepted: Vec<_> = accepted.iter().map(RefNo::to_string).collect();
        accepted.sort();
        seen.sort();
        assert_eq!(accepted, seen);
        store.close().await;
    }

    async fn a_failed_unit_undoes_nothing_but_itself(database: Database) {
        let (store, _folder) = founded(database).await;
        let taken = NewDevice {
            id: DEVICE.into(),
            client_id: 1,
            sender: "628110000009".into(),
            name: "x".into(),
            kind: Kind::Sandbox,
            daily_limit: 0,
            created_at: NOW,
        };
        let units = (0..50).map(|at| {
            let (store, taken) = (store.clone(), taken.clone());
            async move {
                let accepted = accept(&store, message(DEVICE, &at.to_string()));
                let (refused, _) = tokio::join!(store.add_device(taken), accepted);
                assert!(matches!(refused, Err(StoreError::Exists)), "{refused:?}");
            }
        });
        futures_util::future::join_all(units).await;
        let all = store.list_messages(&MessageFilter::of(1), Page { before: None, rows: 500 }).await.expect("readable");
        assert_eq!(all.messages.len(), 50);
        store.close().await;
    }

    async fn a_page_looks_through_so_many_messages_and_says_how_far_it_came(database: Database) {
        let (store, _folder) = founded(database).await;
        let many = usize::try_from(LISTING_ROWS_READ_MAX).expect("a number") + 100;
        // The oldest three, and one that the first page comes to.
        for _ in 0..3 {
            accept(&store, message(DEVICE, "needle")).await;
        }
        for first in (0..many).step_by(1_000) {
            let text = |at| if at == 5_000 { "needle" } else { "hay" };
            let accepted = (first..many.min(first + 1_000)).map(|at| accept(&store, message(DEVICE, text(at))));
            futures_util::future::join_all(accepted).await;
        }
        let needles = MessageFilter { text: Some("NEEDLE".into()), ..MessageFilter::of(1) };
        let list = async |filter: &MessageFilter, before| {
            store.list_messages(filter, Page { before, rows: 10 }).await.expect("readable")
        };
        let first = list(&needles, None).await;
        let end = first.ended.expect("it ended before the oldest");
        assert_eq!((first.messages.len(), end.created_at), (1, NOW));
        let second = list(&needles, Some(end.seq)).await;
        assert_eq!((second.messages.len(), second.ended), (3, None));
        // What an index leads to is found at once, however old it is.
        let aborted = second.messages[2].ref_no.clone();
        let ref_no = RefNo::parse(&aborted).expect("a number");
        assert!(store.cancel_message(1, &ref_no, NOW).await.expect("stored"));
        let found = list(&MessageFilter { status: Some(State::Aborted), ..MessageFilter::of(1) }, None).await;
        assert_eq!((&found.messages[0].ref_no, found.messages.len(), found.ended), (&aborted, 1, None));
        let all = list(&MessageFilter { device_id: Some(DEVICE.into()), ..MessageFilter::of(1) }, None).await;
        assert_eq!((all.messages.len(), all.ended), (10, None));
        store.close().await;
    }

    async fn messages_are_found_by_their_dates_though_a_clock_was_set_back(database: Database) {
        let (store, _folder) = founded(database).await;
        const MINUTE: i64 = 60_000;
        for minutes in [0, 10, 20, 30, 25, 26, 40, 50] {
            accept(&store, NewMessage { created_at: NOW + minutes * MINUTE, ..message(DEVICE, &minutes.to_string()) }).await;
        }
        for (from, until, wanted) in [
            (None, None, "50 40 26 25 30 20 10 0"),
            (Some(25), Some(30), "26 25"),
            (Some(30), None, "50 40 30"),
            (None, Some(20), "10 0"),
            (Some(26), Some(41), "40 26 30"),
            (Some(60), None, ""),
            (None, Some(0), ""),
        ] {
            let at = |minutes: Option<i64>| minutes.map(|minutes| NOW + minutes * MINUTE);
            let filter = MessageFilter { created_from: at(from), created_until: at(until), ..MessageFilter::of(1) };
            let found = store.list_messages(&filter, Page { before: None, rows: 10 }).await.expect("readable");
            let texts: Vec<String> = found.messages.into_iter().filter_map(|message| message.body).collect();
            assert_eq!(texts.join(" "), wanted, "{from:?} to {until:?}");
        }
        store.close().await;
    }

    async fn a_claimed_push_is_nobody_elses_until_its_claim_runs_out(database: Database) {
        let (store, _folder) = founded(database).await;
        store.set_push_url(1, Some("https://example.com/".into()), NOW).await.expect("set");
        for at in 0..10 {
            let new = NewInbound {
                id: format!("{at:032}"),
                client_id: 1,
                device_id: DEVICE.into(),
                gateway: "628110000000".into(),
                whatsapp_id: at.to_string(),
                chat: ALICE.into(),
                originator: ALICE.into(),
                hidden: None,
                name: None,
                is_group: false,
                kind: "text".into(),
                body: "hello".into(),
                media_id: None,
                file_ref: None,
                file_name: None,
                about: None,
                about_ref_no: None,
                sent_at: NOW,
                received_at: NOW,
                sandbox: true,
            };
            assert!(store.add_inbound(new.clone()).await.expect("stored"));
            assert!(!store.add_inbound(NewInbound { id: format!("again{at}"), ..new }).await.expect("known"));
        }
        assert_eq!(store.clients_with_due_pushes(NOW).await.expect("readable"), [1]);
        let claims = futures_util::future::join_all((0..4).map(|_| store.claim_pushes(1, NOW, NOW + 20_000, 4))).await;
        let mut claimed: Vec<_> = claims.into_iter().flat_map(|c| c.expect("claimed")).collect();
        claimed.sort_by(|one, other| one.inbound_id.cmp(&other.inbound_id));
        claimed.dedup_by(|one, other| one.inbound_id == other.inbound_id);
        assert_eq!(claimed.len(), 10);
        assert!(store.claim_pushes(1, NOW + 19_999, NOW + 40_000, 10).await.expect("none").is_empty());
        let end = PushEnd { outcome: PushOutcome::Done, http_status: Some(200), answer: "ok".into(), rests: None };
        store.end_push_try(&claimed[0], end, NOW).await.expect("ended");
        let again = store.claim_pushes(1, NOW + 20_000, NOW + 40_000, 10).await.expect("claimed");
        assert_eq!(again.len(), 9);
        assert!(again.iter().all(|push| push.attempts == 2 && push.first_at == NOW));
        // Meanwhile its message has changed: a try that carried the earlier content ends nothing.
        let id = Some(again[0].inbound_id.clone());
        assert_eq!(store.replay_pushes(1, id, NOW, NOW + 1, NOW + 20_001).await.expect("changed"), 1);
        let end = PushEnd { outcome: PushOutcome::Done, http_status: Some(200), answer: "ok".into(), rests: None };
        store.end_push_try(&again[0], end, NOW).await.expect("ended");
        let due = store.claim_pushes(1, NOW + 20_001, NOW + 40_000, 10).await.expect("claimed");
        assert_eq!(due.iter().map(|push| (&push.inbound_id, push.attempts)).collect::<Vec<_>>(), [(&again[0].inbound_id, 1)]);
        store.close().await;
    }

    async fn a_message_in_an_attempt_is_not_cancelled_and_expires_only_when_nobody_looks_after_it(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = store.lease_devices("a", NOW, i64::MAX).await.expect("leased").remove(0);
        let ref_no = accept(&store, message(DEVICE, "hello")).await;
        store.begin_attempts(DEVICE, lease.epoch, NOW + 50_000, vec![ref_no.clone()], None, None).await.expect("begun");
        assert!(!store.cancel_message(1, &ref_no, NOW).await.expect("asked"));
        assert!(store.expire_messages(NOW + 61_000, 120_000, LastWaits::default()).await.expect("looked").is_empty());
        assert_eq!(store.expire_messages(NOW + 170_000, 120_000, LastWaits::default()).await.expect("looked"), [(DEVICE.to_owned(), 1)].into());
        let message = store.find_message(1, &ref_no).await.expect("readable").expect("there");
        assert!(message.reason.expect("a reason").contains("may have been delivered"));
        store.close().await;
    }

    async fn messages_that_are_accepted_together_keep_what_each_has_and_their_order(database: Database) {
        let (store, _folder) = founded(database).await;
        for together in [1, 2, 3, 4, 5, 15, 16, 17, 20, 37, 64, 65, 150] {
            let messages = (0..together).map(|at| {
                let plain = message(DEVICE, &format!("text {at}"));
                let content = Content::Media {
                    caption: (at % 2 == 0).then(|| format!("caption {at}")),
                    source: MediaSource::Url(format!("https://files.example/{at}")),
                    file_name: (at % 4 == 1).then(|| format!("{at}.pdf")),
                    kind: (at % 4 == 1).then_some(MediaKind::Document),
                };
                let content = if at % 3 == 0 { content } else { plain.content.clone() };
                let priority = [Priority::High, Priority::Normal, Priority::Bulk][at % 3];
                NewMessage {
                    destination: format!("62812{at:08}"),
                    content,
                    priority,
                    tag: (at % 5 == 0).then(|| format!("tag {at}")),
                    expires_at: plain.expires_at + at as i64,
                    ..plain
                }
            });
            let messages: Vec<_> = messages.collect();
            let accepts = messages.iter().map(|message| accept(&store, message.clone()));
            let ref_nos = futures_util::future::join_all(accepts).await;
            let mut last = 0;
            for (new, ref_no) in messages.iter().zip(&ref_nos) {
                let stored = store.find_message(1, ref_no).await.expect("readable").expect("there");
                let found = (stored.destination, stored.priority, stored.tag, stored.expires_at, stored.status.as_str());
                assert_eq!(found, (new.destination.clone(), new.priority, new.tag.clone(), new.expires_at, "Q"));
                let found = (stored.body, stored.media_url.map(|url| url.to_string()), stored.file_name, stored.kind.as_deref());
                let wanted = match &new.content {
                    Content::Text(text) => (Some(text.clone()), None, None, Some("text")),
                    Content::Media { caption, source: MediaSource::Url(url), file_name, kind } => {
                        (caption.clone(), Some(url.clone()), file_name.clone(), kind.map(MediaKind::name))
                    }
                    Content::Media { .. } => unreachable!("every file is at an address"),
                };
                assert_eq!(found, wanted);
                assert!(matches!(database, Database::Postgres) || stored.seq > last, "in the order in which they were accepted");
                last = stored.seq;
            }
        }
        store.close().await;
    }

    async fn what_was_answered_before_the_store_closed_is_there_when_it_opens(database: Database) {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = crate::world::settings(folder.path(), database).await;
        let location = wachat::store::Location::parse(&settings.database_url).expect("a location");
        let store = Store::open(&location).await.expect("opens");
        let client = store.add_client("First", "62", NOW).await.expect("added");
        store.close().await;
        assert!(matches!(store.add_client("late", "62", NOW).await, Err(StoreError::Unavailable(_))));
        let store = Store::open(&location).await.expect("opens again");
        assert_eq!(store.find_client(client).await.expect("readable").map(|c| c.name), Some("First".into()));
        assert_eq!(json!(store.list_clients().await.expect("readable")).as_array().map(Vec::len), Some(1));
        store.close().await;
    }
}
