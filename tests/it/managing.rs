//! The management API: who may do what, and listings that can be walked through.

use serde_json::{Value, json};

use crate::client::Client;
use crate::world::{ALICE, BOB, World, stories};

async fn key_of(world: &World, client_id: i64, userid: &str, role: &str) -> Client {
    let person = json!({"userid": userid, "role": role, "password": "long enough"});
    let reply = world.client.manage("POST", &format!("/clients/{client_id}/persons"), Some(person)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let key = json!({"person_id": reply.body["data"]["id"], "name": "for the story"});
    let reply = world.client.manage("POST", &format!("/clients/{client_id}/keys"), Some(key)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    world.client.with_key(reply.body["data"]["api_key"].as_str().expect("a key"))
}

/// Every request that changes or shows something of client 1.
fn requests(device_id: &str, ref_no: &str) -> Vec<(&'static str, String, Option<Value>)> {
    let device = format!("/devices/{device_id}");
    vec![
        ("GET", "/clients/1".into(), None),
        ("PATCH", "/clients/1".into(), Some(json!({"name": "taken"}))),
        ("GET", "/clients/1/persons".into(), None),
        ("POST", "/clients/1/persons".into(), Some(json!({"userid": "spy", "role": "owner"}))),
        ("PATCH", "/clients/1/persons/1".into(), Some(json!({"disabled": true}))),
        ("GET", "/clients/1/keys".into(), None),
        ("POST", "/clients/1/keys".into(), Some(json!({"person_id": 1}))),
        ("DELETE", "/clients/1/keys/1".into(), None),
        ("GET", "/devices?client_id=1".into(), None),
        ("POST", "/devices".into(), Some(json!({"client_id": 1, "kind": "sandbox", "sender": "628110000033"}))),
        ("GET", device.clone(), None),
        ("PATCH", device.clone(), Some(json!({"paused": true}))),
        ("DELETE", device.clone(), None),
        ("POST", format!("{device}/receive"), Some(json!({"from": BOB, "text": "x"}))),
        ("POST", format!("{device}/go-live"), Some(json!({"used_before": true}))),
        ("GET", format!("{device}/link"), None),
        ("POST", format!("{device}/link"), None),
        ("GET", format!("{device}/qr"), None),
        ("POST", format!("{device}/pairing-code"), Some(json!({"phone": BOB}))),
        ("POST", format!("{device}/unlink"), None),
        ("GET", format!("{device}/events"), None),
        ("GET", "/clients/1/push".into(), None),
        ("PUT", "/clients/1/push".into(), Some(json!({"url": "https://spy.example/"}))),
        ("DELETE", "/clients/1/push".into(), None),
        ("POST", "/clients/1/push/rotate-secret".into(), None),
        ("POST", "/clients/1/push/pause".into(), None),
        ("POST", "/clients/1/push/resume".into(), None),
        ("POST", "/clients/1/push/test".into(), None),
        ("GET", "/clients/1/pushes".into(), None),
        ("POST", "/clients/1/pushes/replay".into(), Some(json!({"from": "2020-01-01T00:00:00Z"}))),
        ("GET", "/messages?client_id=1".into(), None),
        ("GET", "/messages/counts?client_id=1".into(), None),
        ("GET", format!("/messages/{ref_no}?client_id=1"), None),
        ("POST", format!("/messages/{ref_no}/cancel?client_id=1"), None),
        ("GET", format!("/messages/{ref_no}/attempts?client_id=1"), None),
        ("GET", format!("/messages/{ref_no}/members?client_id=1"), None),
        ("POST", format!("/messages/{ref_no}/resend?client_id=1"), None),
        ("GET", "/inbox?client_id=1".into(), None),
        ("GET", "/inbox/x?client_id=1".into(), None),
        ("GET", "/conversations?client_id=1".into(), None),
        ("GET", format!("/conversations/{device_id}/{BOB}?client_id=1"), None),
    ]
}

stories! {
    async fn a_stranger_and_a_sender_manage_nothing_of_a_client(database: Database) {
        let world = World::new(database).await;
        let ref_no = world.send(ALICE, "hello").await;
        let other = world.add_client("other", "628110000001").await;
        let sender = key_of(&world, 1, "sender", "sender").await;
        for (method, path, body) in requests(&world.device_id, &ref_no) {
            let reply = other.client.manage(method, &path, body.clone()).await;
            assert_eq!(reply.status, 404, "a stranger: {method} {path} {}", reply.text);
            let reply = sender.manage(method, &path, body.clone()).await;
            assert_eq!(reply.status, 403, "a sender: {method} {path} {}", reply.text);
            let reply = sender.with_key("").manage(method, &path, body).await;
            assert_eq!(reply.status, 401, "nobody: {method} {path} {}", reply.text);
        }
        for (method, path, body) in [("GET", "/clients", None), ("POST", "/clients", Some(json!({"name": "mine"}))), ("POST", "/migrate", Some(json!({"api_key": "a-key-of-16-chars", "device_id": "1-000000000000001", "sender": BOB})))] {
            assert_eq!(other.client.manage(method, path, body).await.status, 403, "{method} {path}");
        }
        let client = world.client.manage("GET", "/clients/1", None).await;
        assert_eq!(client.body["data"]["name"], "First client");
        world.stop().await;
    }

    async fn an_owner_manages_his_own_client_and_makes_nobody_mightier_than_himself(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000001").await;
        let id = other.client_id;
        let renamed = other.client.manage("PATCH", &format!("/clients/{id}"), Some(json!({"name": "Toko", "country_code": "60"}))).await;
        assert_eq!((renamed.status, &renamed.body["data"]["name"]), (200, &json!("Toko")));
        let disabled = other.client.manage("PATCH", &format!("/clients/{id}"), Some(json!({"disabled": true}))).await;
        assert_eq!(disabled.status, 403, "{}", disabled.text);
        let persons = format!("/clients/{id}/persons");
        let admin = other.client.manage("POST", &persons, Some(json!({"userid": "king", "role": "administrator"}))).await;
        assert_eq!(admin.status, 403, "{}", admin.text);
        let own = format!("{persons}/{}", other.person_id);
        for change in [json!({"role": "administrator"}), json!({"disabled": true}), json!({"role": "sender"})] {
            let reply = other.client.manage("PATCH", &own, Some(change)).await;
            assert!(reply.status == 409 || reply.status == 403, "{}", reply.text);
        }
        // An administrator who works for the client stays out of its owner's reach.
        let king = world.client.manage("POST", &persons, Some(json!({"userid": "king", "role": "administrator"}))).await;
        let king_id = king.body["data"]["id"].as_i64().expect("a person");
        let key = other.client.manage("POST", &format!("/clients/{id}/keys"), Some(json!({"person_id": king_id}))).await;
        assert_eq!(key.status, 403, "{}", key.text);
        let made = world.client.manage("POST", &format!("/clients/{id}/keys"), Some(json!({"person_id": king_id}))).await;
        let kings_key = format!("/clients/{id}/keys/{}", made.body["data"]["id"]);
        assert_eq!(other.client.manage("DELETE", &kings_key, None).await.status, 403);
        let password = json!({"password": "i am the king now"});
        assert_eq!(other.client.manage("PATCH", &format!("{persons}/{king_id}"), Some(password)).await.status, 403);
        // The country code that was set counts from now on: Malaysia.
        let reply = other.client.post("/message", &json!({"destination": "012-345 6789", "message": "x"})).await;
        assert_eq!(reply.body["data"]["destination"], "60123456789", "{}", reply.text);
        world.stop().await;
    }

    async fn a_customers_own_key_and_device_id_work_unchanged(database: Database) {
        let world = World::new(database).await;
        let device = json!({"kind": "sandbox", "sender": "628110000044", "device_id": "11055-171379261223689"});
        assert_eq!(world.client.manage("POST", "/devices", Some(device.clone())).await.status, 201);
        assert_eq!(world.client.manage("POST", "/devices", Some(device)).await.status, 409);
        let key = json!({"person_id": 1, "api_key": "f3b1c9d2-4a50-4e7b-9a58-legacy"});
        assert_eq!(world.client.manage("POST", "/clients/1/keys", Some(key.clone())).await.status, 201);
        assert_eq!(world.client.manage("POST", "/clients/1/keys", Some(key)).await.status, 409);
        let client = world.client.with_key("f3b1c9d2-4a50-4e7b-9a58-legacy");
        let body = json!({"queue": "11055-171379261223689", "destination": ALICE, "message": "hello"});
        let reply = client.post("/message", &body).await;
        assert_eq!((reply.status, &reply.body["data"]["sender"]), (201, &json!("628110000044")));
        world.stop().await;
    }

    async fn messages_are_filtered_and_walked_through_page_by_page(database: Database) {
        let world = World::new(database).await;
        for at in 0..25 {
            world.send(if at % 5 == 0 { BOB } else { ALICE }, &format!("number {at} 100%")).await;
        }
        let mut seen = Vec::new();
        let mut before = String::new();
        loop {
            let page = world.client.manage("GET", &format!("/messages?limit=10{before}"), None).await;
            for message in page.body["data"]["items"].as_array().expect("messages") {
                seen.push(message["message"].as_str().expect("a text").to_owned());
            }
            let Some(next) = page.body["data"]["next_before"].as_str() else { break };
            before = format!("&before={next}");
        }
        let wanted: Vec<String> = (0..25).rev().map(|at| format!("number {at} 100%")).collect();
        assert_eq!(seen, wanted);
        for (filter, count) in [
            (format!("destination={BOB}"), 5),
            ("text=number%202".into(), 6),
            ("text=100%25".into(), 25),
            ("text=1_0".into(), 0),
            (format!("queue={}", world.device_id), 25),
            ("queue=1-000000000000000".into(), 0),
            ("status=A".into(), 0),
            ("from=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z".into(), 0),
        ] {
            let page = world.client.manage("GET", &format!("/messages?limit=500&{filter}"), None).await;
            assert_eq!(page.body["data"]["items"].as_array().map(Vec::len), Some(count), "{filter} {}", page.text);
        }
        for bad in ["limit=0", "limit=501", "limit=x", "before=x", "status=Z", "from=yesterday", "client_id=x", "text=%00"] {
            let reply = world.client.manage("GET", &format!("/messages?{bad}"), None).await;
            assert_eq!((reply.status, &reply.body["error"]), (422, &json!(true)), "{bad} {}", reply.text);
        }
        world.stop().await;
    }

    async fn bad_input_is_refused_with_the_field_and_the_reason(database: Database) {
        let world = World::new(database).await;
        let device = format!("/devices/{}", world.device_id);
        for (method, path, body, status) in [
            ("POST", "/clients", json!({"name": ""}), 422),
            ("POST", "/clients", json!({"name": "a\u{0}b"}), 422),
            ("POST", "/clients", json!({"name": 1}), 422),
            ("POST", "/clients", json!({}), 422),
            ("POST", "/clients", json!([]), 422),
            ("POST", "/clients", json!({"name": "x", "country_code": "abc"}), 422),
            ("POST", "/clients/1/persons", json!({"userid": "has space"}), 422),
            ("POST", "/clients/1/persons", json!({"userid": "admin"}), 409),
            ("POST", "/clients/1/persons", json!({"userid": "x", "role": "king"}), 422),
            ("POST", "/clients/1/persons", json!({"userid": "x", "password": "short"}), 422),
            ("POST", "/clients/1/keys", json!({"person_id": 99}), 404),
            ("POST", "/clients/1/keys", json!({"person_id": 1, "api_key": "short"}), 422),
            ("POST", "/clients/1/keys", json!({"person_id": 1, "expires_in_days": 0}), 422),
            ("POST", "/devices", json!({"kind": "pigeon", "sender": "628110000055"}), 422),
            ("POST", "/devices", json!({"kind": "sandbox"}), 422),
            ("POST", "/devices", json!({"kind": "sandbox", "sender": "12"}), 422),
            ("POST", "/devices", json!({"kind": "sandbox", "sender": "628110000055", "device_id": "x"}), 422),
            ("POST", "/devices", json!({"kind": "sandbox", "sender": "628110000055", "limit": 5}), 422),
            ("POST", "/devices", json!({"kind": "web", "limit": -1}), 422),
            ("PATCH", device.as_str(), json!({"gap_ms": -1}), 422),
            ("PATCH", device.as_str(), json!({"limit": 9}), 422),
            ("PUT", "/clients/1/push", json!({"url": "ftp://x"}), 422),
            ("POST", "/clients/1/pushes/replay", json!({}), 422),
            ("POST", "/clients/1/pushes/replay", json!({"id": "none"}), 404),
            ("GET", "/clients/1/pushes?status=bogus", Value::Null, 422),
            ("PATCH", "/clients/1", json!({"default_device": "1-000000000000000"}), 404),
            ("GET", "/clients/99", Value::Null, 404),
            ("GET", "/clients/x", Value::Null, 404),
            ("GET", "/devices/none", Value::Null, 404),
        ] {
            let body = Some(body).filter(|body| !body.is_null());
            let reply = world.client.manage(method, path, body.clone()).await;
            assert_eq!((reply.status, &reply.body["error"]), (status, &json!(true)), "{method} {path} {body:?} {}", reply.text);
        }
        world.stop().await;
    }
}
