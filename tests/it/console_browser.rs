//! The console as a person uses it, in a real browser: wide, and as wide as a phone.

use serde_json::json;

use crate::browser::{Browser, NARROW, WIDE};
use crate::files::PNG;
use crate::receiver::{Answer, Receiver};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{ALICE, BOB, World, stories};

pub const PASSWORD: &str = "the operator's own";

/// The administrator signs in with the printed password, and chooses his own.
pub async fn first_sign_in(world: &World) -> Browser {
    let browser = Browser::open(&world.settings.public_url).await;
    let printed = world.first_password.as_deref().expect("it was printed");
    browser.signs_in("admin", printed).await;
    browser.until_at("/console/password").await;
    // Nothing else is to be had before.
    browser.go("/console/messages").await;
    browser.until_at("/console/password").await;
    browser.fill("[name=now]", printed).await;
    browser.fill("[name=new]", PASSWORD).await;
    browser.fill("[name=again]", PASSWORD).await;
    browser.click("main form button.main").await;
    browser.until_at("/console?done=password").await;
    browser
}

/// A file on the disk, as a person chooses one.
pub fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

stories! {
    async fn the_first_sign_in_asks_for_another_password(database: Database) {
        let world = World::new(database).await;
        let browser = first_sign_in(&world).await;
        browser.reads("SANDBOX").await;
        browser.click("header form button").await;
        browser.until_at("/console/sign-in").await;
        browser.signs_in("admin", world.first_password.as_deref().expect("it was printed")).await;
        browser.reads("wrong").await;
        browser.signs_in("admin", PASSWORD).await;
        browser.until_at("/console").await;
        browser.reads("Home").await;
    }

    async fn a_device_is_added_and_linked_by_the_code_on_the_page(database: Database) {
        let stage = Stage::unlinked(database).await;
        let browser = first_sign_in(&stage.world).await;
        for (screen, phone) in [(WIDE, OWNER), (NARROW, ANN)] {
            browser.resize(screen).await;
            browser.go("/console/devices").await;
            browser.fill("#add-web [name=name]", "Shop").await;
            browser.click("#add-web button.main").await;
            browser.reads("Show the QR code").await;
            browser.click("#link-qr button.main").await;
            let qr = browser.scans("#qr").await;
            stage.network.post(&format!("/people/{phone}/scan"), json!({"qr": qr})).await;
            // The page turns by itself.
            browser.until_there("#link-status[data-status=linked]").await;
            browser.go("/console").await;
            browser.reads(phone).await;
        }
    }

    async fn a_picture_is_sent_by_hand_and_seen_to_be_read(database: Database) {
        let world = World::new(database).await;
        let browser = first_sign_in(&world).await;
        let (_folder, picture) = file("look.png", PNG);
        for screen in [WIDE, NARROW] {
            browser.resize(screen).await;
            browser.go("/console/messages").await;
            browser.click("main a.button.main").await;
            browser.fill("[name=destination]", ALICE).await;
            browser.fill("[name=text]", "look at this").await;
            browser.types("[name=file]", &picture).await;
            browser.click("#new-message button.main").await;
            browser.until_at("/console/messages/").await;
            browser.reads("look at this").await;
            browser.until_there("#message .state.R").await;
        }
    }

    async fn what_comes_in_appears_and_is_answered(database: Database) {
        let world = World::new(database).await;
        let browser = first_sign_in(&world).await;
        for (screen, who, name) in [(WIDE, ALICE, "Alice"), (NARROW, BOB, "Bob")] {
            browser.resize(screen).await;
            browser.go("/console/inbox").await;
            let text = format!("{name} asks whether you are open");
            let body = json!({"from": who, "name": name, "text": text});
            let path = format!("/devices/{}/receive", world.device_id);
            assert_eq!(world.client.manage("POST", &path, Some(body)).await.status, 201);
            browser.reads(&text).await;
            browser.click(&format!("#conversations a[href*='{who}']")).await;
            browser.reads(&text).await;
            browser.fill("#answer [name=message]", &format!("until nine, {name}")).await;
            browser.click("#answer button.main").await;
            browser.reads(&format!("until nine, {name}")).await;
            browser.until_there("#talk li.own .state.R").await;
        }
    }

    async fn a_key_is_made_used_revoked_and_refused(database: Database) {
        let world = World::new(database).await;
        let browser = first_sign_in(&world).await;
        for screen in [WIDE, NARROW] {
            browser.resize(screen).await;
            browser.go("/console/account/keys").await;
            browser.fill("main form.stack [name=name]", "the shop's program").await;
            browser.click("main form.stack button.main").await;
            browser.until_there("#api-key").await;
            let key = browser.script("return document.getElementById('api-key').textContent").await;
            let program = world.client.with_key(key.as_str().expect("a key"));
            assert_eq!(program.get("/auth/api_key").await.status, 200);
            browser.go("/console/account/keys").await;
            assert!(!browser.text().await.contains(key.as_str().expect("a key")), "it is shown once");
            browser.click("main tr:last-child form button.bad").await;
            browser.says_yes().await;
            browser.until_at("/console/account/keys?done=revoked").await;
            assert_eq!(program.get("/auth/api_key").await.status, 403);
        }
    }

    async fn a_push_url_is_set_and_tested(database: Database) {
        let world = World::new(database).await;
        let receiver = Receiver::new(vec![Answer::file(b"thank you")]).await;
        let browser = first_sign_in(&world).await;
        for (screen, asked) in [(WIDE, 1), (NARROW, 2)] {
            browser.resize(screen).await;
            browser.go("/console/push").await;
            browser.fill("#push-url [name=url]", &receiver.url(&format!("/inbox/{asked}"))).await;
            browser.click("#push-url button.main").await;
            browser.until_at("/console/push?done=push-set").await;
            browser.click("form[action='/console/push/test'] button").await;
            browser.until_there("#sample").await;
            browser.reads("thank you").await;
            let seen = receiver.until(asked).await;
            assert_eq!(seen[asked - 1].path, format!("/inbox/{asked}"));
            assert!(seen[asked - 1].header("webhook-signature").starts_with("v1,"));
        }
    }

    async fn a_file_of_messages_is_queued_but_for_its_bad_rows(database: Database) {
        let world = World::new(database).await;
        let browser = first_sign_in(&world).await;
        let rows = format!("destination,message\n{ALICE},first\nnobody,second\n{BOB},third\n{ALICE},\n");
        let (_folder, path) = file("campaign.csv", rows.as_bytes());
        // The second campaign has the rows of the first: somebody has to say that they are sent again.
        for (screen, campaign, send) in [(WIDE, "wide", "#actions button.main"), (NARROW, "narrow", "#send-again")] {
            browser.resize(screen).await;
            browser.go("/console/messages/import").await;
            browser.types("#import [name=file]", &path).await;
            browser.fill("#import [name=campaign]", campaign).await;
            browser.click("#import button.main").await;
            browser.until_there("#refused").await;
            for (id, count) in [("good", "2"), ("refused", "2")] {
                let shown = browser.script(&format!("return document.getElementById('{id}').textContent")).await;
                assert_eq!(shown, count, "{id}");
            }
            browser.reads("nobody").await;
            browser.judge("import-read").await;
            browser.click(send).await;
            if send == "#send-again" {
                browser.says_yes().await;
            }
            browser.until_there("#accepted").await;
            browser.until_it_is("document.getElementById('accepted').textContent", "2").await;
        }
        let counts = world.client.manage("GET", "/messages?limit=500", None).await;
        assert_eq!(counts.body["data"]["items"].as_array().map(Vec::len), Some(4), "{}", counts.text);
    }

    async fn another_clients_person_sees_none_of_it(database: Database) {
        let world = World::new(database).await;
        let ref_no = world.send(ALICE, "between us").await;
        world.until(&ref_no, "R").await;
        let body = json!({"from": ALICE, "name": "Alice", "text": "a secret of the first client"});
        world.client.manage("POST", &format!("/devices/{}/receive", world.device_id), Some(body)).await;
        let other = world.add_client("Other", "628120000000").await;
        let person = json!({"userid": "other-owner", "role": "owner", "password": "given to the other owner"});
        let added = world.client.manage("POST", &format!("/clients/{}/persons", other.client_id), Some(person)).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let browser = Browser::open(&world.settings.public_url).await;
        browser.signs_in("other-owner", "given to the other owner").await;
        browser.until_at("/console/password").await;
        browser.fill("[name=now]", "given to the other owner").await;
        browser.fill("[name=new]", PASSWORD).await;
        browser.fill("[name=again]", PASSWORD).await;
        browser.click("main form button.main").await;
        browser.until_at("/console?done=password").await;
        for page in ["", "/devices", "/messages", "/inbox", "/push", "/account/persons", "/account/keys", "/account/audit"] {
            browser.go(&format!("/console{page}")).await;
            let text = browser.text().await;
            for theirs in ["between us", "a secret", "First client", world.device_id.as_str(), world.sender.as_str(), "first key"] {
                assert!(!text.contains(theirs), "{page} shows {theirs}: {text}");
            }
        }
        for page in [format!("/messages/{ref_no}"), format!("/devices/{}", world.device_id), format!("/inbox/{}/{ALICE}", world.device_id), "/account/clients".into()] {
            browser.go(&format!("/console{page}")).await;
            let title = browser.script("return document.querySelector('h1').textContent").await;
            assert!(["Not found", "Not allowed"].iter().any(|title_of| title == *title_of), "{page}: {title}");
        }
    }
}

/// On one store: a page looks the same on both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_for_everybody_in_light_and_dark_wide_and_narrow() {
    let world = World::new(crate::world::Database::Sqlite).await;
    let receiver = Receiver::new(vec![Answer::file(b"thank you")]).await;
    let browser = first_sign_in(&world).await;
    world.client.manage("PUT", "/clients/1/push", Some(json!({"url": receiver.url("/inbox")}))).await;
    let ref_no = world.send(ALICE, "a text of some length, as people write them to each other on most days").await;
    world.until(&ref_no, "R").await;
    let body = json!({"from": ALICE, "name": "Alice", "text": "good morning, are you open today?"});
    let device = &world.device_id;
    world.client.manage("POST", &format!("/devices/{device}/receive"), Some(body)).await;
    receiver.until(1).await;
    let web = world.client.manage("POST", "/devices", Some(json!({"kind": "web", "name": "Shop"}))).await;
    let web = web.body["data"]["device_id"].as_str().expect("a device").to_owned();
    for (name, page) in [
        ("home", String::new()),
        ("devices", "/devices".into()),
        ("device", format!("/devices/{device}")),
        ("device-web", format!("/devices/{web}")),
        ("device-link", format!("/devices/{web}/link")),
        ("messages", "/messages".into()),
        ("message", format!("/messages/{ref_no}")),
        ("message-new", "/messages/new".into()),
        ("import", "/messages/import".into()),
        ("inbox", "/inbox".into()),
        ("conversation", format!("/inbox/{device}/{ALICE}")),
        ("push", "/push".into()),
        ("account", "/account".into()),
        ("password", "/password".into()),
        ("persons", "/account/persons".into()),
        ("keys", "/account/keys".into()),
        ("clients", "/account/clients".into()),
        ("audit", "/account/audit".into()),
        ("api", "/api".into()),
        ("not-found", "/nowhere".into()),
    ] {
        browser.go(&format!("/console{page}")).await;
        browser.judge(name).await;
    }
    browser.go("/console/language?to=id&back=/console").await;
    browser.reads("Beranda").await;
    browser.judge("beranda").await;
    browser.click("header form button").await;
    browser.until_at("/console/sign-in").await;
    browser.judge("sign-in").await;
}
