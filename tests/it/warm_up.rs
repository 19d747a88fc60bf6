//! What is counted in the warm-up: messages that left, each once, whatever the clock on the wall says.

use std::time::Duration;

use serde_json::{Value, json};

use crate::priorities::set_device;
use crate::world::{ALICE, BOB, World, eventually, stories};

/// A number that the sandbox says is not on WhatsApp.
const NOBODY: &str = "628111110001";
/// What a new account may begin on its first day.
const FIRST_DAY: usize = 20;

async fn shown(world: &World) -> Value {
    world.client.manage("GET", &format!("/devices/{}", world.device_id), None).await.body["data"].clone()
}

/// A gateway whose sandbox warms up, on its first day: it is 14:26:40Z.
async fn new_account(database: crate::world::Database) -> World {
    let world = World::held(database).await;
    set_device(&world, json!({"warm_up": true})).await;
    world.advance(Duration::from_secs(2)).await;
    world
}

/// Sends so many messages, each to somebody else, which all leave.
async fn send_some(world: &World, count: usize) {
    for number in 0..count {
        let ref_no = world.send(&format!("6281111120{number:02}"), "hello").await;
        world.until(&ref_no, "R").await;
    }
}

/// Waits until a message is held by the warm-up.
async fn until_held(world: &World, ref_no: &str) -> Value {
    eventually("the warm-up holds it", async || {
        world.advance(Duration::from_millis(100)).await;
        let message = world.status(ref_no).await;
        if message["reason_code"] == "warm_up" { Ok(message) } else { Err(message.to_string()) }
    })
    .await
}

stories! {
    async fn numbers_that_are_not_on_whatsapp_use_up_nothing(database: Database) {
        let world = new_account(database).await;
        let mut wrong = Vec::new();
        for _ in 0..FIRST_DAY + 5 {
            wrong.push(world.send(NOBODY, "hello").await);
        }
        for ref_no in &wrong {
            let message = world.until(ref_no, "A").await;
            assert!(message["reason"].as_str().is_some_and(|reason| reason.contains("is not on WhatsApp")), "{message}");
        }
        assert_eq!(shown(&world).await["warm_up_used"], 0);
        send_some(&world, FIRST_DAY).await;
        let late = world.send(ALICE, "one too many").await;
        until_held(&world, &late).await;
        assert_eq!(shown(&world).await["warm_up_used"], FIRST_DAY);
        world.stop().await;
    }

    async fn another_message_leaves_in_the_place_of_one_that_could_not(database: Database) {
        let world = new_account(database).await;
        send_some(&world, FIRST_DAY - 1).await;
        set_device(&world, json!({"paused": true})).await;
        let (wrong, next) = (world.send(NOBODY, "hello").await, world.send(BOB, "hello").await);
        let last = world.send(ALICE, "hello").await;
        set_device(&world, json!({"paused": false})).await;
        world.until(&wrong, "A").await;
        world.until(&next, "R").await;
        until_held(&world, &last).await;
        assert_eq!(shown(&world).await["warm_up_used"], FIRST_DAY);
        world.stop().await;
    }

    async fn another_time_zone_lets_no_day_out_twice(database: Database) {
        let world = new_account(database).await;
        send_some(&world, FIRST_DAY).await;
        let late = world.send(ALICE, "one too many").await;
        until_held(&world, &late).await;
        // There it is tomorrow already, and again it is the same day.
        for zone in ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago", "Pacific/Kiritimati", "Asia/Jakarta"] {
            set_device(&world, json!({"time_zone": zone})).await;
            world.advance(Duration::from_secs(2)).await;
            let device = shown(&world).await;
            assert_eq!((&device["warm_up_used"], &device["warm_up_allowance"]), (&json!(FIRST_DAY), &json!(FIRST_DAY)), "{zone}");
            assert_eq!(until_held(&world, &late).await["status"], "Q", "{zone}");
        }
        // At 17:00Z another day begins in Jakarta.
        world.advance(Duration::from_secs(3 * 3_600)).await;
        world.until(&late, "R").await;
        assert_eq!(shown(&world).await["warm_up_used"], 1);
        world.stop().await;
    }
}
