//! Linking a client, and logging in again.

use simulator::server::network::Settings;
use simulator::server::registration::PairingError;

use crate::client::Client;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_linked_by_its_code_and_connects_as_a_companion() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = Client::start(&world.network).await;
    let device = phone.scan(&client.qr().await).await.unwrap();
    client.connected().await;
    assert_eq!(device.number().to_string(), "15550001:1@s.whatsapp.net");
    assert!(device.is_connected());
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_good_once() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = Client::start(&world.network).await;
    let qr = client.qr().await;
    phone.scan(&qr).await.unwrap();
    client.connected().await;
    assert_eq!(phone.scan(&qr).await.err(), Some(PairingError::Unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_client_logs_in_again_after_a_stop_of_either_side() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = world.linked(&phone).await;
    let client = client.restart(&world.network).await;
    client.connected().await;
    let address = world.network.address().unwrap();
    world.network.stop().await;
    world.network.listen(address, axum::Router::new()).await.unwrap();
    client.connected_times(2).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_the_keys_of_an_earlier_one_is_the_same_to_its_clients() {
    let settings = Settings::default();
    let world = World::with(settings.clone()).await;
    assert_eq!(World::with(settings).await.network.root_key(), world.network.root_key());
    assert_ne!(World::new().await.network.root_key(), world.network.root_key());
}
