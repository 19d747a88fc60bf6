//! The network's own people with their phones, with real clients and with each other.

use std::time::Duration;

use simulator::clock;
use simulator::faults::{Fault, PlannedFault, Scope};
use simulator::limits::STOP_WAIT_SECONDS;
use simulator::phone::NewFile;
use simulator::phone::content::Content;
use simulator::phone::file::FileKind;
use simulator::runtime::{Person, Phones, RequestError};
use simulator::server::account::Naming;

use crate::client::Client;
use crate::world::{World, eventually, hears, patiently};

/// Ann and Bob, each with a phone.
async fn two_people(world: &World) -> (Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add("15550001", "Ann").await.unwrap(), phones.add("15550002", "Bob").await.unwrap());
    (phones, ann, bob)
}

fn picture() -> NewFile {
    NewFile {
        file: FileKind::Image,
        mime_type: "image/png".to_owned(),
        caption: Some("look".to_owned()),
        file_name: None,
        seconds: None,
        bytes: b"not really a picture".to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_write_to_each_other_and_see_how_far_it_got() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let id = ann.send_text(bob.jid(), "hello").await.unwrap();
    hears(&bob, "hello").await;
    bob.read(ann.jid()).await.unwrap();
    let reader = bob.jid().to_string();
    let sent =
        patiently("that it was read", ann.wait_for_progress(&id, move |sent| sent.read_by.contains(&reader))).await;
    assert!(sent.unwrap().accepted);
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_scans_a_code_and_the_client_hears_and_is_heard() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = Client::start(&world.network).await;
    let device = patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    assert_eq!(device.index(), 1);
    client.connected().await;
    bob.send_text(ann.jid(), "to you").await.unwrap();
    client.wait_for_message("to you").await;
    client.send(bob.jid(), "to you too").await;
    hears(&bob, "to you too").await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_types_a_code_and_the_client_is_linked_until_it_is_unlinked() {
    let world = World::new().await;
    let (_phones, ann, _bob) = two_people(&world).await;
    let client = Client::start_with_code(&world.network, "15550001").await;
    let device = patiently("the link", ann.type_code(&client.code().await)).await.unwrap();
    client.connected().await;
    ann.unlink(device.index()).await.unwrap();
    assert!(!client.logged_out().await);
    assert!(matches!(ann.unlink(device.index()).await, Err(RequestError::NotFound(_))));
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_mistypes_a_code_types_it_again() {
    let world = World::new().await;
    let (_phones, ann, _bob) = two_people(&world).await;
    let client = Client::start_with_code(&world.network, "15550001").await;
    let code = client.code().await;
    let (first, rest) = code.split_at(1);
    let mistyped = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    let refused = patiently("a refusal", ann.type_code(&mistyped)).await.err();
    assert!(matches!(refused, Some(RequestError::Invalid(_))), "{refused:?}");
    patiently("the link", ann.type_code(&code)).await.unwrap();
    client.connected().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_was_offline_gets_everything_in_order_when_it_is_back() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    bob.offline().await.unwrap();
    for text in ["one", "two", "three"] {
        ann.send_text(bob.jid(), text).await.unwrap();
    }
    assert!(matches!(bob.read(ann.jid()).await, Err(RequestError::Conflict(_))));
    bob.online().await.unwrap();
    hears(&bob, "three").await;
    let received = bob.received().await.unwrap();
    assert_eq!(received.iter().map(|kept| kept.body.content.summary()).collect::<Vec<_>>(), ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_hears_a_person_until_they_leave() {
    let world = World::new().await;
    let (phones, ann, bob) = two_people(&world).await;
    let cyd = phones.add("15550003", "Cyd").await.unwrap();
    let members = [bob.number().to_owned(), cyd.number().to_owned()];
    let group = ann.create_group("Three", &members, Naming::Lid).unwrap();
    ann.send_text(&group, "all of you").await.unwrap();
    hears(&bob, "all of you").await;
    hears(&cyd, "all of you").await;
    cyd.leave(&group).await.unwrap();
    assert!(matches!(cyd.leave(&group).await, Err(RequestError::NotFound(_))));
    bob.send_text(&group, "both of us").await.unwrap();
    hears(&ann, "both of us").await;
    assert_eq!(cyd.received().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_opened_by_whom_it_was_sent_to() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    ann.send_file(bob.jid(), picture()).await.unwrap();
    let id = hears(&bob, "look").await;
    let (mime_type, bytes) = bob.file(&id).await.unwrap();
    assert_eq!((mime_type.as_str(), bytes.as_slice()), ("image/png", &b"not really a picture"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_answered_changed_reacted_to_and_deleted() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    ann.send_text(bob.jid(), "helo").await.unwrap();
    let id = hears(&bob, "helo").await;
    bob.react(ann.jid(), &id, "👍").await.unwrap();
    bob.reply(ann.jid(), &id, "what?").await.unwrap();
    hears(&ann, "what?").await;
    ann.edit(bob.jid(), &id, "hello").await.unwrap();
    let wanted = id.clone();
    let edited = bob.wait_for_message(move |kept| kept.id == wanted && kept.edited.as_deref() == Some("hello"));
    patiently("the new text", edited).await.unwrap();
    ann.delete(bob.jid(), &id).await.unwrap();
    patiently("that it is gone", bob.wait_for_message(move |kept| kept.id == id && kept.deleted)).await.unwrap();
    let reacted = ann.messages().await.unwrap().into_iter().find(|kept| !kept.reactions.is_empty()).unwrap();
    assert!(matches!(reacted.body.content, Content::Text { text } if text == "helo"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_to_stopped_phones_are_refused() {
    let world = World::new().await;
    let (phones, ann, bob) = two_people(&world).await;
    phones.stop().await;
    assert!(matches!(ann.send_text(bob.jid(), "hello").await, Err(RequestError::Conflict(_))));
    assert!(!ann.is_online());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_stop_though_a_file_is_still_on_its_way() {
    let world = World::new().await;
    let (phones, ann, bob) = two_people(&world).await;
    let slow = Fault::MediaSlow { delay_ms: 600_000, bytes_per_second: None };
    world.network.add_fault(PlannedFault { fault: slow, scope: Scope::default() }).unwrap();
    ann.send_file(bob.jid(), picture()).await.unwrap();
    eventually("the slow upload", || !world.network.faults().log().entries.is_empty()).await;
    let started = clock::instant();
    phones.stop().await;
    assert!(started.elapsed().as_secs() < STOP_WAIT_SECONDS, "what is slow was waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_shows_the_token_of_a_phone_and_the_phone_that_of_the_client() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = Client::start(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    bob.send_text(ann.jid(), "you may write").await.unwrap();
    client.wait_for_message("you may write").await;
    patiently("the token", async {
        while client.client.tc_token().get(bob.account().lid().user.as_str()).await.unwrap().is_none() {
            clock::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // It only learns after a while that it should attach tokens.
    patiently("a message with the token", async {
        while world.token_shown_with(&client.send(bob.jid(), "so I do").await).is_empty() {
            clock::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    world.until_token_came(bob.jid()).await;
    let id = bob.send_text(ann.jid(), "and so do I").await.unwrap();
    client.wait_for_message("and so do I").await;
    assert_ne!(world.token_shown_with(&id), "");
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_phone_that_names_chats_by_lid_does_so_too() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    ann.migrate_to_lids().await.unwrap();
    let client = Client::start(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    bob.send_text(ann.jid(), "hello Ann").await.unwrap();
    client.wait_for_message("hello Ann").await;
    let id = client.send(bob.jid(), "to a number").await;
    assert_eq!(hears(&bob, "to a number").await, id);
    assert_eq!(world.addressee_of(&id), *bob.account().lid());
    world.assert_nothing_unknown();
}
