//! Equal seeds produce equal logs, however connections interleave.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn planned(json: serde_json::Value) -> PlannedFault {
    serde_json::from_value(json).expect("a fault")
}

/// One chat of one device, as played by the tests below: device, chat, number of hook calls.
#[derive(Debug, Clone)]
struct Conversation {
    device: DeviceName,
    chat: String,
    hook_calls: usize,
}

fn conversations() -> impl Strategy<Value = Vec<Conversation>> {
    let pairs: Vec<(u16, u16)> = (1..4).flat_map(|device| (1..4).map(move |chat| (device, chat))).collect();
    proptest::collection::vec(0usize..12, pairs.len()).prop_map(move |counts| {
        let all = pairs.iter().zip(counts);
        all.map(|((device, chat), hook_calls)| Conversation {
            device: DeviceName::new(format!("1555000{device}"), *device),
            chat: format!("1666000{chat}"),
            hook_calls,
        })
        .collect()
    })
}

/// Interleaves the conversations' hook calls in some order.
fn interleaved(conversations: &[Conversation]) -> impl Strategy<Value = Vec<usize>> + use<> {
    let turns = conversations.iter().enumerate();
    let turns: Vec<usize> = turns.flat_map(|(index, conversation)| vec![index; conversation.hook_calls]).collect();
    Just(turns).prop_shuffle()
}

fn everything_at_random(seed: u64) -> Plan {
    let plan = Plan::new(seed);
    for (fault, how_often) in [
        (json!({"kind": "ack_dropped"}), json!({"probability": 0.3})),
        (json!({"kind": "ack_nacked", "code": 463}), json!({"every": 3})),
        (json!({"kind": "message_duplicated", "copies": 1}), json!({"probability": 0.5})),
        (json!({"kind": "receipt_held", "behind": 2}), json!({"next": 4})),
        (json!({"kind": "not_on_whatsapp"}), json!({"probability": 0.2})),
    ] {
        plan.add(planned(json!({"fault": fault, "scope": {"how_often": how_often}}))).expect("possible");
    }
    plan
}

/// One call of every hook; the ids differ from run to run, as clients choose them.
fn play(plan: &Plan, Conversation { device, chat, .. }: &Conversation, id: &str) -> String {
    let from = DeviceName::new(chat.as_str(), 0);
    let arrival = Arrival { device, from: &from, chat, stanza_type: "text", id };
    let decisions = (
        plan.on_message(&Sending { device, chat, stanza_type: "text", id, is_first_contact: false }),
        plan.on_delivery(&arrival),
        plan.on_receipt(&arrival),
        plan.on_usync(&Lookup { device, number: chat }),
    );
    format!("{decisions:?}")
}

fn run(seed: u64, conversations: &[Conversation], turns: &[usize], name: &str) -> (FaultLog, Vec<Vec<String>>) {
    let plan = everything_at_random(seed);
    let mut decisions = vec![Vec::new(); conversations.len()];
    for (number, index) in turns.iter().enumerate() {
        decisions[*index].push(play(&plan, &conversations[*index], &format!("{name}{number}")));
    }
    (plan.log(), decisions)
}

proptest! {
    #[test]
    fn one_seed_gives_one_log_however_connections_interleave(
        (seed, all, one, other) in conversations().prop_flat_map(|all| {
            let (one, other) = (interleaved(&all), interleaved(&all));
            (any::<u64>(), Just(all), one, other)
        })
    ) {
        let (one, one_decisions) = run(seed, &all, &one, "ONE");
        let (other, other_decisions) = run(seed, &all, &other, "OTHER");
        prop_assert_eq!(one.lines(), other.lines());
        prop_assert_eq!(&one.fingerprint, &other.fingerprint);
        prop_assert_eq!(one_decisions, other_decisions);
    }
}

#[test]
fn one_seed_gives_one_log_on_threads_and_another_seed_another() {
    let all: Vec<_> = (0..8)
        .map(|device| Conversation {
            device: DeviceName::new("15550001", device),
            chat: "16660001".into(),
            hook_calls: 200,
        })
        .collect();
    let run = |seed| {
        let plan = everything_at_random(seed);
        std::thread::scope(|scope| {
            for conversation in &all {
                let plan = &plan;
                scope.spawn(move || (0..conversation.hook_calls).for_each(|_| drop(play(plan, conversation, "ID"))));
            }
        });
        plan.log()
    };
    let first = run(7);
    assert!(first.entries.len() > 1_000);
    assert_eq!(first, run(7));
    assert_ne!(first.fingerprint, run(8).fingerprint);
}
