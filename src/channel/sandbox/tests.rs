//! What each recipient of the block plays, on a held clock.

use std::time::Duration;

use super::super::Body;
use super::*;

struct Stage {
    clock: Clock,
    sandbox: Sandbox,
    events: mpsc::Receiver<Event>,
}

fn stage() -> Stage {
    let clock = Clock::held(1_000_000);
    let (told, events) = mpsc::channel(64);
    Stage { sandbox: Sandbox::open(clock.clone(), told), clock, events }
}

fn to(destination: &str, is_group: bool) -> Outgoing {
    let (ref_no, body) = (RefNo::new(&Clock::system()), Body::Text("hello".into()));
    Outgoing { ref_no, destination: destination.into(), is_group, is_again: false, expires_at: Millis::MAX, body }
}

impl Stage {
    /// What is told within `wait` of the held clock, as letters: A, D, R.
    async fn told(&mut self, wait: Duration) -> String {
        for _ in 0..100 {
            self.clock.advance(wait / 100);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        let mut letters = String::new();
        while let Ok(event) = self.events.try_recv() {
            letters.push(match event {
                Event::Acknowledged { .. } => 'A',
                Event::Receipt { kind: ReceiptKind::Delivered, .. } => 'D',
                Event::Receipt { kind: ReceiptKind::Read, .. } => 'R',
                Event::State(health) if health.state == DeviceState::Online => continue,
                other => panic!("{other:?}"),
            });
        }
        letters
    }
}

#[tokio::test]
async fn every_number_of_the_block_plays_its_part_and_no_other_does() {
    for (destination, wait_seconds, wanted) in [
        ("628111111111", 1, "ADR"),
        ("628111110002", 100, "A"),
        ("628111110003", 100, "AD"),
        ("628111110004", 4, ""),
        ("628111110004", 16, "ADR"),
        ("628111110005", 50, "A"),
        ("628111110005", 70, "ADR"),
        ("628111110007", 1, "RAD"),
        ("628111110008", 1, "ADDRR"),
        ("628111110009", 100, ""),
        // Not of the block: other lengths, other beginnings, hidden ids.
        ("6281234560002", 1, "ADR"),
        ("6281111110002", 1, "ADR"),
        ("62811111110002", 1, "ADR"),
        ("4915112340009", 1, "ADR"),
        ("99887766550001@lid", 1, "ADR"),
    ] {
        let mut stage = stage();
        stage.sandbox.send(&to(destination, false)).await.unwrap();
        assert_eq!(stage.told(Duration::from_secs(wait_seconds)).await, wanted, "{destination}");
    }
}

#[tokio::test]
async fn a_number_that_is_not_on_whatsapp_is_refused_for_good_and_a_stranger_once() {
    let stage = stage();
    let stranger = to("628111110010", false);
    assert!(matches!(stage.sandbox.send(&stranger).await, Err(SendFault::Stranger)));
    assert!(stage.sandbox.send(&stranger).await.is_ok());
    assert!(matches!(stage.sandbox.send(&to("628111110001", false)).await, Err(SendFault::Never(_))));
}

#[tokio::test]
async fn the_third_attempt_to_a_refusing_number_goes() {
    let mut stage = stage();
    let message = to("628111110006", false);
    for _ in 0..2 {
        assert!(matches!(stage.sandbox.send(&message).await, Err(SendFault::Retry(_))));
    }
    stage.sandbox.send(&message).await.unwrap();
    assert_eq!(stage.told(Duration::from_secs(1)).await, "ADR");
}

#[tokio::test]
async fn a_message_sent_again_is_acknowledged_and_not_shown_again() {
    let mut stage = stage();
    let message = to("628111110009", false);
    stage.sandbox.send(&message).await.unwrap();
    stage.sandbox.send(&message).await.unwrap();
    assert_eq!(stage.told(Duration::from_secs(1)).await, "A");
}

#[tokio::test]
async fn each_member_of_a_group_delivers_and_reads() {
    let mut stage = stage();
    stage.sandbox.send(&to("120363025246125486", true)).await.unwrap();
    let told = stage.told(Duration::from_secs(1)).await;
    assert_eq!((told.matches('D').count(), told.matches('R').count()), (3, 3));
}

#[tokio::test]
async fn messages_of_before_a_restart_go_on() {
    let mut stage = stage();
    let ref_no = RefNo::new(&Clock::system());
    let sent = Sent { ref_no, destination: "628111111111".into(), is_group: false, delivered: false };
    stage.sandbox.remember(vec![sent]).await;
    assert_eq!(stage.told(Duration::from_secs(1)).await, "DR");
}

#[tokio::test]
async fn a_group_of_the_block_plays_its_part_and_no_other_does() {
    for (group, wanted) in [
        ("120363000000000003", "ADDD"),
        ("120363025246120003", "ADDDRRR"),
        ("628111110003", "ADDDRRR"),
        ("628111110003-1600000000", "ADDDRRR"),
    ] {
        let mut stage = stage();
        stage.sandbox.send(&to(group, true)).await.unwrap();
        let mut told: Vec<char> = stage.told(Duration::from_secs(1)).await.chars().collect();
        told.sort_unstable();
        assert_eq!(told.into_iter().collect::<String>(), wanted, "{group}");
    }
}
