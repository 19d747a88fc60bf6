//! The rule by which messages move (`message::next`, tested exhaustively beside it) is the one that the databases follow: every
//! story of two happenings from every state, for one recipient and for each member of a group.

use std::sync::Arc;

use serde_json::json;
use wachat::message::{Happening, State, next};
use wachat::store::{Accept, Change, Lease, Outcome, Step, Store};

use crate::stores::{DEVICE, NOW, founded, message};
use crate::world::{ALICE, World, eventually, stories};

const HAPPENINGS: [Happening; 4] = [Happening::Acknowledged, Happening::Delivered, Happening::Read, Happening::GivenUp];
/// States that the store keeps; `U` is how `Q` is shown.
const STORED: [State; 5] = [State::Queue, State::Sent, State::Delivered, State::Read, State::Aborted];

fn step(happening: Happening, at: i64, member: Option<&str>) -> Step {
    let member = member.map(str::to_owned);
    match happening {
        Happening::Acknowledged => Step::Sent { at },
        Happening::Delivered => Step::Delivered { at, member },
        Happening::Read => Step::Read { at, member },
        Happening::GivenUp => Step::Aborted { at, reason: "given up".into(), attempts: 1, uncounted: None },
    }
}

/// What leads from the queue to a state.
fn way_to(state: State) -> &'static [Happening] {
    match state {
        State::Unsend | State::Queue => &[],
        State::Sent => &[Happening::Acknowledged],
        State::Delivered => &[Happening::Acknowledged, Happening::Delivered],
        State::Read => &[Happening::Acknowledged, Happening::Delivered, Happening::Read],
        State::Aborted => &[Happening::GivenUp],
    }
}

async fn state_after(store: &Store, lease: &Lease, steps: Vec<Step>) -> State {
    let message = message(DEVICE, "hello");
    let ref_no = message.ref_no.clone();
    store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None }).await.expect("accepted");
    let of = |step| Change::Step { ref_no: ref_no.clone(), step };
    let outcomes = store.record(lease, Arc::new(steps.into_iter().map(of).collect())).await.expect("stored");
    let found = store.find_message(1, &ref_no).await.expect("readable").expect("there");
    // A date is there as soon as its state is reached, and not before.
    let reached = [found.sent_at.is_some(), found.delivered_at.is_some(), found.read_at.is_some()];
    let state = State::from_letter(&found.status).expect("a state");
    let wanted = match state {
        State::Unsend | State::Queue => [false, false, false],
        State::Sent => [true, false, false],
        State::Delivered => [true, true, false],
        State::Read => [true, true, true],
        State::Aborted => reached,
    };
    assert_eq!(reached, wanted, "{state:?}");
    // What was done is told step by step, and nothing is told that was not done.
    let mut told = State::Queue;
    for outcome in outcomes {
        if let Outcome::Moved { from, to } = outcome {
            assert!(from == told && from != to, "{from:?} {to:?}");
            told = to;
        }
    }
    assert_eq!(told, state);
    state
}

/// Every state with every two happenings, and where the rule leads.
fn cases() -> impl Iterator<Item = (Vec<Happening>, State)> {
    STORED.into_iter().flat_map(|state| {
        let pairs = HAPPENINGS.into_iter().flat_map(|first| HAPPENINGS.into_iter().map(move |second| [first, second]));
        pairs.map(move |pair| {
            let happened = [way_to(state), &pair[..]].concat();
            let wanted = pair.iter().fold(state, |state, happening| next(state, *happening));
            (happened, wanted)
        })
    })
}

/// How often messages of a world's device reached a state, as its metrics say.
async fn counted(world: &World, state: &str) -> f64 {
    let name = format!("wachat_device_message_states_total{{device=\"{}\",state=\"{state}\"}}", world.device_id);
    let metrics = world.client.ask("GET", "/metrics", &[], None).await.text;
    let value = metrics.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} in {metrics}"))
}

stories! {
    async fn a_message_is_counted_once_in_each_state_that_it_reaches_however_it_gets_there(database: Database) {
        let world = World::held(database).await;
        let read = world.send(ALICE, "hello").await;
        world.until(&read, "R").await;
        let path = format!("/devices/{}", world.device_id);
        assert_eq!(world.client.manage("PATCH", &path, Some(json!({"paused": true}))).await.status, 200);
        let late = world.send_with(json!({"destination": ALICE, "message": "late", "timeout": 1})).await;
        world.until(&late, "A").await;
        let cancelled = world.send(ALICE, "cancelled").await;
        assert_eq!(world.client.manage("POST", &format!("/messages/{cancelled}/cancel"), None).await.status, 200);
        eventually("each is counted once", async || {
            let counts = [counted(&world, "S").await, counted(&world, "D").await, counted(&world, "R").await, counted(&world, "A").await];
            if counts == [1.0, 1.0, 1.0, 2.0] { Ok(()) } else { Err(format!("{counts:?}")) }
        })
        .await;
        world.stop().await;
    }

    async fn a_database_moves_a_message_as_the_rule_says(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = store.lease_devices("a", NOW, i64::MAX).await.expect("leased").remove(0);
        for (happened, wanted) in cases() {
            let steps = happened.iter().zip(1..).map(|(happening, at)| step(*happening, at, None)).collect();
            assert_eq!(state_after(&store, &lease, steps).await, wanted, "{happened:?}");
        }
        store.close().await;
    }

    async fn a_database_moves_a_groups_message_by_the_least_of_its_members(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = store.lease_devices("a", NOW, i64::MAX).await.expect("leased").remove(0);
        // One member goes the whole way first: the other alone decides, by the same rule.
        for (happened, wanted) in cases() {
            let mut steps = vec![Step::Counted { members: 2 }];
            let mut is_given_up = false;
            for (happening, at) in happened.iter().zip(1..) {
                is_given_up |= *happening == Happening::GivenUp;
                steps.push(step(*happening, at, Some("one")));
            }
            // A member's receipt says, too, that the message was sent.
            let alone = state_after(&store, &lease, steps.clone()).await;
            let sent = happened.iter().any(|happening| matches!(happening, Happening::Acknowledged | Happening::Delivered | Happening::Read));
            let lowest = match wanted {
                State::Aborted => State::Aborted,
                _ if sent => State::Sent,
                other => other,
            };
            assert_eq!(alone, lowest, "{happened:?}");
            steps.extend(happened.iter().zip(100..).filter(|(happening, _)| **happening != Happening::GivenUp).map(|(happening, at)| step(*happening, at, Some("other"))));
            let both = state_after(&store, &lease, steps).await;
            assert_eq!(both, wanted, "{happened:?} {is_given_up}");
        }
        store.close().await;
    }
}
