//! Hundreds of dead servers that media is wanted from: none of them holds up the file of a server that answers.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::priorities::{PNG, leave_within, stored};
use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, World, eventually, stories};

/// What dead servers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dead {
    /// They take connections and say nothing.
    Silent,
    /// They begin to answer, and go on so slowly that it would take for ever.
    Slow,
    Refuse,
}

/// Addresses of servers that are all dead in one way, each a server of its own.
struct DeadServers {
    port: u16,
    _served: JoinSet<()>,
}

impl DeadServers {
    async fn new(dead: Dead) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut served = JoinSet::new();
        if dead != Dead::Refuse {
            served.spawn(async move {
                let mut open = Vec::new();
                while let Ok((mut stream, _)) = listener.accept().await {
                    if dead == Dead::Slow {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n\x89PNG").await;
                    }
                    open.push(stream);
                }
            });
        }
        Self { port, _served: served }
    }

    fn url(&self, number: usize) -> String {
        format!("http://127.1.{}.{}:{}/a.png", number / 250, number % 250 + 1, self.port)
    }
}

/// Messages of one device whose files are at dead servers, each at another one.
async fn send(world: &World, servers: &DeadServers, count: usize) -> Vec<String> {
    let send = |number| {
        let to = format!("62811400{number:05}");
        world.send_media(json!({"destination": to, "media_url": servers.url(number), "file_name": "a.png"}))
    };
    join_all((0..count).map(send)).await
}

stories! {
    async fn the_file_of_a_new_server_comes_soon_behind_hundreds_of_dead_ones(database: Database) {
        for (dead, limit_ms) in [(Dead::Silent, 10_000), (Dead::Slow, 30_000), (Dead::Refuse, 10_000)] {
            let servers = DeadServers::new(dead).await;
            let good = Receiver::new(vec![Answer::file(PNG)]).await;
            let world = World::held(database).await;
            send(&world, &servers, 300).await;
            let healthy = world.send_media(json!({"destination": ALICE, "media_url": good.url("/a.png")})).await;
            leave_within(&world, &[&healthy], limit_ms, 100).await;
            world.stop().await;
        }
    }

    async fn the_file_of_a_server_that_answered_before_waits_for_no_dead_one(database: Database) {
        let servers = DeadServers::new(Dead::Silent).await;
        let good = Receiver::new(vec![Answer::file(PNG)]).await;
        let world = World::held(database).await;
        let first = world.send_media(json!({"destination": ALICE, "media_url": good.url("/a.png")})).await;
        leave_within(&world, &[&first], 2_000, 100).await;
        send(&world, &servers, 600).await;
        let second = world.send_media(json!({"destination": ALICE, "media_url": good.url("/b.png")})).await;
        leave_within(&world, &[&second], 1_000, 100).await;
        world.stop().await;
    }

    async fn the_file_of_a_new_server_waits_for_none_that_failed_before(database: Database) {
        let servers = DeadServers::new(Dead::Silent).await;
        let good = Receiver::new(vec![Answer::file(PNG)]).await;
        let world = World::held(database).await;
        let mut untried = send(&world, &servers, 300).await;
        eventually("all have failed", async || {
            world.advance(Duration::from_millis(500)).await;
            while let Some(ref_no) = untried.last() {
                if stored(&world, ref_no).await.fetch_attempts == 0 {
                    return Err(format!("{} were never tried", untried.len()));
                }
                untried.pop();
            }
            Ok(())
        })
        .await;
        // Some are due again.
        for _ in 0..60 {
            world.advance(Duration::from_millis(500)).await;
        }
        let healthy = world.send_media(json!({"destination": ALICE, "media_url": good.url("/a.png")})).await;
        leave_within(&world, &[&healthy], 5_000, 100).await;
        world.stop().await;
    }

    async fn the_good_file_of_a_server_whose_others_fail_comes_soon(database: Database) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut served = JoinSet::new();
        served.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1_024];
                let read = stream.read(&mut head).await.unwrap_or(0);
                let (status, body) = if head[..read].starts_with(b"GET /good") { ("200 OK", PNG) } else { ("500 No", &[][..]) };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
            }
        });
        let world = World::held(database).await;
        for number in 0..20 {
            let bad = json!({"destination": format!("62811400{number:05}"), "media_url": format!("{url}/bad{number}.png")});
            world.send_media(bad).await;
        }
        let good = world.send_media(json!({"destination": ALICE, "media_url": format!("{url}/good.png")})).await;
        leave_within(&world, &[&good], 60_000, 250).await;
        world.stop().await;
    }

    async fn the_file_of_a_slow_server_comes_in_the_end_beside_hundreds_of_dead_ones(database: Database) {
        let servers = DeadServers::new(Dead::Silent).await;
        let world = World::held(database).await;
        let (listener, clock) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), world.clock.clone());
        let url = format!("http://{}/a.png", listener.local_addr().expect("an address"));
        let mut served = JoinSet::new();
        // It makes the file first, for longer than a server that is silent is first given.
        served.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let clock = clock.clone();
                answers.spawn(async move {
                    clock.sleep(Duration::from_secs(5)).await;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", PNG.len());
                    let _ = stream.write_all(&[head.as_bytes(), PNG].concat()).await;
                });
            }
        });
        send(&world, &servers, 300).await;
        let slow = world.send_media(json!({"destination": ALICE, "media_url": url})).await;
        leave_within(&world, &[&slow], 180_000, 100).await;
        world.stop().await;
    }
}
