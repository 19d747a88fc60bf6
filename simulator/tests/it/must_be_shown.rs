//! Scenarios that every client must pass, with each kind, and with two kinds together.

use simulator::phone::content::Content;
use simulator::phone::file::FileKind;
use simulator::phone::{LoggedMessage, NewFile};
use simulator::runtime::{Person, Phones};
use simulator::server::account::Naming;

use crate::talker::{Kind, Talker, hash};
use crate::world::{World, hears, patiently};

/// Ann, who has the client, and Bob, each with a phone.
struct People {
    world: World,
    phones: Phones,
    ann: Person,
    bob: Person,
}

async fn people() -> People {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add("15550001", "Ann").await.unwrap(), phones.add("15550002", "Bob").await.unwrap());
    People { world, phones, ann, bob }
}

/// No client sent an unhandled request, and all checks pass.
fn assert_all_is_well(world: &World) {
    world.assert_nothing_unknown();
    let report = world.network.checks().report();
    assert!(report.passed && report.complete, "{report:#?}");
}

/// Not a real picture: nobody decodes it.
fn picture(of: u8) -> Vec<u8> {
    (0..50_000_u32).map(|place| place.to_le_bytes()[0] ^ of).collect()
}

async fn linked_by_a_scanned_code_it_writes_hears_and_learns_how_far_it_got(kind: Kind) {
    let People { world, ann, bob, .. } = people().await;
    let mut client = Talker::scanned(kind, &world.network, &ann).await;
    let id = client.writes(bob.jid(), "hello Bob").await;
    assert_eq!(hears(&bob, "hello Bob").await, id);
    client.learns(&id, "delivered").await;
    bob.read(ann.jid()).await.unwrap();
    client.learns(&id, "read").await;
    let id = bob.send_text(ann.jid(), "hello Ann").await.unwrap();
    assert_eq!(client.hears("hello Ann").await, id);
    client.reads(bob.jid(), &id).await;
    let reader = ann.jid().to_string();
    patiently("that it was read", bob.wait_for_progress(&id, move |sent| sent.read_by.contains(&reader)))
        .await
        .unwrap();
    assert_all_is_well(&world);
}

async fn linked_by_a_typed_code_it_writes_and_hears(kind: Kind) {
    let People { world, ann, bob, .. } = people().await;
    let mut client = Talker::typed(kind, &world.network, &ann).await;
    client.writes(bob.jid(), "by code").await;
    hears(&bob, "by code").await;
    bob.send_text(ann.jid(), "by phone").await.unwrap();
    client.hears("by phone").await;
    assert_all_is_well(&world);
}

async fn images_pass_both_ways(kind: Kind) {
    let People { world, ann, bob, .. } = people().await;
    let mut client = Talker::scanned(kind, &world.network, &ann).await;
    client.shows_image(bob.jid(), &picture(1)).await;
    let is_file = |kept: &LoggedMessage| matches!(kept.body.content, Content::File(_));
    let id = patiently("an image", bob.wait_for_message(is_file)).await.unwrap().id;
    assert_eq!(bob.file(&id).await.unwrap().1, picture(1));
    let file = NewFile {
        file: FileKind::Image,
        mime_type: "image/jpeg".to_owned(),
        caption: None,
        file_name: None,
        seconds: None,
        bytes: picture(2),
    };
    bob.send_file(ann.jid(), file).await.unwrap();
    assert_eq!(client.sees_image().await, hash(&picture(2)));
    assert_all_is_well(&world);
}

async fn a_group_hears_it_and_is_heard(kind: Kind) {
    let People { world, phones, ann, bob } = people().await;
    let cy = phones.add("15550003", "Cy").await.unwrap();
    let mut client = Talker::scanned(kind, &world.network, &ann).await;
    let members = [ann.number().to_owned(), cy.number().to_owned()];
    let group = bob.create_group("Cooks", &members, Naming::Lid).unwrap();
    for turn in 0..2 {
        client.writes(&group, &format!("to all {turn}")).await;
        hears(&bob, &format!("to all {turn}")).await;
        hears(&cy, &format!("to all {turn}")).await;
        bob.send_text(&group, &format!("from Bob {turn}")).await.unwrap();
        client.hears(&format!("from Bob {turn}")).await;
    }
    assert_all_is_well(&world);
}

async fn a_cut_and_an_absence_lose_nothing(kind: Kind) {
    let People { world, ann, bob, .. } = people().await;
    let mut client = Talker::scanned(kind, &world.network, &ann).await;
    bob.send_text(ann.jid(), "before").await.unwrap();
    client.hears("before").await;
    assert!(world.network.cut(&ann.account().device(1).unwrap()));
    for turn in 0..5 {
        bob.send_text(ann.jid(), &format!("after the cut {turn}")).await.unwrap();
    }
    client.returns_from_a_cut(&world.network).await;
    for turn in 0..5 {
        client.hears(&format!("after the cut {turn}")).await;
    }
    let meanwhile = async {
        for turn in 0..20 {
            bob.send_text(ann.jid(), &format!("while away {turn}")).await.unwrap();
        }
    };
    let mut client = client.stays_away(&world.network, meanwhile).await;
    for turn in 0..20 {
        client.hears(&format!("while away {turn}")).await;
    }
    client.writes(bob.jid(), "back again").await;
    hears(&bob, "back again").await;
    assert_all_is_well(&world);
}

/// Ann and Bob each have a client; what one sends, the other receives.
async fn two_clients_talk(one: Kind, other: Kind) {
    let People { world, ann, bob, .. } = people().await;
    let mut one = Talker::scanned(one, &world.network, &ann).await;
    let mut other = Talker::scanned(other, &world.network, &bob).await;
    for turn in 0..3 {
        let id = one.writes(bob.jid(), &format!("question {turn}")).await;
        assert_eq!(other.hears(&format!("question {turn}")).await, id);
        one.learns(&id, "delivered").await;
        let id = other.writes(ann.jid(), &format!("answer {turn}")).await;
        assert_eq!(one.hears(&format!("answer {turn}")).await, id);
        other.learns(&id, "delivered").await;
    }
    one.shows_image(bob.jid(), &picture(3)).await;
    assert_eq!(other.sees_image().await, hash(&picture(3)));
    other.shows_image(ann.jid(), &picture(4)).await;
    assert_eq!(one.sees_image().await, hash(&picture(4)));
    let group = ann.create_group("Two", &[bob.number().to_owned()], Naming::Number).unwrap();
    for turn in 0..2 {
        one.writes(&group, &format!("to the group {turn}")).await;
        other.hears(&format!("to the group {turn}")).await;
        other.writes(&group, &format!("from the group {turn}")).await;
        one.hears(&format!("from the group {turn}")).await;
    }
    assert_all_is_well(&world);
}

/// Runs each scenario with each kind of client.
macro_rules! with_each_kind {
    ($($story:ident),+ $(,)?) => {
        mod with_whatsapp_rust {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                Box::pin(super::$story(super::Kind::WhatsappRust)).await;
            })+
        }
        mod with_baileys {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                Box::pin(super::$story(super::Kind::Baileys)).await;
            })+
        }
        mod with_whatsmeow {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                Box::pin(super::$story(super::Kind::Whatsmeow)).await;
            })+
        }
    };
}

with_each_kind! {
    linked_by_a_scanned_code_it_writes_hears_and_learns_how_far_it_got,
    linked_by_a_typed_code_it_writes_and_hears,
    images_pass_both_ways,
    a_group_hears_it_and_is_heard,
    a_cut_and_an_absence_lose_nothing,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_whatsapp_rust_clients_talk() {
    Box::pin(two_clients_talk(Kind::WhatsappRust, Kind::WhatsappRust)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_baileys_clients_talk() {
    Box::pin(two_clients_talk(Kind::Baileys, Kind::Baileys)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_one_kind_talks_with_one_of_the_other() {
    Box::pin(two_clients_talk(Kind::WhatsappRust, Kind::Baileys)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsmeow_talks_with_whatsapp_rust() {
    Box::pin(two_clients_talk(Kind::Whatsmeow, Kind::WhatsappRust)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsmeow_talks_with_baileys() {
    Box::pin(two_clients_talk(Kind::Whatsmeow, Kind::Baileys)).await;
}
