//! Texts, files, reactions, edits and deletions, in both directions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use simulator::phone::NewFile;
use simulator::phone::content::Content;
use simulator::phone::file::FileKind;
use simulator::phone::rng::hex;

use super::{assert_checks_pass, client_and_people, linked};
use crate::conversations::{a_phones_changes_reach_it, its_changes_reach_a_phone, two_write_to_each_other};
use crate::world::{World, eventually, hears, patiently};

const FILE: &[u8] = b"not really a file of its kind, but bytes are bytes";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_pass_both_ways() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let id = client.send_text(&bob.jid().to_string(), "hello Bob").await;
    assert_eq!(hears(&bob, "hello Bob").await, id);
    let copy = ann.wait_for_message(move |kept| kept.from_me && kept.id == id);
    patiently("the copy on the own phone", copy).await.unwrap();
    let id = bob.send_text(ann.jid(), "hello Ann").await.unwrap();
    let message = client.reads("hello Ann").await;
    assert_eq!(
        (message["id"].as_str(), &message["from_me"], &message["name"]),
        (Some(&*id), &json!(false), &json!("Bob"))
    );
    let id = ann.send_text(bob.jid(), "from my phone").await.unwrap();
    let copy = client.reads("from my phone").await;
    assert_eq!((copy["id"].as_str(), &copy["from_me"]), (Some(&*id), &json!(true)));
    assert_eq!(copy["chat"], bob.jid().to_string());
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_to_a_hidden_id_arrive() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let lid = bob.account().lid().to_string();
    for number in 0..3 {
        client.send_text(&lid, &format!("by lid {number}")).await;
        hears(&bob, &format!("by lid {number}")).await;
    }
    bob.send_text(ann.jid(), "and back").await.unwrap();
    client.reads("and back").await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_file_reaches_a_phone() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    for (kind, wanted) in [
        ("image", FileKind::Image),
        ("video", FileKind::Video),
        ("audio", FileKind::Audio),
        ("voice", FileKind::Voice),
        ("document", FileKind::Document),
        ("sticker", FileKind::Sticker),
    ] {
        let file = json!({
            "to": bob.jid().to_string(), "kind": kind, "base64": STANDARD.encode(FILE), "mime_type": "application/x-test",
            "caption": "look", "file_name": "a.bin",
        });
        let id = client.command("send_file", file).await["id"].as_str().unwrap().to_owned();
        let is_it = id.clone();
        let shown = patiently(kind, bob.wait_for_message(move |kept| kept.id == is_it)).await.unwrap();
        let Content::File(attachment) = shown.body.content else { panic!("{kind}: {shown:?}") };
        assert_eq!(attachment.file, wanted, "{kind}");
        assert_eq!(bob.file(&id).await.unwrap().1, FILE, "{kind}");
    }
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_file_of_a_phone_reaches_it() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    for (kind, file) in [
        ("image", FileKind::Image),
        ("video", FileKind::Video),
        ("audio", FileKind::Audio),
        ("voice", FileKind::Voice),
        ("document", FileKind::Document),
        ("sticker", FileKind::Sticker),
    ] {
        let sent = NewFile {
            file,
            mime_type: "application/x-test".to_owned(),
            caption: (kind == "image").then(|| "look".to_owned()),
            file_name: (kind == "document").then(|| "a.bin".to_owned()),
            seconds: None,
            bytes: FILE.to_vec(),
        };
        bob.send_file(ann.jid(), sent).await.unwrap();
        let shown = client.until("message", |message| message["kind"] == kind).await;
        assert_eq!(shown["sha256"], hex(&Sha256::digest(FILE)), "{shown}");
    }
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_reactions_edits_and_deletions_reach_a_phone() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    its_changes_reach_a_phone(&mut client, &ann, &bob).await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phones_reactions_edits_and_deletions_reach_it() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let liked = a_phones_changes_reach_it(&mut client, &ann, &bob).await;
    bob.reply(ann.jid(), &liked, "and an answer").await.unwrap();
    assert_eq!(client.reads("and an answer").await["about"], liked);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_while_it_was_away_waits_for_it() {
    let world = World::new().await;
    let (client, _phones, ann, bob) = client_and_people(&world).await;
    let mut client = client.restart().await;
    for number in 0..20 {
        bob.send_text(ann.jid(), &format!("number {number}")).await.unwrap();
    }
    eventually("all to wait", || ann.account().device(1).unwrap().waiting() >= 20).await;
    client.connect(&world.network).await;
    client.opened().await;
    let preview = client.until("offline_preview", |_| true).await;
    assert!(preview["messages"].as_u64() >= Some(20), "{preview}");
    for number in 0..20 {
        client.reads(&format!("number {number}")).await;
    }
    client.until("offline_done", |event| event["count"].as_u64() >= Some(20)).await;
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_write_to_each_other() {
    let world = World::new().await;
    let (mut first, _phones, ann, bob) = client_and_people(&world).await;
    let mut second = linked(&world, &bob).await;
    let (one, other) = (ann.jid().to_string(), bob.jid().to_string());
    two_write_to_each_other((&mut first, &one), (&mut second, &other)).await;
    assert_checks_pass(&world);
    first.ends_well(&world).await;
    second.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_its_sender_sends_again_comes_again() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let id = bob.send_text(ann.jid(), "once or twice").await.unwrap();
    client.reads("once or twice").await;
    bob.resend(&id).await.unwrap();
    assert_eq!(client.reads("once or twice").await["id"], id);
    let again = json!({"to": bob.jid().to_string(), "text": "once", "id": "SAMEID01"});
    for _ in 0..2 {
        client.command("send_text", again.clone()).await;
    }
    client.send_text(&bob.jid().to_string(), "last").await;
    hears(&bob, "last").await;
    let shown = bob.received().await.unwrap().iter().filter(|kept| kept.id == "SAMEID01").count();
    assert_eq!(shown, 1, "an application shows an id once");
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}
