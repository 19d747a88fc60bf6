//! Signing in under attack: what strangers try costs the gateway little, and keeps nobody else out.

use futures_util::future::join_all;
use serde_json::json;

use crate::console::{PASSWORD, Visitor};
use crate::world::{Database, Time, World, stories};
use wachat::settings::Hidden;

/// A gateway behind a proxy on this machine.
async fn behind_a_proxy(database: Database) -> World {
    let settings = |settings: &mut wachat::settings::Settings| {
        settings.admin_password = Some(Hidden(PASSWORD.into()));
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    };
    World::with(database, Time::Held, settings).await
}

/// Signs in from an address; the status.
async fn try_from(visitor: &mut Visitor, address: &str, userid: &str, password: &str) -> u16 {
    let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-for", address)];
    visitor.ask("POST", "/console/sign-in", &headers, &[("userid", userid), ("password", password)]).await.status
}

stories! {
    async fn a_stranger_who_knows_a_name_keeps_its_owner_out_of_no_browser_that_is_known(database: Database) {
        let world = behind_a_proxy(database).await;
        let mut known = Visitor::new(&world);
        assert_eq!(try_from(&mut known, "198.51.100.1", "admin", PASSWORD).await, 303);
        known.cookies.remove("wachat_session");
        // From as many addresses as it takes until the name is closed to those who are not known.
        let mut stranger = Visitor::new(&world);
        let mut tries = 0;
        while try_from(&mut stranger, &format!("203.0.113.{}", tries / 4), "Admin", "a wrong one").await != 429 {
            tries += 1;
            assert!(tries < 200, "the name may be tried without end");
        }
        assert!((40..80).contains(&tries), "{tries}");
        assert_eq!(try_from(&mut Visitor::new(&world), "198.51.100.2", "admin", PASSWORD).await, 429);
        for _ in 0..30 {
            assert_eq!(try_from(&mut known, "203.0.113.1", "admin", PASSWORD).await, 303);
            known.cookies.remove("wachat_session");
        }
        // The cookie is of that name, and of nobody who made one up.
        assert_eq!(try_from(&mut known, "203.0.113.1", "admin", "a wrong one").await, 403);
        let mut forged = Visitor::new(&world);
        forged.cookies.insert("wachat_browser".into(), "00.00".into());
        assert_eq!(try_from(&mut forged, "198.51.100.2", "admin", PASSWORD).await, 429);
        world.stop().await;
    }

    async fn an_address_that_makes_up_names_is_slowed_down_and_its_neighbour_is_not(database: Database) {
        let world = behind_a_proxy(database).await;
        let mut stranger = Visitor::new(&world);
        let mut refused = None;
        for number in 0..100 {
            // A client behind the proxy says whatever it likes: the proxy's own entry counts.
            let address = format!("10.1.2.{number}, 203.0.113.7");
            match try_from(&mut stranger, &address, &format!("made-up-{number}"), "a wrong one").await {
                403 => {}
                429 => {
                    refused = Some(number);
                    break;
                }
                status => panic!("{status}"),
            }
        }
        assert!(refused.is_some_and(|number| (50..60).contains(&number)), "{refused:?}");
        assert_eq!(try_from(&mut Visitor::new(&world), "203.0.113.7", "admin", PASSWORD).await, 429);
        assert_eq!(try_from(&mut Visitor::new(&world), "203.0.113.8", "admin", PASSWORD).await, 303);
        world.stop().await;
    }

    async fn a_flood_of_passwords_is_answered_a_few_at_a_time_and_the_rest_are_told_to_come_again(database: Database) {
        let world = behind_a_proxy(database).await;
        let floods = (0..400).map(|number| {
            let mut visitor = Visitor::new(&world);
            async move {
                let address = format!("198.51.{}.{}", number / 200, number % 200);
                try_from(&mut visitor, &address, &format!("made-up-{number}"), "a wrong one").await
            }
        });
        let person = json!({"userid": "ann", "role": "owner", "password": PASSWORD});
        let made = world.client.manage("POST", "/clients/1/persons", Some(person)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("/clients/1/persons/{}", made.body["data"]["id"]);
        let changes = (0..100).map(|_| world.client.manage("PATCH", &path, Some(json!({"password": "another one of hers"}))));
        let (tried, changed) = tokio::join!(join_all(floods), join_all(changes));
        assert!(tried.iter().all(|status| [403, 503].contains(status)), "{tried:?}");
        assert!(tried.contains(&403) && tried.contains(&503), "{tried:?}");
        for reply in &changed {
            assert!(reply.status == 200 || reply.status == 503, "{} {}", reply.status, reply.text);
            assert_eq!(reply.headers.contains_key("retry-after"), reply.status == 503, "{}", reply.text);
        }
        // Whoever comes when it is over is served as ever.
        assert_eq!(try_from(&mut Visitor::new(&world), "203.0.113.9", "admin", PASSWORD).await, 303);
        world.stop().await;
    }

    async fn a_list_is_not_read_as_the_fields_of_a_body_in_their_order(database: Database) {
        let world = behind_a_proxy(database).await;
        for (path, body) in [
            ("/clients/1/persons", json!(["posn", "administrator"])),
            ("/clients", json!(["A client"])),
            ("/clients/1/keys", json!(["admin"])),
            ("/devices", json!([1, "sandbox", "628123456789"])),
        ] {
            for body in [body.clone(), json!([body]), json!(null), json!("x"), json!(1)] {
                let reply = world.client.manage("POST", path, Some(body.clone())).await;
                assert_eq!(reply.status, 422, "{path} {body}: {}", reply.text);
            }
        }
        world.stop().await;
    }
}
