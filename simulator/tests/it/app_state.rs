//! App state shared by the devices of an account.

use whatsapp_rust::prelude::*;

use crate::client::Client;
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_companion_changes_the_other_learns() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let (one, other) = (world.linked(&ann).await, world.linked(&ann).await);
    pin(&one, &bob.jid()).await;
    let version = || world.network.collection_version(&ann.account, "regular_low");
    eventually("the patch", || version() == 1).await;
    other.event("the pin", |event| matches!(event, Event::PinUpdate(_)).then_some(())).await;
    // Made by the other companion on top of it: the server only accepts patches on the latest version.
    other.client.chat_actions().unpin_chat(&bob.jid()).await.unwrap();
    eventually("the next patch", || version() == 2).await;
    world.assert_nothing_unknown();
}

/// Pins a chat once the client has the app state key.
async fn pin(client: &Client, chat: &Jid) {
    crate::world::patiently("the key of app state", async {
        while Box::pin(client.client.chat_actions().pin_chat(chat)).await.is_err() {
            simulator::clock::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}
