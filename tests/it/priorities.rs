//! What leaves first, and what does not hold up what: priorities, and media that does not come.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wachat::clock::{Clock, Millis};
use wachat::message::{Content, MediaSource, NewMessage, Priority, RefNo};
use wachat::store::{Accept, StoredMessage};

pub use crate::files::PNG;
use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, BOB, Time, World, eventually, eventually_within, stories};

const GAP_MS: Millis = 2_000;
/// Room for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// A number of which the sandbox loses the first acknowledgement, and one whose first two attempts it refuses.
const UNACKNOWLEDGED: &str = "628111110009";
const REFUSED_TWICE: &str = "628111110006";

fn message(world: &World, destination: String, priority: Priority, content: Content) -> NewMessage {
    let now = world.clock.now();
    NewMessage {
        ref_no: RefNo::new(&world.clock),
        client_id: 1,
        person_id: 1,
        device_id: world.device_id.clone(),
        sender: world.sender.clone(),
        sandbox: true,
        destination,
        is_group: false,
        content,
        created_at: now,
        expires_at: now + 7 * 86_400_000,
        priority,
        tag: None,
    }
}

/// Accepts messages as another process does: nobody rings for them.
async fn accept_beside(world: &World, count: usize, to: &str, priority: Priority) -> Vec<String> {
    let mut refs = Vec::new();
    for _ in 0..count {
        let message = message(world, to.to_owned(), priority, Content::Text("from another process".into()));
        refs.push(message.ref_no.as_str().to_owned());
        world.store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None }).await.expect("accepted");
    }
    refs
}

/// Accepts messages to many recipients, as a campaign does; the first one is [`ALICE`].
pub async fn fill(world: &World, rows: usize, priority: Priority, content: Content) {
    for first in (0..rows).step_by(1_000) {
        let accepted = (first..rows.min(first + 1_000)).map(|row| {
            let destination = if row == 0 { ALICE.into() } else { format!("62811400{row:05}") };
            let message = message(world, destination, priority, content.clone());
            world.store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None })
        });
        for accepted in join_all(accepted).await {
            accepted.expect("accepted");
        }
    }
}

pub async fn stored(world: &World, ref_no: &str) -> StoredMessage {
    let ref_no = RefNo::parse(ref_no).expect("a ref_no");
    world.store.find_message(1, &ref_no).await.expect("a readable store").expect("a message")
}

/// Waits until this has been handed to the channel.
async fn leaves(world: &World, ref_no: &str) {
    eventually(&format!("{ref_no} leaves"), async || {
        let message = stored(world, ref_no).await;
        if message.attempts > 0 { Ok(()) } else { Err(format!("{message:?}")) }
    })
    .await;
}

/// Whether exactly so many messages are not sent yet.
async fn wait_now(world: &World, count: usize) -> Result<(), String> {
    let waiting = world.store.count_waiting_of(1).await.expect("a readable store");
    let expected = [(world.device_id.clone(), i64::try_from(count).expect("few"))];
    if waiting == expected { Ok(()) } else { Err(format!("{waiting:?}")) }
}

/// Moves the clock on by little until one more message is sent, and only so many are not.
pub async fn leave_one(world: &World, left: usize) {
    eventually_within(PATIENCE, "one message leaves", async || {
        let waiting = wait_now(world, left).await;
        if waiting.is_err() {
            world.advance(Duration::from_millis(10)).await;
        }
        waiting
    })
    .await;
}

/// Waits until these have been handed to the channel, while the clock moves on by no more than `limit_ms` after now.
pub async fn leave_within(world: &World, ref_nos: &[&String], limit_ms: Millis, step_ms: Millis) {
    let latest = world.clock.now() + limit_ms;
    eventually_within(PATIENCE, &format!("{ref_nos:?} leave within {limit_ms} ms"), async || {
        let mut waiting = Vec::new();
        for ref_no in ref_nos {
            waiting.extend(Some(stored(world, ref_no).await).filter(|message| message.attempts == 0));
        }
        if waiting.is_empty() {
            return Ok(());
        }
        let step = step_ms.min(latest - world.clock.now());
        world.advance(Duration::from_millis(step.unsigned_abs())).await;
        Err(format!("{waiting:?}"))
    })
    .await;
}

pub async fn set_device(world: &World, change: serde_json::Value) {
    let reply = world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(change)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// A server that takes connections and sends `head`, and then a byte now and then.
#[allow(clippy::disallowed_methods, reason = "aborted by who starts it")]
async fn drip(head: &'static [u8], clock: Clock) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/a.png", listener.local_addr().expect("an address"));
    let served = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let clock = clock.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 2_048]).await;
                let _ = stream.write_all(head).await;
                while stream.write_all(b"x").await.is_ok() {
                    clock.sleep(Duration::from_millis(50)).await;
                }
            });
        }
    });
    (url, served)
}

/// Fifteen hundred messages whose files never come from `url`, and texts behind them.
async fn texts_pass_media_of(world: World, url: &str) {
    let content = Content::Media {
        caption: None,
        source: MediaSource::Url(url.to_owned()),
        file_name: Some("a.png".into()),
        kind: None,
    };
    fill(&world, 1_500, Priority::Normal, content).await;
    let other = world.send(BOB, "to somebody else").await;
    let same = world.send(ALICE, "behind the picture").await;
    leave_within(&world, &[&other], 1_000, 100).await;
    leave_within(&world, &[&same], 59_000, 500).await;
    world.stop().await;
}

stories! {
    async fn what_is_sent_during_a_campaign_leaves_within_two_gaps(database: Database) {
        let world = World::held(database).await;
        set_device(&world, json!({"gap_ms": GAP_MS})).await;
        let world = world.restart().await;
        let rows = 50_000;
        fill(&world, rows, Priority::Bulk, Content::Text("an offer".into())).await;
        let gap = Duration::from_millis(GAP_MS.unsigned_abs());
        let first = world.send_with(json!({"destination": BOB, "message": "an offer", "priority": "bulk"})).await;
        leave_one(&world, rows).await;
        assert_eq!(stored(&world, &first).await.attempts, 0);
        leave_one(&world, rows - 1).await;
        // The window is full of the others. The clock stands still while anything leaves.
        let code = world.send_with(json!({"destination": ALICE, "message": "1234", "priority": "high"})).await;
        let text = world.send(BOB, "hello").await;
        world.advance(gap).await;
        leaves(&world, &code).await;
        world.advance(gap).await;
        leaves(&world, &text).await;
        let [code, text] = [stored(&world, &code).await, stored(&world, &text).await];
        assert!(code.under_way_at.or(code.sent_at) <= text.under_way_at.or(text.sent_at), "{code:?} {text:?}");
        world.stop().await;
    }

    async fn what_another_process_accepts_leaves_within_two_seconds_beside_traffic(database: Database) {
        let world = World::held(database).await;
        let first = world.send(ALICE, "hello").await;
        leaves(&world, &first).await;
        let mut refs = accept_beside(&world, 1, BOB, Priority::High).await;
        refs.extend(accept_beside(&world, 1, BOB, Priority::Bulk).await);
        for number in 0..20 {
            let busy = world.send(&format!("62811500{number:05}"), "traffic").await;
            leaves(&world, &busy).await;
            world.advance(Duration::from_millis(100)).await;
        }
        // The clock stands still: nothing more is waited for.
        for ref_no in &refs {
            leaves(&world, ref_no).await;
        }
        world.stop().await;
    }

    async fn a_burst_to_one_recipient_holds_up_nobody_else(database: Database) {
        let world = World::held(database).await;
        let burst = accept_beside(&world, 1_200, UNACKNOWLEDGED, Priority::Normal).await;
        let other = world.send(BOB, "behind the burst").await;
        leave_within(&world, &[&other], 1_000, 100).await;
        assert_eq!(stored(&world, &burst[1]).await.attempts, 0);
        // A line goes on past what is in memory of it, in its order.
        let burst = accept_beside(&world, 40, ALICE, Priority::Normal).await;
        leave_within(&world, &[&burst[39]], 60_000, 20).await;
        let mut before = None;
        for ref_no in &burst {
            let message = stored(&world, ref_no).await;
            let left_at = message.sent_at.or(message.under_way_at);
            assert!(left_at.is_some() && before <= left_at, "{message:?}");
            before = left_at;
        }
        world.stop().await;
    }

    async fn a_message_goes_on_when_the_one_before_it_is_cancelled_or_expires(database: Database) {
        let world = World::held(database).await;
        let refused = world.send(REFUSED_TWICE, "refused").await;
        let behind = world.send(REFUSED_TWICE, "behind it").await;
        // The next attempt is more than two seconds away.
        eventually("it is refused twice", async || {
            let message = stored(&world, &refused).await;
            if message.attempts == 2 && message.wait_code.is_some() {
                return Ok(());
            }
            world.advance(Duration::from_millis(50)).await;
            Err(format!("{message:?}"))
        })
        .await;
        assert_eq!(stored(&world, &behind).await.attempts, 0);
        let parsed = RefNo::parse(&refused).expect("a ref_no");
        assert!(world.store.cancel_message(1, &parsed, world.clock.now()).await.expect("stored"));
        leave_within(&world, &[&behind], 1_200, 100).await;
        world.stop().await;
    }

    async fn an_attempt_of_an_earlier_process_can_be_cancelled(database: Database) {
        let world = World::held(database).await;
        let sent = world.send(UNACKNOWLEDGED, "not acknowledged").await;
        leaves(&world, &sent).await;
        set_device(&world, json!({"paused": true})).await;
        let world = world.restart().await;
        eventually("it is under way no more", async || {
            let message = stored(&world, &sent).await;
            if message.under_way_at.is_none() { Ok(()) } else { Err(format!("{message:?}")) }
        })
        .await;
        let reply = world.client.manage("POST", &format!("/messages/{sent}/cancel"), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        world.stop().await;
    }

    async fn what_is_urgent_leaves_in_quiet_hours_and_counts_in_the_warm_up(database: Database) {
        // It is 14:26:40Z.
        let world = World::held(database).await;
        set_device(&world, json!({"quiet_from": "14:00", "quiet_to": "15:00", "warm_up": true})).await;
        let world = world.restart().await;
        let plain = world.send(ALICE, "hello").await;
        for number in 0..20 {
            let to = format!("6281111120{number:02}");
            let code = world.send_with(json!({"destination": to, "message": "1234", "priority": "high"})).await;
            world.until(&code, "R").await;
        }
        assert_eq!(world.status(&plain).await["status"], "Q");
        // The allowance of the day is used up: only what is urgent goes on.
        set_device(&world, json!({"quiet_from": null, "quiet_to": null})).await;
        let more = world.send_with(json!({"destination": ALICE, "message": "5678", "priority": "high"})).await;
        world.until(&more, "R").await;
        assert_eq!(world.status(&plain).await["status"], "Q");
        let device = world.client.manage("GET", &format!("/devices/{}", world.device_id), None).await;
        assert_eq!(device.body["data"]["warm_up_used"], 21, "{}", device.text);
        world.stop().await;
    }

    async fn texts_pass_media_of_a_server_that_never_answers(database: Database) {
        let server = Receiver::new(vec![Answer::nothing()]).await;
        texts_pass_media_of(World::held(database).await, &server.url("/a.png")).await;
    }

    async fn texts_pass_media_of_a_server_that_fails(database: Database) {
        let server = Receiver::new(vec![Answer::status(500)]).await;
        texts_pass_media_of(World::held(database).await, &server.url("/a.png")).await;
    }

    async fn texts_pass_media_of_a_server_that_refuses_connections(database: Database) {
        let address = Receiver::new(vec![Answer::nothing()]).await.address;
        texts_pass_media_of(World::held(database).await, &format!("http://{address}/a.png")).await;
    }

    async fn texts_pass_media_of_a_server_that_has_no_address(database: Database) {
        texts_pass_media_of(World::held(database).await, "http://media.invalid/a.png").await;
    }

    async fn texts_pass_media_of_a_server_that_sends_drop_by_drop(database: Database) {
        let world = World::held(database).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        let (url, served) = drip(head, world.clock.clone()).await;
        texts_pass_media_of(world, &url).await;
        served.abort();
    }

    async fn a_message_that_stepped_aside_is_taken_up_again_after_a_restart(database: Database) {
        let server = Receiver::new(vec![Answer::status(500), Answer::status(503), Answer::file(PNG)]).await;
        let world = World::held(database).await;
        let media = json!({"destination": ALICE, "media_url": server.url("/a.txt")});
        let picture = world.send_media(media).await;
        let aside = eventually("it steps aside", async || {
            let message = stored(&world, &picture).await;
            if message.wait_code.is_some() { Ok(message) } else { Err(format!("{message:?}")) }
        })
        .await;
        assert_eq!((aside.wait_code.as_deref(), aside.wait_reason.as_deref()), (Some("media"), Some("media_url answered 500")));
        assert!(aside.due_at > world.clock.now() && aside.fetch_attempts == 1 && aside.attempts == 0, "{aside:?}");
        let world = world.restart().await;
        let text = world.send(ALICE, "it passes").await;
        world.until(&text, "R").await;
        world.until_within(&picture, "R", Duration::from_millis(200)).await;
        let sent = stored(&world, &picture).await;
        assert_eq!((sent.attempts, sent.fetch_attempts, sent.wait_code, server.asked().len()), (1, 2, None, 3));
        world.stop().await;
    }

    async fn slow_files_hold_up_their_own_recipients_only(database: Database) {
        let server = Receiver::new(vec![Answer::nothing()]).await;
        let world = World::new(database).await;
        let slow = world.send_media(json!({"destination": ALICE, "media_url": server.url("/a.png")})).await;
        for at in 0..50 {
            let body = json!({"destination": format!("62811400{:04}", 1_000 + at), "media_url": server.url("/a.png")});
            world.send_media(body).await;
        }
        server.until(wachat::limits::HOST_FETCHES_MAX).await;
        let behind = world.send(ALICE, "behind the picture").await;
        let beside = world.send(crate::world::BOB, "hello").await;
        world.until(&beside, "R").await;
        for (ref_no, reason) in [
            (slow, "its file is being downloaded"),
            (behind, "the file of an earlier message to the same recipient is being downloaded"),
        ] {
            eventually("it says so", async || {
                let message = world.status(&ref_no).await;
                let is_it = message["status"] == "Q" && message["reason_code"] == "media" && message["reason"] == reason;
                if is_it { Ok(()) } else { Err(message.to_string()) }
            })
            .await;
        }
        world.stop().await;
    }

    async fn a_private_address_is_never_asked_unless_the_operator_allows_it(database: Database) {
        let server = Receiver::new(vec![Answer::file(PNG)]).await;
        let world = World::with(database, Time::Machine, |settings| settings.allow_networks.clear()).await;
        let port = server.address.port();
        for url in [server.url("/a.png"), format!("http://localhost:{port}/a.png"), format!("http://2130706433:{port}/"), format!("http://[::1]:{port}/")] {
            let ref_no = world.send_media(json!({"destination": ALICE, "media_url": url})).await;
            let message = world.until(&ref_no, "A").await;
            assert!(message["reason"].as_str().expect("a reason").contains("private address"), "{url}: {message}");
        }
        assert!(server.asked().is_empty());
        world.stop().await;
    }
}
