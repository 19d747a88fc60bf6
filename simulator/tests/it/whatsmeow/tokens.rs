//! Privacy tokens: a client that was written to has one, and attaches it when it writes back.

use serde_json::json;
use simulator::runtime::{Person, Phones};

use super::{ANN, BOB, Whatsmeow, assert_checks_pass, client_and_people, linked};
use crate::client::Client;
use crate::world::{World, hears, patiently};

/// Waits until it has somebody's token; returns it in hexadecimal.
async fn token(client: &mut Whatsmeow, of: &Person) -> String {
    patiently("the token", async {
        loop {
            let kept = client.command("privacy_token", json!({"to": of.jid().to_string()})).await;
            if let Some(token) = kept["token"].as_str().filter(|token| !token.is_empty()) {
                return token.to_owned();
            }
            simulator::clock::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_client_is_kept() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let other = Client::start(&world.network).await;
    patiently("the link", bob.scan(&other.qr().await)).await.unwrap();
    other.connected().await;
    other.send(ann.jid(), "take this token").await;
    client.reads("take this token").await;
    let kept = token(&mut client, &bob).await;
    let id = client.send_text(&bob.jid().to_string(), "with the token").await;
    assert_eq!(world.token_shown_with(&id), kept);
    other.wait_for_message("with the token").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_a_phone_is_kept_and_shown_when_it_writes_back() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let to = bob.jid().to_string();
    let id = client.send_text(&to, "without a token").await;
    assert_eq!(world.token_shown_with(&id), "");
    hears(&bob, "without a token").await;
    bob.send_text(ann.jid(), "now you may").await.unwrap();
    client.reads("now you may").await;
    let kept = token(&mut client, &bob).await;
    let id = client.send_text(&to, "with the token").await;
    assert_eq!(world.token_shown_with(&id), kept);
    hears(&bob, "with the token").await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_client_gets_its_persons_tokens_with_the_history() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    bob.send_text(ann.jid(), "before the client").await.unwrap();
    hears(&ann, "before the client").await;
    world.until_token_came(ann.jid()).await;
    let mut client = linked(&world, &ann).await;
    let kept = token(&mut client, &bob).await;
    let id = client.send_text(&bob.jid().to_string(), "with the token").await;
    assert_eq!(world.token_shown_with(&id), kept);
    client.ends_well(&world).await;
}
