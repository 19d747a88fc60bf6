//! Groups: created, changed and written to.

use serde_json::{Value, json};
use simulator::runtime::{Known, Person, Phones};
use simulator::server::account::Naming;

use super::{ANN, BOB, CYD, Whatsmeow, assert_checks_pass, client_and_people, linked};
use crate::world::{World, hears, patiently};

const DAN: &str = "15550004";

/// Ann's client, the people, and a group of Ann's that Bob is in.
async fn client_and_group(world: &World) -> (Whatsmeow, Phones, Person, Person, String) {
    let (mut client, phones, ann, bob) = client_and_people(world).await;
    let made = json!({"subject": "Cooks", "participants": [bob.jid().to_string()]});
    let group = client.command("create_group", made).await;
    client.until("joined_group", |event| event["group"]["subject"] == "Cooks").await;
    let group = group["id"].as_str().unwrap().to_owned();
    (client, phones, ann, bob, group)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_to_a_group_pass_both_ways() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob, group) = client_and_group(&world).await;
    let described = client.command("group", json!({"to": group})).await;
    assert_eq!((&described["addressing"], described["members"].as_array().unwrap().len()), (&json!("lid"), 2));
    for number in 0..3 {
        let id = client.send_text(&group, &format!("to all {number}")).await;
        hears(&bob, &format!("to all {number}")).await;
        client.receipt(&id, "delivery").await;
    }
    bob.send_text(&group.parse().unwrap(), "and back").await.unwrap();
    let back = client.reads("and back").await;
    assert_eq!((&back["chat"], &back["sender"]), (&json!(group), &json!(bob.account().lid().to_string())));
    bob.read(&group.parse().unwrap()).await.unwrap();
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whom_it_adds_gets_its_next_message() {
    let world = World::new().await;
    let (mut client, phones, _ann, _bob, group) = client_and_group(&world).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    client.send_text(&group, "before").await;
    let change = json!({"to": group, "participants": [cyd.jid().to_string()], "action": "add"});
    client.command("change_members", change).await;
    let notice = client.until("group", |event| event["join"].as_array().is_some_and(|join| !join.is_empty())).await;
    assert_eq!(notice["join"], json!([cyd.account().lid().to_string()]));
    assert!(notice["version"].as_str() > notice["previous_version"].as_str(), "{notice}");
    client.send_text(&group, "after").await;
    hears(&cyd, "after").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gets_a_notification_of_every_change_that_it_makes() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob, group) = client_and_group(&world).await;
    let member = json!([bob.account().lid().to_string()]);
    for (command, fields, field, value) in [
        ("subject", json!({"subject": "Bakers"}), "subject", json!("Bakers")),
        ("topic", json!({"text": "bread"}), "topic", json!("bread")),
        ("announce", json!({"on": true}), "announce", json!(true)),
        ("announce", json!({"on": false}), "announce", json!(false)),
        ("lock", json!({"on": true}), "locked", json!(true)),
        ("timer", json!({"seconds": 86_400}), "timer", json!(86_400)),
        ("change_members", json!({"action": "promote", "participants": member}), "promote", member.clone()),
        ("change_members", json!({"action": "demote", "participants": member}), "demote", member.clone()),
        ("change_members", json!({"action": "remove", "participants": member}), "leave", member.clone()),
    ] {
        let mut fields = fields;
        fields["to"] = json!(group);
        client.command(command, fields).await;
        let notice = client.until("group", |event| event[field] == value).await;
        assert!(field != "announce" || notice["announce_version"].as_str().is_some_and(|version| !version.is_empty()));
    }
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_a_group_is_kept_until_it_is_removed() {
    let world = World::new().await;
    let (mut client, _phones, _ann, _bob, group) = client_and_group(&world).await;
    let missing = client.try_command("photo", json!({"to": group})).await.unwrap_err();
    assert!(missing.contains("does not have a profile picture"), "{missing}");
    let set = client.command("set_photo", json!({"to": group, "base64": "bm90IHJlYWxseSBhIHBpY3R1cmU="})).await;
    let shown = client.command("photo", json!({"to": group})).await;
    assert_eq!((&shown["id"], &shown["type"]), (&set["id"], &json!("image")));
    client.until("picture", |event| event["jid"] == group && event["id"] == set["id"]).await;
    client.command("set_photo", json!({"to": group})).await;
    client.until("picture", |event| event["removed"] == true).await;
    client.try_command("photo", json!({"to": group})).await.unwrap_err();
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_no_application_offers_is_refused() {
    let world = World::new().await;
    let (mut client, _phones, _ann, _bob, group) = client_and_group(&world).await;
    let why = client.try_command("timer", json!({"to": group, "seconds": 77})).await.unwrap_err();
    assert!(why.contains("invalid disappearing timer"), "{why}");
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_leads_into_a_group_until_it_is_revoked() {
    let world = World::new().await;
    let (mut client, phones, _ann, _bob, group) = client_and_group(&world).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    let mut joiner = linked(&world, &cyd).await;
    let link = |answer: Value| answer["link"].as_str().unwrap().to_owned();
    let first = link(client.command("invite_link", json!({"to": group, "on": false})).await);
    assert_eq!(joiner.command("group_of_link", json!({"text": first})).await["id"], group);
    let second = link(client.command("invite_link", json!({"to": group, "on": true})).await);
    let why = joiner.try_command("group_of_link", json!({"text": first})).await.unwrap_err();
    assert!(why.contains("revoked"), "{why}");
    let unknown = json!({"text": "https://chat.whatsapp.com/0000000000000000000000"});
    let why = joiner.try_command("join", unknown).await.unwrap_err();
    assert!(why.contains("not valid"), "{why}");
    assert_eq!(joiner.command("join", json!({"text": second})).await["id"], group);
    client.until("group", |event| event["join"].as_array().is_some_and(|join| !join.is_empty())).await;
    client.send_text(&group, "welcome").await;
    joiner.reads("welcome").await;
    client.ends_well(&world).await;
    joiner.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_hidden_is_hidden_in_groups_too() {
    let world = World::new().await;
    let (mut client, phones, _ann, bob) = client_and_people(&world).await;
    let dan = phones.add_as(DAN, "Dan", Known::ByLid).await.unwrap();
    let members = [ANN.to_owned(), DAN.to_owned()];
    let group = bob.create_group("Quiet", &members, Naming::Lid).unwrap();
    let joined = client.until("joined_group", |_| true).await;
    let shown = client.command("group", json!({"to": group.to_string()})).await;
    dan.send_text(&group, "who am I").await.unwrap();
    let message = client.reads("who am I").await;
    for notice in [joined, shown, message] {
        assert!(!notice.to_string().contains(DAN), "{notice}");
        assert!(notice.to_string().contains(dan.account().lid().user.as_str()), "{notice}");
    }
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_is_a_member_no_longer() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob, group) = client_and_group(&world).await;
    client.send_text(&group, "stay").await;
    hears(&bob, "stay").await;
    bob.leave(&group.parse().unwrap()).await.unwrap();
    client.until("group", |event| event["leave"].as_array().is_some_and(|leave| !leave.is_empty())).await;
    client.send_text(&group, "gone").await;
    client.command("leave", json!({"to": group})).await;
    let groups = patiently("its groups", client.command("joined_groups", json!({}))).await;
    assert_eq!(groups, json!([]));
    let heard = bob.received().await.unwrap();
    assert!(heard.iter().all(|kept| kept.body.content.summary() != "gone"), "{BOB} has left");
    client.ends_well(&world).await;
}
