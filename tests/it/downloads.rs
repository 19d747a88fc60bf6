//! Which file is downloaded next: a slow server, a long queue and what is held until morning are not in the way of the others.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use wachat::limits;
use wachat::message::{Content, MediaSource, Priority};

use crate::priorities::{PNG, fill, leave_one, leave_within, set_device, stored};
use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, BOB, World, eventually, stories};

fn media(url: String) -> Content {
    Content::Media { caption: None, source: MediaSource::Url(url), file_name: Some("a.png".into()), kind: None }
}

/// A server that answers as many requests as the story lets through.
#[allow(clippy::disallowed_methods, reason = "aborted by who starts it")]
async fn paced() -> (String, Arc<Semaphore>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/a.png", listener.local_addr().expect("an address"));
    let gate = Arc::new(Semaphore::new(0));
    let let_through = Arc::clone(&gate);
    let served = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let gate = Arc::clone(&let_through);
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 2_048]).await;
                gate.acquire().await.expect("never closed").forget();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", PNG.len());
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(PNG).await;
            });
        }
    });
    (url, gate, served)
}

/// Servers that never answer.
async fn silent(count: usize) -> Vec<Receiver> {
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(Receiver::new(vec![Answer::nothing()]).await);
    }
    servers
}

stories! {
    async fn files_that_are_held_until_morning_do_not_hold_up_a_replys(database: Database) {
        let server = Receiver::new(vec![Answer::file(PNG)]).await;
        // It is 14:26:40Z.
        let world = World::held(database).await;
        set_device(&world, json!({"quiet_from": "14:00", "quiet_to": "15:00"})).await;
        let world = world.restart().await;
        let count = limits::MEDIA_AHEAD_MAX + 30;
        fill(&world, count, Priority::Normal, media(server.url("/a.png"))).await;
        eventually("enough is downloaded ahead", async || {
            world.advance(Duration::from_millis(20)).await;
            let asked = server.asked().len();
            if asked >= limits::MEDIA_AHEAD_MAX { Ok(()) } else { Err(format!("{asked} requests")) }
        })
        .await;
        let body = json!({"from": BOB, "text": "are you open?"});
        let reply = world.client.manage("POST", &format!("/devices/{}/receive", world.device_id), Some(body)).await;
        assert!(reply.status < 300, "{}", reply.text);
        let reply = world.send_media(json!({"destination": BOB, "media_url": server.url("/b.png")})).await;
        leave_within(&world, &[&reply], 20_000, 200).await;
        let held = server.asked().iter().filter(|asked| asked.path == "/a.png").count();
        assert!(held < count, "{held} files were downloaded");
        world.stop().await;
    }

    async fn what_is_urgent_is_downloaded_beside_a_campaign_whose_servers_are_slow(database: Database) {
        let slow = silent(6).await;
        let good = Receiver::new(vec![Answer::file(PNG)]).await;
        let world = World::held(database).await;
        for (at, server) in slow.iter().cycle().take(24).enumerate() {
            let to = format!("62811400{at:05}");
            world.send_media(json!({"destination": to, "media_url": server.url("/a.png"), "priority": "bulk"})).await;
        }
        let most = limits::DEVICE_FETCHES_MAX - limits::DEVICE_FETCHES_KEPT[Priority::Bulk.index()];
        eventually("the campaign is downloaded", async || {
            let asked: usize = slow.iter().map(|server| server.asked().len()).sum();
            if asked >= most { Ok(()) } else { Err(format!("{asked} requests")) }
        })
        .await;
        let code = world.send_media(json!({"destination": ALICE, "media_url": good.url("/a.png"), "priority": "high"})).await;
        let plain = world.send_media(json!({"destination": BOB, "media_url": good.url("/a.png")})).await;
        leave_within(&world, &[&code, &plain], 2_000, 100).await;
        world.stop().await;
    }

    async fn a_download_is_tried_again_behind_a_long_queue_for_another_server(database: Database) {
        let slow = silent(1).await.remove(0);
        let other = Receiver::new(vec![Answer::status(503), Answer::file(PNG)]).await;
        let world = World::held(database).await;
        fill(&world, 600, Priority::Normal, media(slow.url("/a.png"))).await;
        let last = world.send_media(json!({"destination": BOB, "media_url": slow.url("/a.png")})).await;
        eventually("they step aside", async || {
            world.advance(Duration::from_millis(500)).await;
            let message = stored(&world, &last).await;
            if message.wait_code.as_deref() == Some("media") { Ok(()) } else { Err(format!("{message:?}")) }
        })
        .await;
        // All are due, and nothing is known of their server.
        let (clock, down) = (world.clock.clone(), world.end().await);
        clock.advance(Duration::from_secs(300));
        let asked = slow.asked().len();
        let world = down.start().await;
        slow.until(asked + limits::HOST_FETCHES_MAX).await;
        let once = world.send_media(json!({"destination": ALICE, "media_url": other.url("/a.png")})).await;
        leave_within(&world, &[&once], 20_000, 200).await;
        assert_eq!(other.asked().len(), 2);
        world.stop().await;
    }

    async fn files_of_a_slow_server_that_answers_come_before_the_texts_behind_them(database: Database) {
        let (url, gate, served) = paced().await;
        let world = World::held(database).await;
        let pairs = 240;
        fill(&world, pairs, Priority::Normal, media(url)).await;
        fill(&world, pairs, Priority::Normal, Content::Text("behind its picture".into())).await;
        for left in (limits::HOST_FETCHES_MAX..pairs).rev().step_by(limits::HOST_FETCHES_MAX) {
            world.advance(Duration::from_secs(1)).await;
            gate.add_permits(limits::HOST_FETCHES_MAX);
            // Each picture that has come, and its text, and no other: the server is never idle.
            leave_one(&world, 2 * (left + 1 - limits::HOST_FETCHES_MAX)).await;
        }
        world.stop().await;
        served.abort();
    }

    async fn files_that_do_not_come_hold_up_their_line_once_however_many_they_are(database: Database) {
        let servers = silent(30).await;
        let world = World::held(database).await;
        for server in servers.iter().cycle().take(60) {
            world.send_media(json!({"destination": ALICE, "media_url": server.url("/a.png")})).await;
        }
        let text = world.send(ALICE, "behind the pictures").await;
        leave_within(&world, &[&text], 59_000, 500).await;
        world.stop().await;
    }
}
