//! An unmodified Baileys sends one of each kind of message: the inbox has its type, its text, and what it is about. And what is
//! sent into a chat whose messages disappear disappears with them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::baileys::Baileys;
use crate::files::PNG;
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{eventually, stories};

fn gateway() -> String {
    format!("{OWNER}@s.whatsapp.net")
}

/// The inbox, oldest first.
async fn inbox(stage: &Stage) -> Vec<Value> {
    let listed = stage.world.client.manage("GET", "/inbox?limit=200", None).await;
    let mut items = listed.body["data"]["items"].as_array().cloned().expect("a list");
    items.reverse();
    items
}

/// Waits until the inbox has so many messages; gives the last.
async fn until_listed(stage: &Stage, count: usize, what: &str) -> Value {
    eventually(&format!("{what} is in the inbox"), async || {
        let items = inbox(stage).await;
        if items.len() >= count { Ok(items[count - 1].clone()) } else { Err(format!("{items:#?}")) }
    })
    .await
}

/// A message as the protocol has it, with the type and the text that the inbox shows.
type Shown = (Value, &'static str, &'static str);

/// Answers, and what businesses write: `context` names the message that they answer.
fn replies(context: &Value) -> Vec<Shown> {
    let flow = json!({"paramsJson": "{\"flow_token\":\"x\",\"name\":\"Ann\"}", "name": "flow"});
    vec![
        (json!({"extendedTextMessage": {"text": "an answer", "contextInfo": context}}), "text", "an answer"),
        (
            json!({"buttonsResponseMessage": {"selectedButtonId": "b", "selectedDisplayText": "Yes", "type": 1, "contextInfo": context}}),
            "button_reply",
            "Yes",
        ),
        (
            json!({"templateButtonReplyMessage": {"selectedId": "t", "selectedDisplayText": "Track", "contextInfo": context}}),
            "template_reply",
            "Track",
        ),
        (
            json!({"listResponseMessage": {"title": "Large", "description": "40 cm", "contextInfo": context}}),
            "list_reply",
            "Large\n40 cm",
        ),
        (
            json!({"interactiveResponseMessage": {"body": {"text": "Sent"}, "nativeFlowResponseMessage": flow, "contextInfo": context}}),
            "flow_reply",
            "Sent\nname: Ann",
        ),
        (
            json!({"buttonsMessage": {"contentText": "Come?", "contextInfo": context, "headerType": 1,
            "buttons": [{"buttonId": "b", "buttonText": {"displayText": "Yes"}, "type": 1}]}}),
            "buttons",
            "Come?\n- Yes",
        ),
        (
            json!({"listMessage": {"title": "Sizes", "contextInfo": context, "listType": 1,
            "sections": [{"title": "Pizza", "rows": [{"title": "Large", "rowId": "l"}]}]}}),
            "list",
            "Sizes\nPizza\n- Large",
        ),
        (
            json!({"templateMessage": {"contextInfo": context, "hydratedTemplate": {"hydratedContentText": "On its way"}}}),
            "template",
            "On its way",
        ),
        (json!({"highlyStructuredMessage": {"elementName": "parcel", "params": ["42"]}}), "template", "parcel\n42"),
        (
            json!({"interactiveMessage": {"body": {"text": "Pick a date"}, "contextInfo": context,
            "nativeFlowMessage": {"buttons": [{"name": "quick_reply", "buttonParamsJson": "{\"display_text\":\"Today\"}"}]}}}),
            "interactive",
            "Pick a date\n- Today",
        ),
    ]
}

/// Everything else: `key` names the message that it is about.
fn others(context: &Value, key: &Value) -> Vec<Shown> {
    let card = |name: &str| json!({"displayName": name, "vcard": format!("BEGIN:VCARD {name}")});
    let product = json!({"title": "Tea", "currencyCode": "IDR", "priceAmount1000": 15_000_000});
    vec![
        (
            json!({"orderMessage": {"orderId": "7", "message": "two please", "itemCount": 2, "contextInfo": context}}),
            "order",
            "two please\nitems: 2\norder 7",
        ),
        (json!({"productMessage": {"product": product, "contextInfo": context}}), "product", "Tea\nIDR 15000"),
        (
            json!({"groupInviteMessage": {"groupJid": "1@g.us", "groupName": "Chess", "caption": "join us", "contextInfo": context}}),
            "group_invite",
            "Chess\njoin us",
        ),
        (
            json!({"commentMessage": {"message": {"conversation": "well said"}, "targetMessageKey": key}}),
            "comment",
            "well said",
        ),
        (
            json!({"requestPaymentMessage": {"amount1000": 15_000_000, "currencyCodeIso4217": "IDR",
            "noteMessage": {"conversation": "for tea"}}}),
            "payment",
            "[payment request]\nIDR 15000\nfor tea",
        ),
        (json!({"declinePaymentRequestMessage": {"key": key}}), "payment", "[payment request declined]"),
        (
            json!({"contactsArrayMessage": {"contacts": [card("Bob"), card("Eve")], "contextInfo": context}}),
            "contact",
            "BEGIN:VCARD Bob\nBEGIN:VCARD Eve",
        ),
        (
            json!({"locationMessage": {"degreesLatitude": -6.2, "degreesLongitude": 106.8, "name": "Monas",
            "address": "Jl. Merdeka 1", "contextInfo": context}}),
            "location",
            "Monas, Jl. Merdeka 1 -6.2,106.8",
        ),
        (
            json!({"liveLocationMessage": {"degreesLatitude": -6.2, "degreesLongitude": 106.8, "caption": "coming", "contextInfo": context}}),
            "location",
            "-6.2,106.8\ncoming",
        ),
        (
            json!({"pollUpdateMessage": {"pollCreationMessageKey": key, "vote": {"encPayload": "AAAA", "encIv": "AAAA"}}}),
            "poll_vote",
            "[a vote that cannot be read]",
        ),
        (json!({"chat": {"displayName": "x"}}), "other", "[chat]"),
    ]
}

/// The fields that only wrap another message.
const WRAPPERS: &[&str] = &[
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
    "groupMentionedMessage",
    "botInvokeMessage",
    "lottieStickerMessage",
    "associatedChildMessage",
    "groupStatusMentionMessage",
];

/// Messages that nobody would see.
fn silent(key: &Value) -> Vec<Value> {
    vec![
        json!({"albumMessage": {"expectedImageCount": 2}}),
        json!({"pinInChatMessage": {"key": key, "type": 1}}),
        json!({"keepInChatMessage": {"key": key, "keepType": 1}}),
        json!({"callLogMesssage": {"isVideo": false}}),
        json!({"encReactionMessage": {"targetMessageKey": key, "encPayload": "AAAA", "encIv": "AAAA"}}),
        json!({"placeholderMessage": {"type": 0}}),
        json!({"protocolMessage": {"type": "APP_STATE_SYNC_KEY_SHARE"}}),
    ]
}

/// Has Ann send a message; gives its id.
async fn relays(ann: &mut Baileys, message: &Value) -> String {
    let sent = ann.command("relay", json!({"to": gateway(), "message": message})).await;
    sent["id"].as_str().expect("an id").to_owned()
}

/// Has Ann ask something, with the secret that opens the answers.
async fn asks(stage: &Stage, ann: &mut Baileys, mut message: Value, count: usize) -> (Value, Value) {
    let secret = STANDARD.encode([7; 32]);
    message["messageContextInfo"] = json!({"messageSecret": secret});
    let id = relays(ann, &message).await;
    let asked = until_listed(stage, count, "what is asked").await;
    (asked, json!({"to": gateway(), "poll": id, "event": id, "secret": secret}))
}

stories! {
    async fn one_of_each_kind_is_told_as_a_person_reads_it(database: Database) {
        let stage = Stage::new(database).await;
        let mut ann = Baileys::linked(&stage.network, ANN).await;
        let first_id = ann.says(&gateway(), "first").await;
        let first = until_listed(&stage, 1, "the first").await;
        let context = json!({"stanzaId": first_id, "participant": format!("{ANN}@s.whatsapp.net"), "expiration": 86_400});
        let key = json!({"remoteJid": gateway(), "fromMe": true, "id": first_id});
        let mut count = 1;
        for (message, kind, text) in replies(&context).into_iter().chain(others(&context, &key)) {
            // What shows nothing leaves nothing behind, also between others.
            for quiet in silent(&key) {
                relays(&mut ann, &quiet).await;
            }
            relays(&mut ann, &message).await;
            count += 1;
            let told = until_listed(&stage, count, kind).await;
            assert_eq!((&told["type"], &told["msg"]), (&json!(kind), &json!(text)), "{told}");
            let names_it = message.to_string().contains(&first_id);
            let about = if names_it { first["id"].clone() } else { Value::Null };
            assert_eq!((&told["about"], &told["originator"]), (&about, &json!(ANN)), "{told}");
            assert!(told["sent_date"].as_str() <= told["receive_date"].as_str(), "{told}");
        }
        for wrapper in WRAPPERS {
            let message = json!({*wrapper: {"message": {"conversation": format!("in {wrapper}")}}});
            relays(&mut ann, &message).await;
            count += 1;
            let told = until_listed(&stage, count, wrapper).await;
            assert_eq!((&told["type"], &told["msg"]), (&json!("text"), &json!(format!("in {wrapper}"))), "{told}");
        }
        assert_eq!(inbox(&stage).await.len(), count);
        stage.network.assert_sound().await;
    }

    async fn answers_to_polls_and_events_are_opened(database: Database) {
        let stage = Stage::new(database).await;
        let mut ann = Baileys::linked(&stage.network, ANN).await;
        let poll = json!({"pollCreationMessageV3": {"name": "Tea or coffee?", "selectableOptionsCount": 2,
            "options": [{"optionName": "Tea"}, {"optionName": "Coffee"}]}});
        let (asked, mut answer) = asks(&stage, &mut ann, poll, 1).await;
        assert_eq!((&asked["type"], &asked["msg"]), (&json!("poll"), &json!("Tea or coffee?\n- Tea\n- Coffee")));
        let rounds = [(json!(["Coffee", "Tea"]), "Tea\nCoffee"), (json!(["Coffee"]), "Coffee"), (json!([]), "[vote withdrawn]")];
        for (at, (options, text)) in rounds.into_iter().enumerate() {
            answer["options"] = options;
            ann.command("vote", answer.clone()).await;
            let vote = until_listed(&stage, 2 + at, "a vote").await;
            assert_eq!((&vote["type"], &vote["msg"], &vote["about"]), (&json!("poll_vote"), &json!(text), &asked["id"]), "{vote}");
        }
        let party = json!({"eventMessage": {"name": "Party", "startTime": 1_790_000_000,
            "location": {"degreesLatitude": -6.2, "degreesLongitude": 106.8, "name": "Monas"}}});
        let (event, answer) = asks(&stage, &mut ann, party, 5).await;
        let text = "Party\n2026-09-21T14:13:20Z\nMonas -6.2,106.8";
        assert_eq!((&event["type"], &event["msg"]), (&json!("event"), &json!(text)));
        ann.command("attend", answer).await;
        let going = until_listed(&stage, 6, "an attendance").await;
        assert_eq!((&going["type"], &going["msg"], &going["about"]), (&json!("event_response"), &json!("going"), &event["id"]));
        stage.network.assert_sound().await;
    }

    async fn the_pictures_of_an_album_arrive_as_pictures(database: Database) {
        let stage = Stage::new(database).await;
        let mut ann = Baileys::linked(&stage.network, ANN).await;
        let images = [STANDARD.encode(PNG), STANDARD.encode([PNG, b"2"].concat())];
        ann.command("send_album", json!({"to": gateway(), "images": images})).await;
        eventually("both pictures are there", async || {
            let items = inbox(&stage).await;
            let had = items.iter().filter(|one| one["type"] == "image" && one["media_url"].is_string()).count();
            if items.len() == 2 && had == 2 { Ok(()) } else { Err(format!("{items:#?}")) }
        })
        .await;
    }

    async fn what_is_sent_disappears_when_its_chat_says_so(database: Database) {
        let stage = Stage::new(database).await;
        let mut ann = Baileys::linked(&stage.network, ANN).await;
        let round = async |stage: &Stage, ann: &mut Baileys, name: &str, seconds: Option<u32>| {
            stage.send(ANN, name).await;
            let seen = ann.sees_text(name).await;
            assert_eq!(seen["expiration"], json!(seconds), "{seen}");
            let media = json!({"queue": stage.device_id, "destination": ANN, "caption": name,
                "media_base64": STANDARD.encode([PNG, name.as_bytes()].concat()), "file_name": "a.png"});
            assert_eq!(stage.world.client.post("/media", &media).await.status, 201);
            let seen = ann.sees(|message| message["kind"] == "image").await;
            assert_eq!(seen["expiration"], json!(seconds), "{seen}");
        };
        round(&stage, &mut ann, "before", None).await;
        ann.command("disappear", json!({"to": gateway(), "seconds": 86_400})).await;
        ann.says(&gateway(), "switched on").await;
        stage.until_in("switched on").await;
        round(&stage, &mut ann, "for a day", Some(86_400)).await;
        let stage = stage.restart(async |_| ()).await;
        round(&stage, &mut ann, "after a restart", Some(86_400)).await;
        let context = json!({"expiration": 604_800, "ephemeralSettingTimestamp": i32::MAX});
        relays(&mut ann, &json!({"extendedTextMessage": {"text": "for a week", "contextInfo": context}})).await;
        stage.until_in("for a week").await;
        round(&stage, &mut ann, "a week", Some(604_800)).await;
        ann.command("disappear", json!({"to": gateway(), "seconds": 0})).await;
        ann.says(&gateway(), "switched off").await;
        stage.until_in("switched off").await;
        round(&stage, &mut ann, "for good", None).await;
        stage.network.assert_sound().await;
    }

    async fn what_is_sent_to_a_group_disappears_when_its_members_say_so(database: Database) {
        let stage = Stage::new(database).await;
        let mut ann = Baileys::linked(&stage.network, ANN).await;
        let group = stage.network.group(ANN, &[OWNER], "lid").await;
        let context = json!({"expiration": 86_400});
        let message = json!({"extendedTextMessage": {"text": "for a day", "contextInfo": context}});
        ann.command("relay", json!({"to": format!("{group}@g.us"), "message": message})).await;
        stage.until_in("for a day").await;
        let body = json!({"queue": stage.device_id, "destination": group, "is_group": true, "message": "to all"});
        stage.world.send_with(body).await;
        assert_eq!(ann.sees_text("to all").await["expiration"], 86_400);
    }
}
