//! Moving a customer in: what is named, asked about and shown of him.

use serde_json::{Value, json};

use crate::console::{Visitor, gateway};
use crate::moving::{DEVICE, OLD_KEY, SENDER, counts, customer, migrate};
use crate::process::Place;
use crate::world::{World, stories};

stories! {
    async fn what_is_null_is_named_and_a_name_in_other_letters_is_asked_about(database: Database) {
        let world = World::new(database).await;
        let before = counts(&world).await;
        for field in ["api_key", "device_id", "sender"] {
            let mut body = customer();
            body[field] = Value::Null;
            let refused = world.client.manage("POST", "/migrate", Some(body)).await;
            assert_eq!((refused.status, &refused.body["detail"][0]["loc"]), (422, &json!(["body", field])), "{}", refused.text);
            assert!(refused.text.contains("null"), "{}", refused.text);
        }
        assert_eq!(counts(&world).await, before);
        let mut body = customer();
        for field in ["push_url", "user"] {
            body[field] = Value::Null;
        }
        let moved = migrate(&world, body).await;
        // What the key says needs no name; a name that only looks like it does.
        let mut same = customer();
        same["client"] = json!("apotek SEHAT");
        assert_eq!(migrate(&world, same).await["created"], json!([]));
        let second = |client: &str| json!({"api_key": "another-key-of-16-chars", "device_id": "7-000000000000007", "sender": "628110000007", "client": client, "user": "second"});
        let before = counts(&world).await;
        for name in ["apotek sehat", "APOTEK SEHAT"] {
            let refused = world.client.manage("POST", "/migrate", Some(second(name))).await;
            let alike = format!("client {} ('Apotek Sehat')", moved["client_id"]);
            assert!(refused.status == 409 && refused.text.contains(&alike), "{}", refused.text);
        }
        assert_eq!(counts(&world).await, before);
        assert_eq!(migrate(&world, second("Apotek Sehat")).await["client_id"], moved["client_id"]);
        world.stop().await;
    }

    async fn the_command_line_finds_a_client_by_its_name(database: Database) {
        let place = Place::new(database).await;
        assert!(place.serve().await.terminate().await.success());
        for name in ["Acme", "ACME Baru"] {
            place.json(&["client", "add", "--name", name, "--json"]).await;
        }
        let of = async |name: &str| place.json(&["user", "add", &format!("u{}", name.len()), "--client", name, "--json"]).await["client_id"].clone();
        assert_eq!((of("acme").await, of("acme baru").await), (json!(2), json!(3)));
        let refused = place.fails(&["user", "list", "--client", "acm"]).await;
        assert!(refused.contains("no client 'acm'") && refused.contains("wachat client list"), "{refused}");
        place.json(&["client", "add", "--name", "ACME", "--json"]).await;
        let refused = place.fails(&["user", "list", "--client", "acme"]).await;
        assert!(refused.contains("2 (Acme)") && refused.contains("4 (ACME)"), "{refused}");
        let changed = place.json(&["client", "set", "--client", "ACME", "--country-code", "60", "--json"]).await;
        assert_eq!((&changed["id"], &changed["country_code"]), (&json!(4), &json!("60")), "{changed}");
    }

    async fn the_console_shows_what_goes_into_the_customers_program(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let url = "https://toko.example/inbox";
        let form = [("api_key", OLD_KEY), ("device_id", DEVICE), ("sender", SENDER), ("client", "Apotek Sehat"), ("user", ""), ("push_url", url)];
        let seen = visitor.post("/console/account/migrate", &form).await;
        let client = world.store.list_clients().await.expect("readable").into_iter().find(|client| client.name == "Apotek Sehat").expect("it").id;
        let push = world.client.manage("GET", &format!("/clients/{client}/push"), None).await;
        let secret = push.body["data"]["secret"].as_str().expect("a secret");
        for part in [format!("http://{}", world.address).as_str(), url, secret, &OLD_KEY[..4], DEVICE, SENDER] {
            assert!(seen.shows(part), "{part}: {}", seen.text);
        }
        assert!(!seen.shows(OLD_KEY) && !seen.shows("(was here)"), "{}", seen.text);
        let entries = world.client.manage("GET", &format!("/audit?client_id={client}"), None).await;
        assert!(entries.text.contains("GET /clients/{client_id}/push"), "{}", entries.text);
        let again = visitor.post("/console/account/migrate", &form).await;
        assert!(again.shows(secret) && again.text.matches("(was here)").count() == 5, "{}", again.text);
        world.stop().await;
    }
}
