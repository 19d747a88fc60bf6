//! Stories of linked accounts: linked, sent through, followed, received from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use wachat::message::RefNo;

use crate::files::{self, PNG};
use crate::receiver::{Answer, Receiver};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{PATIENCE, eventually, eventually_within, stories};

const BEN: &str = "628110000012";
/// Somebody of whom others see a hidden id only.
const ZOE: &str = "628110000099";
const PDF: &[u8] = b"%PDF-1.7 an invoice";

impl Stage {
    /// The message in the inbox with this text, once it is there.
    async fn inbox(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        eventually("it is in the inbox", async || {
            let listed = self.world.client.manage("GET", "/inbox?limit=100", None).await;
            let items = listed.body["data"]["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().find(|one| is_it(one)).ok_or(listed.text)
        })
        .await
    }

    async fn file_of(&self, number: &str, id: &Value) -> Vec<u8> {
        self.network.file(number, id.as_str().expect("an id")).await
    }
}

fn is_file(kind: &str) -> impl Fn(&Value) -> bool {
    move |one| one["file"] == kind
}

stories! {
    async fn who_hides_his_number_is_answered_by_what_is_shown_of_him(database: Database) {
        let stage = Stage::new(database).await;
        let zoe = stage.network.post("/people", json!({"number": ZOE, "name": "Zoe", "hides_number": true})).await;
        let hidden = zoe["lid"].as_str().expect("a hidden id").to_owned();
        stage.network.says(ZOE, OWNER, "guess who").await;
        let message = stage.until_in("guess who").await;
        assert_eq!((&message["originator"], &message["name"]), (&json!(hidden), &json!("Zoe")));
        // A hidden id that nobody has is refused by WhatsApp alone.
        let nobody = stage.send("99887766554433@lid", "is anybody there?").await;
        stage.world.until(&nobody, "A").await;
        // Strangers rest, and Zoe is none.
        stage.network.fault(json!({"kind": "ack_nacked", "code": 463}), json!({"account": OWNER, "recipient": ANN})).await;
        let stranger = stage.send(ANN, "you do not know me").await;
        eventually("strangers rest", async || {
            let device = stage.manage("GET", "", None).await;
            if device["strangers_after"].is_string() { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        let ref_no = stage.send(&hidden, "Zoe!").await;
        let told = stage.world.until(&ref_no, "D").await;
        assert_eq!((&told["destination"], &told["reason"]), (&json!(hidden), &Value::Null));
        stage.network.shows_text(ZOE, "Zoe!").await;
        stage.network.reads(ZOE).await;
        stage.world.until(&ref_no, "R").await;
        let picture = json!({"queue": stage.device_id, "destination": hidden, "media_base64": STANDARD.encode(PNG), "file_name": "a.png"});
        let reply = stage.world.client.post("/media", &picture).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        stage.world.until(reply.body["data"]["ref_no"].as_str().expect("a ref_no"), "D").await;
        let talk = stage.world.client.manage("GET", &format!("/conversations/{}/{hidden}", stage.device_id), None).await;
        let items = talk.body["data"]["items"].as_array().cloned().unwrap_or_default();
        let ways: Vec<_> = items.iter().map(|item| item["way"].as_str().unwrap_or_default()).collect();
        assert_eq!(ways, ["out", "out", "in"], "{}", talk.text);
        assert_eq!(stage.world.status(&stranger).await["status"], "Q");
        stage.network.assert_sound().await;
    }

    async fn the_five_calls_of_an_unchanged_program(database: Database) {
        let stage = Stage::new(database).await;
        let (network, world) = (&stage.network, &stage.world);
        network.person(BEN, "Ben").await;
        let group = network.group(OWNER, &[ANN, BEN], "number").await;
        let files = Receiver::new(vec![Answer::file(PNG)]).await;
        let queue = &stage.device_id;
        assert_eq!(world.client.get("/auth/api_key").await.status, 200);
        let balance = world.client.get(&format!("/sender/{OWNER}")).await;
        assert_eq!((balance.status, &balance.body["data"]["name"]), (200, &json!("web")), "{}", balance.text);

        let text = stage.send(ANN, "your code is 1234").await;
        let image = json!({"sender": OWNER, "destination": ANN, "media_url": files.url("/cat.png"), "caption": "look"});
        let image = world.client.post("/media", &image).await;
        let document = json!({"queue": queue, "destination": ANN, "media_base64": STANDARD.encode(PDF),
            "file_name": "invoice.pdf"});
        let document = world.client.post("/media", &document).await;
        let to_group = json!({"queue": queue, "destination": group, "is_group": true, "message": "hello all"});
        let to_group = world.send_with(to_group).await;
        let ref_no = |reply: &crate::client::Reply| reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        let sent = [text, ref_no(&image), ref_no(&document), to_group.clone()];

        network.shows_text(ANN, "your code is 1234").await;
        let picture = network.shows(ANN, is_file("image")).await;
        assert_eq!(picture["caption"], "look", "{picture}");
        assert_eq!(stage.file_of(ANN, &picture["id"]).await, PNG);
        let paper = network.shows(ANN, is_file("document")).await;
        assert_eq!(stage.file_of(ANN, &paper["id"]).await, PDF);
        network.shows_text(ANN, "hello all").await;
        network.shows_text(BEN, "hello all").await;
        for ref_no in &sent {
            world.until(ref_no, "D").await;
        }
        network.reads(ANN).await;
        for ref_no in &sent[..3] {
            let message = world.until(ref_no, "R").await;
            assert_eq!(message["sender"], OWNER);
        }
        // A group has read it when everybody has.
        let message = world.status(&to_group).await;
        assert_eq!((&message["status"], &message["members"]), (&json!("D"), &json!(2)), "{message}");
        network.reads(BEN).await;
        world.until(&to_group, "R").await;
        network.assert_sound().await;
    }

    async fn a_phone_sees_what_a_file_is_before_it_loads_it(database: Database) {
        let stage = Stage::new(database).await;
        let client = &stage.world.client;
        let sent = async |bytes: &[u8], more: Value| {
            let mut body = json!({"queue": stage.device_id, "destination": ANN, "media_base64": STANDARD.encode(bytes), "file_name": "a.b"});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let reply = client.post("/media", &body).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            let ref_no = RefNo::parse(reply.body["data"]["ref_no"].as_str().expect("a ref_no")).expect("a ref_no");
            stage.network.shows(ANN, |one| one["id"] == ref_no.whatsapp_id().as_str()).await
        };
        let looks = |one: &Value, key: &str| one["looks"][key].clone();

        let image = sent(&files::turned_jpeg(64, 48, 6), json!({"caption": "look"})).await;
        assert_eq!((&image["file"], &image["caption"]), (&json!("image"), &json!("look")), "{image}");
        assert_eq!((looks(&image, "width"), looks(&image, "height")), (json!(48), json!(64)), "{image}");
        let thumbnail: Vec<u8> = serde_json::from_value(looks(&image, "thumbnail")).expect("a small picture");
        let size = wachat::media::image::size(&thumbnail).expect("a JPEG");
        assert_eq!((size.width, size.height), (48, 64));

        let video = sent(&files::mp4(), json!({"caption": "watch"})).await;
        assert_eq!((&video["file"], &video["seconds"], &video["caption"]), (&json!("video"), &json!(13), &json!("watch")), "{video}");
        assert_eq!((looks(&video, "width"), looks(&video, "is_video_note")), (json!(640), Value::Null));
        let note = sent(&files::mp4(), json!({"kind": "video_note"})).await;
        assert_eq!((&note["file"], &note["seconds"], looks(&note, "is_video_note")), (&json!("video"), &json!(13), json!(true)), "{note}");

        let voice = sent(&files::opus(), json!({})).await;
        assert_eq!((&voice["file"], &voice["seconds"], &voice["mime_type"]), (&json!("voice"), &json!(2), &json!("audio/ogg; codecs=opus")), "{voice}");
        let waveform: Vec<u8> = serde_json::from_value(looks(&voice, "waveform")).expect("a waveform");
        assert!(waveform.len() == 64 && waveform.iter().max() == Some(&100), "{waveform:?}");
        let audio = sent(&files::mp3(), json!({})).await;
        assert_eq!((&audio["file"], &audio["seconds"], looks(&audio, "waveform")), (&json!("audio"), &json!(3), Value::Null), "{audio}");

        let sticker = sent(&files::moving_webp(40, 30), json!({})).await;
        assert_eq!((&sticker["file"], looks(&sticker, "width"), looks(&sticker, "is_animated")), (&json!("sticker"), json!(40), json!(true)), "{sticker}");
        let converted = sent(&files::webp(40, 30), json!({"caption": "no sticker"})).await;
        assert_eq!((&converted["file"], &converted["caption"], &converted["mime_type"]), (&json!("image"), &json!("no sticker"), &json!("image/jpeg")), "{converted}");

        let paper = sent(&files::mp3(), json!({"caption": "listen", "file_name": "song.mp3"})).await;
        assert_eq!((&paper["file"], &paper["caption"], &paper["file_name"]), (&json!("document"), &json!("listen"), &json!("song.mp3")), "{paper}");
        assert_eq!(looks(&paper, "is_wrapped"), true);
        let plain = sent(PDF, json!({"file_name": "a.pdf"})).await;
        assert_eq!((&plain["file"], looks(&plain, "is_wrapped")), (&json!("document"), Value::Null), "{plain}");
        let bomb = sent(&files::png_bomb(), json!({"caption": "bomb"})).await;
        assert_eq!((looks(&bomb, "width"), looks(&bomb, "thumbnail")), (json!(65_535), Value::Null), "{bomb}");
        stage.network.assert_sound().await;
    }

    async fn one_file_to_many_is_uploaded_once(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.person(BEN, "Ben").await;
        let media = json!({"media_base64": STANDARD.encode(PNG), "file_name": "a.png"});
        let put = stage.world.client.post("/media", &json!({"queue": stage.device_id, "destination": ANN,
            "media_base64": media["media_base64"], "file_name": "a.png"})).await;
        assert_eq!(put.status, 201, "{}", put.text);
        stage.network.shows(ANN, is_file("image")).await;
        // The media host is gone: who has uploaded a file does not need it for the next recipient.
        let down = json!({"kind": "media_down", "status_code": 503});
        stage.network.fault(down, json!({"account": OWNER})).await;
        let again = stage.world.client.post("/media", &json!({"queue": stage.device_id, "destination": BEN,
            "media_base64": media["media_base64"], "file_name": "a.png"})).await;
        assert_eq!(again.status, 201, "{}", again.text);
        stage.network.shows(BEN, is_file("image")).await;
    }

    async fn what_people_write_is_told_as_they_meant_it(database: Database) {
        let stage = Stage::new(database).await;
        let network = &stage.network;
        let group = network.group(ANN, &[OWNER], "lid").await;
        let told = network.says(ANN, OWNER, "hello gateway").await;
        let first = stage.inbox(|one| one["msg"] == "hello gateway").await;
        assert_eq!((&first["originator"], &first["gateway_number"]), (&json!(ANN), &json!(OWNER)), "{first}");
        assert_eq!((&first["type"], &first["name"], &first["is_group"]), (&json!("text"), &json!("Ann"), &json!(false)));

        let ref_no = stage.send(ANN, "what is your name?").await;
        let asked = network.shows_text(ANN, "what is your name?").await;
        let send = format!("/people/{ANN}/send");
        network.post(&send, json!({"to": OWNER, "text": "Ann!", "reply_to": asked["id"]})).await;
        let answer = stage.inbox(|one| one["msg"] == "Ann!").await;
        assert_eq!(answer["about"], json!(ref_no), "{answer}");
        network.post(&format!("/people/{ANN}/react"), json!({"chat": OWNER, "id": asked["id"], "emoji": "👍"})).await;
        let reaction = stage.inbox(|one| one["type"] == "reaction").await;
        assert_eq!((&reaction["msg"], &reaction["about"]), (&json!("👍"), &json!(ref_no)), "{reaction}");
        network.post(&format!("/people/{ANN}/edit"), json!({"chat": OWNER, "id": told, "text": "hello, gateway!"})).await;
        let edit = stage.inbox(|one| one["type"] == "edit").await;
        assert_eq!((&edit["msg"], &edit["about"]), (&json!("hello, gateway!"), &first["id"]), "{edit}");
        network.post(&format!("/people/{ANN}/delete"), json!({"chat": OWNER, "id": told})).await;
        let gone = stage.inbox(|one| one["type"] == "delete").await;
        assert_eq!(gone["about"], first["id"], "{gone}");

        let place = json!({"latitude": -6.2, "longitude": 106.8, "name": "Jakarta"});
        network.post(&send, json!({"to": OWNER, "location": place})).await;
        let place = stage.inbox(|one| one["type"] == "location").await;
        assert_eq!(place["msg"], "Jakarta -6.2,106.8");
        network.post(&send, json!({"to": OWNER, "contact": {"name": "Bob", "vcard": "BEGIN:VCARD\nEND:VCARD"}})).await;
        assert_eq!(stage.inbox(|one| one["type"] == "contact").await["msg"], "BEGIN:VCARD\nEND:VCARD");

        network.post(&send, json!({"group": format!("{group}@g.us"), "text": "in the group"})).await;
        let in_group = stage.inbox(|one| one["msg"] == "in the group").await;
        assert_eq!((&in_group["originator"], &in_group["group_id"]), (&json!(ANN), &json!(group)), "{in_group}");
        network.assert_sound().await;
    }

    async fn a_file_that_comes_in_is_on_the_shelf_before_it_is_pushed(database: Database) {
        let stage = Stage::new(database).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        let url = json!({"url": receiver.url("/hook")});
        assert_eq!(stage.world.client.manage("PUT", "/clients/1/push", Some(url)).await.status, 200);
        for (kind, mime) in [("image", "image/png"), ("voice", "audio/ogg"), ("document", "application/pdf")] {
            let bytes = if kind == "document" { PDF } else { PNG };
            let file = json!({"to": OWNER, "media_base64": STANDARD.encode(bytes), "kind": kind, "mime_type": mime,
                "file_name": "invoice.pdf", "caption": format!("a {kind}")});
            stage.network.post(&format!("/people/{ANN}/send"), file).await;
        }
        let pushes = receiver.until(3).await;
        for push in pushes {
            let link = push.field("media_url").filter(|link| !link.is_empty()).expect("a link to the file");
            let path = link.split_once(&stage.world.address.to_string()).expect("our address").1.to_owned();
            let file = stage.world.client.ask("GET", &path, &[], None).await;
            assert_eq!(file.status, 200, "{}", file.text);
            let kind = push.field("type").unwrap_or_default();
            let wanted = if kind == "document" { PDF } else { PNG };
            assert_eq!(file.bytes, wanted, "{kind}");
            assert_eq!(push.field("originator").as_deref(), Some(ANN));
        }
        stage.network.assert_sound().await;
    }

    async fn a_phone_that_cannot_read_a_message_gets_it_again_after_a_restart(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.post(&format!("/people/{ANN}/offline"), json!({})).await;
        let spoilt = json!({"kind": "message_undecryptable"});
        stage.network.fault(spoilt, json!({"recipient": ANN, "how_often": {"next": 1}})).await;
        let ref_no = stage.send(ANN, "read me later").await;
        stage.world.until(&ref_no, "S").await;
        let stage = stage.restart(async |_| ()).await;
        stage.network.post(&format!("/people/{ANN}/online"), json!({})).await;
        stage.network.shows_text(ANN, "read me later").await;
        stage.network.reads(ANN).await;
        stage.world.until(&ref_no, "R").await;
        stage.network.assert_sound().await;
    }

    async fn a_message_goes_to_the_form_of_a_number_by_which_whatsapp_knows_it(database: Database) {
        let stage = Stage::new(database).await;
        // As people write each, and as the account has it.
        let forms = [("5511987654321", "551187654321"), ("525512345678", "5215512345678"), ("541123456789", "5491123456789")];
        for (written, own) in forms {
            stage.network.person(own, "Old").await;
            for to in [written, own] {
                let text = format!("to {to}");
                let ref_no = stage.send(to, &text).await;
                let told = stage.world.until(&ref_no, "D").await;
                assert_eq!(told["destination"], to);
                stage.network.shows_text(own, &text).await;
            }
            stage.network.says(own, OWNER, &format!("from {own}")).await;
            assert_eq!(stage.until_in(&format!("from {own}")).await["originator"], own);
        }
        let nobody = stage.send("5511912345678", "is anybody there?").await;
        stage.world.until(&nobody, "A").await;
        stage.network.assert_sound().await;
    }

    async fn many_phones_that_come_back_at_once_hold_nothing_up(database: Database) {
        const PHONES: usize = 40;
        const TEXTS: usize = 40;
        let stage = Stage::new(database).await;
        let numbers: Vec<String> = (0..PHONES).map(|at| format!("6281100002{at:02}")).collect();
        for number in &numbers {
            stage.network.person(number, "Away").await;
            stage.network.post(&format!("/people/{number}/offline"), json!({})).await;
        }
        let texts = (0..TEXTS).flat_map(|text| numbers.iter().map(move |number| (number, text)));
        let sends = texts.map(async |(number, text)| stage.send(number, &format!("text {text}")).await);
        stream::iter(sends).buffer_unordered(16).count().await;
        let until = async |state: &str| {
            eventually_within(PATIENCE * 2, &format!("all are {state}"), async || {
                let counts = stage.world.client.manage("GET", "/messages/counts", None).await;
                if counts.body["data"][state] == PHONES * TEXTS { Ok(()) } else { Err(counts.text) }
            })
            .await;
        };
        until("S").await;
        for number in &numbers {
            stage.network.post(&format!("/people/{number}/online"), json!({})).await;
        }
        until("D").await;
        stage.network.assert_sound().await;
    }

    async fn what_the_phones_owner_types_is_no_inbound_message(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.says(OWNER, ANN, "typed by hand").await;
        stage.network.shows_text(ANN, "typed by hand").await;
        stage.network.says(ANN, OWNER, "and answered").await;
        stage.inbox(|one| one["msg"] == "and answered").await;
        let listed = stage.world.client.manage("GET", "/inbox", None).await;
        assert_eq!(listed.body["data"]["items"].as_array().map(Vec::len), Some(1), "{}", listed.text);
    }

    async fn what_was_written_and_sent_meanwhile_comes_after_a_restart(database: Database) {
        let stage = Stage::new(database).await;
        let before = stage.send(ANN, "before").await;
        stage.world.until(&before, "D").await;
        let stage = stage.restart(async |network| {
            network.says(ANN, OWNER, "while you were away").await;
            network.reads(ANN).await;
        })
        .await;
        stage.inbox(|one| one["msg"] == "while you were away").await;
        stage.world.until(&before, "R").await;
        let after = stage.send(ANN, "after").await;
        stage.network.shows_text(ANN, "after").await;
        stage.world.until(&after, "D").await;
        stage.network.assert_sound().await;
    }
}
