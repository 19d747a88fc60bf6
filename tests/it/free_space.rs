//! Before the disk is full: below a floor of free space nothing new is accepted, while what comes in still fits, and an operator knows
//! before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wachat::inbox::{Received, sandbox_message};
use wachat::message::InboundFile;
use wachat::settings::{Hidden, Settings};

use crate::imports::{give, until};
use crate::signed_in::{Browser, PASSWORD};
use crate::world::{ALICE, BOB, Database, Time, World, eventually, stories};

const MB: u64 = 1_000_000;

/// A gateway that keeps 100 MB free.
async fn world(database: Database) -> World {
    let change = |settings: &mut Settings| {
        settings.free_space_floor_mb = 100;
        settings.admin_password = Some(Hidden(PASSWORD.into()));
    };
    World::with(database, Time::Held, change).await
}

async fn readiness(world: &World) -> (u16, Value) {
    let reply = world.client.ask("GET", "/readyz", &[], None).await;
    (reply.status, reply.body)
}

async fn gauge(world: &World, name: &str) -> f64 {
    let text = world.client.ask("GET", "/metrics", &[], None).await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("a gauge");
    line.parse().expect("a number")
}

fn text() -> Value {
    json!({"destination": ALICE, "message": "hello"})
}

stories! {
    async fn below_the_floor_nothing_new_is_accepted_and_what_comes_in_is(database: Database) {
        let world = world(database).await;
        let disk = world.room.disk();
        disk.hold(100 * MB);
        let sent = world.send_with(text()).await;
        disk.hold(100 * MB - 1);
        let file = json!({"destination": ALICE, "media_base64": STANDARD.encode([7; 9]), "file_name": "a.bin"});
        let url = json!({"destination": ALICE, "media_url": "https://example.com/a.png"});
        let mut refused = vec![give(&world.client, "destination,message\n628113001009,a\n", "").await];
        for (path, body) in [("/message", text()), ("/media", file.clone()), ("/media", url)] {
            refused.push(world.client.post(path, &body).await);
        }
        refused.push(world.client.manage("POST", &format!("/messages/{sent}/resend"), None).await);
        for reply in refused {
            assert_eq!((reply.status, reply.header("retry-after")), (503, "60"), "{}", reply.text);
            assert!(reply.text.contains("the gateway's disk is nearly full"), "{}", reply.text);
        }
        // Receipts of what was accepted, and what people write, with their files.
        world.until(&sent, "R").await;
        let device = world.store.find_device(&world.device_id).await.expect("readable").expect("a device");
        let came = Some(InboundFile::Here { bytes: vec![9; 5_000].into(), file_name: Some("b.bin".into()) });
        let came = sandbox_message(&world.clock, BOB.into(), None, None, "look".into(), came);
        let received = world.inbox.receive(&device, came).await.expect("stored");
        assert!(matches!(received, Received::New(_)), "{received:?}");
        // It does not come and go at the bound.
        disk.hold(101 * MB);
        assert_eq!(world.client.post("/message", &text()).await.status, 503);
        disk.hold(110 * MB);
        assert_eq!(world.client.post("/message", &text()).await.status, 201);
        assert_eq!(world.client.post("/media", &file).await.status, 201);
        world.stop().await;
    }

    async fn an_import_waits_for_the_disk_and_goes_on_by_itself(database: Database) {
        let world = World::with(database, Time::Machine, |settings| settings.free_space_floor_mb = 100).await;
        let given = give(&world.client, "destination,message\n628113001009,a\n628113001010,b\n", "").await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        world.room.disk().hold(MB);
        assert_eq!(world.client.manage("POST", &format!("/imports/{id}/begin"), None).await.status, 200);
        eventually("it waits for the disk", async || {
            let import = world.client.manage("GET", &format!("/imports/{id}"), None).await.body["data"].clone();
            let reason = import["wait_reason"].as_str().unwrap_or_default().to_owned();
            if reason.contains("disk is nearly full") { Ok(()) } else { Err(import.to_string()) }
        })
        .await;
        world.room.disk().hold(1_000 * MB);
        let import = until(&world.client, &id, "done").await;
        assert_eq!((&import["accepted_count"], &import["refused_count"]), (&json!(2), &json!(0)), "{import}");
        world.stop().await;
    }

    async fn an_operator_sees_it_before_the_floor_is_reached(database: Database) {
        let world = world(database).await;
        let browser = Browser::of(&world, "admin").await;
        for (free, level, status, on_home) in [
            (200 * MB, "enough", 200, None),
            (150 * MB, "low", 200, Some("The disk is getting full")),
            (99 * MB, "full", 503, Some("The disk is nearly full")),
            (900 * MB, "enough", 200, None),
        ] {
            world.room.disk().hold(free);
            let (answered, body) = readiness(&world).await;
            let disk = json!({"level": level, "free_bytes": free, "floor_bytes": 100 * MB});
            assert_eq!((answered, &body["data"]["disk"]), (status, &disk), "{body}");
            let home = browser.get("/console").await.text;
            for said in ["The disk is getting full", "The disk is nearly full"] {
                assert_eq!(home.contains(said), on_home == Some(said), "{free}: {said} in {home}");
            }
            assert_eq!(home.contains("All good."), on_home.is_none(), "{home}");
            // Every world of this process has the same gauges.
            eventually("it is measured", async || {
                let measured = (gauge(&world, "wachat_disk_free_bytes").await, gauge(&world, "wachat_disk_floor_bytes").await);
                #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
                let wanted = (free as f64, (100 * MB) as f64);
                if measured == wanted { Ok(()) } else { Err(format!("{measured:?}")) }
            })
            .await;
        }
        world.stop().await;
    }
}
