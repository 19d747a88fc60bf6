//! Groups: created, changed and written to, with members addressed by phone number and by LID.

use simulator::runtime::{Person, Phones};
use simulator::server::account::Naming;
use simulator::server::stanza_log::Entry;
use simulator::wire::stanza::{Node, NodeBuilder, Read as _};
use whatsapp_rust::features::{GroupCreateOptions, GroupParticipantOptions};
use whatsapp_rust::prelude::*;

use crate::client::Client;
use crate::world::{World, eventually, hears, patiently};

async fn a_text_reaches_all(naming: Naming) {
    let world = World::new().await;
    let ann = world.person("15550001", "Ann").await;
    let bob = world.person("15550002", "Bob").await;
    let cy = world.person("15550003", "Cy").await;
    let (client, other) = (world.linked(&ann).await, world.linked(&cy).await);
    let group =
        world.network.create_group(&ann.account, "Cooks", &[bob.account.clone(), cy.account.clone()], naming).unwrap();
    for turn in 0..3 {
        let text = format!("for all {turn}");
        let id = client.send(group.jid(), &text).await;
        let read = bob.reads(&text).await;
        assert_eq!((read.chat, read.sender.user.as_str()), (group.jid().clone(), &*ann.account.jid(naming).user));
        assert_eq!(other.wait_for_message(&text).await.chat, *group.jid());
        ann.reads(&text).await;
        client.receipt(&id, "delivered").await;
    }
    let members = [ann.account.jid(naming).clone(), bob.account.jid(naming).clone(), cy.account.jid(naming).clone()];
    bob.write_to_group(group.jid(), &members, "from Bob").await;
    let shown = client.wait_for_message("from Bob").await;
    assert_eq!((shown.chat, shown.sender.user.as_str()), (group.jid().clone(), &*bob.account.jid(naming).user));
    other.wait_for_message("from Bob").await;
    let is_other_hash = |entry: &Entry| entry.node.tag == "ack" && entry.node.text("phash").is_some();
    let entries = world.network.log().from(0, usize::MAX);
    assert!(!entries.iter().any(is_other_hash), "the client was told that it does not know the devices");
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_reaches_all_members_named_by_number() {
    a_text_reaches_all(Naming::Number).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_reaches_all_members_named_by_lid() {
    a_text_reaches_all(Naming::Lid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_confirms_the_receipt_of_one_member_and_keeps_that_of_another() {
    let world = World::new().await;
    let people = ["15550001", "15550002", "15550003"].map(|number| world.network.register_person(number, "Name"));
    let links = people.each_ref().map(|person| world.network.attach(person, &person.phone().unwrap()));
    let group = world.network.create_group(&people[0], "Cooks", &people[1..], Naming::Number).unwrap();
    let (jid, phone) = (group.jid().clone(), people[0].phone().unwrap());
    links[0].send(NodeBuilder::new("message").attr("to", jid.clone()).attr("id", "G1").build()).await;
    let before = phone.waiting();
    for link in &links[1..] {
        let receipt = NodeBuilder::new("receipt").attr("to", jid.clone()).attr("id", "G1");
        link.send(receipt.attr("participant", people[0].number().clone()).build()).await;
    }
    assert_eq!(phone.waiting(), before + 2);
    let ack = NodeBuilder::new("ack").attr("class", "receipt").attr("to", jid).attr("id", "G1");
    links[0].send(ack.attr("participant", people[2].number().clone()).build()).await;
    let mut again = world.network.attach(&people[0], &phone);
    let mut participants = Vec::new();
    while let Some(node) = again.recv().await.filter(|node| node.child("offline").is_none()) {
        participants.extend((node.tag == "receipt").then(|| node.jid("participant").unwrap()));
    }
    assert_eq!(participants, [people[1].number().clone()]);
}

/// Finds a change notification with this tag.
fn change(tag: &'static str) -> impl Fn(&Node) -> Option<Node> {
    move |node| (node.text("type")? == "w:gp2").then(|| node.child(tag).cloned())?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_makes_a_group_and_changes_it_and_all_are_told() {
    let world = World::new().await;
    let ann = world.person("15550001", "Ann").await;
    let bob = world.person("15550002", "Bob").await;
    let cy = world.person("15550003", "Cy").await;
    let client = world.linked(&ann).await;
    let groups = client.client.groups();
    let options = GroupCreateOptions::builder()
        .subject("Cooks")
        .participants(vec![GroupParticipantOptions::new(bob.jid())])
        .build();
    let made = groups.create_group(options).await.unwrap();
    let jid = made.metadata.id.clone();
    bob.stanza("that there is a group", change("create")).await;
    groups.add_participants(&jid, &[cy.jid()]).await.unwrap();
    cy.stanza("that he is in it", change("add")).await;
    groups.promote_participants(&jid, &[bob.jid()]).await.unwrap();
    bob.stanza("that Bob is an admin", change("promote")).await;
    groups.demote_participants(&jid, &[bob.jid()]).await.unwrap();
    bob.stanza("that Bob is none", change("demote")).await;
    let group = world.network.groups().find(&jid).unwrap();
    assert_eq!(group.members().len(), 3);
    groups.remove_participants(&jid, &[cy.jid()]).await.unwrap();
    cy.stanza("that he is out of it", change("remove")).await;
    assert_eq!(groups.get_metadata(&jid).await.unwrap().participants.len(), 2);
    assert_eq!(groups.get_participating().await.unwrap().len(), 1);
    assert!(groups.get_invite_link(&jid, false).await.unwrap().ends_with(&group.invite()));
    groups.set_announce(&jid, true).await.unwrap();
    bob.stanza("that only admins write", change("announcement")).await;
    groups.leave(&jid).await.unwrap();
    assert!(group.rank(&ann.account).is_none());
    assert!(group.rank(&bob.account).unwrap().is_admin());
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_told_what_others_change() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let group =
        world.network.create_group(&bob.account, "Cooks", std::slice::from_ref(&ann.account), Naming::Lid).unwrap();
    let subject = simulator::wire::stanza::holding("subject", b"Bakers".to_vec());
    bob.ask("w:g2", "set", &group.jid().to_string(), vec![subject]).await;
    client
        .event("the new name", |event| match event {
            Event::GroupUpdate(update) if format!("{:?}", update.action).contains("Bakers") => Some(()),
            _ => None,
        })
        .await;
    let metadata = client.client.groups().get_metadata(group.jid()).await.unwrap();
    assert_eq!(metadata.subject, "Bakers");
}

async fn three_people(world: &World) -> (Phones, [Person; 3]) {
    let phones = Phones::new(world.network.clone());
    let ann = phones.add("15550001", "Ann").await.unwrap();
    let (bob, cyd) = (phones.add("15550002", "Bob").await.unwrap(), phones.add("15550003", "Cyd").await.unwrap());
    (phones, [ann, bob, cyd])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_a_client_missed_come_together_and_it_counts_each() {
    let world = World::new().await;
    let (_phones, [ann, bob, cyd]) = three_people(&world).await;
    let group = ann.create_group("Cooks", &[bob.number().to_owned(), cyd.number().to_owned()], Naming::Lid).unwrap();
    let client = Client::start(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    bob.offline().await.unwrap();
    cyd.offline().await.unwrap();
    let id = client.send(&group, "for later").await;
    let backend = client.stop().await;
    for member in [&bob, &cyd] {
        member.online().await.unwrap();
        hears(member, "for later").await;
        member.read(&group).await.unwrap();
    }
    let device = ann.account().device(1).unwrap();
    eventually("receipts of both", || device.waiting() >= 4).await;
    let client = Client::resume(&world.network, backend).await;
    for kind in ["delivered", "read"] {
        for member in [&bob, &cyd] {
            let lid = member.account().lid();
            client
                .event("a receipt of each", |event| match event {
                    Event::Receipt(receipt) => {
                        let is_it = receipt.message_ids.contains(&id) && receipt.source.sender == *lid;
                        (is_it && format!("{:?}", receipt.r#type).eq_ignore_ascii_case(kind)).then_some(())
                    }
                    _ => None,
                })
                .await;
        }
    }
    let lids = vec![bob.account().lid().clone(), cyd.account().lid().clone()];
    assert_eq!(world.grouped_receipts(device.number()), [lids.clone(), lids]);
    eventually("them to be confirmed", || device.waiting() == 0).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_was_away_counts_the_receipts_of_all_members() {
    let world = World::new().await;
    let (_phones, [ann, bob, cyd]) = three_people(&world).await;
    let group = ann.create_group("Cooks", &[bob.number().to_owned(), cyd.number().to_owned()], Naming::Lid).unwrap();
    bob.offline().await.unwrap();
    cyd.offline().await.unwrap();
    let id = ann.send_text(&group, "for later").await.unwrap();
    patiently("the server to have it", ann.wait_for_progress(&id, |sent| sent.accepted)).await.unwrap();
    ann.offline().await.unwrap();
    for member in [&bob, &cyd] {
        member.online().await.unwrap();
        hears(member, "for later").await;
    }
    let phone = ann.account().phone().unwrap();
    eventually("receipts of both", || phone.waiting() >= 2).await;
    ann.online().await.unwrap();
    patiently("both", ann.wait_for_progress(&id, |sent| sent.delivered_to.len() == 2)).await.unwrap();
    assert_eq!(world.grouped_receipts(phone.number()).len(), 1);
    eventually("it to be confirmed", || phone.waiting() == 0).await;
}
