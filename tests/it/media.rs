//! Media messages: given whole or by address, stored, sent, and linked to until the link expires.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::files::{self, PNG};
use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, World, stories};

pub async fn send_url(world: &World, url: &str) -> String {
    let reply = world.client.post("/media", &json!({"destination": ALICE, "media_url": url, "caption": "look"})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned()
}

/// What the store knows of a message's file: its kind, its type, its name, its length.
pub async fn stored_file(world: &World, ref_no: &str) -> (String, String, Option<String>, i64) {
    let ref_no = wachat::message::RefNo::parse(ref_no).expect("a ref_no");
    let message = world.store.find_message(1, &ref_no).await.expect("a readable store").expect("a message");
    let id = message.media_id.expect("a file");
    let media = world.store.find_media(&id).await.expect("a readable store").expect("a file");
    (media.kind, media.mime, media.file_name, media.bytes)
}

fn path_of(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link[link.find("/media/").expect("a path")..].to_owned()
}

/// The path of the link to a video, longer than a piece of it in memory, and its bytes.
async fn video(world: &World) -> (String, Vec<u8>) {
    let mut video = b"\0\0\0\x18ftypmp42\0\0\0\0".to_vec();
    video.extend((0..250_000_u32).map(|at| (at % 251) as u8));
    let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(&video), "file_name": "a.mp4"});
    let reply = world.client.post("/media", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    (path_of(&reply.body["data"]["media_url"]), video)
}

stories! {
    async fn a_file_in_base64_is_kept_sent_and_linked_to(database: Database) {
        let world = World::held(database).await;
        let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(PNG), "file_name": "a.png", "caption": "look\\nhere"});
        let reply = world.client.post("/media", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let data = &reply.body["data"];
        assert_eq!(data["caption"], "look\nhere");
        let ref_no = data["ref_no"].as_str().expect("a ref_no").to_owned();
        let message = world.until(&ref_no, "R").await;
        assert_eq!((&message["caption"], &message["message"]), (&json!("look\nhere"), &Value::Null));
        assert_eq!(message["media_url"], data["media_url"]);
        assert_eq!(stored_file(&world, &ref_no).await, ("image".into(), "image/png".into(), Some("a.png".into()), PNG.len() as i64));

        let path = path_of(&data["media_url"]);
        let file = world.client.with_key("").ask("GET", &path, &[], None).await;
        assert_eq!((file.status, file.header("content-type")), (200, "image/png"));
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert!(file.text.ends_with("and the rest of a picture"));
        for bad in [path.replace("/media/", "/media/0"), format!("{path}x"), "/media/a.b.c".to_owned(), "/media/%ff".to_owned()] {
            let refused = world.client.ask("GET", &bad, &[], None).await;
            assert!(refused.status == 404 || refused.status == 400, "{bad} {}", refused.status);
        }
        world.advance(Duration::from_secs(9 * 86_400)).await;
        assert_eq!(world.client.ask("GET", &path, &[], None).await.status, 404);
        // Asked again, the message has a new link.
        let message = world.status(&ref_no).await;
        assert_eq!(world.client.ask("GET", &path_of(&message["media_url"]), &[], None).await.status, 200);
        world.stop().await;
    }

    async fn a_player_is_given_the_part_of_a_file_that_it_asks_for(database: Database) {
        let world = World::new(database).await;
        let (path, video) = video(&world).await;
        let browser = world.client.with_key("");
        let ask = async |method: &str, headers: &[(&str, &str)]| browser.ask(method, &path, headers, None).await;
        let whole = ask("GET", &[]).await;
        assert_eq!((whole.status, whole.header("accept-ranges"), whole.bytes == video), (200, "bytes", true));
        let (tag, date) = (whole.header("etag").to_owned(), whole.header("last-modified").to_owned());
        let last = video.len() - 1;
        for (range, first, end) in [("bytes=0-1", 0, 1), ("bytes=200000-", 200_000, last), ("bytes=-500", last - 499, last), ("bytes=70000-9999999", 70_000, last)] {
            for headers in [&[("range", range)][..], &[("range", range), ("if-range", &tag)], &[("range", range), ("if-range", &date)]] {
                let part = ask("GET", headers).await;
                assert_eq!((part.status, part.header("content-range")), (206, format!("bytes {first}-{end}/{}", video.len()).as_str()), "{headers:?}");
                assert!(part.bytes == video[first..=end], "{range}");
                assert_eq!((part.header("content-type"), part.header("etag")), ("video/mp4", tag.as_str()));
                assert_eq!((part.header("x-content-type-options"), part.header("content-security-policy")), ("nosniff", "default-src 'none'; sandbox"));
            }
        }
        // Another file, several parts at once, another unit, and a part for HEAD: the whole.
        for headers in [&[("range", "bytes=0-1"), ("if-range", "\"other\"")][..], &[("range", "bytes=0-1,4-5")], &[("range", "lines=0-1")]] {
            let whole = ask("GET", headers).await;
            assert!(whole.status == 200 && whole.bytes == video && whole.header("content-range").is_empty(), "{headers:?}");
        }
        let head = ask("HEAD", &[("range", "bytes=0-1")]).await;
        assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (200, video.len().to_string().as_str(), 0));
        let beyond = ask("GET", &[("range", "bytes=300000-")]).await;
        assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{}", video.len()).as_str()));
        assert_eq!(beyond.body["error"], true, "{}", beyond.text);
        world.stop().await;
    }

    async fn a_file_that_a_browser_has_is_not_sent_again(database: Database) {
        let world = World::held(database).await;
        let (path, _) = video(&world).await;
        let first = world.client.ask("GET", &path, &[], None).await;
        for (name, told) in [("if-none-match", "etag"), ("if-modified-since", "last-modified")] {
            let again = world.client.ask("GET", &path, &[(name, first.header(told)), ("range", "bytes=0-1")], None).await;
            assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, first.header("etag")), "{name}");
        }
        assert_eq!(world.client.ask("GET", &path, &[("if-none-match", "\"other\"")], None).await.status, 200);
        // What has expired is not there for who has it either.
        world.advance(Duration::from_secs(9 * 86_400)).await;
        assert_eq!(world.client.ask("GET", &path, &[("if-none-match", first.header("etag"))], None).await.status, 404);
        world.stop().await;
    }

    async fn every_way_to_write_base64_is_understood(database: Database) {
        let world = World::new(database).await;
        for text in ["aGVsbG8_", "aGVsbG8/", "aGVs\r\nbG8=", "data:text/plain;base64,aGVsbG8=", "DATA:;base64,aGVsbG8", " aGVsbG8 "] {
            let body = json!({"destination": ALICE, "media_base64": text, "file_name": "../../a.txt"});
            let reply = world.client.post("/media", &body).await;
            assert_eq!(reply.status, 201, "{text} {}", reply.text);
            let file = stored_file(&world, reply.body["data"]["ref_no"].as_str().expect("a ref_no")).await;
            assert_eq!((file.0.as_str(), file.1.as_str(), file.2.as_deref()), ("document", "text/plain", Some("a.txt")));
        }
        world.stop().await;
    }

    async fn a_file_at_an_address_is_fetched_after_acceptance(database: Database) {
        let server = Receiver::new(vec![Answer::file(PNG)]).await;
        let world = World::new(database).await;
        let ref_no = send_url(&world, &server.url("/pictures/cat.png?size=1")).await;
        let message = world.until(&ref_no, "R").await;
        assert_eq!(message["media_url"], server.url("/pictures/cat.png?size=1"));
        let file = stored_file(&world, &ref_no).await;
        assert_eq!((file.0.as_str(), file.2.as_deref()), ("image", Some("cat.png")));
        world.stop().await;
    }

    async fn what_cannot_be_had_is_given_up_at_once_with_the_reason(database: Database) {
        let world = World::new(database).await;
        let huge = Answer::file(b"x").header("x-a", "b");
        let server = Receiver::new(vec![Answer::status(404), Answer::status(302).header("location", "http://169.254.169.254/"), huge]).await;
        for said in ["404", "302"] {
            let ref_no = send_url(&world, &server.url("/a.png")).await;
            let message = world.until(&ref_no, "A").await;
            assert!(message["reason"].as_str().expect("a reason").contains(said), "{message}");
        }
        // A video may have 16 MB.
        let mut video = files::mp4();
        video.resize(16 * 1024 * 1024 + 1, 0);
        let big = Receiver::new(vec![Answer::file(&video)]).await;
        let ref_no = send_url(&world, &big.url("/a.mp4")).await;
        let message = world.until(&ref_no, "A").await;
        assert!(message["reason"].as_str().expect("a reason").contains("16777216 bytes"), "{message}");
        world.stop().await;
    }

    async fn a_picture_over_its_limit_is_413_and_a_large_document_is_taken(database: Database) {
        let world = World::new(database).await;
        let mut picture = PNG.to_vec();
        picture.resize(16 * 1024 * 1024 + 1, 0);
        let body = |bytes: &[u8], name: &str| json!({"destination": ALICE, "media_base64": STANDARD.encode(bytes), "file_name": name});
        let reply = world.client.post("/media", &body(&picture, "a.png")).await;
        assert_eq!(reply.status, 413, "{}", reply.text);
        picture[0] = b'x';
        assert_eq!(world.client.post("/media", &body(&picture, "a.bin")).await.status, 201);
        world.stop().await;
    }

    async fn a_server_that_fails_is_asked_again_until_the_message_expires(database: Database) {
        let world = World::held(database).await;
        let server = Receiver::new(vec![Answer::status(503), Answer::status(500), Answer::file(PNG)]).await;
        let ref_no = world.send_media(json!({"destination": ALICE, "media_url": server.url("/a.png")})).await;
        world.until_within(&ref_no, "R", Duration::from_millis(200)).await;
        assert_eq!(server.asked().len(), 3);

        let dead = Receiver::new(vec![Answer::status(503)]).await;
        let body = json!({"destination": ALICE, "media_url": dead.url("/a.png"), "timeout": 300});
        let ref_no = world.send_media(body).await;
        let message = world.until_within(&ref_no, "A", Duration::from_millis(500)).await;
        assert_eq!(message["reason"], "its file could not be downloaded in time: media_url answered 503");
        assert!((5..30).contains(&dead.asked().len()), "{}", dead.asked().len());
        world.stop().await;
    }

    async fn a_message_that_expires_before_its_first_download_ends_says_so(database: Database) {
        let world = World::held(database).await;
        let silent = Receiver::new(vec![Answer::nothing()]).await;
        let body = json!({"destination": ALICE, "media_url": silent.url("/a.png"), "timeout": 5});
        let ref_no = world.send_media(body).await;
        silent.until(1).await;
        let message = world.until_within(&ref_no, "A", Duration::from_millis(500)).await;
        assert_eq!(message["reason"], "its timeout passed before its file was downloaded");
        world.stop().await;
    }

    async fn a_server_that_asks_for_time_is_given_it(database: Database) {
        let world = World::held(database).await;
        let server = Receiver::new(vec![Answer::status(429).header("retry-after", "100"), Answer::file(PNG)]).await;
        let ref_no = world.send_media(json!({"destination": ALICE, "media_url": server.url("/a.png")})).await;
        server.until(1).await;
        let asked_at = world.clock.now();
        world.until_within(&ref_no, "R", Duration::from_millis(500)).await;
        assert!(world.clock.now() - asked_at >= 100_000 && server.asked().len() == 2);
        world.stop().await;
    }
}
