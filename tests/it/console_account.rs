//! The account's pages: persons, keys, clients, who did what; and the samples with everything filled in.

use serde_json::json;

use crate::console::{PASSWORD, Visitor, add_person, gateway, gateway_at};
use crate::world::{Time, World, eventually, stories};

/// The command line beside a gateway that serves; gives what it printed.
async fn types(world: &World, words: &[&str]) -> serde_json::Value {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wachat"));
    command.args(words).arg("--json").env("WACHAT_DATA_DIR", &world.settings.data_dir);
    command.env("WACHAT_DATABASE_URL", &world.settings.database_url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ran").expect("it started");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

stories! {
    async fn a_key_is_shown_once_works_and_is_revoked(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        visitor.get("/console/account/keys").await;
        let form = [("person_id", "1"), ("name", "shop till"), ("expires", "2100-01-31")];
        let seen = visitor.post("/console/account/keys", &form).await;
        let key = seen.between("<code id=\"api-key\" data-once>", "<").expect("the key is shown").to_owned();
        assert_eq!((seen.status, key.len()), (200, 32));
        let program = world.client.with_key(&key);
        assert_eq!(program.get("/auth/api_key").await.status, 200);
        let seen = visitor.get("/console/account/keys").await;
        assert!(!seen.shows(&key) && seen.shows(&format!("{}…", &key[..4])) && seen.shows("shop till"), "{}", seen.text);
        assert!(seen.shows("active until"), "{}", seen.text);
        let keys = world.client.manage("GET", "/clients/1/keys", None).await;
        let id = keys.body["data"][1]["id"].as_i64().expect("a number");
        let seen = visitor.post(&format!("/console/account/keys/{id}/revoke"), &[]).await;
        assert_eq!(seen.path, "/console/account/keys?done=revoked", "{}", seen.text);
        assert!(seen.shows("revoked"));
        assert_eq!(program.get("/auth/api_key").await.status, 403);
        world.stop().await;
    }

    async fn what_is_refused_is_asked_for_again_with_what_was_typed(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        visitor.get("/console/account/keys").await;
        let seen = visitor.post("/console/account/keys", &[("person_id", "1"), ("name", "late"), ("expires", "2020-01-01")]).await;
        assert!(seen.status == 422 && seen.shows("value=\"late\"") && seen.shows("role=\"alert\""), "{}", seen.text);
        let seen = visitor.post("/console/account/keys", &[("person_id", "99")]).await;
        assert!(seen.status == 404 && seen.shows("role=\"alert\"") && !seen.shows("data-once"), "{}", seen.text);
        let seen = visitor.post("/console/account/persons", &[("userid", "two words"), ("role", "owner")]).await;
        assert!(seen.status == 422 && seen.shows("value=\"two words\""), "{}", seen.text);
        let seen = visitor.post("/console/account/persons", &[("userid", "admin"), ("role", "owner")]).await;
        assert!(seen.status == 409 && seen.shows("role=\"alert\""), "{}", seen.text);
        let seen = visitor.post("/console/account/clients", &[("name", "Toko"), ("country_code", "x")]).await;
        assert!(seen.status == 422 && seen.shows("value=\"Toko\""), "{}", seen.text);
        world.stop().await;
    }

    async fn a_person_is_added_changed_and_disabled(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        visitor.get("/console/account/persons").await;
        let form = [("userid", "ann"), ("role", "sender"), ("password", "given by another")];
        let seen = visitor.post("/console/account/persons", &form).await;
        assert!(seen.path == "/console/account/persons?done=added" && seen.shows("ann"), "{}", seen.text);
        let person = async || world.client.manage("GET", "/clients/1/persons", None).await.body["data"][1].clone();
        let id = person().await["id"].as_i64().expect("a number");
        let path = |what: &str| format!("/console/account/persons/{id}/{what}");
        visitor.post(&path("role"), &[("role", "owner")]).await;
        assert_eq!(person().await["role"], "owner");
        let mut ann = Visitor::new(&world);
        assert_eq!(ann.sign_in("ann", "given by another").await.path, "/console/password");
        assert_eq!(ann.choose_password("given by another", PASSWORD).await.status, 200);
        assert_eq!(visitor.post(&path("password"), &[("password", "short")]).await.status, 422);
        visitor.post(&path("password"), &[("password", "another that was given")]).await;
        assert!(!ann.is_in().await, "another password ends every browser");
        assert_eq!(ann.sign_in("ann", "another that was given").await.path, "/console/password");
        visitor.post(&path("disable"), &[]).await;
        assert!(person().await["disabled"] == true && !ann.is_in().await);
        visitor.post(&path("enable"), &[]).await;
        assert_eq!(person().await["disabled"], false);
        let seen = visitor.post("/console/account/persons/1/disable", &[]).await;
        assert!(seen.status == 409 && seen.shows("nobody disables himself"), "{}", seen.text);
        let seen = visitor.post("/console/account/persons/1/password", &[("password", "without the old one")]).await;
        assert_eq!(seen.path, "/console/password");
        assert!(Visitor::administrator(&world).await.is_in().await);
        world.stop().await;
    }

    async fn a_password_that_the_command_line_gave_is_good_for_choosing_another(database: Database) {
        let world = gateway(database).await;
        let given = types(&world, &["user", "add", "ann", "--client", "1", "--role", "owner"]).await;
        let given = given["password"].as_str().expect("it is shown");
        let mut ann = Visitor::new(&world);
        assert_eq!(ann.sign_in("ann", given).await.path, "/console/password");
        let elsewhere = ann.get("/console/messages").await;
        assert_eq!(elsewhere.path, "/console/password", "nothing else is to be had before");
        assert!(elsewhere.shows("You signed in with a temporary password."), "{}", elsewhere.text);
        assert_eq!(ann.choose_password(given, given).await.status, 422, "the given one is not one's own");
        assert_eq!(ann.choose_password(given, PASSWORD).await.path, "/console?done=password");
        assert_eq!(Visitor::new(&world).sign_in("ann", PASSWORD).await.path, "/console");
        // Given another, she is out, and asked again.
        let again = types(&world, &["user", "set-password", "ann"]).await;
        let again = again["password"].as_str().expect("it is shown");
        assert!(!ann.is_in().await);
        assert_eq!(Visitor::new(&world).sign_in("ann", PASSWORD).await.path, "/console/sign-in");
        assert_eq!(ann.sign_in("ann", again).await.path, "/console/password");
        world.stop().await;
    }

    async fn who_sets_his_own_password_by_the_api_keeps_it(database: Database) {
        let world = gateway(database).await;
        let own = json!({"password": "of my own choice"});
        assert_eq!(world.client.manage("PATCH", "/clients/1/persons/1", Some(own)).await.status, 200);
        assert_eq!(Visitor::new(&world).sign_in("admin", "of my own choice").await.path, "/console");
        world.stop().await;
    }

    async fn an_administrator_looks_at_another_clients_things_and_comes_back(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        visitor.get("/console/account/clients").await;
        let seen = visitor.post("/console/account/clients", &[("name", "Toko Maju"), ("country_code", "60")]).await;
        assert!(seen.shows("Toko Maju") && seen.path.ends_with("done=added"), "{}", seen.text);
        let form = [("name", "Toko Jaya"), ("country_code", "62"), ("default_device", ""), ("disabled", "on")];
        let seen = visitor.post("/console/account/clients/2", &form).await;
        assert!(seen.shows("Toko Jaya") && seen.shows("disabled"), "{}", seen.text);
        let seen = visitor.post("/console/account/clients/2/look", &[]).await;
        assert!(seen.shows("You are viewing another client") && !seen.shows(&world.device_id), "{}", seen.text);
        let form = [("userid", "cashier"), ("role", "owner")];
        assert_eq!(visitor.post("/console/account/persons", &form).await.status, 200);
        let persons = world.client.manage("GET", "/clients/2/persons", None).await;
        assert_eq!(persons.body["data"][0]["userid"], "cashier");
        let seen = visitor.post("/console/account/clients/1/look", &[]).await;
        assert!(!seen.shows("You are viewing another client") && seen.shows(&world.device_id), "{}", seen.text);
        assert_eq!(visitor.post("/console/account/clients/99/look", &[]).await.status, 404);
        world.stop().await;
    }

    async fn the_first_page_names_a_paused_device_while_messages_wait_in_it(database: Database) {
        let world = gateway_at(database, Time::Held).await;
        let mut visitor = Visitor::administrator(&world).await;
        let device = format!("/devices/{}", world.device_id);
        world.client.manage("PATCH", &device, Some(json!({"paused": true}))).await;
        assert!(visitor.get("/console").await.shows("All good."), "a pause in which nothing waits is nobody's concern");
        for text in ["first", "second"] {
            world.send("628111111111", text).await;
        }
        // A page does not wait for the count; the next one has it.
        eventually("they are counted", async || {
            world.advance(std::time::Duration::from_secs(5)).await;
            let seen = visitor.get("/console").await;
            let parts = ["Paused by", "until you resume", "Waiting: 2 messages.", &device];
            let missing = parts.into_iter().find(|part| !seen.shows(part));
            match (missing, seen.shows("All good.")) {
                (None, false) => Ok(()),
                other => Err(format!("{other:?}: {}", seen.text)),
            }
        })
        .await;
        world.stop().await;
    }

    async fn an_administrators_home_names_other_clients_whose_devices_need_a_person(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let (_, mut owner) = add_person(&world, 1, "ann", "owner").await;
        let client = json!({"name": "Toko Maju", "country_code": "62"});
        let other = world.client.manage("POST", "/clients", Some(client)).await.body["data"]["id"].as_i64().expect("a number");
        assert!(visitor.get("/console").await.shows("All good."), "nobody is needed yet");
        for name in ["one", "two"] {
            let device = json!({"client_id": other, "kind": "web", "name": name});
            assert_eq!(world.client.manage("POST", "/devices", Some(device)).await.status, 201);
        }
        let seen = visitor.get("/console").await;
        assert!(!seen.shows("All good.") && seen.shows("2 devices need attention"), "{}", seen.text);
        assert!(seen.shows(&format!("/console/account/clients/{other}/look")), "{}", seen.text);
        assert!(!owner.get("/console").await.shows("Toko Maju"));
        // On that client's own page its devices stand by themselves.
        let seen = visitor.post(&format!("/console/account/clients/{other}/look"), &[]).await;
        assert!(seen.shows("No account is linked") && !seen.shows("devices need attention"), "{}", seen.text);
        // A client that was disabled needs nobody.
        visitor.post("/console/account/clients/1/look", &[]).await;
        let disabled = json!({"disabled": true});
        assert_eq!(world.client.manage("PATCH", &format!("/clients/{other}"), Some(disabled)).await.status, 200);
        assert!(visitor.get("/console").await.shows("All good."));
        world.stop().await;
    }

    async fn who_is_no_administrator_any_more_looks_at_his_own_client(database: Database) {
        let world = gateway(database).await;
        let other = world.add_client("other", "628110000001").await;
        let (id, mut visitor) = add_person(&world, 1, "second", "administrator").await;
        let seen = visitor.post(&format!("/console/account/clients/{}/look", other.client_id), &[]).await;
        assert!(seen.shows("You are viewing another client"), "{}", seen.text);
        assert!(visitor.get("/console/devices").await.shows(&other.device_id));
        for role in ["owner", "sender"] {
            let path = format!("/clients/1/persons/{id}");
            assert_eq!(world.client.manage("PATCH", &path, Some(serde_json::json!({"role": role}))).await.status, 200);
            let seen = visitor.get("/console/devices").await;
            assert!(!seen.shows(&other.device_id), "{role}: {}", seen.text);
            let form = [("name", "mine now")];
            let seen = visitor.post(&format!("/console/devices/{}", other.device_id), &form).await;
            assert!([403, 404].contains(&seen.status), "{role}: {} {}", seen.status, seen.text);
        }
        world.stop().await;
    }

    async fn an_owner_sees_nothing_of_another_client(database: Database) {
        let world = gateway(database).await;
        let other = world.add_client("other", "628110000001").await;
        let (_, mut owner) = add_person(&world, other.client_id, "owner", "owner").await;
        for path in ["/console/account/clients", "/console/account/clients/1", "/console/account/clients/2"] {
            assert_eq!(owner.get(path).await.status, 403, "{path}");
        }
        for path in ["/console/account/persons", "/console/account/keys", "/console/account/audit", "/console/api"] {
            let seen = owner.get(path).await;
            assert_eq!(seen.status, 200, "{path}");
            assert!(!seen.shows(&world.device_id) && !seen.shows("0123…"), "{path} {}", seen.text);
            assert!(!seen.shows("/console/account/clients"), "{path} offers what is refused");
        }
        assert!(owner.get("/console/api").await.shows(&other.device_id));
        for (path, form, status) in [
            ("/console/account/clients/1/look", &[][..], 403),
            ("/console/account/clients", &[("name", "mine"), ("country_code", "62")], 403),
            ("/console/account/clients/1", &[("name", "mine")], 403),
            ("/console/account/persons/1/disable", &[], 404),
            ("/console/account/persons/1/password", &[("password", "guessed by me")], 404),
            ("/console/account/persons", &[("userid", "king"), ("role", "administrator")], 403),
            ("/console/account/keys", &[("person_id", "1")], 404),
            ("/console/account/keys/1/revoke", &[], 404),
        ] {
            let seen = owner.post(path, form).await;
            assert_eq!(seen.status, status, "{path} {}", seen.text);
        }
        assert_eq!(world.client.get("/auth/api_key").await.status, 200);
        assert!(Visitor::administrator(&world).await.is_in().await);
        world.stop().await;
    }

    async fn a_sender_manages_nobody(database: Database) {
        let world = gateway(database).await;
        let (_, mut sender) = add_person(&world, 1, "sam", "sender").await;
        for path in ["persons", "keys", "audit", "clients"] {
            assert_eq!(sender.get(&format!("/console/account/{path}")).await.status, 403, "{path}");
        }
        let seen = sender.get("/console/account").await;
        assert!(seen.status == 200 && !seen.shows("/console/account/keys"), "{}", seen.text);
        assert_eq!(sender.get("/console/api").await.status, 200);
        world.stop().await;
    }

    async fn it_is_noted_who_did_what(database: Database) {
        let world = gateway(database).await;
        let other = world.add_client("other", "628110000001").await;
        let mut visitor = Visitor::administrator(&world).await;
        Visitor::new(&world).sign_in("admin", "a wrong password").await;
        Visitor::new(&world).sign_in("nobody", "a wrong password").await;
        visitor.get("/console/account/keys").await;
        visitor.post("/console/account/keys", &[("person_id", "99")]).await;
        visitor.post("/console/account/keys", &[("person_id", "1")]).await;
        let device = format!("/devices/{}", other.device_id);
        let renamed = json!({"name": "till"});
        assert_eq!(world.client.manage("PATCH", &device, Some(renamed.clone())).await.status, 200);
        assert_eq!(other.client.manage("PATCH", &device, Some(renamed)).await.status, 200);
        other.client.manage("PATCH", "/clients/1", Some(json!({"name": "taken"}))).await;
        visitor.post(&format!("/console/account/clients/{}/look", other.client_id), &[]).await;
        let entries = async |of: &str, client: &crate::client::Client| {
            let reply = client.manage("GET", &format!("/audit{of}"), None).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let word = |entry: &serde_json::Value, name: &str| entry[name].as_str().expect("a text").to_owned();
            let row = |entry| ["userid", "way", "action", "subject"].map(|name| word(entry, name)).join(", ");
            reply.body["data"]["items"].as_array().expect("items").iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(entries("", &world.client).await, [
            "admin, console, look at client, 2",
            "admin, console, POST /clients/{client_id}/keys, 1 3",
            "admin, console, sign in refused, ",
            "admin, console, sign in, ",
            "admin, key 1, POST /clients, 2",
        ]);
        let its = [
            format!("owner-of-other, key 2, PATCH /devices/{{device_id}}, {}", other.device_id),
            format!("admin, key 1, PATCH /devices/{{device_id}}, {}", other.device_id),
            format!("admin, key 1, POST /devices, {}", other.device_id),
            "admin, key 1, POST /clients/{client_id}/keys, 2 2".to_owned(),
            "admin, key 1, POST /clients/{client_id}/persons, 2 owner-of-other".to_owned(),
        ];
        assert_eq!(entries("", &other.client).await, its);
        assert_eq!(entries("?client_id=2", &world.client).await, its);
        assert_eq!(other.client.manage("GET", "/audit?client_id=1", None).await.status, 404);
        let first = world.client.manage("GET", "/audit?limit=2", None).await;
        let next = first.body["data"]["next_before"].as_str().expect("another page").to_owned();
        assert_eq!(entries(&format!("?limit=2&before={next}"), &world.client).await[0], "admin, console, sign in refused, ");
        let seen = visitor.get("/console/account/audit").await;
        assert!(seen.shows("Changed a device") && seen.shows("API key 1") && !seen.shows("Tried a wrong"), "{}", seen.text);
        world.stop().await;
    }

    async fn samples_name_this_gateway_and_the_chosen_device(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let device = json!({"kind": "sandbox", "sender": "628110000044"});
        let added = world.client.manage("POST", "/devices", Some(device)).await;
        let second = added.body["data"]["device_id"].as_str().expect("a device").to_owned();
        let seen = visitor.get(&format!("/console/api?device={second}")).await;
        assert_eq!(seen.text.matches("<details").count(), 6);
        assert!(seen.text.matches(&format!("http://{}", world.address)).count() >= 7, "{}", seen.text);
        assert!(seen.text.matches(&second).count() >= 7 && seen.shows("YOUR_API_KEY"), "{}", seen.text);
        assert!(!seen.shows(crate::world::KEY));
        let seen = visitor.get("/console/api?device=1-000000000000000").await;
        assert!(seen.shows(&world.device_id) && seen.status == 200, "an unknown device is as none");
        world.stop().await;
    }
}
