//! Votes and edits, encrypted with the secret of another message.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use simulator::phone::LoggedMessage;
use simulator::phone::content::{Content, EditForm};
use simulator::phone::rng::hex;
use simulator::server::account::Naming;

use super::{BOB, CYD, Whatsmeow, assert_checks_pass, client_and_people};
use crate::world::{World, patiently};

fn tea_or_coffee(selectable: u32) -> Content {
    let options = ["tea", "coffee", "water"].map(str::to_owned).to_vec();
    Content::Poll { question: "What will it be?".to_owned(), options, selectable }
}

/// What a vote for these options names.
fn hashes(options: &[&str]) -> Value {
    options.iter().map(|option| hex(&Sha256::digest(option))).collect()
}

async fn sees_a_vote(client: &mut Whatsmeow, poll: &str, options: &[&str]) {
    let vote = client.until("message", |message| message["kind"] == "vote").await;
    assert_eq!((&vote["about"], &vote["hashes"]), (&json!(poll), &hashes(options)), "{vote}");
}

/// Whether a person chose these options of a poll, as a phone shows it.
fn has_voted(id: &str, voter: String, options: &[&str]) -> impl Fn(&LoggedMessage) -> bool + Clone + Send + 'static {
    let (id, options): (_, Vec<String>) = (id.to_owned(), options.iter().map(|one| (*one).to_owned()).collect());
    move |kept| kept.id == id && kept.votes.get(&voter).is_some_and(|chosen| *chosen == options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_of_phones_in_its_polls_reach_it() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let poll = json!({"to": bob.jid().to_string(), "text": "Well?", "options": ["tea", "coffee"], "count": 0});
    let id = client.command("poll", poll).await["id"].as_str().unwrap().to_owned();
    let asked = id.clone();
    let shown = patiently("the poll", bob.wait_for_message(move |kept| kept.id == asked)).await.unwrap();
    assert_eq!(shown.body.content.summary(), "Well?");
    for chosen in [&["tea"][..], &["tea", "coffee"], &[]] {
        let options: Vec<String> = chosen.iter().map(|one| (*one).to_owned()).collect();
        bob.vote(ann.jid(), &id, &options).await.unwrap();
        sees_a_vote(&mut client, &id, chosen).await;
    }
    assert!(bob.vote(ann.jid(), &id, &["milk".to_owned()]).await.is_err());
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_votes_in_the_polls_of_phones_are_read() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    for selectable in [0, 1] {
        let id = bob.send(ann.jid(), tea_or_coffee(selectable)).await.unwrap();
        let poll = client.until("message", |message| message["id"] == id).await;
        assert_eq!((&poll["kind"], &poll["options"]), (&json!("poll"), &json!(["tea", "coffee", "water"])));
        let to = bob.jid().to_string();
        client.command("vote", json!({"to": to, "sender": to, "id": id, "options": ["coffee"]})).await;
        let is_there = has_voted(&id, ann.jid().to_string(), &["coffee"]);
        patiently("the vote", bob.wait_for_message(is_there)).await.unwrap();
    }
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_in_a_group_reach_everybody_however_it_names_its_members() {
    let world = World::new().await;
    let (mut client, phones, ann, bob) = client_and_people(&world).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    for naming in [Naming::Lid, Naming::Number] {
        let group = ann.create_group("Thirsty", &[BOB.to_owned(), CYD.to_owned()], naming).unwrap();
        let id = bob.send(&group, tea_or_coffee(1)).await.unwrap();
        client.until("message", |message| message["id"] == id).await;
        let asked = id.clone();
        patiently("the poll", cyd.wait_for_message(move |kept| kept.id == asked)).await.unwrap();
        cyd.vote(&group, &id, &["water".to_owned()]).await.unwrap();
        sees_a_vote(&mut client, &id, &["water"]).await;
        let is_there = has_voted(&id, cyd.jid().to_string(), &["water"]);
        patiently("the vote", bob.wait_for_message(is_there)).await.unwrap();
    }
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_of_a_phone_reach_it_in_every_form() {
    let world = World::new().await;
    let (mut client, phones, ann, bob) = client_and_people(&world).await;
    phones.add(CYD, "Cyd").await.unwrap();
    let group = ann.create_group("Friends", &[BOB.to_owned(), CYD.to_owned()], Naming::Lid).unwrap();
    for chat in [ann.jid(), &group] {
        for form in [EditForm::Plain, EditForm::Wrapped, EditForm::Encrypted] {
            let id = bob.send_text(chat, "helo").await.unwrap();
            client.reads("helo").await;
            bob.edit_as(chat, &id, "hello", form).await.unwrap();
            let edit = client.until("message", |message| message["kind"] == "edit").await;
            assert_eq!((&edit["about"], &edit["text"]), (&json!(id), &json!("hello")), "{form:?}: {edit}");
            let is_edited = move |kept: &LoggedMessage| kept.id == id && kept.edited.as_deref() == Some("hello");
            patiently("the new text on the phone", ann.wait_for_message(is_edited)).await.unwrap();
        }
    }
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}
