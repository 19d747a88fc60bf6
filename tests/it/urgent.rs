//! Stories of what somebody waits for, such as a one-time code, beside what takes long.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wachat::limits;

use crate::priorities::{PNG, leave_within, stored};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::stories;

const GAP_MS: i64 = 2_000;

/// Sends a code to Ann.
async fn send_code(stage: &Stage, code: &str) -> String {
    let body = json!({"queue": stage.device_id, "destination": ANN, "message": code, "priority": "high"});
    stage.world.send_with(body).await
}

/// A picture of a campaign, to Ann, whose upload does not end.
async fn upload_slowly(stage: &Stage) -> String {
    let uploads = json!({"account": OWNER, "moment": "media", "stanza_type": "upload"});
    stage.network.fault(json!({"kind": "media_slow", "delay_ms": 600_000}), uploads).await;
    let file = STANDARD.encode(PNG);
    let body = json!({"queue": stage.device_id, "destination": ANN, "media_base64": file, "file_name": "a.png", "priority": "bulk"});
    let picture = stage.world.send_media(body).await;
    stage.until_struck(1).await;
    picture
}

stories! {
    async fn a_code_leaves_beside_a_slow_upload_at_the_devices_gap_and_nothing_else_does(database: Database) {
        let stage = Stage::held(database).await;
        stage.manage("PATCH", "", Some(json!({"gap_ms": GAP_MS}))).await;
        let stage = stage.restart(async |_| {}).await;
        stage.world.advance(Duration::from_millis(GAP_MS.unsigned_abs())).await;
        let picture = upload_slowly(&stage).await;
        let text = stage.send(ANN, "hello").await;
        for code in ["1234", "5678"] {
            let code = send_code(&stage, code).await;
            // The gap holds for it too.
            stage.world.advance(Duration::from_millis(GAP_MS.unsigned_abs() - 1)).await;
            assert_eq!(stored(&stage.world, &code).await.attempts, 0);
            leave_within(&stage.world, &[&code], 1, 1).await;
            stage.world.until_within(&code, "D", Duration::ZERO).await;
        }
        let [uploaded, waiting] = [stored(&stage.world, &picture).await, stored(&stage.world, &text).await];
        assert!(uploaded.under_way_at.is_some() && uploaded.attempts == 1, "{uploaded:?}");
        assert_eq!((waiting.attempts, stage.handed_over(&text).await), (0, 0), "{waiting:?}");
        stage.network.assert_sound().await;
    }

    async fn a_code_leaves_while_a_device_without_a_gap_uploads_as_much_as_it_may(database: Database) {
        let stage = Stage::held(database).await;
        upload_slowly(&stage).await;
        let file = STANDARD.encode(PNG);
        let mut last = String::new();
        for number in 1..limits::DEVICE_SENDS_MAX {
            let to = format!("6281100001{number:02}");
            stage.network.person(&to, "Somebody").await;
            let body = json!({"queue": stage.device_id, "destination": to, "media_base64": file, "file_name": "a.png", "priority": "bulk"});
            last = stage.world.send_media(body).await;
        }
        leave_within(&stage.world, &[&last], 0, 0).await;
        let text = stage.send(ANN, "hello").await;
        let code = send_code(&stage, "1234").await;
        stage.world.until_within(&code, "D", Duration::ZERO).await;
        assert_eq!(stored(&stage.world, &text).await.attempts, 0);
        stage.network.assert_sound().await;
    }
}
