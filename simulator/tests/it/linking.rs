//! Linking a client, and logging in again.

use std::time::Duration;

use simulator::clock;
use simulator::faults::{Fault, Hook, LinkingEnd, PlannedFault, Scope};
use simulator::limits::STOP_WAIT_SECONDS;
use simulator::server::network::Settings;
use simulator::server::pairing::PairingError;
use simulator::wire::certificate::ServerKeys;
use simulator::wire::stanza::{Node, NodeBuilder, Read as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use whatsapp_rust::prelude::Event;

use crate::client::Client;
use crate::phone::SERVER;
use crate::world::{World, patiently};

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
async fn a_client_that_is_asked_to_shows_another_code_and_is_linked_by_it() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = Client::start(&world.network).await;
    let first = client.qr().await;
    world.network.renew_codes();
    let second = client.qr_other_than(&first).await;
    phone.scan(&second).await.unwrap();
    client.connected().await;
    world.assert_nothing_unknown();
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
    // It did not know the server when it registered and first logged in, and knows it since then.
    let handshakes = world.network.handshakes();
    assert_eq!((handshakes.xx, handshakes.ik, handshakes.xx_fallback), (2, 2, 0));
    assert_eq!(handshakes.edge_routed, 2);
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_not_finished_its_handshake_is_cut_off_when_the_port_is_closed() {
    let world = World::new().await;
    let mut socket = tokio::net::TcpStream::connect(world.network.address().unwrap()).await.unwrap();
    let request = "GET /ws/chat HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let limit = Duration::from_secs(STOP_WAIT_SECONDS / 2);
    assert!(clock::within(limit, world.network.stop()).await.is_some());
    patiently("the end of the connection", socket.read_to_end(&mut Vec::new())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on_with_a_server_that_has_other_keys() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = world.linked(&phone).await;
    world.network.renew_keys(&ServerKeys::generate()).unwrap();
    let client = client.restart(&world.network).await;
    client.connected().await;
    assert_eq!(world.network.handshakes().xx_fallback, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_the_keys_of_an_earlier_one_is_the_same_to_its_clients() {
    let settings = Settings::default();
    let world = World::with(settings.clone()).await;
    assert_eq!(World::with(settings).await.network.root_key(), world.network.root_key());
    assert_ne!(World::new().await.network.root_key(), world.network.root_key());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_linked_by_a_code_typed_into_the_phone() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = Client::start_with_code(&world.network, "15550001").await;
    let device = phone.type_code(&client.code().await).await;
    client.connected().await;
    assert!(device.is_connected());
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_signature_is_lost_is_not_linked() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let scope = Scope { hook: Some(Hook::LinkSigned), ..Scope::default() };
    let how = LinkingEnd::StreamEnd;
    world.network.add_fault(PlannedFault { fault: Fault::LinkingEnded { how }, scope }).unwrap();
    let client = Client::start(&world.network).await;
    assert_eq!(phone.scan(&client.qr().await).await.err(), Some(PairingError::Ended));
    client.event("its own word", |event| matches!(event, Event::PairSuccess(_)).then_some(())).await;
    assert!(client.logged_out().await);
    assert!(phone.account.device(1).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companions_of_one_phone_have_devices_of_their_own() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let (first, second) = (world.linked(&phone).await, world.linked(&phone).await);
    assert!(phone.device(1).is_connected() && phone.device(2).is_connected());
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_that_its_phone_unlinks_is_logged_out_and_stays_out() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = world.linked(&phone).await;
    let child = NodeBuilder::new("remove-companion-device").attr("jid", phone.device(1).number().clone()).build();
    let answer = phone.ask("md", "set", SERVER, vec![child]).await;
    assert_eq!(answer.text("type").as_deref(), Some("result"));
    assert!(!client.logged_out().await);
    let client = client.restart(&world.network).await;
    assert!(client.logged_out().await);
    assert!(phone.account.device(1).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_that_logs_out_is_no_device_any_more() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let client = world.linked(&phone).await;
    client.client.logout().await;
    phone.stanza("the list of devices", own_devices(1)).await;
    assert!(phone.account.device(1).is_none());
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_cannot_unlink_itself() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let child = NodeBuilder::new("remove-companion-device").attr("jid", phone.jid()).build();
    let answer = phone.ask("md", "set", SERVER, vec![child]).await;
    assert_eq!(answer.text("type").as_deref(), Some("error"));
    assert!(phone.device(0).is_connected());
}

/// Finds a notification that the account has this many devices.
fn own_devices(count: usize) -> impl Fn(&Node) -> Option<()> {
    move |node| {
        let is_device = |child: &&Node| child.tag == "device";
        (node.text("type")? == "account_sync" && node.child("devices")?.all().iter().filter(is_device).count() == count)
            .then_some(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_login_of_the_same_device_replaces_the_first() {
    let world = World::new().await;
    let phone = world.person("15550001", "Ann").await;
    let first = world.linked(&phone).await;
    let second = Client::resume(&world.network, first.backend()).await;
    second.connected().await;
    first.event("that it was replaced", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
}
