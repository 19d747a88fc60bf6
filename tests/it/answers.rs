//! How the five endpoints answer: the envelope, JSON and XML, who may ask, methods and addresses.

use serde_json::{Value, json};

use crate::client::{BASE, Reply};
use crate::signed_in::{ask, target};
use crate::world::{ALICE, Time, World, stories};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn assert_failure(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.body["error"], true, "{}", reply.text);
    assert!(reply.body["message"].as_str().is_some_and(|message| message.len() > 10), "{}", reply.text);
}

/// What stands between the first `<name>` and `</name>`.
fn element<'t>(text: &'t str, name: &str) -> &'t str {
    let open = format!("<{name}>");
    let from = text.find(&open).unwrap_or_else(|| panic!("no {open} in {text}")) + open.len();
    let length = text[from..].find(&format!("</{name}>")).expect("a closing tag");
    &text[from..from + length]
}

stories! {
    async fn every_key_of_each_documented_answer_is_there(database: Database) {
        let world = World::new(database).await;
        let reply = world.client.get("/auth/api_key").await;
        assert_eq!((reply.status, keys(&reply.body)), (200, vec!["error", "message", "data"]));
        assert_eq!(reply.body["data"], json!({"userid": "admin", "idPerson": 1, "idClient": 1}));

        let reply = world.client.get(&format!("/sender/{}", world.sender)).await;
        assert_eq!(reply.body["data"], json!({"idClient": 1, "name": "Sandbox", "counter": 0, "limit": 0}));

        let body = json!({"queue": world.device_id, "destination": ALICE, "message": "hello"});
        let reply = world.client.post("/message", &body).await;
        assert_eq!((reply.status, &reply.body["error"]), (201, &json!(false)));
        let data = &reply.body["data"];
        assert_eq!(keys(data), ["sender", "queue", "destination", "message", "ref_no"]);
        assert_eq!((&data["sender"], &data["queue"]), (&json!(world.sender), &json!(world.device_id)));

        let body = json!({"destination": ALICE, "media_url": "http://127.0.0.1:9/a.png"});
        let reply = world.client.post("/media", &body).await;
        let data = &reply.body["data"];
        assert_eq!(keys(data), ["sender", "queue", "destination", "caption", "media_url", "ref_no"]);
        assert_eq!((&data["caption"], &data["media_url"]), (&Value::Null, &body["media_url"]));

        let message = world.status(data["ref_no"].as_str().expect("a ref_no")).await;
        for name in [
            "destination", "sender", "is_group", "create_date", "sent_date", "read_date", "delivered_date", "ref_no",
            "status", "message", "caption", "media_url",
        ] {
            assert!(message.get(name).is_some(), "{name} in {message}");
        }
        let reply = world.client.get(&format!("/sender/{}", world.sender)).await;
        assert_eq!(reply.body["data"]["counter"], 2);
        world.stop().await;
    }

    async fn a_key_is_needed_known_and_good(database: Database) {
        let world = World::new(database).await;
        assert_failure(&world.client.with_key("").get("/auth/api_key").await, 401);
        assert_failure(&world.client.with_key("NOBODYS0NOBODYS0NOBODYS0NOBODYS0").get("/auth/api_key").await, 403);
        let header = [("aPiKeY", world.client.key.as_str())];
        let reply = world.client.with_key("").ask("GET", &format!("{BASE}/auth/api_key"), &header, None).await;
        assert_eq!(reply.status, 200);

        let other = world.add_client("other", "628110000001").await;
        let path = format!("/clients/{}", other.client_id);
        assert_eq!(other.client.get("/auth/api_key").await.status, 200);
        world.client.manage("PATCH", &path, Some(json!({"disabled": true}))).await;
        assert_failure(&other.client.get("/auth/api_key").await, 403);
        world.client.manage("PATCH", &path, Some(json!({"disabled": false}))).await;
        assert_eq!(other.client.get("/auth/api_key").await.status, 200);

        let person = format!("{path}/persons/{}", other.person_id);
        world.client.manage("PATCH", &person, Some(json!({"disabled": true}))).await;
        assert_failure(&other.client.get("/auth/api_key").await, 403);
        world.client.manage("PATCH", &person, Some(json!({"disabled": false}))).await;

        let keys = world.client.manage("GET", &format!("{path}/keys"), None).await;
        let key_id = keys.body["data"][0]["id"].as_i64().expect("a key");
        let reply = world.client.manage("DELETE", &format!("{path}/keys/{key_id}"), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_failure(&other.client.get("/auth/api_key").await, 403);
        world.stop().await;
    }

    async fn a_key_expires_when_its_time_is_over(database: Database) {
        let world = World::held(database).await;
        let body = json!({"person_id": 1, "expires_in_days": 1});
        let made = world.client.manage("POST", "/clients/1/keys", Some(body)).await;
        let client = world.client.with_key(made.body["data"]["api_key"].as_str().expect("a key"));
        assert_eq!(client.get("/auth/api_key").await.status, 200);
        world.advance(std::time::Duration::from_secs(86_400)).await;
        assert_failure(&client.get("/auth/api_key").await, 403);
        world.stop().await;
    }

    async fn nobody_sees_or_uses_another_clients_anything(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000001").await;
        let ref_no = world.send(ALICE, "private").await;
        // A stranger's thing and a thing that is not there get the same answer, to the letter.
        for (theirs, nobodys) in [
            (format!("/status/{ref_no}"), "/status/000000000000000000".to_owned()),
            (format!("/sender/{}", world.sender), "/sender/628119999999".to_owned()),
        ] {
            let (theirs, nobodys) = (other.client.get(&theirs).await, other.client.get(&nobodys).await);
            assert_failure(&theirs, 404);
            assert_eq!(theirs.text, nobodys.text);
        }
        for field in [json!({"queue": world.device_id}), json!({"sender": world.sender})] {
            let mut body = field;
            body["destination"] = json!(ALICE);
            body["message"] = json!("hello");
            assert_failure(&other.client.post("/message", &body).await, 404);
        }
        world.stop().await;
    }

    async fn a_gateway_is_found_by_number_by_id_or_by_default(database: Database) {
        let world = World::new(database).await;
        let new = json!({"kind": "sandbox", "sender": "628110000009", "device_id": "11055-171379261223689"});
        let reply = world.client.manage("POST", "/devices", Some(new)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        for (fields, wanted) in [
            (json!({}), world.device_id.as_str()),
            (json!({"queue": " 11055-171379261223689 "}), "11055-171379261223689"),
            (json!({"sender": "0811-0000-009"}), "11055-171379261223689"),
            (json!({"sender": 628_110_000_009_i64}), "11055-171379261223689"),
            (json!({"queue": "", "sender": null}), world.device_id.as_str()),
            (json!({"queue": "11055-171379261223689", "sender": "+62 811 0000 009"}), "11055-171379261223689"),
        ] {
            let mut body = fields;
            body["destination"] = json!(ALICE);
            body["message"] = json!("hello");
            let reply = world.client.post("/message", &body).await;
            assert_eq!(reply.body["data"]["queue"], wanted, "{body} {}", reply.text);
        }
        let two = json!({"queue": world.device_id, "sender": "628110000009", "destination": ALICE, "message": "x"});
        let reply = world.client.post("/message", &two).await;
        assert_eq!((reply.status, reply.faults()), (422, vec![("body.queue".into(), "value_error".into())]));
        world.client.manage("PATCH", "/clients/1", Some(json!({"default_device": "11055-171379261223689"}))).await;
        let reply = world.client.post("/message", &json!({"destination": ALICE, "message": "x"})).await;
        assert_eq!(reply.body["data"]["queue"], "11055-171379261223689");
        world.stop().await;
    }

    async fn old_addresses_trailing_slashes_head_and_options_behave(database: Database) {
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "message": "hello"});
        for path in ["/message", "/message/", "/whatsapp/message", "/whatsapp/message/"] {
            assert_eq!(world.client.post(path, &body).await.status, 201, "{path}");
        }
        let media = json!({"destination": ALICE, "media_base64": "aGVsbG8=", "file_name": "a.txt"});
        for path in ["/media", "/whatsapp/media"] {
            assert_eq!(world.client.post(path, &media).await.status, 201, "{path}");
        }
        let head = world.client.ask("HEAD", &format!("{BASE}/auth/api_key/"), &[], None).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        let options = world.client.with_key("").ask("OPTIONS", &format!("{BASE}/message"), &[], None).await;
        assert_eq!((options.status, options.header("allow")), (204, "POST"));
        for (method, path, allow) in [("GET", "/message", "POST"), ("POST", "/auth/api_key", "GET,HEAD"), ("PUT", "/status/1", "GET,HEAD")] {
            let reply = world.client.ask(method, &format!("{BASE}{path}"), &[], Some(b"{}".to_vec())).await;
            assert_failure(&reply, 405);
            assert_eq!(reply.header("allow"), allow);
        }
        for path in ["/", "/wachat_api/1.0", "/wachat_api/1.0/nothing", "/wachat_api/2.0/message", "/status/1/2", "/%ff"] {
            assert_failure(&world.client.ask("GET", path, &[], None).await, 404);
        }
        // Who types the gateway's address into a browser comes to the console.
        let browser = [("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")];
        assert_eq!(target(&ask(&world, "GET", "/", &browser, None).await), "/console");
        for (method, path) in [("POST", "/"), ("GET", "/nothing")] {
            assert_eq!(world.client.ask(method, path, &browser, None).await.status, 404, "{method} {path}");
        }
        for (path, status) in [("/status/%ff", 400), ("/status/%00", 404), ("/status/", 404), ("/status/x", 404)] {
            assert_failure(&world.client.get(path).await, status);
        }
        world.stop().await;
    }

    async fn xml_says_the_same_as_json(database: Database) {
        let world = World::new(database).await;
        let xml = [("accept", "text/html;q=0.1, application/xml;q=0.9, */*;q=0.8")];
        let body = json!({"destination": ALICE, "message": "a < b & \u{1} \"c\""});
        let reply = world.client.post_with("/message", &body, &xml).await;
        assert_eq!((reply.status, reply.header("content-type")), (201, "application/xml; charset=utf-8"));
        assert!(reply.text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><error>false</error><message>"));
        assert_eq!(element(&reply.text, "destination"), ALICE);
        let data = element(&reply.text, "data");
        assert_eq!(element(data, "message"), "a &lt; b &amp; \u{fffd} \"c\"");
        let ref_no = element(&reply.text, "ref_no").to_owned();

        let text = [("accept", "text/xml")];
        let reply = world.client.ask("GET", &format!("{BASE}/status/{ref_no}"), &text, None).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml; charset=utf-8"));
        assert_eq!(element(&reply.text, "caption"), "");
        let reply = world.client.post_with("/message", &json!({"message": 1}), &text).await;
        assert_eq!((reply.status, element(&reply.text, "error")), (422, "true"));
        let item = "<detail><item><loc><item>body</item><item>destination</item></loc><msg>field required</msg>";
        assert!(reply.text.contains(item), "{}", reply.text);
        let reply = world.client.with_key("").ask("GET", &format!("{BASE}/auth/api_key"), &text, None).await;
        assert_eq!((reply.status, element(&reply.text, "error")), (401, "true"));
        let reply = world.client.ask("GET", "/nothing", &text, None).await;
        assert_eq!((reply.status, element(&reply.text, "error")), (404, "true"));
        world.stop().await;
    }

    async fn a_body_is_read_as_json_whatever_its_type_and_every_fault_is_listed(database: Database) {
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "message": "hello"}).to_string().into_bytes();
        for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let headers = [("content-type", content_type)];
            let reply = world.client.ask("POST", &format!("{BASE}/message"), &headers, Some(body.clone())).await;
            assert_eq!(reply.status, 201, "{content_type}: {}", reply.text);
        }
        let reply = world.client.post("/message", &json!({"timeout": "x", "is_group": "maybe", "message": null, "sender": []})).await;
        assert_eq!(reply.status, 422);
        let mut faults = reply.faults();
        faults.sort();
        let wanted = [
            ("body.destination", "value_error.missing"),
            ("body.is_group", "type_error.bool"),
            ("body.message", "type_error.none.not_allowed"),
            ("body.sender", "type_error.str"),
            ("body.timeout", "type_error.integer"),
        ];
        assert_eq!(faults, wanted.map(|(loc, kind)| (loc.to_owned(), kind.to_owned())));
        world.stop().await;
    }

    async fn escapes_in_a_text_become_the_characters_they_stand_for(database: Database) {
        let world = World::new(database).await;
        let reply = world.client.post("/message", &json!({"destination": ALICE, "message": r"Hi\\n\\U0001F600 \u00e9 \x"})).await;
        assert_eq!(reply.body["data"]["message"], "Hi\n😀 é \\x");
        let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        assert_eq!(world.status(&ref_no).await["message"], "Hi\n😀 é \\x");
        world.stop().await;
    }

    async fn one_request_too_many_a_second_is_told_when_to_come_again(database: Database) {
        let world = World::with(database, Time::Machine, |settings| settings.rate_limit = 5).await;
        let mut refused = None;
        for _ in 0..50 {
            let reply = world.client.get("/auth/api_key").await;
            if reply.status == 429 {
                refused = Some(reply);
                break;
            }
        }
        let reply = refused.expect("the sixth of a second is refused");
        assert_failure(&reply, 429);
        assert_eq!((reply.header("retry-after"), reply.header("ratelimit-policy")), ("1", "\"key\";q=5;w=1"));
        assert!(reply.header("ratelimit").starts_with("\"key\";r=0;t="));
        world.stop().await;
    }

    async fn a_gateways_daily_limit_holds_to_the_message_and_ends_with_the_day(database: Database) {
        let world = World::held(database).await;
        let other = world.add_client("other", "628110000001").await;
        let web = json!({"client_id": other.client_id, "kind": "web", "sender": "628110000002", "limit": 3});
        let reply = world.client.manage("POST", "/devices", Some(web)).await;
        let queue = reply.body["data"]["device_id"].clone();
        let body = json!({"queue": queue, "destination": ALICE, "message": "hello", "timeout": 1_000_000});
        let posts = futures_util::future::join_all((0..10).map(|_| other.client.post("/message", &body))).await;
        let accepted = posts.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(accepted, 3);
        let refused = posts.iter().find(|reply| reply.status != 201).expect("a refused one");
        assert_failure(refused, 429);
        assert_eq!(refused.header("ratelimit-policy"), "\"day\";q=3;w=86400");
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        let balance = other.client.get("/sender/628110000002").await;
        assert_eq!((&balance.body["data"]["counter"], &balance.body["data"]["limit"]), (&json!(3), &json!(3)));
        // A queue that nobody drains shows as unsent.
        let first = posts.iter().find(|reply| reply.status == 201).expect("an accepted one");
        let ref_no = first.body["data"]["ref_no"].as_str().expect("a ref_no");
        let status = other.client.get(&format!("/status/{ref_no}")).await;
        assert_eq!(status.body["data"]["status"], "U");
        world.advance(std::time::Duration::from_secs(wait)).await;
        assert_eq!(other.client.post("/message", &body).await.status, 201);
        world.stop().await;
    }
}
