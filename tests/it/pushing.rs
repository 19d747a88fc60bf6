//! Inbound messages, and how they reach the customer's Push URL.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use wachat::device::Device;
use wachat::inbox::{Received, sandbox_message};
use wachat::message::{Inbound, InboundFile};
use wachat::store::StoredPush;

use crate::receiver::{Answer, Asked, Receiver};
use crate::world::{BOB, Time, World, eventually, stories, within};

const HOUR: Duration = Duration::from_secs(3_600);

async fn set_url(world: &World, client_id: i64, url: &str) -> String {
    let path = format!("/clients/{client_id}/push");
    let reply = world.client.manage("PUT", &path, Some(json!({"url": url}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["data"]["secret"].as_str().expect("a secret").to_owned()
}

/// A message comes in; gives its id.
async fn receive(world: &World, device_id: &str, text: &str) -> String {
    let body = json!({"from": BOB, "text": text, "name": "Bob"});
    let reply = world.client.manage("POST", &format!("/devices/{device_id}/receive"), Some(body)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.body["data"]["id"].as_str().expect("an id").to_owned()
}

async fn device(world: &World) -> Device {
    world.store.find_device(&world.device_id).await.expect("a readable store").expect("a device")
}

async fn pushes(world: &World, status: &str) -> Vec<Value> {
    let reply = world.client.manage("GET", &format!("/clients/1/pushes?status={status}"), None).await;
    reply.body["data"]["items"].as_array().expect("pushes").clone()
}

/// Receivers that answer `status` so often, each time in other words, so that a story sees which answer was stored.
fn numbered(status: u16, times: usize) -> Vec<Answer> {
    (1..=times).map(|at| Answer { body: format!("answer {at}").into_bytes(), ..Answer::status(status) }).collect()
}

/// Waits until the receiver was asked so often. The held clock is nudged when nothing happens, and only then: while a try
/// is under way time stands still.
async fn until_asked(world: &World, receiver: &Receiver, count: usize) -> Vec<Asked> {
    while within(Duration::from_millis(300), receiver.until(count)).await.is_err() {
        world.advance(Duration::from_secs(1)).await;
    }
    receiver.asked()
}

/// Waits until the outcome of the latest try is stored: the answer with this number.
async fn until_stored(world: &World, number: usize) -> StoredPush {
    eventually("the try's outcome is stored", async || {
        let push = world.store.list_pushes(1, None, None, 1).await.expect("pushes").remove(0);
        if push.last_answer == Some(format!("answer {number}")) { Ok(push) } else { Err(format!("{push:?}")) }
    })
    .await
}

/// Moves the held clock to the moment when the latest push is due again; gives how long that was.
async fn wait_for_turn(world: &World, push: &StoredPush) -> Duration {
    let wait = Duration::from_millis((push.due_at - world.clock.now()).unsigned_abs());
    world.advance(wait).await;
    wait
}

fn is_signed(asked: &Asked, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("its prefix")).expect("base64");
    let mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    let signed = format!("{}.{}.{}", asked.header("webhook-id"), asked.header("webhook-timestamp"), asked.body);
    let wanted = STANDARD.encode(mac.chain_update(signed).finalize().into_bytes());
    asked.header("webhook-signature") == format!("v1,{wanted}")
}

stories! {
    async fn an_inbound_message_is_posted_as_documented_and_signed(database: Database) {
        let world = World::new(database).await;
        let receiver = Receiver::new(vec![Answer::status(204)]).await;
        let secret = set_url(&world, 1, &receiver.url("/inbox?token=1")).await;
        let id = receive(&world, &world.device_id, "Halo & terima kasih\n😀").await;
        let asked = receiver.until(1).await.remove(0);
        assert_eq!((asked.path.as_str(), asked.header("content-type")), ("/inbox", "application/x-www-form-urlencoded"));
        for (name, wanted) in [
            ("id", id.as_str()),
            ("gateway_number", &world.sender),
            ("originator", BOB),
            ("msg", "Halo & terima kasih\n😀"),
            ("type", "text"),
            ("media_url", ""),
            ("file_name", ""),
            ("is_group", "false"),
            ("group_id", ""),
            ("name", "Bob"),
        ] {
            assert_eq!(asked.field(name).as_deref(), Some(wanted), "{name}");
        }
        let date = asked.field("receive_date").expect("a date");
        assert!(date.ends_with('Z') && date.parse::<jiff::Timestamp>().is_ok(), "{date}");
        assert_eq!(asked.header("webhook-id"), id);
        assert!(is_signed(&asked, &secret), "{asked:?}");
        eventually("it is done", async || {
            let done = pushes(&world, "done").await;
            if done.len() == 1 { Ok(()) } else { Err(format!("{done:?}")) }
        })
        .await;
        let rotated = world.client.manage("POST", "/clients/1/push/rotate-secret", None).await;
        let rotated = rotated.body["data"]["secret"].as_str().expect("a secret").to_owned();
        assert_ne!(rotated, secret);
        receive(&world, &world.device_id, "again").await;
        let asked = receiver.until(2).await.remove(1);
        assert!(is_signed(&asked, &rotated) && !is_signed(&asked, &secret));
        world.stop().await;
    }

    async fn a_file_in_a_group_is_pushed_with_a_link_that_works(database: Database) {
        let world = World::new(database).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let media = InboundFile::Here { bytes: b"%PDF-1.7 hello".as_slice().into(), file_name: Some("invoice.pdf".into()) };
        let group = Some("120363025246125486".to_owned());
        let message = sandbox_message(&world.clock, BOB.into(), group, None, String::new(), Some(media));
        let received = world.inbox.receive(&device(&world).await, message).await.expect("stored");
        assert!(matches!(received, Received::New(_)));
        let asked = receiver.until(1).await.remove(0);
        let field = |name| asked.field(name).expect("a field");
        assert_eq!((field("type"), field("msg"), field("file_name")), ("document".into(), "[document]".into(), "invoice.pdf".into()));
        assert_eq!((field("is_group"), field("group_id")), ("true".into(), "120363025246125486".into()));
        let link = field("media_url");
        let path = &link[link.find("/media/").expect("a path")..];
        let file = world.client.with_key("").ask("GET", path, &[], None).await;
        assert_eq!((file.status, file.text.as_str()), (200, "%PDF-1.7 hello"));
        world.stop().await;
    }

    async fn a_message_that_whatsapp_tells_twice_is_stored_and_pushed_once(database: Database) {
        let world = World::new(database).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let message = Inbound {
            whatsapp_id: "3A00".into(),
            originator: BOB.into(),
            hidden: None,
            name: None,
            group_id: None,
            kind: "text".into(),
            text: "hello".into(),
            file: None,
            about: None,
            sent_at: 1,
        };
        let device = device(&world).await;
        assert!(matches!(world.inbox.receive(&device, message.clone()).await, Ok(Received::New(_))));
        assert!(matches!(world.inbox.receive(&device, message.clone()).await, Ok(Received::Repeated)));
        // The same id in another chat is another message.
        let elsewhere = Inbound { group_id: Some("120363025246125486".into()), ..message };
        assert!(matches!(world.inbox.receive(&device, elsewhere).await, Ok(Received::New(_))));
        receiver.until(2).await;
        let listed = world.client.manage("GET", "/inbox", None).await;
        assert_eq!(listed.body["data"]["items"].as_array().expect("messages").len(), 2);
        world.stop().await;
    }

    async fn a_failing_url_is_tried_on_the_schedule_with_the_same_id(database: Database) {
        let world = World::held(database).await;
        let mut answers = numbered(500, 4);
        answers[1] = Answer { status: 302, ..answers[1].clone() }.header("location", "/");
        answers[2].status = 429;
        answers[3].status = 200;
        let receiver = Receiver::new(answers).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let id = receive(&world, &world.device_id, "hello").await;
        for (at, least) in [5, 30, 120].into_iter().enumerate() {
            until_asked(&world, &receiver, at + 1).await;
            let push = until_stored(&world, at + 1).await;
            let wait = wait_for_turn(&world, &push).await.as_millis();
            assert!((least * 1_000..=least * 1_100).contains(&wait), "{at}: {wait} ms");
        }
        let asked = until_asked(&world, &receiver, 4).await;
        assert_eq!(until_stored(&world, 4).await.status, "done");
        assert!(asked.iter().all(|asked| asked.header("webhook-id") == id && asked.field("id").as_deref() == Some(&id)));
        world.stop().await;
    }

    async fn retry_after_is_honoured(database: Database) {
        let world = World::held(database).await;
        let answers = numbered(503, 1).remove(0).header("retry-after", "600");
        let receiver = Receiver::new(vec![answers]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        receive(&world, &world.device_id, "hello").await;
        until_asked(&world, &receiver, 1).await;
        let push = until_stored(&world, 1).await;
        assert_eq!(wait_for_turn(&world, &push).await, Duration::from_secs(600));
        world.stop().await;
    }

    async fn a_url_that_is_gone_is_paused_and_nothing_is_dropped(database: Database) {
        let world = World::held(database).await;
        let receiver = Receiver::new(vec![Answer::status(410), Answer::status(200)]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let first = receive(&world, &world.device_id, "one").await;
        let paused = eventually("it is paused", async || {
            let shown = world.client.manage("GET", "/clients/1/push", None).await;
            let reason = shown.body["data"]["paused_reason"].as_str().map(str::to_owned);
            reason.ok_or(shown.text)
        })
        .await;
        assert!(paused.contains("410"), "{paused}");
        let second = receive(&world, &world.device_id, "two").await;
        world.advance(HOUR).await;
        assert_eq!(receiver.asked().len(), 1);
        let reply = world.client.manage("POST", "/clients/1/push/resume", None).await;
        assert_eq!(reply.body["data"]["paused_reason"], Value::Null);
        let asked = until_asked(&world, &receiver, 3).await;
        let mut ids: Vec<String> = asked[1..].iter().map(|asked| asked.field("id").expect("an id")).collect();
        let mut both = [first, second];
        ids.sort();
        both.sort();
        assert_eq!(ids, both);
        world.stop().await;
    }

    async fn after_72_hours_a_push_has_failed_the_url_rests_and_a_replay_delivers_it(database: Database) {
        let world = World::held(database).await;
        let receiver = Receiver::new(numbered(500, 20)).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let id = receive(&world, &world.device_id, "hello").await;
        let mut tries = 0;
        loop {
            tries += 1;
            until_asked(&world, &receiver, tries).await;
            let push = until_stored(&world, tries).await;
            assert_eq!((push.inbound_id.as_str(), push.attempts), (id.as_str(), tries as i64));
            if push.status == "failed" {
                break;
            }
            wait_for_turn(&world, &push).await;
        }
        // Each wait is up to a tenth longer than the schedule says, so the last one may not fit.
        assert!((13..=14).contains(&tries), "{tries}");
        let shown = world.client.manage("GET", "/clients/1/push", None).await;
        assert!(shown.body["data"]["paused_reason"].as_str().is_some_and(|reason| reason.contains("72 hours")), "{}", shown.text);
        let well = Receiver::new(vec![Answer::status(200)]).await;
        set_url(&world, 1, &well.url("/")).await;
        let reply = world.client.manage("POST", "/clients/1/pushes/replay", Some(json!({"id": id}))).await;
        assert_eq!(reply.body["data"]["replayed"], 1, "{}", reply.text);
        assert_eq!(well.until(1).await[0].field("id"), Some(id));
        world.stop().await;
    }

    async fn one_dead_url_delays_nobody_elses_pushes(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000001").await;
        let dead = Receiver::new(vec![Answer::nothing()]).await;
        let well = Receiver::new(vec![Answer::status(200)]).await;
        set_url(&world, 1, &dead.url("/")).await;
        set_url(&world, other.client_id, &well.url("/")).await;
        for _ in 0..20 {
            receive(&world, &world.device_id, "to the dead one").await;
        }
        dead.until(wachat::limits::PUSHES_PER_CLIENT_MAX).await;
        for _ in 0..20 {
            receive(&world, &other.device_id, "to the other").await;
        }
        well.until(20).await;
        assert_eq!(dead.asked().len(), wachat::limits::PUSHES_PER_CLIENT_MAX);
        world.stop().await;
    }

    async fn a_push_that_was_due_is_delivered_after_a_restart(database: Database) {
        let world = World::held(database).await;
        let receiver = Receiver::new(vec![Answer::status(500), Answer::status(200)]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let id = receive(&world, &world.device_id, "hello").await;
        receiver.until(1).await;
        let world = world.restart().await;
        let asked = until_asked(&world, &receiver, 2).await;
        assert_eq!(asked[1].field("id"), Some(id));
        world.stop().await;
    }

    async fn a_push_url_never_leads_into_a_private_network_unless_allowed(database: Database) {
        let world = World::with(database, Time::Machine, |settings| settings.allow_networks.clear()).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        receive(&world, &world.device_id, "hello").await;
        let tried = eventually("it was tried", async || {
            let due = pushes(&world, "due").await;
            let tried = due.first().and_then(|push| push["last_answer"].as_str().map(str::to_owned));
            tried.ok_or(format!("{due:?}"))
        })
        .await;
        assert!(tried.contains("private address"), "{tried}");
        assert!(receiver.asked().is_empty());
        world.stop().await;
    }

    async fn without_a_push_url_messages_come_in_and_can_be_pushed_later(database: Database) {
        let world = World::new(database).await;
        let id = receive(&world, &world.device_id, "hello").await;
        assert!(pushes(&world, "due").await.is_empty());
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        set_url(&world, 1, &receiver.url("/")).await;
        let from = json!({"from": "2020-01-01T00:00:00Z"});
        assert_eq!(world.client.manage("POST", "/clients/1/pushes/replay", Some(from)).await.body["data"]["replayed"], 1);
        assert_eq!(receiver.until(1).await[0].field("id"), Some(id));
        world.stop().await;
    }
}
