//! What every answer says of itself, and who may read the metrics.

use wachat::settings::Hidden;

use crate::world::{Time, World, stories};

stories! {
    async fn answers_are_not_stored_nor_taken_for_something_else(database: Database) {
        for (url, is_secure) in [("http://127.0.0.1", false), ("https://wa.example", true)] {
            let world = World::with(database, Time::Machine, |settings| settings.public_url = url.into()).await;
            for path in ["/wachat_api/1.0/auth/api_key", "/wachat_api/1.0/status/x", "/manage/1.0/devices", "/healthz", "/nothing", "/console/sign-in"]
            {
                let reply = world.client.ask("GET", path, &[], None).await;
                let told = (reply.header("x-content-type-options"), reply.header("cache-control"));
                assert_eq!(told, ("nosniff", "no-store"), "{path}");
                let lasting = if is_secure { "max-age=31536000" } else { "" };
                assert_eq!(reply.header("strict-transport-security"), lasting, "{path}");
            }
            let docs = world.client.ask("GET", "/docs/", &[], None).await;
            assert_eq!(docs.status, 200);
            assert!(docs.header("content-security-policy").contains("frame-ancestors 'none'"), "{:?}", docs.headers);
            assert_eq!((docs.header("x-frame-options"), docs.header("referrer-policy")), ("DENY", "no-referrer"));
            world.stop().await;
        }
    }

    async fn metrics_are_for_this_machine_or_for_who_has_the_token(database: Database) {
        let passed_on = ("x-forwarded-for", "203.0.113.7");
        for (token, is_open) in [(None, false), (Some("s3cret-token"), false), (None, true)] {
            let world = World::with(database, Time::Machine, |settings| {
                settings.metrics_token = token.map(|token| Hidden(token.to_owned()));
                settings.metrics_open = is_open;
            });
            let world = world.await;
            let has = token.is_some() || is_open;
            for (headers, may) in [
                (vec![], true),
                (vec![passed_on], is_open),
                (vec![("forwarded", "for=127.0.0.1")], is_open),
                (vec![passed_on, ("authorization", "Bearer s3cret-token")], has),
                (vec![passed_on, ("authorization", "Bearer s3cret-toke")], is_open),
                (vec![passed_on, ("authorization", "Bearer ")], is_open),
                (vec![passed_on, ("authorization", "Basic s3cret-token")], is_open),
            ] {
                let reply = world.client.with_key("").ask("GET", "/metrics", &headers, None).await;
                assert_eq!(reply.status, if may { 200 } else { 403 }, "{token:?} {is_open} {headers:?}: {}", reply.text);
                assert_eq!(reply.text.contains("wachat_devices"), may, "{headers:?}");
            }
            world.stop().await;
        }
    }
}
