//! What a request to send may ask for one day and what is not available yet: nothing leaves without it, too early or to say something else.

use serde_json::{Value, json};

use crate::imports::{begin, give, texts, until};
use crate::process::Place;
use crate::world::{ALICE, BOB, World, stories};

const ASKED: [(&str, &str); 3] =
    [("send_at", "scheduled sending"), ("reply_to", "quoting another message"), ("mentions", "mentioning people")];

/// Values that ask for something, and those that do not.
fn asks() -> Vec<Value> {
    vec![json!("2026-12-24T08:00:00Z"), json!("tomorrow"), json!(1_790_000_000), json!(true), json!(["a"]), json!({})]
}

fn asks_nothing() -> Vec<Value> {
    vec![Value::Null, json!(""), json!("  "), json!([])]
}

stories! {
    async fn a_request_to_send_that_asks_for_what_is_not_available_is_refused(database: Database) {
        let world = World::new(database).await;
        let text = json!({"destination": ALICE, "message": "x"});
        let file = json!({"destination": ALICE, "media_base64": "aGVsbG8=", "file_name": "a.txt"});
        let paths = [("/message", &text), ("/media", &file), ("/whatsapp/message", &text), ("/whatsapp/media", &file)];
        for (path, body) in paths {
            for (field, why) in ASKED {
                for value in asks() {
                    let mut body = body.clone();
                    body[field] = value;
                    let reply = world.client.post(path, &body).await;
                    let fault = &reply.body["detail"][0];
                    assert_eq!((reply.status, &fault["loc"]), (422, &json!(["body", field])), "{path} {body} {}", reply.text);
                    assert!(fault["msg"].as_str().is_some_and(|msg| msg.starts_with(why)), "{}", reply.text);
                }
            }
        }
        // Each of them is named, beside other faults.
        let all = json!({"send_at": "x", "reply_to": "x", "mentions": "all", "message": "x"});
        let reply = world.client.post("/message", &all).await;
        let named: Vec<_> = reply.body["detail"].as_array().expect("faults").iter().map(|fault| fault["loc"][1].clone()).collect();
        assert_eq!(named, ["destination", "send_at", "reply_to", "mentions"], "{}", reply.text);
        assert_eq!(texts(&world.client).await.values().sum::<usize>(), 0, "nothing left");
        // What asks for nothing is no obstacle, nor is any other field.
        for value in asks_nothing() {
            let reply = world.client.post("/message", &json!({"destination": ALICE, "message": "x", "send_at": value, "reply_to": value, "mentions": value, "schedule": "later"})).await;
            assert_eq!(reply.status, 201, "{value} {}", reply.text);
        }
        world.stop().await;
    }

    async fn so_is_one_to_send_again_or_to_begin_an_import(database: Database) {
        let world = World::new(database).await;
        let ref_no = world.send(ALICE, "x").await;
        let given = give(&world.client, &format!("destination,message\n{BOB},y\n"), "").await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        let resend = format!("/messages/{ref_no}/resend");
        let begin = format!("/imports/{id}/begin");
        for (field, why) in ASKED {
            for path in [&resend, &begin] {
                let reply = world.client.manage("POST", path, Some(json!({field: "2027-01-01T00:00:00Z"}))).await;
                assert!(reply.status == 422 && reply.text.contains(why), "{path} {}", reply.text);
                let reply = world.client.manage("POST", &format!("{path}?{field}=2027-01-01"), None).await;
                assert_eq!((reply.status, &reply.body["detail"][0]["loc"]), (422, &json!(["query", field])), "{}", reply.text);
            }
            let reply = give(&world.client, "destination,message\n", &format!("?{field}=2027-01-01")).await;
            assert!(reply.status == 422 && reply.text.contains(why), "{}", reply.text);
        }
        assert_eq!(texts(&world.client).await, [("x".to_owned(), 1)].into());
        for path in [&resend, &begin] {
            let reply = world.client.manage("POST", &format!("{path}?send_at="), Some(json!({"send_at": null}))).await;
            assert!(reply.status < 300, "{path} {}", reply.text);
        }
        until(&world.client, &id, "done").await;
        world.stop().await;
    }

    async fn a_row_that_asks_for_what_is_not_available_is_refused(database: Database) {
        let world = World::new(database).await;
        let file = format!("destination,message,Send At,reply-to,mentions\n{ALICE},a,,,\n{ALICE},b,2027-01-01 08:00,,\n{ALICE},c,,17,\n{ALICE},d,,, all\n{ALICE},e, ,\n");
        let id = begin(&world.client, &file, "").await;
        let done = until(&world.client, &id, "done").await;
        assert_eq!((&done["accepted_count"], &done["refused_count"], &done["ignored_columns"]), (&json!(2), &json!(3), &json!([])), "{done}");
        let refused = world.client.manage("GET", &format!("/imports/{id}/refused"), None).await;
        for (at, (field, why)) in ASKED.into_iter().enumerate() {
            let reason = refused.body["data"]["items"][at]["reason"].as_str().expect("a reason").to_owned();
            assert!(reason.starts_with(&format!("{field}: {why} is not available")), "{reason}");
        }
        assert_eq!(texts(&world.client).await, [("a".to_owned(), 1), ("e".to_owned(), 1)].into());
        world.stop().await;
    }

    async fn the_command_line_takes_no_such_request(database: Database) {
        let place = Place::new(database).await;
        assert!(place.serve().await.terminate().await.success());
        let path = place.folder.path().join("a.csv").display().to_string();
        std::fs::write(&path, format!("destination,message,send_at\n{ALICE},a,tomorrow\n")).expect("written");
        let run = place.run(&["import", &path, "--json"]).await;
        let report: Value = serde_json::from_slice(&run.stdout).expect("JSON");
        assert_eq!((run.status.code(), &report["accepted"]), (Some(3), &json!(0)), "{report}");
        for words in [&["send", "--to", ALICE, "--text", "x"][..], &["import", &path]] {
            for option in ["--send-at", "--reply-to", "--mentions"] {
                let error = place.fails(&[words, &[option, "x"]].concat()).await;
                assert!(error.contains("unexpected argument"), "{error}");
            }
        }
    }
}
