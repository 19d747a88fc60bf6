//! Numbers that people and WhatsApp write in two forms: what is said of their messages is what the device's loop does with them, which
//! has them in one line.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::message::RefNo;
use wachat::store::{Progress, Step, WaitCode};

use crate::priorities::set_device;
use crate::told::lease;
use crate::world::{ALICE, BOB, World, eventually, stories};

/// Each in both forms.
const FORMS: [[&str; 2]; 3] =
    [["551187654321", "5511987654321"], ["5215512345678", "525512345678"], ["5491123456789", "541123456789"]];

/// A gateway whose device has sent just now, and keeps a gap of an hour.
async fn waiting_world(database: crate::world::Database) -> World {
    let world = World::held(database).await;
    set_device(&world, json!({"gap_ms": 3_600_000})).await;
    world.advance(Duration::from_secs(2)).await;
    let first = world.send(ALICE, "leaves at once").await;
    world.until(&first, "R").await;
    world
}

async fn until_told(world: &World, ref_no: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually("it is told", async || {
        world.advance(Duration::from_millis(20)).await;
        let message = world.status(ref_no).await;
        if is_it(&message) { Ok(message) } else { Err(message.to_string()) }
    })
    .await
}

stories! {
    async fn a_message_waits_behind_one_to_the_other_form_of_its_number(database: Database) {
        let world = waiting_world(database).await;
        let lease = lease(&world, &world.device_id).await;
        let due_at = world.clock.now() + 600_000;
        for [one, other] in FORMS.into_iter().flat_map(|[one, other]| [[one, other], [other, one]]) {
            let (first, behind) = (world.send(one, "set aside").await, world.send(other, "behind it").await);
            let free = world.send(BOB, "behind nobody").await;
            until_told(&world, &free, |message| message["position"] == 3).await;
            let step = Step::Retry {
                due_at,
                attempts: 1,
                number: 1,
                at: world.clock.now(),
                reason: "no luck".into(),
                code: WaitCode::Retry,
            };
            let ref_no = RefNo::parse(&first).expect("a reference number");
            let progress = Progress { ref_no, device_id: lease.device_id.clone(), epoch: lease.epoch, step };
            world.store.progress(vec![progress]).await.expect("stored");
            let blocked = until_told(&world, &behind, |message| message["reason_code"] == "retry").await;
            assert_eq!(blocked["reason"], "an earlier message to the same recipient is tried again first", "{one} {other}");
            assert_eq!((&blocked["position"], &blocked["waits_until"]), (&Value::Null, &world.status(&first).await["waits_until"]));
            // Nor does it stand before anybody else.
            until_told(&world, &free, |message| message["position"] == 1).await;
            for ref_no in [first, behind, free] {
                world.client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await;
            }
        }
        world.stop().await;
    }

    async fn whoever_wrote_in_one_form_is_answered_in_the_other(database: Database) {
        // It is 14:26:40Z.
        let world = waiting_world(database).await;
        set_device(&world, json!({"quiet_from": "14:00", "quiet_to": "15:00"})).await;
        let stranger = world.send(BOB, "hello").await;
        until_told(&world, &stranger, |message| message["reason_code"] == "quiet_hours").await;
        for ([one, other], place) in FORMS.into_iter().zip(1..) {
            let path = format!("/devices/{}/receive", world.device_id);
            let reply = world.client.manage("POST", &path, Some(json!({"from": one, "text": "hello"}))).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            let answer = world.send(other, "hello").await;
            let told = until_told(&world, &answer, |message| message["position"] == place).await;
            assert_eq!(told["reason_code"], "turn", "{one} {other}: {told}");
        }
        world.stop().await;
    }
}
