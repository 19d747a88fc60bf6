//! What a client's connection may cost: bodies that come slowly or not at all, answers that nobody reads, and callers nobody knows.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wachat::limits;

use crate::world::{ALICE, KEY, PATIENCE, Time, World, eventually, stories, within};

/// A connection on which a program writes byte by byte.
struct Line(TcpStream);

impl Line {
    async fn open(world: &World) -> Self {
        Self(TcpStream::connect(world.address).await.expect("a connection"))
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the gateway takes it");
    }

    /// The head of a request that has a body of so many bytes.
    async fn head(&mut self, request: &str, key: &str, length: usize, more: &str) {
        let key = if key.is_empty() { String::new() } else { format!("APIKey: {key}\r\n") };
        let head = format!("{request} HTTP/1.1\r\nHost: a\r\n{key}Content-Length: {length}\r\n{more}\r\n");
        self.write(head.as_bytes()).await;
    }

    /// The next answer, head and body.
    async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        let whole = within(PATIENCE, async {
            while !is_whole(&read) {
                let mut piece = [0; 4_096];
                match self.0.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&piece[..count]),
                }
            }
        });
        whole.await.expect("an answer in good time");
        String::from_utf8_lossy(&read).into_owned()
    }

    async fn is_closed(&mut self) -> bool {
        within(PATIENCE, self.0.read(&mut [0; 1])).await.is_ok_and(|read| read.is_ok_and(|count| count == 0))
    }
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

fn says_close(answer: &str) -> bool {
    answer.to_lowercase().contains("\r\nconnection: close\r\n")
}

stories! {
    async fn a_request_answered_before_its_body_was_read_breaks_no_other(database: Database) {
        let world = World::new(database).await;
        for key in ["", "bm90IGEga2V5bm90IGEga2V5bm90IGEga2V5bm90IGE="] {
            // What little is left is read: the next request on the connection is answered.
            let mut line = Line::open(&world).await;
            for length in [1, 10_000, limits::UNREAD_BODY_BYTES_MAX] {
                line.head("POST /wachat_api/1.0/message", key, length, "").await;
                line.write(&vec![b'x'; length]).await;
                let refused = line.answer().await;
                assert!([401, 403].contains(&status(&refused)) && !says_close(&refused), "{refused}");
            }
            line.head("GET /wachat_api/1.0/auth/api_key", KEY, 0, "").await;
            assert_eq!(status(&line.answer().await), 200);
            // A larger one closes the connection, which the answer says; and it can be read though the client goes on to send.
            let mut line = Line::open(&world).await;
            line.head("POST /wachat_api/1.0/media", key, 2_000_000, "").await;
            line.write(&[b'x'; 100_000]).await;
            line.write(&vec![b'x'; 1_900_000]).await;
            let refused = line.answer().await;
            assert!([401, 403].contains(&status(&refused)) && says_close(&refused), "{refused}");
            assert!(line.is_closed().await);
            // Nor is one asked for that the client holds back.
            let mut line = Line::open(&world).await;
            line.head("POST /wachat_api/1.0/media", key, 1_000, "Expect: 100-continue\r\n").await;
            let refused = line.answer().await;
            assert!([401, 403].contains(&status(&refused)) && says_close(&refused), "{refused}");
        }
        world.stop().await;
    }

    async fn who_has_sent_all_and_says_so_is_answered(database: Database) {
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "message": "x"}).to_string();
        for _ in 0..10 {
            let mut line = Line::open(&world).await;
            line.head("POST /wachat_api/1.0/message", KEY, body.len(), "").await;
            line.write(body.as_bytes()).await;
            line.0.shutdown().await.expect("nothing more is sent");
            let answer = line.answer().await;
            assert_eq!(status(&answer), 201, "{answer}");
        }
        world.stop().await;
    }

    async fn nothing_is_read_of_a_caller_who_is_not_known(database: Database) {
        let world = World::new(database).await;
        let document: Value = world.client.ask("GET", "/openapi.json", &[], None).await.body;
        let mut tried = 0;
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                if operation["security"].as_array().is_none_or(Vec::is_empty) {
                    continue;
                }
                // A number that is none, a field that is none, and a body that never comes.
                let place = path.split('/').map(|part| if part.starts_with('{') { "%00x" } else { part });
                let place = place.collect::<Vec<_>>().join("/");
                let mut line = Line::open(&world).await;
                let request = format!("{} {place}?limit=x&client_id=x", method.to_uppercase());
                line.head(&request, "", 1_000, "Expect: 100-continue\r\n").await;
                let answer = line.answer().await;
                assert_eq!(status(&answer), 401, "{request}: {answer}");
                tried += 1;
            }
        }
        assert!(tried > 50, "{tried}");
        world.stop().await;
    }

    async fn a_body_must_keep_coming(database: Database) {
        let world = World::held(database).await;
        let (stretch, least) = (Duration::from_secs(limits::REQUEST_READ_SECONDS_MAX), limits::BODY_STRETCH_BYTES_MIN);
        let text = json!({"destination": ALICE, "message": "x", "ignored": "y".repeat(2 * least)}).to_string();
        let body = text.as_bytes();
        for (first, wanted) in [(least + 10_000, 201), (least - 10_000, 400)] {
            let mut line = Line::open(&world).await;
            line.head("POST /wachat_api/1.0/message", KEY, body.len(), "").await;
            line.write(&body[..first]).await;
            // Until the gateway has read it.
            eventually("it was read", async || match unread(&line.0) { 0 => Ok(()), bytes => Err(bytes.to_string()) }).await;
            world.advance(stretch).await;
            if wanted == 201 {
                line.write(&body[first..]).await;
            }
            let answer = line.answer().await;
            assert_eq!(status(&answer), wanted, "{answer}");
            assert!(wanted == 201 || answer.contains("too slowly"), "{answer}");
        }
        world.stop().await;
    }

    async fn a_client_that_does_not_read_is_cut_off(database: Database) {
        let world = World::with(database, Time::Held, |_| ()).await;
        let file = base64(&vec![7; 8_000_000]);
        let body = json!({"destination": ALICE, "media_base64": file, "file_name": "a.bin"});
        let sent = world.client.post("/media", &body).await;
        let link = sent.body["data"]["media_url"].as_str().expect("a link").to_owned();
        let path = link.split_once("/media/").map(|(_, token)| format!("/media/{token}")).expect("a path");
        let mut idle = Line::open(&world).await;
        idle.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await;
        let mut reader = Line::open(&world).await;
        reader.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).await;
        let whole = async {
            let mut read = Vec::new();
            reader.0.read_to_end(&mut read).await.expect("all of it");
            read.len()
        };
        assert!(within(PATIENCE, whole).await.expect("in good time") > 8_000_000);
        // The one that reads nothing has its connection for as long as an answer may stall.
        eventually("the system keeps no more of it", async || {
            world.advance(Duration::from_secs(limits::ANSWER_STALL_SECONDS_MAX)).await;
            let mut read = Vec::new();
            // It is broken off in the middle.
            match within(Duration::from_millis(200), idle.0.read_to_end(&mut read)).await {
                Ok(_) if read.len() < 8_000_000 => Ok(()),
                Ok(_) => panic!("it came whole"),
                Err(_) => Err("it is still open".to_owned()),
            }
        })
        .await;
        world.stop().await;
    }

    async fn large_bodies_of_one_client_are_read_a_few_at_once_and_hold_up_no_other(database: Database) {
        let world = World::held(database).await;
        let other = world.add_client("other", "628110000078").await;
        let large = json!({"destination": ALICE, "message": "hello", "unknown": "x".repeat(300_000)});
        let (text, json) = (large.to_string().into_bytes(), "Content-Type: application/json\r\n");
        let (first, last) = text.split_at(text.len() - 1_000);
        let begin = async |written: &[u8]| {
            let mut line = Line::open(&world).await;
            line.head("POST /wachat_api/1.0/message", KEY, text.len(), json).await;
            line.write(written).await;
            line
        };
        let mut lines = Vec::new();
        for _ in 0..limits::LARGE_BODIES_OF_CLIENT_MAX {
            let line = begin(first).await;
            let read = async || if unread(&line.0) == 0 { Ok(()) } else { Err("it is not read".to_owned()) };
            eventually("it has its turn", read).await;
            lines.push(line);
        }
        let mut refused = begin(&text).await;
        assert_eq!(world.client.post("/message", &json!({"destination": ALICE, "message": "hello"})).await.status, 201);
        assert_eq!(other.client.post("/message", &large).await.status, 201);
        // The first time it may only be on its way.
        for _ in 0..2 {
            world.advance(Duration::from_secs(limits::LARGE_BODY_WAIT_SECONDS_MAX)).await;
        }
        let answer = refused.answer().await;
        assert_eq!(status(&answer), 429, "{answer}");
        assert!(answer.to_lowercase().contains("retry-after: 5") && answer.contains("large requests"), "{answer}");
        // Who has sent everything makes room for the next.
        let mut waiting = begin(&text).await;
        lines[0].write(last).await;
        assert_eq!((status(&lines[0].answer().await), status(&waiting.answer().await)), (201, 201));
        world.stop().await;
    }

    async fn slow_uploads_of_one_client_leave_the_others_their_memory(database: Database) {
        let world = World::held(database).await;
        let other = world.add_client("other", "628110000077").await;
        let length = limits::MEDIA_BODY_BYTES_MAX;
        let piece = vec![b'x'; 1024 * 1024];
        let mut lines = Vec::new();
        for _ in 0..3 {
            let mut line = Line::open(&world).await;
            line.head("POST /wachat_api/1.0/media", KEY, length, "").await;
            // The third is not read on when its client has all of its memory.
            let writing = async {
                for _ in 0..130 {
                    line.write(&piece).await;
                }
            };
            let _ = within(Duration::from_secs(8), writing).await;
            lines.push(line);
        }
        let body = json!({"destination": ALICE, "media_base64": base64(&vec![7; 3_000_000]), "file_name": "a.bin"});
        assert_eq!(other.client.post("/media", &body).await.status, 201);
        world.advance(Duration::from_secs(limits::FILE_MEMORY_SECONDS_MAX)).await;
        let refused = lines[2].answer().await;
        assert_eq!(status(&refused), 503, "{refused}");
        assert!(refused.to_lowercase().contains("retry-after: 5") && says_close(&refused), "{refused}");
        // What a client gives up is there again.
        drop(lines);
        eventually("there is memory again", async || {
            match world.client.post("/media", &body).await.status {
                201 => Ok(()),
                status => Err(status.to_string()),
            }
        })
        .await;
        world.stop().await;
    }
}

/// How many bytes are still on their way to a program that reads them: in the queue of either end, as the system lists them.
fn unread(stream: &TcpStream) -> u64 {
    let port = format!(":{:04X}", stream.local_addr().expect("an address").port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the system's connections");
    let hex = |text: &str| u64::from_str_radix(text, 16).expect("a number");
    let queued = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, remote, _, queues) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        let (outgoing, incoming) = queues.split_once(':')?;
        match (local.ends_with(&port), remote.ends_with(&port)) {
            (true, _) => Some(hex(outgoing)),
            (_, true) => Some(hex(incoming)),
            _ => None,
        }
    });
    queued.sum()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
