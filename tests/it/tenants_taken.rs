//! Device ids and senders are unique on the whole gateway: what a client hears of those that another one has.

use serde_json::{Value, json};

use crate::client::Reply;
use crate::operations::text;
use crate::signed_in;
use crate::victim::Victim;
use crate::world::{Other, Time, stories};

async fn add(other: &Other, device_id: Option<&str>, sender: &str) -> Reply {
    let device = json!({"kind": "sandbox", "sender": sender, "device_id": device_id});
    other.client.manage("POST", "/devices", Some(device)).await
}

stories! {
    async fn a_device_that_another_client_has_is_refused_in_words_that_give_nothing_away(database: Database) {
        let world = signed_in::world(database, Time::Held).await;
        let victim = Victim::new(&world).await;
        let other = world.add_client("stranger", "628110009902").await;
        let third = world.add_client("third", "628110009903").await;
        let devices = victim.owner.client.manage("GET", "/devices", None).await.body["data"].clone();
        let count = async || world.store.list_devices(None).await.expect("devices").len();
        let before = count().await;
        let mut said = std::collections::BTreeSet::new();
        for device in devices.as_array().expect("devices") {
            let (id, sender) = (text(&device["device_id"]), text(&device["sender"]));
            for (id, sender) in [(Some(id.as_str()), "628110009904"), (Some("99999-123456789012345"), &sender), (None, &sender), (Some(&id), &sender)] {
                // A device whose number nobody knows yet.
                if sender.is_empty() {
                    continue;
                }
                let refused = add(&other, id, sender).await;
                assert_eq!(refused.status, 409, "{}", refused.text);
                assert_eq!(victim.seen_in(&refused.text, &format!("{id:?} {sender}")), Vec::<String>::new(), "{}", refused.text);
                said.insert(refused.text);
            }
        }
        // Whoever it is that has them.
        said.insert(add(&other, Some(&third.device_id), "628110009904").await.text);
        said.insert(add(&other, None, "628110009903").await.text);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said.iter().all(|text| text.contains("is not available")), "{said:?}");

        let own = |reply: &Reply, what: &str| {
            let why = reply.body["message"].as_str().expect("a reason");
            assert!(reply.status == 409 && why == format!("this client has a device with this {what} already"), "{}", reply.text);
        };
        own(&add(&other, Some(&other.device_id), "628110009904").await, "device_id");
        own(&add(&other, None, "628110009902").await, "sender");
        assert_eq!(count().await, before);
        let listed = other.client.manage("GET", "/audit", None).await;
        let added = |entry: &&Value| entry["action"] == "POST /devices";
        assert_eq!(listed.body["data"]["items"].as_array().expect("entries").iter().filter(added).count(), 1, "{}", listed.text);
        world.stop().await;
    }
}
