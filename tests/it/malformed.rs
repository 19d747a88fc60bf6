//! What comes from outside and should not: each gets a clear answer, costs little, and changes nothing for others.

use serde_json::json;

use crate::client::BASE;
use crate::world::{ALICE, World, stories};

fn head(world: &World, rest: &str) -> String {
    format!("POST {BASE}/message HTTP/1.1\r\nhost: x\r\napikey: {}\r\n{rest}", world.client.key)
}

fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// The gateway still takes messages.
async fn assert_well(world: &World) {
    world.send(ALICE, "still there").await;
}

stories! {
    async fn a_body_over_its_limit_is_refused_before_it_is_read(database: Database) {
        let world = World::new(database).await;
        // Nothing of the body is ever sent: an answer shows that nobody waited for it.
        for (path, length) in [("message", 1_048_577_u64), ("media", 148_897_793), ("message", u64::MAX / 2)] {
            let request = head(&world, &format!("content-length: {length}\r\n\r\n")).replace("message", path);
            let answer = world.client.raw(request.as_bytes(), "}").await;
            assert_eq!(status_of(&answer), "413", "{answer}");
            assert!(answer.contains("\"error\":true") && answer.contains("connection: close"), "{answer}");
        }
        let manage = head(&world, "content-length: 99999999\r\n\r\n").replace(&format!("{BASE}/message"), "/manage/1.0/clients");
        assert_eq!(status_of(&world.client.raw(manage.as_bytes(), "}").await), "413");
        // One that does not tell its length is cut off when it is over.
        let mut endless = head(&world, "transfer-encoding: chunked\r\n\r\n").into_bytes();
        for _ in 0..20 {
            endless.extend_from_slice(b"10000\r\n");
            endless.extend(std::iter::repeat_n(b'a', 0x10000));
            endless.extend_from_slice(b"\r\n");
        }
        assert_eq!(status_of(&world.client.raw(&endless, "}").await), "413");
        assert_well(&world).await;
        world.stop().await;
    }

    async fn nobody_without_a_key_gets_a_body_read(database: Database) {
        let world = World::new(database).await;
        let request = format!("POST {BASE}/media HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
        assert_eq!(status_of(&world.client.raw(request.as_bytes(), "}").await), "401");
        world.stop().await;
    }

    async fn bodies_that_are_no_json_or_no_text_get_their_answer(database: Database) {
        let world = World::new(database).await;
        let deep = format!("{{\"destination\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let wide = format!("{{{}\"x\":1}}", (0..5_000).map(|at| format!("\"f{at}\":1,")).collect::<String>());
        let long = json!({"destination": ALICE, "message": "a".repeat(65_537)}).to_string();
        for (body, status) in [
            (b"{\"message\": \"\xff\xfe\"}".to_vec(), 400),
            (deep.into_bytes(), 400),
            (wide.into_bytes(), 422),
            (long.into_bytes(), 422),
            (b"{".to_vec(), 422),
            (b"[]".to_vec(), 422),
            (b"null".to_vec(), 422),
            (b"".to_vec(), 422),
            (b"\x00".to_vec(), 422),
        ] {
            let reply = world.client.ask("POST", &format!("{BASE}/message"), &[], Some(body.clone())).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(reply.status, status, "{shown} {}", reply.text);
            assert_eq!(reply.body["error"], true, "{shown} {}", reply.text);
            assert_eq!(reply.body["detail"].is_array(), status == 422, "{shown} {}", reply.text);
        }
        let longest = json!({"destination": ALICE, "message": "é".repeat(65_536)});
        assert_eq!(world.client.post("/message", &longest).await.status, 201);
        world.stop().await;
    }

    async fn broken_requests_are_answered_400_or_cut_off_and_harm_nobody(database: Database) {
        let world = World::new(database).await;
        let big_header = format!("x-big: {}\r\n", "a".repeat(1_000_000));
        let many_headers: String = (0..500).map(|at| format!("x-{at}: 1\r\n")).collect();
        for request in [
            "GET\r\n\r\n".to_owned(),
            "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
            "GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(),
            head(&world, "content-length: -1\r\n\r\n"),
            head(&world, "content-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
            head(&world, "transfer-encoding: chunked\r\n\r\nZZZ\r\n"),
            head(&world, "bad header\r\n\r\n"),
            head(&world, &format!("{big_header}content-length: 2\r\n\r\n{{}}")),
            head(&world, &format!("{many_headers}content-length: 2\r\n\r\n{{}}")),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ] {
            let answer = world.client.raw(request.as_bytes(), "}").await;
            assert!(["", "400", "431", "404", "505"].contains(&status_of(&answer)), "{}: {answer}", &request[..request.len().min(200)]);
        }
        assert_well(&world).await;
        world.stop().await;
    }

    async fn headers_of_any_bytes_are_refused_or_ignored(database: Database) {
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "message": "x"}).to_string();
        let length = body.len();
        for (header, status) in [
            ("accept: \u{e9}\u{e9}", "201"),
            ("accept: ,;q=,;;text/xml;q=9999999999999999999", "201"),
            ("idempotency-key: \u{e9}", "400"),
            ("content-type: ;;;", "201"),
            ("accept-encoding: \u{7f}", "400"),
            ("x-forwarded-for: ' OR 1=1 --", "201"),
        ] {
            let request = head(&world, &format!("{header}\r\ncontent-length: {length}\r\n\r\n{body}"));
            let answer = world.client.raw(request.as_bytes(), "}").await;
            assert_eq!(status_of(&answer), status, "{header}: {answer}");
        }
        let strange_key = format!("GET {BASE}/auth/api_key HTTP/1.1\r\nhost: x\r\napikey: \u{e9}\u{e9}\r\n\r\n");
        assert_eq!(status_of(&world.client.raw(strange_key.as_bytes(), "}").await), "400");
        world.stop().await;
    }

    async fn a_wrong_number_file_or_address_is_told_what_is_wrong_with_it(database: Database) {
        let world = World::new(database).await;
        for (path, body, loc, kind) in [
            ("/message", json!({"destination": "12", "message": "x"}), "body.destination", "value_error"),
            ("/message", json!({"destination": "62abc", "message": "x"}), "body.destination", "value_error"),
            ("/message", json!({"destination": "x@g.us", "is_group": true, "message": "x"}), "body.destination", "value_error"),
            ("/message", json!({"destination": ALICE, "message": ""}), "body.message", "value_error.any_str.min_length"),
            ("/message", json!({"destination": ALICE, "message": "x", "timeout": 0}), "body.timeout", "value_error.number.not_ge"),
            ("/message", json!({"destination": ALICE, "message": "x", "timeout": 2_592_001}), "body.timeout", "value_error.number.not_le"),
            ("/media", json!({"destination": ALICE}), "body.__root__", "value_error"),
            ("/media", json!({"destination": ALICE, "media_url": "ftp://x/y"}), "body.media_url", "value_error.url.scheme"),
            ("/media", json!({"destination": ALICE, "media_url": "http://"}), "body.media_url", "value_error.url.host"),
            ("/media", json!({"destination": ALICE, "media_base64": "%%%", "file_name": "a"}), "body.media_base64", "value_error"),
            ("/media", json!({"destination": ALICE, "media_base64": "aGVsbG8="}), "body.file_name", "value_error.missing"),
        ] {
            let reply = world.client.post(path, &body).await;
            assert_eq!(reply.status, 422, "{body}");
            assert_eq!(reply.faults(), vec![(loc.to_owned(), kind.to_owned())], "{body} {}", reply.text);
            assert!(reply.body["message"].as_str().is_some_and(|message| !message.is_empty()));
        }
        world.stop().await;
    }
}
