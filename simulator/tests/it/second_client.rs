//! Scenarios with a second client that shares no code with the first: Baileys.

use serde_json::json;
use simulator::faults::{CutPlace, Direction, Fault, HowOften, PlannedFault, Scope};
use simulator::runtime::{Person, Phones};

use crate::baileys::Baileys;
use crate::conversations::{a_phones_changes_reach_it, its_changes_reach_a_phone, two_write_to_each_other};
use crate::phone::Phone;
use crate::world::{World, eventually, hears, patiently};

const ANN: &str = "15550001";
const BOB: &str = "15550002";

/// A new client, linked to this phone by its code, and logged in.
async fn linked(world: &World, phone: &Phone) -> Baileys {
    let mut client = Baileys::start().await;
    client.connect(&world.network).await;
    phone.scan(&client.qr().await).await.unwrap();
    client.opened().await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_texts_reach_a_phone_and_come_back_with_receipts() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let mut client = linked(&world, &ann).await;
    let id = client.send_text(&bob.jid().to_string(), "hello Bob").await;
    let read = bob.reads("hello Bob").await;
    assert_eq!((read.sender.user.as_str(), &read.id), (ANN, &id));
    assert_eq!(ann.reads("hello Bob").await.id, id, "the own phone has a copy");
    client.receipt(&id, "delivery").await;
    bob.mark_read(&read.sender.to_non_ad(), &id).await;
    client.receipt(&id, "read").await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_receives_texts_of_a_phone_and_sends_receipts() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let mut client = linked(&world, &ann).await;
    let id = bob.write(&ann.jid(), "hello Ann").await;
    let message = client.reads("hello Ann").await;
    assert_eq!((message["id"].as_str(), &message["from_me"]), (Some(id.as_str()), &json!(false)));
    client.command("read", json!({"ids": [id]})).await;
    bob.receipt(&id, Some("read")).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_while_it_was_away_waits_for_it() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let client = linked(&world, &ann).await;
    let mut client = client.restart().await;
    for number in 0..20 {
        bob.write(&ann.jid(), &format!("number {number}")).await;
    }
    client.connect(&world.network).await;
    client.opened().await;
    for number in 0..20 {
        client.reads(&format!("number {number}")).await;
    }
    assert!(client.unexpected("message").is_empty());
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_write_to_each_other() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let (mut first, mut second) = (linked(&world, &ann).await, linked(&world, &bob).await);
    let (one, other) = (ann.jid().to_string(), bob.jid().to_string());
    two_write_to_each_other((&mut first, &one), (&mut second, &other)).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_groups_pass_between_two_clients() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let (mut first, mut second) = (linked(&world, &ann).await, linked(&world, &bob).await);
    // Base64 of "not really a picture", which nobody decodes.
    let picture = json!({"to": bob.jid().to_string(), "base64": "bm90IHJlYWxseSBhIHBpY3R1cmU=", "caption": "look"});
    first.command("send_image", picture).await;
    let image = second.until("message", |message| message["kind"] == "image").await;
    assert_eq!((&image["bytes"], &image["caption"]), (&json!(20), &json!("look")));
    let group = json!({"subject": "Friends", "participants": [bob.jid().to_string()]});
    let group = first.command("create_group", group).await["id"].as_str().unwrap().to_owned();
    for number in 0..3 {
        first.send_text(&group, &format!("to all {number}")).await;
        assert_eq!(second.reads(&format!("to all {number}")).await["chat"], group.as_str());
    }
    second.send_text(&group, "and back").await;
    first.reads("and back").await;
    world.assert_nothing_unknown();
}

/// Ann's client, linked to her phone, and Bob with his.
async fn client_and_people(world: &World) -> (Baileys, Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let mut client = Baileys::start().await;
    client.connect(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.opened().await;
    (client, phones, ann, bob)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_reactions_edits_and_deletions_reach_a_phone() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    its_changes_reach_a_phone(&mut client, &ann, &bob).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_receives_a_phones_reactions_edits_and_deletions_and_logs_out() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    a_phones_changes_reach_it(&mut client, &ann, &bob).await;
    client.command("logout", json!({})).await;
    eventually("the end of the link", || ann.account().device(1).is_none()).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_the_token_of_a_phone_when_it_writes_back() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    bob.send_text(ann.jid(), "you may write").await.unwrap();
    client.reads("you may write").await;
    world.until_token_came(&ann.jid().with_device(1)).await;
    let id = client.send_text(&bob.jid().to_string(), "so I do").await;
    hears(&bob, "so I do").await;
    assert_ne!(world.token_shown_with(&id), "");
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_that_a_message_was_refused_and_why() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let mut client = linked(&world, &ann).await;
    let refused = PlannedFault { fault: Fault::AckNacked { code: 479 }, scope: Scope::default() };
    let fault = world.network.add_fault(refused).unwrap();
    let id = client.send_text(&bob.jid().to_string(), "refused").await;
    assert_eq!(client.is_refused(&id).await, "479");
    assert!(world.network.faults().remove(fault));
    client.send_text(&bob.jid().to_string(), "taken").await;
    bob.reads("taken").await;
    assert_eq!(bob.times_read("refused"), 0);
    let log = world.network.faults().log().lines();
    assert_eq!(log, [format!("1 ack_nacked message {ANN}:1 {BOB} text #1")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_asks_again_for_a_message_that_it_cannot_read() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let (mut first, mut second) = (linked(&world, &ann).await, linked(&world, &bob).await);
    let scope =
        Scope { account: Some(ANN.to_owned()), device: Some(1), how_often: HowOften::Next(1), ..Scope::default() };
    world.network.add_fault(PlannedFault { fault: Fault::MessageUndecryptable {}, scope }).unwrap();
    second.send_text(&ann.jid().to_string(), "spoiled at first").await;
    first.until("undecryptable", |_| true).await;
    first.reads("spoiled at first").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_the_middle_of_a_frame_loses_nothing() {
    let world = World::new().await;
    let (ann, bob) = (world.person(ANN, "Ann").await, world.person(BOB, "Bob").await);
    let mut client = linked(&world, &ann).await;
    let cut = Fault::ConnectionCut { direction: Direction::ToClient, place: CutPlace::MiddleOfFrame(1) };
    let scope = Scope { account: Some(ANN.to_owned()), how_often: HowOften::Next(1), ..Scope::default() };
    world.network.add_fault(PlannedFault { fault: cut, scope }).unwrap();
    bob.write(&ann.jid(), "cut in two").await;
    assert_eq!(client.closed().await, Some(515), "as linking asks");
    client.closed().await;
    client.connect(&world.network).await;
    client.reads("cut in two").await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_client_learns_when_the_ban_ends() {
    let world = World::new().await;
    let ann = world.person(ANN, "Ann").await;
    let mut client = linked(&world, &ann).await.restart().await;
    let ban = Fault::TemporaryBan { code: 101, expire_seconds: 3600 };
    world.network.add_fault(PlannedFault { fault: ban, scope: Scope::default() }).unwrap();
    client.connect(&world.network).await;
    let close = client.until("close", |_| true).await;
    assert_eq!((&close["code"], &close["ban"]), (&json!(402), &json!({"code": "101", "expire": "3600"})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_its_phone_unlinks_is_notified() {
    let world = World::new().await;
    let ann = world.person(ANN, "Ann").await;
    let mut client = linked(&world, &ann).await;
    assert!(world.network.remove_device(&ann.account, 1));
    assert_eq!(client.closed().await, Some(515), "as linking asks");
    assert_eq!(client.closed().await, Some(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_reaches_nothing_beyond_this_machine() {
    let mut client = Baileys::start().await;
    let elsewhere = json!({"ws_url": "wss://example.invalid/ws/chat", "root_key": "00", "auth": client.folder()});
    client.command("connect", elsewhere).await;
    let close = client.until("close", |_| true).await;
    assert!(close["why"].as_str().unwrap().contains("only loopback may be reached"), "{close}");
    let refused = client.try_command("fetch", json!({"url": "https://example.invalid/"})).await.unwrap_err();
    assert!(refused.contains("only loopback may be reached"), "{refused}");
}
