//! People whose client is another implementation of the protocol chat with the gateway's number: what one side sends is
//! what the other has, and what people read is known to be read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::baileys::Baileys;
use crate::files::{self, PNG};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{eventually, stories};

const BEN: &str = "628110000012";

/// Ann and Ben, each with a client of their own.
async fn couple(stage: &Stage) -> (Baileys, Baileys) {
    stage.network.person(BEN, "Ben").await;
    tokio::join!(Baileys::linked(&stage.network, ANN), Baileys::linked(&stage.network, BEN))
}

fn gateway() -> String {
    format!("{OWNER}@s.whatsapp.net")
}

/// Waits until the inbox has a message for which `is_it`; gives it.
async fn came_in(stage: &Stage, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually("it came in", async || {
        let inbox = stage.world.client.manage("GET", "/inbox", None).await;
        let items = inbox.body["data"]["items"].as_array().expect("a list");
        items.iter().find(|one| is_it(one)).cloned().ok_or(inbox.text.clone())
    })
    .await
}

/// The bytes behind a link to a file.
async fn file(stage: &Stage, link: &Value) -> Vec<u8> {
    let link = link.as_str().expect("a link");
    let path = &link[link.find("/media/").expect("a path")..];
    let reply = stage.world.client.with_key("").ask("GET", path, &[], None).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.bytes
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One of two writes to the group: the other sees it, and the gateway has it.
async fn answers_all(stage: &Stage, group: &str, from: (&mut Baileys, &str), other: &mut Baileys, round: usize) {
    let (person, number) = from;
    let answer = format!("{number} answers all {round}");
    person.says(&format!("{group}@g.us"), &answer).await;
    other.sees_text(&answer).await;
    let had = came_in(stage, |one| one["msg"] == answer.as_str()).await;
    assert_eq!((&had["originator"], &had["group_id"]), (&json!(number), &json!(group)));
}

stories! {
    async fn texts_go_both_ways_with_another_client(database: Database) {
        let stage = Stage::new(database).await;
        let (mut ann, mut ben) = couple(&stage).await;
        for (person, number) in [(&mut ann, ANN), (&mut ben, BEN)] {
            for round in 0..3 {
                let (question, answer) = (format!("{number} asks {round}"), format!("{number} is answered {round} 👍"));
                person.says(&gateway(), &question).await;
                let asked = came_in(&stage, |one| one["msg"] == question.as_str()).await;
                assert_eq!((&asked["originator"], &asked["is_group"]), (&json!(number), &json!(false)));
                let ref_no = stage.send(number, &answer).await;
                let seen = person.sees_text(&answer).await;
                assert_eq!(seen["from_me"], false);
                person.reads(&seen).await;
                stage.world.until(&ref_no, "R").await;
            }
            person.assert_nothing_else();
        }
        stage.network.assert_sound().await;
    }

    async fn pictures_go_both_ways_with_another_client(database: Database) {
        let stage = Stage::new(database).await;
        let (mut ann, mut ben) = couple(&stage).await;
        for (person, number) in [(&mut ann, ANN), (&mut ben, BEN)] {
            let caption = format!("look, {number}");
            let picture = json!({"to": gateway(), "base64": STANDARD.encode(PNG), "caption": caption});
            person.command("send_image", picture).await;
            let had = came_in(&stage, |one| one["msg"] == caption.as_str() && one["media_url"].is_string()).await;
            assert_eq!((&had["type"], file(&stage, &had["media_url"]).await), (&json!("image"), PNG.to_vec()));
            let other = [PNG, number.as_bytes()].concat();
            let media = json!({"queue": stage.device_id, "destination": number, "caption": caption,
                "media_base64": STANDARD.encode(&other), "file_name": "a.png"});
            let sent = stage.world.client.post("/media", &media).await;
            let seen = person.sees(|message| message["kind"] == "image").await;
            assert_eq!((&seen["caption"], &seen["sha256"]), (&json!(caption), &json!(sha256(&other))));
            person.reads(&seen).await;
            stage.world.until(sent.body["data"]["ref_no"].as_str().expect("a ref_no"), "R").await;
            person.assert_nothing_else();
        }
        stage.network.assert_sound().await;
    }

    async fn another_client_sees_what_a_file_is_before_it_loads_it(database: Database) {
        let stage = Stage::new(database).await;
        let (mut ann, _ben) = couple(&stage).await;
        for (bytes, name, more, wanted) in [
            (files::turned_jpeg(64, 48, 6), "a.jpg", json!({"caption": "look"}), json!({"kind": "image", "width": 48, "height": 64})),
            (files::opus(), "a.ogg", json!({}), json!({"kind": "voice", "seconds": 2})),
            (files::mp3(), "a.mp3", json!({}), json!({"kind": "audio", "seconds": 3})),
            (files::mp3(), "a.mp3", json!({"caption": "listen"}), json!({"kind": "document", "caption": "listen", "file_name": "a.mp3"})),
            (files::mp4(), "a.mp4", json!({"kind": "video_note"}), json!({"kind": "video_note", "seconds": 13})),
        ] {
            let mut body = json!({"queue": stage.device_id, "destination": ANN, "media_base64": STANDARD.encode(bytes), "file_name": name});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let sent = stage.world.client.post("/media", &body).await;
            assert_eq!(sent.status, 201, "{}", sent.text);
            let seen = ann.sees(|message| message["kind"] == wanted["kind"]).await;
            for (key, value) in wanted.as_object().expect("an object") {
                assert_eq!(&seen[key], value, "{key} of {seen}");
            }
            assert!(wanted["kind"] != "image" || seen["thumbnail"].is_number(), "{seen}");
            assert!(wanted["kind"] != "voice" || seen["waveform"].as_array().is_some_and(|drawn| drawn.len() == 64), "{seen}");
            stage.world.until(sent.body["data"]["ref_no"].as_str().expect("a ref_no"), "D").await;
        }
        stage.network.assert_sound().await;
    }

    async fn a_group_is_read_when_both_other_clients_have_read(database: Database) {
        let stage = Stage::new(database).await;
        let (mut ann, mut ben) = couple(&stage).await;
        let group = stage.network.group(ANN, &[OWNER, BEN], "lid").await;
        let jid = format!("{group}@g.us");
        for round in 0..2 {
            let text = format!("to all of you {round}");
            let body = json!({"queue": stage.device_id, "destination": group, "is_group": true, "message": text});
            let ref_no = stage.world.send_with(body).await;
            let (by_ann, by_ben) = (ann.sees_text(&text).await, ben.sees_text(&text).await);
            assert_eq!((&by_ann["chat"], &by_ben["chat"]), (&json!(jid), &json!(jid)));
            ann.reads(&by_ann).await;
            let message = eventually("one has read it", async || {
                let message = stage.world.status(&ref_no).await;
                if message["read_count"] == 1 { Ok(message) } else { Err(message.to_string()) }
            })
            .await;
            assert_ne!(message["status"], "R", "Ben has not");
            ben.reads(&by_ben).await;
            stage.world.until(&ref_no, "R").await;
            answers_all(&stage, &group, (&mut ann, ANN), &mut ben, round).await;
            answers_all(&stage, &group, (&mut ben, BEN), &mut ann, round).await;
        }
        ann.assert_nothing_else();
        ben.assert_nothing_else();
        stage.network.assert_sound().await;
    }
}
