//! Newsletters (channels), created, followed and published in by each kind of client and by people.

use serde_json::{Value, json};
use simulator::runtime::{Person, Phones};
use simulator::wire::stanza::Jid;

use crate::baileys::Baileys;
use crate::client::{Client, text_message};
use crate::control::Control;
use crate::whatsmeow::linked;
use crate::world::{World, eventually, patiently};

async fn two_people(world: &World) -> (Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add("15550001", "Ann").await.unwrap(), phones.add("15550002", "Bob").await.unwrap());
    (phones, ann, bob)
}

/// Waits until a person's phone shows a text in a newsletter.
async fn reads(person: &Person, newsletter: &str, text: &str) {
    let (chat, wanted) = (newsletter.to_owned(), text.to_owned());
    let wait_for_message =
        person.wait_for_message(move |kept| kept.chat == chat && kept.body.content.summary() == wanted);
    patiently(text, wait_for_message).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsmeow_makes_a_newsletter_and_followers_get_what_it_writes() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let (mut owner, mut reader) = (linked(&world, &ann).await, linked(&world, &bob).await);
    let made = owner.command("create_newsletter", json!({"name": "News", "text": "what is new"})).await;
    let to = made["id"].clone();
    assert_eq!((&made["role"], &made["state"], &made["followers"]), (&json!("owner"), &json!("active"), &json!(0)));
    owner.until("followed", |event| event["id"] == to).await;
    let found = reader.command("newsletter_of_link", json!({"text": made["invite"]})).await;
    assert_eq!((&found["id"], &found["role"], &found["description"]), (&to, &json!("guest"), &json!("what is new")));
    reader.command("follow", json!({"to": to})).await;
    reader.until("followed", |event| event["id"] == to && event["role"] == "subscriber").await;
    let sent = owner.command("publish", json!({"to": to, "message": {"conversation": "first"}})).await;
    assert!(sent["server_id"].as_u64().is_some_and(|server_id| server_id > 0), "{sent}");
    let read = reader.reads("first").await;
    assert_eq!((&read["chat"], &read["id"]), (&to, &sent["id"]));
    reads(&bob, to.as_str().unwrap(), "first").await;
    reader.command("react_to_post", json!({"to": to, "count": sent["server_id"], "text": "👍"})).await;
    reader.command("view_post", json!({"to": to, "count": sent["server_id"]})).await;
    let posts = reader.command("posts", json!({"to": to})).await;
    assert_eq!(
        (&posts[0]["text"], &posts[0]["views"], &posts[0]["reactions"]),
        (&json!("first"), &json!(1), &json!({"👍": 1}))
    );
    assert_eq!(owner.command("post_updates", json!({"to": to})).await[0]["views"], 1);
    assert_eq!(owner.command("live_updates", json!({"to": to})).await["seconds"], 300.0);
    reader.command("mute_newsletter", json!({"to": to, "on": true})).await;
    reader.until("newsletter_muted", |event| event["mute"] == "on").await;
    assert_eq!(reader.command("newsletters", json!({})).await[0]["mute"], "on");
    let why =
        reader.try_command("publish", json!({"to": to, "message": {"conversation": "me too"}})).await.unwrap_err();
    assert!(why.contains("403"), "{why}");
    reader.command("unfollow", json!({"to": to})).await;
    reader.until("unfollowed", |event| event["id"] == to).await;
    owner.command("publish", json!({"to": to, "message": {"conversation": "second"}})).await;
    assert_eq!(reader.command("newsletters", json!({})).await, json!([]));
    assert_eq!(reader.command("posts", json!({"to": to})).await.as_array().map(Vec::len), Some(2));
    let why = reader.try_command("newsletter", json!({"to": "120363000000000001@newsletter"})).await.unwrap_err();
    assert!(why.contains("404"), "{why}");
    let is_second = |event: &&Value| event["text"] == "second";
    assert_eq!(reader.unexpected("message").into_iter().filter(is_second).count(), 0, "who left gets nothing");
    eventually("all to be confirmed", || {
        [&ann, &bob].iter().all(|one| one.account().devices().iter().all(|device| device.waiting() == 0))
    })
    .await;
    owner.ends_well(&world).await;
    reader.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsapp_rust_makes_follows_changes_and_leaves_newsletters() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = Client::start(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    let newsletter = client.client.newsletter();
    let own = newsletter.create("News", Some("what is new")).await.unwrap();
    assert_eq!((own.name.as_str(), own.subscriber_count), ("News", 0));
    bob.follow(&own.jid).unwrap();
    let sent = client.client.send_message(&own.jid, text_message("from Ann")).await.unwrap();
    assert_eq!(client.acknowledged(&sent.message_id).await, None);
    reads(&bob, &own.jid.to_string(), "from Ann").await;
    newsletter.edit_message(&own.jid, sent.message_id.to_string(), text_message("from Ann, again")).await.unwrap();
    assert_eq!(newsletter.update(&own.jid, Some("Good news"), None).await.unwrap().name, "Good news");
    assert_eq!(newsletter.get_metadata(&own.jid).await.unwrap().subscriber_count, 1);
    let text = patiently("the edit", async {
        loop {
            let posts = newsletter.get_messages(own.jid.clone(), 10, None).await.unwrap();
            let text = posts[0].message.as_ref().unwrap().conversation.clone().unwrap();
            if text != "from Ann" {
                return text;
            }
        }
    });
    assert_eq!(text.await, "from Ann, again");
    let other = bob.create_newsletter("Bob's", "").unwrap();
    newsletter.join(other.jid()).await.unwrap();
    assert_eq!(newsletter.list_subscribed().await.unwrap().len(), 2);
    bob.publish(other.jid(), "from Bob").await.unwrap();
    assert_eq!(client.wait_for_message("from Bob").await.chat, *other.jid());
    newsletter.leave(other.jid()).await.unwrap();
    assert!(newsletter.update(other.jid(), Some("mine"), None).await.is_err(), "it is not Ann's");
    let nowhere: Jid = "120363000000000001@newsletter".parse().unwrap();
    assert!(newsletter.get_metadata(&nowhere).await.is_err());
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baileys_makes_a_newsletter_and_reads_another() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let mut client = Baileys::start().await;
    client.connect(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.opened().await;
    let own = client.command("create_newsletter", json!({"name": "News", "description": "what is new"})).await;
    let to = own["id"].as_str().unwrap().to_owned();
    bob.follow(&to.parse().unwrap()).unwrap();
    client.command("send_text", json!({"to": to, "text": "from Ann"})).await;
    reads(&bob, &to, "from Ann").await;
    let other = bob.create_newsletter("Bob's", "").unwrap();
    let (other, jid) = (other.jid().to_string(), other.jid().clone());
    client.command("follow_newsletter", json!({"to": other})).await;
    bob.publish(&jid, "from Bob").await.unwrap();
    assert_eq!(client.reads("from Bob").await["chat"], other);
    let described = client.command("newsletter", json!({"to": other})).await;
    assert_eq!((&described["id"], &described["viewer_metadata"]["role"]), (&json!(other), &json!("SUBSCRIBER")));
    client.try_command("newsletter", json!({"to": "120363000000000001@newsletter"})).await.unwrap_err();
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_publish_and_follow_by_the_api() {
    let control = Control::new().await;
    let news = control.post("newsletters", json!({"name": "News", "owner": "15550002"})).await;
    let follow = json!({"newsletter": news["newsletter"]});
    control.post("people/15550001/follow", follow.clone()).await;
    assert_eq!(control.get("newsletters").await.1[0]["readers"], json!(["15550002", "15550001"]));
    let post = json!({"newsletter": news["newsletter"], "text": "hello, all"});
    control.post("people/15550002/publish", post.clone()).await;
    let is_it = |message: &&Value| message["text"] == "hello, all" && message["chat"] == news["newsletter"];
    control.until("people/15550001/received", |all| all.as_array()?.iter().find(is_it).cloned()).await;
    assert_eq!(control.try_post("people/15550001/publish", post).await.0, 404, "it is Bob's");
    let nowhere = json!({"newsletter": "120363000000000001@newsletter"});
    assert_eq!(control.try_post("people/15550001/follow", nowhere).await.0, 404);
}
