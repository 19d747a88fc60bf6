//! `Idempotency-Key`: a request that is sent again sends nothing again.

use std::time::Duration;

use serde_json::json;

use crate::world::{ALICE, BOB, World, stories};

async fn count(world: &World) -> i64 {
    world.store.count_messages(None).await.expect("counts").iter().map(|(_, count)| count).sum()
}

stories! {
    async fn the_first_answer_is_replayed_for_72_hours(database: Database) {
        let world = World::held(database).await;
        let body = json!({"destination": ALICE, "message": "hello"});
        let key = [("idempotency-key", "order-17")];
        let first = world.client.post_with("/message", &body, &key).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
        world.advance(Duration::from_secs(72 * 3_600 - 1)).await;
        let again = world.client.post_with("/message", &body, &key).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
        assert_eq!(again.body, first.body);
        assert_eq!(count(&world).await, 1);
        world.advance(Duration::from_secs(1)).await;
        let later = world.client.post_with("/message", &body, &key).await;
        assert_ne!(later.body["data"]["ref_no"], first.body["data"]["ref_no"]);
        world.stop().await;
    }

    async fn a_key_answers_for_one_body_one_endpoint_and_one_client(database: Database) {
        let world = World::new(database).await;
        let key = [("idempotency-key", "order-17")];
        let body = json!({"destination": ALICE, "message": "hello"});
        assert_eq!(world.client.post_with("/message", &body, &key).await.status, 201);
        let changed = world.client.post_with("/message", &json!({"destination": BOB, "message": "hello"}), &key).await;
        assert_eq!((changed.status, changed.faults()), (422, vec![("header.Idempotency-Key".into(), "value_error".into())]));
        let media = json!({"destination": ALICE, "media_base64": "aGVsbG8=", "file_name": "a.txt"});
        assert_eq!(world.client.post_with("/media", &media, &key).await.status, 422);
        let other = world.add_client("other", "628110000001").await;
        let theirs = other.client.post_with("/message", &body, &key).await;
        assert_eq!((theirs.status, theirs.header("idempotent-replayed")), (201, ""));
        world.stop().await;
    }

    async fn of_many_at_once_one_is_accepted_and_the_others_wait_or_replay(database: Database) {
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "message": "hello"});
        let key = [("idempotency-key", "order-18")];
        let posts = futures_util::future::join_all((0..20).map(|_| world.client.post_with("/message", &body, &key))).await;
        assert!(posts.iter().all(|reply| reply.status == 201 || reply.status == 409), "{posts:?}");
        assert!(posts.iter().any(|reply| reply.status == 201));
        assert_eq!(count(&world).await, 1);
        world.stop().await;
    }

    async fn a_refused_request_leaves_its_key_free_and_a_bad_key_is_refused(database: Database) {
        let world = World::new(database).await;
        let key = [("idempotency-key", "order-19")];
        assert_eq!(world.client.post_with("/message", &json!({"message": "x"}), &key).await.status, 422);
        let body = json!({"destination": ALICE, "message": "hello"});
        assert_eq!(world.client.post_with("/message", &body, &key).await.status, 201);
        let long = "k".repeat(256);
        for bad in ["", " ", long.as_str()] {
            let reply = world.client.post_with("/message", &body, &[("idempotency-key", bad)]).await;
            assert_eq!(reply.status, 400, "{bad:?} {}", reply.text);
        }
        world.stop().await;
    }

    async fn a_key_outlives_a_restart(database: Database) {
        let world = World::held(database).await;
        let body = json!({"destination": ALICE, "message": "hello"});
        let key = [("idempotency-key", "order-20")];
        let first = world.client.post_with("/message", &body, &key).await;
        let world = world.restart().await;
        let again = world.client.post_with("/message", &body, &key).await;
        assert_eq!(again.body, first.body);
        world.stop().await;
    }
}
