//! Stories of what goes wrong with a linked account's connection: it ends, it is slow, it is refused, it is taken over.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{ANN, OWNER, Stage};
use crate::world::{eventually, stories};

/// The connection ends; the next one meets `refusal`.
async fn refuse(stage: &Stage, refusal: Value) {
    stage.fault(refusal, json!({"next": 1})).await;
    stage.fault(json!({"kind": "stream_error", "code": 515}), json!({"next": 1})).await;
}

/// Waits until the network has no connection of the linked device.
async fn until_gone(stage: &Stage) {
    eventually("the connection is gone", async || {
        let owner = stage.network.get(&format!("/people/{OWNER}")).await;
        if owner["devices"][1]["connected"] == false { Ok(()) } else { Err(owner.to_string()) }
    })
    .await;
}

/// A message waits now, and goes when the device is online again, once.
async fn assert_goes_on(stage: &Stage, waiting: &str) {
    stage.until_state("online").await;
    stage.world.until(waiting, "D").await;
    assert_eq!(stage.network.times(ANN, "waits").await, 1);
    stage.network.assert_sound().await;
}

stories! {
    async fn a_connection_that_whatsapp_ends_is_made_again(database: Database) {
        let stage = Stage::new(database).await;
        for (times, code) in [(1, 503), (2, 515)] {
            stage.fault(json!({"kind": "stream_error", "code": code}), json!({"next": 1})).await;
            stage.until_entered("reconnecting", times).await;
            let ref_no = stage.send(ANN, &format!("after {code}")).await;
            assert_eq!(stage.until_state("online").await["state_reason"], "");
            stage.world.until(&ref_no, "D").await;
            assert_eq!(stage.network.times(ANN, &format!("after {code}")).await, 1);
        }
        stage.network.assert_sound().await;
    }

    async fn a_message_is_unsent_while_nobody_lets_us_in(database: Database) {
        let stage = Stage::new(database).await;
        let closed = json!({"account": OWNER, "moment": "login"});
        stage.network.fault(json!({"kind": "stream_error", "code": 503}), closed).await;
        stage.fault(json!({"kind": "stream_error", "code": 503}), json!({"next": 1})).await;
        let device = stage.until_state("reconnecting").await;
        assert_eq!(device["state_reason"], "the connection was lost and is being made again");
        let ref_no = stage.send(ANN, "waits").await;
        stage.until_struck(3).await;
        stage.until_waits(&ref_no).await;
        stage.network.heal().await;
        assert_goes_on(&stage, &ref_no).await;
    }

    async fn a_message_whose_end_the_connection_took_along_is_sent_again_at_once(database: Database) {
        let stage = Stage::new(database).await;
        for code in [503, 515] {
            let at_a_message = json!({"account": OWNER, "moment": "message", "how_often": {"next": 1}});
            stage.network.fault(json!({"kind": "stream_error", "code": code}), at_a_message).await;
            stage.network.goes(ANN, "offline").await;
            let text = format!("taken along by {code}");
            let ref_no = stage.send(ANN, &text).await;
            stage.world.until(&ref_no, "S").await;
            assert_eq!(stage.handed_over(&ref_no).await, 2);
            stage.network.heal().await;
            stage.network.goes(ANN, "online").await;
            stage.world.until(&ref_no, "D").await;
            assert_eq!(stage.network.times(ANN, &text).await, 1);
        }
        stage.network.assert_sound().await;
    }

    async fn a_connection_that_is_cut_loses_and_doubles_nothing(database: Database) {
        let stage = Stage::new(database).await;
        let mut all = Vec::new();
        for (times, direction, place) in [
            (1, "to_server", json!({"middle_of_frame": 1})),
            (2, "to_client", json!({"middle_of_frame": 1})),
            (3, "to_server", json!({"middle_of_frame": 3})),
            (4, "to_client", json!({"after_bytes": 700})),
        ] {
            let cut = json!({"kind": "connection_cut", "direction": direction, "place": place});
            stage.fault(cut, json!({"next": 1})).await;
            for number in 1..=3 {
                let text = format!("{direction} {times} {number}");
                all.push((stage.send(ANN, &text).await, text));
                stage.network.says(ANN, OWNER, &format!("in {times} {number}")).await;
            }
            stage.until_entered("reconnecting", times).await;
            stage.until_state("online").await;
            stage.network.heal().await;
        }
        for (ref_no, text) in &all {
            stage.world.until(ref_no, "D").await;
            assert_eq!(stage.network.times(ANN, text).await, 1, "{text}");
        }
        for number in 1..=3 {
            for times in 1..=4 {
                let text = format!("in {times} {number}");
                stage.until_in(&text).await;
                assert_eq!(stage.came_in(&text).await.len(), 1, "{text}");
            }
        }
        stage.network.assert_sound().await;
    }

    async fn a_slow_connection_is_only_slow(database: Database) {
        let stage = Stage::new(database).await;
        let slow = json!({"kind": "slow_link", "latency_ms": 150, "bytes_per_second": 4_000});
        stage.fault(slow, json!("always")).await;
        let mut all = Vec::new();
        for number in 1..=3 {
            all.push(stage.send(ANN, &format!("slow {number}")).await);
        }
        stage.network.says(ANN, OWNER, "slowly in").await;
        stage.until_in("slowly in").await;
        for ref_no in &all {
            stage.world.until(ref_no, "D").await;
        }
        assert_eq!((stage.handed_over(&all[0]).await, stage.entered("reconnecting").await), (1, 0));
        stage.network.assert_sound().await;
    }

    async fn an_outdated_client_says_so_and_asks_again_later(database: Database) {
        let stage = Stage::held(database).await;
        refuse(&stage, json!({"kind": "client_outdated"})).await;
        let device = stage.until_state("outdated").await;
        assert_eq!(device["state_reason"], "WhatsApp no longer takes this version; update the gateway");
        assert_eq!(device["state_until"], "2026-09-21T15:26:40Z");
        let ref_no = stage.send(ANN, "waits").await;
        stage.world.advance(Duration::from_secs(3_599)).await;
        stage.until_waits(&ref_no).await;
        assert_eq!(stage.manage("GET", "", None).await["state"], "outdated");
        stage.world.advance(Duration::from_secs(1)).await;
        assert_goes_on(&stage, &ref_no).await;
        assert_eq!(stage.manage("GET", "", None).await["state_until"], Value::Null);
    }

    async fn a_ban_is_sat_out_and_ends_by_itself(database: Database) {
        let stage = Stage::held(database).await;
        refuse(&stage, json!({"kind": "temporary_ban", "code": 101, "expire_seconds": 7_200})).await;
        let device = stage.until_state("banned").await;
        assert!(device["state_reason"].as_str().is_some_and(|why| why.contains("people who do not know it")), "{device}");
        assert_eq!(device["state_until"], "2026-09-21T16:26:40Z");
        let ref_no = stage.send(ANN, "waits").await;
        // Nobody's impatience makes it longer.
        stage.manage("PATCH", "", Some(json!({"paused": true}))).await;
        stage.manage("PATCH", "", Some(json!({"paused": false}))).await;
        stage.world.advance(Duration::from_secs(7_199)).await;
        stage.until_waits(&ref_no).await;
        until_gone(&stage).await;
        assert_eq!(stage.manage("GET", "", None).await["state"], "banned");
        stage.world.advance(Duration::from_secs(1)).await;
        assert_goes_on(&stage, &ref_no).await;
    }

    async fn a_ban_outlives_a_restart(database: Database) {
        let mut stage = Stage::held(database).await;
        refuse(&stage, json!({"kind": "temporary_ban", "code": 104, "expire_seconds": 3_600})).await;
        stage.until_state("banned").await;
        let ref_no = stage.send(ANN, "waits").await;
        stage.world = stage.world.restart().await;
        stage.world.advance(Duration::from_secs(3_599)).await;
        let device = stage.until_state("banned").await;
        until_gone(&stage).await;
        assert_eq!(device["state_until"], "2026-09-21T15:26:40Z");
        stage.until_waits(&ref_no).await;
        stage.world.advance(Duration::from_secs(1)).await;
        assert_goes_on(&stage, &ref_no).await;
    }

    async fn whoever_takes_the_connection_over_keeps_it_until_a_person_says_otherwise(database: Database) {
        let stage = Stage::held(database).await;
        stage.fault(json!({"kind": "stream_replaced"}), json!({"next": 1})).await;
        let device = stage.until_state("replaced").await;
        assert!(device["state_reason"].as_str().is_some_and(|why| why.contains("pause and resume")), "{device}");
        let ref_no = stage.send(ANN, "waits").await;
        stage.world.advance(Duration::from_secs(86_000)).await;
        stage.until_waits(&ref_no).await;
        let online = stage.entered("online").await;
        until_gone(&stage).await;
        assert_eq!(stage.manage("GET", "", None).await["state"], "replaced");
        stage.manage("PATCH", "", Some(json!({"paused": true}))).await;
        stage.manage("PATCH", "", Some(json!({"paused": false}))).await;
        assert_goes_on(&stage, &ref_no).await;
        assert_eq!(stage.entered("online").await, online + 1);
    }

    async fn whoever_took_the_connection_over_keeps_it_over_a_restart(database: Database) {
        let mut stage = Stage::new(database).await;
        stage.fault(json!({"kind": "stream_replaced"}), json!({"next": 1})).await;
        stage.until_state("replaced").await;
        let ref_no = stage.send(ANN, "waits").await;
        let online = stage.entered("online").await;
        for entered in 2..=3 {
            stage.world = stage.world.restart().await;
            stage.until_entered("replaced", entered).await;
            let device = stage.manage("GET", "", None).await;
            assert_eq!(device["state"], "replaced");
            assert!(device["state_reason"].as_str().is_some_and(|why| why.contains("pause and resume")), "{device}");
            stage.until_waits(&ref_no).await;
            until_gone(&stage).await;
        }
        assert_eq!(stage.entered("online").await, online);
        stage.manage("PATCH", "", Some(json!({"paused": true}))).await;
        stage.manage("PATCH", "", Some(json!({"paused": false}))).await;
        assert_goes_on(&stage, &ref_no).await;
    }

    async fn a_device_that_the_phone_removed_is_linked_again_and_its_queue_goes_on(database: Database) {
        let stage = Stage::new(database).await;
        for (round, is_told_late) in [false, true].into_iter().enumerate() {
            if is_told_late {
                // The phone says nothing; the server tells at the next connection.
                refuse(&stage, json!({"kind": "device_removed"})).await;
            } else {
                stage.network.post(&format!("/people/{OWNER}/unlink"), json!({"device": 1})).await;
            }
            let device = stage.until_state("logged_out").await;
            assert_eq!(device["state_reason"], "the phone has removed this gateway; link it again");
            let text = format!("round {round}");
            let ref_no = stage.send(ANN, &text).await;
            stage.until_waits(&ref_no).await;
            stage.network.heal().await;
            stage.link(OWNER).await;
            let message = stage.world.until(&ref_no, "D").await;
            assert_eq!((&message["sender"], stage.network.times(ANN, &text).await), (&json!(OWNER), 1));
        }
        stage.network.assert_sound().await;
    }
}
