//! Polls, votes and encrypted edits between phones and the other two clients.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use simulator::phone::LoggedMessage;
use simulator::phone::content::{Content, EditForm};
use simulator::phone::rng::hex;
use simulator::runtime::{Person, Phones};
use whatsapp_rust::prelude::*;

use crate::baileys::Baileys;
use crate::client::Client;
use crate::world::{World, patiently};

async fn people(world: &World) -> (Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add("15550001", "Ann").await.unwrap(), phones.add("15550002", "Bob").await.unwrap());
    (phones, ann, bob)
}

fn options() -> Vec<String> {
    ["tea", "coffee"].map(str::to_owned).to_vec()
}

fn poll() -> Content {
    Content::Poll { question: "What will it be?".to_owned(), options: options(), selectable: 1 }
}

/// The first message in which `find` finds something.
async fn message<T>(client: &Client, what: &str, find: impl Fn(&wa::Message) -> Option<T>) -> T {
    let find = |event: &Event| match event {
        Event::Messages(batch) => batch.messages.iter().find_map(|message| find(&message.message)),
        _ => None,
    };
    client.event(what, find).await
}

fn has_voted(id: &str, voter: &Person, option: &str) -> impl Fn(&LoggedMessage) -> bool + Clone + Send + 'static {
    let (id, voter, option) = (id.to_owned(), voter.jid().to_string(), option.to_owned());
    move |kept| kept.id == id && kept.votes.get(&voter).is_some_and(|chosen| *chosen == [option.as_str()])
}

async fn linked(world: &World, person: &Person) -> Client {
    let client = Client::start(&world.network).await;
    patiently("the link", person.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_votes_in_the_poll_of_a_phone_and_reads_its_votes() {
    let world = World::new().await;
    let (_phones, ann, bob) = people(&world).await;
    let client = linked(&world, &ann).await;
    let asked = bob.send(ann.jid(), poll()).await.unwrap();
    let secret = message(&client, "the poll", |message| {
        message.poll_creation_message_v3.as_option()?;
        message.message_context_info.as_option()?.message_secret.clone()
    })
    .await;
    client.client.polls().vote(bob.jid(), &asked, bob.jid(), &secret, &options()[1..]).await.unwrap();
    patiently("the vote", bob.wait_for_message(has_voted(&asked, &ann, "coffee"))).await.unwrap();

    let (sent, secret) = client.client.polls().create(bob.jid(), "And you?", &options(), 1).await.unwrap();
    let id = sent.message_id.to_string();
    let is_it = id.clone();
    patiently("the client's poll", bob.wait_for_message(move |kept| kept.id == is_it)).await.unwrap();
    bob.vote(ann.jid(), &id, &options()[..1]).await.unwrap();
    let vote = message(&client, "the phone's vote", |message| {
        message.poll_update_message.as_option()?.vote.as_option().cloned()
    })
    .await;
    let sealed = whatsapp_rust::features::PollVoteCiphertext {
        enc_payload: vote.enc_payload.as_deref().unwrap(),
        enc_iv: vote.enc_iv.as_deref().unwrap(),
    };
    let chosen = client.client.polls().decrypt_vote(sealed, &secret, &id, ann.jid(), bob.jid()).await.unwrap();
    assert_eq!(chosen, [Sha256::digest("tea").to_vec()]);
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_of_a_phone_reach_a_client_in_every_form_and_sealed_ones_of_a_client_the_phone() {
    let world = World::new().await;
    let (_phones, ann, bob) = people(&world).await;
    let client = linked(&world, &ann).await;
    for (number, form) in [EditForm::Plain, EditForm::Wrapped, EditForm::Encrypted].into_iter().enumerate() {
        let id = bob.send_text(ann.jid(), "helo").await.unwrap();
        let text = format!("hello {number}");
        bob.edit_as(ann.jid(), &id, &text, form).await.unwrap();
        let about = message(&client, &text, |message| {
            let message = message.edited_message.as_option().and_then(|it| it.message.as_option()).unwrap_or(message);
            let edit = message.protocol_message.as_option()?;
            let is_it = edit.edited_message.as_option()?.conversation.as_deref() == Some(&*text);
            is_it.then(|| edit.key.as_option()?.id.clone()).flatten()
        })
        .await;
        assert_eq!(about, id, "{form:?}");
    }
    let mut original = crate::client::text_message("helo");
    let context = wa::MessageContextInfo { message_secret: Some(vec![7; 32]), ..Default::default() };
    original.message_context_info = waproto::buffa::MessageField::some(context);
    let id = client.client.send_message(bob.jid(), original).await.unwrap().message_id.to_string();
    let edited = crate::client::text_message("hello");
    client.client.edit_message_encrypted(bob.jid(), id.clone(), &[7; 32], edited).await.unwrap();
    let is_edited = move |kept: &LoggedMessage| kept.id == id && kept.edited.as_deref() == Some("hello");
    patiently("the new text", bob.wait_for_message(is_edited)).await.unwrap();
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_reads_the_votes_of_a_phone() {
    let world = World::new().await;
    let (_phones, ann, bob) = people(&world).await;
    let mut client = Baileys::start().await;
    client.connect(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.opened().await;
    let ask = json!({"to": bob.jid().to_string(), "text": "What will it be?", "options": options(), "count": 1});
    let id = client.command("poll", ask).await["id"].as_str().unwrap().to_owned();
    let is_it = id.clone();
    patiently("the poll", bob.wait_for_message(move |kept| kept.id == is_it)).await.unwrap();
    bob.vote(ann.jid(), &id, &options()[..1]).await.unwrap();
    let vote = client.until("message", |message| message["kind"] == "vote").await;
    assert_eq!((&vote["about"], &vote["hashes"]), (&json!(id), &json!([hex(&Sha256::digest("tea"))])));
    world.assert_nothing_unknown();
}
