//! The same seed produces the same fault log, with real clients and otherwise arbitrary timing.

use simulator::faults::{Fault, FaultLog, HowOften, PlannedFault, Scope};
use simulator::server::network::Settings;

use crate::client::{Client, text_message};
use crate::phone::Phone;
use crate::world::World;

const TEXTS: usize = 12;

/// What the faults of one run did.
async fn faults_of_a_run(seed: u64) -> FaultLog {
    let world = World::with(Settings { seed, ..Settings::default() }).await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let scope = Scope { account: Some("15550001".to_owned()), device: Some(1), ..Scope::default() };
    for fault in [Fault::AckNacked { code: 463 }, Fault::MessageDuplicated { copies: 1 }] {
        let scope = Scope { how_often: HowOften::Probability(0.5), ..scope.clone() };
        world.network.add_fault(PlannedFault { fault, scope }).unwrap();
    }
    // Both directions at once, in any order.
    tokio::join!(write(&client, &bob), answer(&bob, &client, &ann));
    let log = world.network.faults().log();
    assert_eq!((log.left_out, log.uncounted), (0, 0));
    log
}

async fn write(client: &Client, bob: &Phone) {
    for turn in 0..TEXTS {
        let sent = client.client.send_message(bob.jid(), text_message(&format!("text {turn}"))).await.unwrap();
        client.acknowledged(&sent.message_id).await;
    }
}

async fn answer(bob: &Phone, client: &Client, ann: &Phone) {
    for turn in 0..TEXTS {
        bob.write(&ann.jid(), &format!("answer {turn}")).await;
        client.wait_for_message(&format!("answer {turn}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_has_the_same_log_of_faults() {
    let (first, again) = (faults_of_a_run(7).await, faults_of_a_run(7).await);
    assert!(!first.entries.is_empty());
    assert_eq!(first.fingerprint, again.fingerprint, "{first:#?}\n{again:#?}");
    assert_ne!(first.fingerprint, faults_of_a_run(8).await.fingerprint, "another seed decides otherwise");
}
