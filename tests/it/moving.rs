//! Moving a customer in from another gateway, and going live: over the API, on the command line and in the console.

use serde_json::{Value, json};

use crate::console::{Visitor, gateway};
use crate::network::Network;
use crate::process::{Place, Serving, Typed, text};
use crate::stage::{ANN, OWNER};
use crate::world::{ALICE, Database, KEY, Time, World, eventually, stories};

pub const OLD_KEY: &str = "4F1D9C3B7A60E2D85B94C7F01A3E6D28";
pub const DEVICE: &str = "11055-171379261223689";
/// The owner's number in the simulated network.
pub const SENDER: &str = OWNER;

pub fn customer() -> Value {
    json!({"api_key": OLD_KEY, "device_id": DEVICE, "sender": SENDER, "client": "Apotek Sehat"})
}

pub async fn migrate(world: &World, body: Value) -> Value {
    let reply = world.client.manage("POST", "/migrate", Some(body)).await;
    assert!(reply.status == 200 || reply.status == 201, "{}", reply.text);
    reply.body["data"].clone()
}

/// How many of everything there is: what a refused migration must not change.
pub async fn counts(world: &World) -> (usize, usize, usize) {
    let clients = world.store.list_clients().await.expect("readable");
    let mut persons = 0;
    for client in &clients {
        persons += world.store.list_persons(client.id).await.expect("readable").len();
    }
    (clients.len(), persons, world.store.list_devices(None).await.expect("readable").len())
}

stories! {
    async fn an_unchanged_program_works_after_one_request(database: Database) {
        let world = World::new(database).await;
        let moved = migrate(&world, customer()).await;
        assert_eq!(moved["created"], json!(["client", "user", "key", "device"]), "{moved}");
        assert_eq!((&moved["userid"], &moved["client"], &moved["kind"]), (&json!("apotek-sehat"), &json!("Apotek Sehat"), &json!("sandbox")));
        world.until_online(DEVICE).await;
        let program = world.client.with_key(OLD_KEY);
        let reply = program.post("/message", &json!({"queue": DEVICE, "sender": SENDER, "destination": ALICE, "message": "x"})).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        eventually("it is read", async || {
            let status = program.get(&format!("/status/{ref_no}")).await;
            if status.body["data"]["status"] == "R" { Ok(()) } else { Err(status.text) }
        })
        .await;
        // A request that names no device is the new client's too.
        let reply = program.post("/message", &json!({"destination": ALICE, "message": "x"})).await;
        assert_eq!(reply.body["data"]["queue"], DEVICE, "{}", reply.text);
        // The same again changes nothing, and says so.
        let before = counts(&world).await;
        let again = world.client.manage("POST", "/migrate", Some(customer())).await;
        assert_eq!((again.status, &again.body["data"]["created"]), (200, &json!([])), "{}", again.text);
        let short = json!({"api_key": OLD_KEY, "device_id": DEVICE, "sender": "0811-0000-001"});
        assert_eq!(migrate(&world, short).await["created"], json!([]));
        assert_eq!(counts(&world).await, before);
        // What was left out can be added.
        let mut more = customer();
        more["push_url"] = json!("https://shop.example/inbox");
        assert_eq!(migrate(&world, more).await["created"], json!(["push_url"]));
        let second = json!({"api_key": OLD_KEY, "device_id": "11055-000000000000002", "sender": "628110000002"});
        let second = migrate(&world, second).await;
        assert_eq!((&second["created"], &second["client_id"]), (&json!(["device"]), &moved["client_id"]));
        let audit = world.client.manage("GET", &format!("/audit?client_id={}", moved["client_id"]), None).await;
        let entries = audit.body["data"]["items"].as_array().expect("entries").clone();
        assert!(entries.iter().any(|entry| entry["action"] == "POST /migrate" && entry["subject"] == DEVICE), "{entries:?}");
        world.stop().await;
    }

    async fn what_contradicts_a_migration_is_named_and_nothing_is_stored(database: Database) {
        let world = World::new(database).await;
        migrate(&world, customer()).await;
        let other = world.add_client("other", "628110000077").await;
        migrate(&world, json!({"api_key": "another-key-of-16-chars", "device_id": "7-000000000000007", "sender": "628110000007", "client": "Toko", "user": "shop", "push_url": "https://toko.example/"})).await;
        let before = counts(&world).await;
        let other_key = "a-third-key-of-some-length";
        for (body, said) in [
            (json!({"api_key": OLD_KEY, "device_id": other.device_id, "sender": "628110000077"}), "belongs to client"),
            (json!({"api_key": OLD_KEY, "device_id": "9-000000000000009", "sender": "628110000009", "client": "Toko"}), "not to 'Toko'"),
            (json!({"api_key": OLD_KEY.to_lowercase(), "device_id": DEVICE, "sender": SENDER}), "check the key"),
            // Nor is another device, or a customer who is called the same, a reason to give a key that is not known.
            (json!({"api_key": other_key, "device_id": "9-000000000000009", "sender": "628110000009", "client": "Apotek Sehat"}), "check the key"),
            (json!({"api_key": KEY, "device_id": "9-000000000000009", "sender": "628110000009"}), "of the administrator 'admin'"),
            (json!({"api_key": other_key, "device_id": "9-000000000000009", "sender": "628110000009", "client": "77"}), "there is no client 77"),
            (json!({"api_key": OLD_KEY, "device_id": DEVICE, "sender": SENDER, "user": "somebody"}), "belongs to the user 'apotek-sehat', not to 'somebody'"),
            (json!({"api_key": other_key, "device_id": DEVICE, "sender": SENDER, "client": "Toko"}), "is taken: it belongs to client"),
            (json!({"api_key": OLD_KEY, "device_id": DEVICE, "sender": "628110000009"}), "with the sender 628110000001, not 628110000009"),
            (json!({"api_key": other_key, "device_id": "9-000000000000009", "sender": SENDER}), "the sender 628110000001 is taken"),
            (json!({"api_key": "another-key-of-16-chars", "device_id": "7-000000000000007", "sender": "628110000007", "push_url": "https://other.example/"}), "has the Push URL https://toko.example/"),
        ] {
            let reply = world.client.manage("POST", "/migrate", Some(body.clone())).await;
            assert!(reply.status == 409 && reply.text.contains(said), "{body}: {said}: {} {}", reply.status, reply.text);
        }
        for (field, bad, said) in [
            ("api_key", "short", "16 to 128"),
            ("device_id", "11055", "a dash and 15 digits"),
            ("sender", "12", "12"),
            ("push_url", "ftp://x", "http"),
            ("client", "a\nb", "control"),
            ("user", "a b", "no spaces"),
        ] {
            let mut body = json!({"api_key": other_key, "device_id": "9-000000000000009", "sender": "628110000009"});
            body[field] = json!(bad);
            let reply = world.client.manage("POST", "/migrate", Some(body)).await;
            assert_eq!(reply.status, 422, "{field}: {}", reply.text);
            assert_eq!(reply.body["detail"][0]["loc"], json!(["body", field]), "{}", reply.text);
            assert!(reply.text.contains(said), "{field}: {}", reply.text);
        }
        assert_eq!(counts(&world).await, before, "a refused migration leaves nothing");
        // A name keeps its letters in the userid that follows from it; one that has none in ASCII is the client's number.
        for (at, name, userid) in [(1, "Caf\u{e9} \u{d6}l Jos\u{e9}", "cafe-ol-jose"), (2, "\u{85e5}\u{5c40} 24", "client-")] {
            let body = json!({"api_key": format!("{other_key}-of-{at}"), "device_id": format!("7{at}-000000000000001"), "sender": format!("62811000070{at}"), "client": name});
            let moved = migrate(&world, body).await;
            assert!(moved["userid"].as_str().is_some_and(|made| made.starts_with(userid)), "{moved}");
        }
        // One more key is given to a user who is named; of a number that a client was made for, nobody guesses another client.
        let more = json!({"api_key": "one-more-key-of-the-shop", "device_id": DEVICE, "sender": SENDER, "user": "apotek-sehat"});
        assert_eq!(migrate(&world, more).await["created"], json!(["key"]));
        let unnamed = |key: &str, id: &str, sender: &str| json!({"api_key": key, "device_id": id, "sender": sender});
        migrate(&world, unnamed("the-key-of-an-unnamed-one", "33-000000000000001", "628110000031")).await;
        let alike = unnamed("the-key-of-somebody-else", "33-000000000000002", "628110000032");
        let refusal = world.client.manage("POST", "/migrate", Some(alike)).await;
        assert!(refusal.status == 409 && refusal.text.contains("('WAChat 33') was made for a device id"), "{}", refusal.text);
        // Only an administrator moves customers in; only who manages a device takes it live.
        assert_eq!(other.client.manage("POST", "/migrate", Some(customer())).await.status, 403);
        let live = Some(json!({"used_before": true}));
        assert_eq!(other.client.manage("POST", &format!("/devices/{DEVICE}/go-live"), live.clone()).await.status, 404);
        assert_eq!(world.client.with_key(OLD_KEY).manage("POST", &format!("/devices/{DEVICE}/go-live"), live).await.status, 403);
        world.stop().await;
    }

    async fn a_trial_ends_without_a_message_of_it_being_sent(database: Database) {
        let world = World::new(database).await;
        let moved = migrate(&world, customer()).await;
        world.until_online(DEVICE).await;
        let path = format!("/devices/{DEVICE}");
        world.client.manage("PATCH", &path, Some(json!({"paused": true}))).await;
        let program = world.client.with_key(OLD_KEY);
        let reply = program.post("/message", &json!({"queue": DEVICE, "destination": ALICE, "message": "of the trial"})).await;
        let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        let live = world.client.manage("POST", &format!("{path}/go-live"), Some(json!({"used_before": true}))).await;
        assert_eq!(live.status, 202, "{}", live.text);
        let data = &live.body["data"];
        assert_eq!((&data["aborted"], &data["warm_up"], &data["sender"]), (&json!(1), &json!(false), &json!(SENDER)), "{data}");
        assert_eq!((&data["link"]["status"], &data["link"]["way"]), (&json!("waiting"), &json!("qr")));
        let status = program.get(&format!("/status/{ref_no}")).await.body["data"].clone();
        assert!(status["status"] == "A" && status["reason"].as_str().is_some_and(|why| why.contains("sandbox")), "{status}");
        let device = world.client.manage("GET", &path, None).await.body["data"].clone();
        assert_eq!((&device["kind"], &device["paused"], &device["gap_ms"]), (&json!("web"), &json!(false), &json!(wachat::limits::WEB_GAP_MS)), "{device}");
        let client = world.client.manage("GET", &format!("/clients/{}", moved["client_id"]), None).await;
        assert_eq!(client.body["data"]["default_device"], DEVICE, "the default device is the same one");
        // Until the phone is linked, a message waits for it.
        let reply = program.post("/message", &json!({"destination": ALICE, "message": "real"})).await;
        assert_eq!(reply.body["data"]["queue"], DEVICE, "{}", reply.text);
        // Again it continues the linking, and the answer about the number stays.
        let attempt = async || world.store.find_device(DEVICE).await.expect("readable").expect("there").wish_at;
        let first = attempt().await;
        for (body, is_same) in [(json!({"used_before": false}), true), (json!({}), true), (json!({"phone": SENDER}), false)] {
            let again = world.client.manage("POST", &format!("{path}/go-live"), Some(body)).await;
            let data = &again.body["data"];
            assert_eq!((again.status, &data["warm_up"], &data["aborted"], &data["was_live"]), (202, &json!(false), &json!(0), &json!(true)), "{}", again.text);
            assert_eq!(again.body["message"], "Linking continues; the device went live before, and keeps its warm-up setting");
            assert_eq!(attempt().await == first, is_same, "an attempt that is under way continues");
        }
        // What was set since stays too.
        world.client.manage("PATCH", &path, Some(json!({"warm_up": true}))).await;
        let again = world.client.manage("POST", &format!("{path}/go-live"), Some(json!({"used_before": true}))).await;
        assert_eq!((again.status, &again.body["data"]["warm_up"]), (202, &json!(true)), "{}", again.text);
        let entries = world.client.manage("GET", &format!("/audit?client_id={}", moved["client_id"]), None).await;
        assert!(entries.text.contains("/devices/{device_id}/go-live"), "{}", entries.text);
        for bad in [json!({"used_before": "perhaps"}), json!({"used_before": true, "phone": "12"})] {
            let reply = world.client.manage("POST", &format!("{path}/go-live"), Some(bad)).await;
            assert_eq!(reply.status, 422, "{}", reply.text);
        }
        assert_eq!(world.client.manage("POST", "/devices/1-000000000000000/go-live", Some(json!({"used_before": true}))).await.status, 404);
        // The number of the first sandbox is nobody's. Its client sends by what is real, once something is.
        let first = format!("/devices/{}/go-live", world.device_id);
        let refusal = world.client.manage("POST", &first, Some(json!({"used_before": true}))).await;
        assert!(refusal.status == 409 && refusal.text.contains("whose number is nobody's"), "{}", refusal.text);
        let (own, sender) = ("1-000000000000055", "628110000055");
        migrate(&world, json!({"api_key": "a-key-of-the-first-client", "device_id": own, "sender": sender, "client": "1"})).await;
        for unanswered in [json!({}), json!({"used_before": null})] {
            let reply = world.client.manage("POST", &format!("/devices/{own}/go-live"), Some(unanswered)).await;
            assert_eq!((reply.status, &reply.body["detail"][0]["loc"]), (422, &json!(["body", "used_before"])), "{}", reply.text);
        }
        world.client.manage("POST", &format!("/devices/{own}/go-live"), Some(json!({"used_before": true}))).await;
        let client = world.client.manage("GET", "/clients/1", None).await;
        assert_eq!(client.body["data"]["default_device"], json!(own));
        world.stop().await;
    }

    async fn imports_through_a_sandbox_stop_when_it_goes_live(database: Database) {
        let world = World::with(database, Time::Machine, |_| ()).await;
        migrate(&world, customer()).await;
        world.until_online(DEVICE).await;
        let found = world.store.find_device(DEVICE).await.expect("readable").expect("there");
        // To one recipient: its rows are offered one after another.
        let rows: String = (0..2_000).map(|n| format!("{ALICE},text {n}\n")).collect();
        let file = format!("destination,message\n{rows}");
        let path = format!("/imports?client_id={}&queue={DEVICE}&file_name=june.csv", found.client_id);
        let added = world.client.ask("POST", &format!("/manage/1.0{path}"), &[("content-type", "text/csv")], Some(file.into_bytes())).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let id = added.body["data"]["id"].as_str().expect("an id").to_owned();
        let begun = world.client.manage("POST", &format!("/imports/{id}/begin?client_id={}", found.client_id), None).await;
        assert!(begun.status < 300, "{}", begun.text);
        let live = world.client.manage("POST", &format!("/devices/{DEVICE}/go-live"), Some(json!({"used_before": true}))).await;
        assert_eq!(live.status, 202, "{}", live.text);
        let import = world.client.manage("GET", &format!("/imports/{id}?client_id={}", found.client_id), None).await.body["data"].clone();
        // It may have come to its end just before.
        if import["state"] == "stopped" {
            assert_eq!(live.body["data"]["stopped_imports"], 1, "{}", live.text);
            assert!(import["reason"].as_str().is_some_and(|why| why.contains("has gone live")), "{import}");
        } else {
            assert_eq!(import["state"], "done", "{import}");
        }
        world.stop().await;
    }

    async fn only_the_phone_of_the_sender_is_linked(database: Database) {
        let network = Network::start().await;
        network.person(OWNER, "Owner").await;
        network.person(ANN, "Ann").await;
        let url = network.url();
        let world = World::with(database, Time::Machine, |settings| settings.simulated_network = Some(url)).await;
        migrate(&world, customer()).await;
        world.until_online(DEVICE).await;
        let path = format!("/devices/{DEVICE}");
        let live = world.client.manage("POST", &format!("{path}/go-live"), Some(json!({"used_before": true}))).await;
        assert_eq!(live.status, 202, "{}", live.text);
        let scan = async |number: &str| {
            let qr = eventually("a code", async || {
                let reply = world.client.manage("GET", &format!("{path}/qr"), None).await;
                reply.body["data"]["qr"].as_str().map(str::to_owned).ok_or(reply.text)
            })
            .await;
            network.post(&format!("/people/{number}/scan"), json!({"qr": qr})).await;
        };
        scan(ANN).await;
        let link = eventually("the wrong phone is refused", async || {
            let link = world.client.manage("GET", &format!("{path}/link"), None).await.body["data"].clone();
            if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
        })
        .await;
        let reason = link["reason"].as_str().expect("a reason");
        assert!(reason.contains(ANN) && reason.contains(OWNER), "{reason}");
        // Once its link is ended on the phone too, that is still the reason.
        eventually("the wrong phone lists no link", async || {
            let phone = network.get(&format!("/people/{ANN}")).await;
            if phone["devices"].as_array().map(Vec::len) == Some(1) { Ok(()) } else { Err(phone.to_string()) }
        })
        .await;
        let device = world.client.manage("GET", &path, None).await.body["data"].clone();
        assert_eq!((&device["state"], &device["state_reason"]), (&json!("unlinked"), &json!(reason)), "{device}");
        let events = world.client.manage("GET", &format!("{path}/events"), None).await;
        assert!(!events.text.contains("another gateway"), "{}", events.text);
        assert_eq!((&device["sender"], &device["linked_at"]), (&json!(SENDER), &Value::Null), "{device}");
        world.client.manage("POST", &format!("{path}/link"), None).await;
        scan(OWNER).await;
        world.until_online(DEVICE).await;
        let program = world.client.with_key(OLD_KEY);
        let reply = program.post("/message", &json!({"queue": DEVICE, "sender": SENDER, "destination": ANN, "message": "for real"})).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        network.shows_text(ANN, "for real").await;
        let again = world.client.manage("POST", &format!("{path}/go-live"), Some(json!({"used_before": true}))).await;
        assert!(again.status == 409 && again.text.contains("live already") && again.text.contains("its state is online"), "{}", again.text);
        let same = world.client.manage("POST", "/migrate", Some(customer())).await;
        assert_eq!((same.status, &same.body["data"]["kind"]), (200, &json!("web")), "{}", same.text);
        world.stop().await;
    }

    async fn two_commands_move_a_customer_and_go_live(database: Database) {
        let network = Network::start().await;
        network.person(OWNER, "Owner").await;
        let place = Place::new(database).await;
        let words = ["migrate", "--key", OLD_KEY, "--device-id", DEVICE, "--sender", SENDER, "--client", "Apotek Sehat"];
        assert!(place.fails(&words).await.contains("`wachat serve`"));
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("WACHAT_SIMULATED_NETWORK", network.url());
        let serving = Serving::start(command).await;
        let moved = place.run(&words).await;
        let said = text(&moved.stdout);
        assert!(moved.status.success() && said.contains("Moved in") && said.contains("--go-live"), "{said}{}", text(&moved.stderr));
        assert!(said.contains(&format!("to http://{} and run it", serving.client.address)), "{said}");
        let mut json_words = words.to_vec();
        json_words.push("--json");
        let again = place.json(&json_words).await;
        assert_eq!((&again["created"], &again["state"]), (&json!([]), &json!("online")), "{again}");
        let program = serving.client.with_key(OLD_KEY);
        let reply = program.post("/message", &json!({"queue": DEVICE, "destination": ALICE, "message": "x"})).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        // A program has to say what a person is asked.
        let refusal = place.fails(&["migrate", "--go-live", DEVICE]).await;
        assert!(refusal.contains("--used-before yes"), "{refusal}");
        let mut command = place.command(&["migrate", "--go-live", DEVICE, "--used-before", "yes", "--json"]);
        command.env("WACHAT_SIMULATED_NETWORK", network.url());
        let going = Typed::start(command);
        going.until("\"code\":\"2@").await;
        let said = going.said();
        let shown = said.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok().filter(|change| change["code"].is_string()));
        network.post(&format!("/people/{OWNER}/scan"), json!({"qr": shown.expect("a code")["code"]})).await;
        let (code, said) = going.end().await;
        assert!(code == Some(0) && said.contains("\"linked\""), "{said}");
        let events = place.json(&["device", "list", "--json"]).await;
        let device = events.as_array().into_iter().flatten().find(|device| device["device_id"] == DEVICE).cloned().expect("it");
        assert_eq!((&device["kind"], &device["sender"], &device["pacing"]["warm_up"]), (&json!("web"), &json!(SENDER), &json!(false)), "{device}");
        let refusal = place.fails(&["migrate", "--go-live", DEVICE, "--used-before", "no"]).await;
        assert!(refusal.contains("live already") && refusal.contains("its state is online; nothing was changed"), "{refusal}");
        let audit = serving.client.manage("GET", &format!("/audit?client_id={}", device["client_id"]), None).await;
        assert!(audit.text.contains("\"way\":\"command line\""), "{}", audit.text);
        assert!(serving.terminate().await.success());
    }

    async fn without_a_server_the_commands_say_what_to_start(database: Database) {
        let place = Place::new(database).await;
        assert!(place.serve().await.terminate().await.success());
        let words = ["migrate", "--key", OLD_KEY, "--device-id", DEVICE, "--sender", SENDER];
        let said = text(&place.run(&words).await.stdout);
        assert!(said.contains("WAChat 11055") && said.contains("`wachat serve`"), "{said}");
        let going = Typed::start(place.command(&["migrate", "--go-live", DEVICE, "--used-before", "no", "--phone"]));
        going.until("no server seems to serve this store").await;
        let listed = place.run(&["device", "list", "--json"]).await;
        assert!(text(&listed.stdout).contains("\"kind\": \"web\""), "{}", text(&listed.stdout));
        assert!(text(&listed.stderr).contains("until then nothing leaves"), "{}", text(&listed.stderr));
        // Run again, it asks nothing: it says how the device is, and what was answered.
        for words in [&["migrate", "--go-live", DEVICE][..], &["migrate", "--go-live", DEVICE, "--used-before", "yes"]] {
            let again = Typed::start(place.command(words));
            for words in ["no server seems to serve this store", "went live before, and its state is ", "(warm-up), as was set before"] {
                again.until(words).await;
            }
        }
    }

    async fn a_customer_moves_in_and_goes_live_in_the_console(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let seen = visitor.get("/console/account/clients").await;
        assert!(seen.shows("Move from another gateway"), "{}", seen.text);
        let form = [("api_key", OLD_KEY), ("device_id", DEVICE), ("sender", SENDER), ("client", "Apotek Sehat"), ("user", ""), ("push_url", "")];
        let seen = visitor.post("/console/account/migrate", &form).await;
        assert!(seen.shows("Moved in") && seen.shows(DEVICE) && !seen.shows(OLD_KEY), "{}", seen.text);
        world.until_online(DEVICE).await;
        let bad = [("api_key", "short"), ("device_id", DEVICE), ("sender", SENDER), ("client", ""), ("user", ""), ("push_url", "")];
        let seen = visitor.post("/console/account/migrate", &bad).await;
        assert!(seen.status == 422 && seen.shows("16 to 128") && seen.shows(DEVICE), "{}", seen.text);
        let seen = visitor.get(&format!("/console/devices/{DEVICE}")).await;
        assert!(seen.shows("Go live"), "{}", seen.text);
        let seen = visitor.post(&format!("/console/devices/{DEVICE}/go-live"), &[]).await;
        assert_eq!(seen.status, 422, "{}", seen.text);
        visitor.post(&format!("/console/devices/{DEVICE}/go-live"), &[("used_before", "yes")]).await;
        let device = world.store.find_device(DEVICE).await.expect("readable").expect("there");
        assert!(device.kind == wachat::device::Kind::Web && !device.warm_up, "{device:?}");
        // A page that was open since before, and the form once more.
        let seen = visitor.post(&format!("/console/devices/{DEVICE}/go-live"), &[("used_before", "no")]).await;
        assert!(seen.shows("It went live before: linking continues, and its warm-up setting stays."), "{}", seen.text);
        assert!(!world.store.find_device(DEVICE).await.expect("readable").expect("there").warm_up);
        let seen = visitor.post("/console/account/migrate", &form).await;
        assert!(seen.shows("Everything was here already") && seen.shows("It has gone live.") && !seen.shows("SANDBOX"), "{}", seen.text);
        let seen = visitor.get(&format!("/console/devices/{DEVICE}")).await;
        assert!(!seen.shows("Go live"), "{}", seen.text);
        world.stop().await;
    }
}

/// A name that is no setting is reported, with the one that may be meant.
#[tokio::test]
async fn a_name_with_a_slip_in_the_environment_is_told() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("WACHAT_DATABSE_URL", "postgres://nowhere/x");
    let serving = Serving::start(command).await;
    let log = serving.log();
    assert!(log.contains("WARN") && log.contains("did you mean WACHAT_DATABASE_URL?"), "{log}");
    assert!(serving.client.with_key(KEY).get("/auth/api_key").await.status == 200);
    assert!(serving.terminate().await.success());
}
