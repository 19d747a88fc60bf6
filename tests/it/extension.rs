//! The browser extension as it is shipped, in Chromium: one click on its page gives WhatsApp the passkey that it asks for. A page of ours
//! stands in for web.whatsapp.com, and Chromium's virtual authenticator for the person's phone.

use std::path::Path;
use std::time::Duration;

use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::signed_in::PASSWORD;
use crate::stage::{ANN, OWNER, Stage};
use crate::whatsapp_web::WhatsAppWeb;
use crate::world::{Database, Time, eventually, stories};

/// Somebody at a browser that has the extension and may already ask the gateway; an account with a passkey is being linked.
struct Desk {
    stage: Stage,
    whatsapp: WhatsAppWeb,
    browser: Browser,
    /// The address of the extension's page.
    page: String,
}

/// What becomes of the request for a passkey, in the tab that the extension opens.
#[derive(Clone, Copy)]
enum Hand {
    /// The passkey of this person is used.
    Uses(&'static str),
    /// No finger, face or PIN unlocks it.
    Fails,
    ClosesTheTab,
}

impl Desk {
    async fn new(database: Database, time: Time) -> Self {
        let stage = Box::pin(Stage::with_passkey(database, time)).await;
        let whatsapp = WhatsAppWeb::start();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("extension").canonicalize().expect("the extension");
        let folder = folder.to_str().expect("a path");
        // Chromium names an unpacked extension by its folder.
        let hash = Sha256::digest(folder);
        let id: String =
            hash[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(b'a' + digit)).collect();
        let browser = Browser::open_with(
            &stage.world.settings.public_url,
            profile(&id),
            vec![
                format!("--load-extension={folder}"),
                "--disable-features=DisableLoadExtensionCommandLineSwitch".into(),
                format!(
                    "--host-resolver-rules=MAP web.whatsapp.com {}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                    whatsapp.address
                ),
                "--ignore-certificate-errors".into(),
            ],
        );
        Self { browser: browser.await, stage, whatsapp, page: format!("chrome-extension://{id}/link.html") }
    }

    /// Begins to link, as far as WhatsApp's request; gives the pairing link.
    async fn pairing_link(&self) -> String {
        self.stage.scan_or_type("qr").await;
        let step = self.stage.until_passkey("required").await;
        step["pairing_link"].as_str().expect("a link").to_owned()
    }

    /// Opens the extension's page, and pastes a pairing link.
    async fn pastes(&self, link: &str) {
        self.browser.visit(&self.page).await;
        self.browser.until_it_is("location.href + document.readyState", &format!("{}complete", self.page)).await;
        self.browser.fill("#link", link).await;
    }

    /// The one click; and what happens in the tab that opens.
    async fn clicks(&self, hand: Hand) {
        let before = self.browser.tabs().await;
        let own = before.last().expect("its own tab").clone();
        self.whatsapp.hold();
        self.browser.click("#go").await;
        let opened = self.another_tab(&before).await;
        self.browser.turn_to(&opened).await;
        match hand {
            Hand::ClosesTheTab => self.browser.close_tab().await,
            Hand::Uses(number) => self.authenticator(Some(number)).await,
            Hand::Fails => self.authenticator(None).await,
        }
        self.whatsapp.release();
        self.browser.turn_to(&own).await;
    }

    /// Waits for a tab that was not open before.
    async fn another_tab(&self, before: &[WindowHandle]) -> WindowHandle {
        eventually("another tab", async || {
            let now = self.browser.tabs().await;
            now.into_iter().find(|tab| !before.contains(tab)).ok_or_else(|| "none".to_owned())
        })
        .await
    }

    /// Gives the tab an authenticator with a person's passkey, or one that nobody can unlock.
    async fn authenticator(&self, number: Option<&str>) {
        self.browser.devtools("WebAuthn.enable", json!({})).await;
        let options = json!({"protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": number.is_some(), "automaticPresenceSimulation": true});
        let added = self.browser.devtools("WebAuthn.addVirtualAuthenticator", json!({"options": options})).await;
        let path = format!("/people/{}/passkey/credential", number.unwrap_or(OWNER));
        let mut credential = self.stage.network.get(&path).await;
        for name in ["credentialId", "privateKey", "userHandle"] {
            // The protocol has its bytes in the other alphabet.
            let text = credential[name].as_str().expect("bytes").replace('-', "+").replace('_', "/");
            let padding = "=".repeat((4 - text.len() % 4) % 4);
            credential[name] = json!(text + &padding);
        }
        credential["isResidentCredential"] = json!(true);
        let added = json!({"authenticatorId": added["authenticatorId"], "credential": credential});
        self.browser.devtools("WebAuthn.addCredential", added).await;
    }

    /// Takes the network from the extension's page, or gives it back.
    async fn offline(&self, offline: bool) {
        self.browser.devtools("Network.enable", json!({})).await;
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.browser.devtools("Network.emulateNetworkConditions", conditions).await;
    }

    /// Waits until the extension says so.
    async fn says(&self, words: &str) {
        let outcome = "document.getElementById('outcome').textContent";
        self.browser.until_it_is(&format!("{outcome}.includes({}) ? 'so' : {outcome}", json!(words)), "so").await;
    }
}

/// A profile in which the person has allowed the extension to ask the gateway, as the browser itself notes it: a window of the browser
/// asks for it once, which no page and no driver can click on.
fn profile(id: &str) -> TempDir {
    let profile = TempDir::new().expect("a folder");
    let hosts =
        |hosts: &[&str]| json!({"api": [], "explicit_host": hosts, "manifest_permissions": [], "scriptable_host": []});
    let gateway = "http://127.0.0.1/*";
    let settings = json!({
        "granted_permissions": hosts(&[gateway]),
        "runtime_granted_permissions": hosts(&[gateway]),
        "active_permissions": hosts(&[gateway, "https://web.whatsapp.com/*"]),
    });
    let folder = profile.path().join("Default");
    std::fs::create_dir(&folder).expect("a folder");
    let preferences: Value = json!({"extensions": {"settings": {id: settings}}});
    std::fs::write(folder.join("Preferences"), preferences.to_string()).expect("written");
    profile
}

stories! {
    async fn one_click_gives_the_passkey_of_the_account_that_is_linked(database: Database) {
        let desk = Desk::new(database, Time::Machine).await;
        let Desk { stage, browser, .. } = &desk;
        let hash = wachat::password::hash(PASSWORD, &wachat::clock::Clock::system()).expect("a hash");
        stage.world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        let link = desk.pairing_link().await;
        browser.signs_in("admin", PASSWORD).await;
        browser.until_at("/console").await;
        browser.go(&format!("/console/devices/{}/link", stage.device_id)).await;
        browser.until_it_is("document.getElementById('pairing-link')?.textContent", &link).await;
        browser.judge_part("device-link-passkey").await;
        browser.visit(&link).await;
        browser.reads("This link is for the wachat browser extension").await;
        browser.judge_part("pairing-link").await;
        browser.go(&format!("/console/devices/{}/link", stage.device_id)).await;
        // The console hands the link over: nothing is copied.
        let before = browser.tabs().await;
        browser.click("#handover").await;
        let tab = desk.another_tab(&before).await;
        browser.turn_to(&tab).await;
        let host = stage.world.address.to_string();
        browser.until_it_is("document.getElementById('host')?.textContent", &host).await;
        browser.until_it_is("document.getElementById('link').value", &link).await;
        browser.until_it_is("location.href", &desk.page).await;
        browser.judge_part("extension").await;
        desk.clicks(Hand::Uses(OWNER)).await;
        // WhatsApp has the owner compare a code; then he is done.
        desk.says("compare the code on the phone").await;
        browser.picture("extension-compare").await;
        stage.compare().await;
        desk.says("Linked").await;
        browser.picture("extension-linked").await;
        assert_eq!(browser.tabs().await.len(), 2, "WhatsApp's tab is closed again");
        stage.is_linked().await;
        let audit = stage.world.client.manage("GET", "/audit", None).await;
        let entries = audit.body["data"]["items"].as_array().cloned().expect("a list");
        let is_it = |entry: &Value| entry["way"] == "pairing link" && entry["subject"] == json!(stage.device_id);
        assert!(entries.iter().any(is_it), "{}", audit.text);
    }

    async fn what_goes_wrong_is_said_in_plain_words(database: Database) {
        let desk = Desk::new(database, Time::Machine).await;
        let stage = &desk.stage;
        desk.pastes("https://example.com/").await;
        desk.browser.click("#go").await;
        desk.says("This is not a pairing link").await;
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        desk.pastes(&format!("http://{closed}/console/pair/1-1.1.a.b")).await;
        desk.browser.click("#go").await;
        desk.says(&format!("The gateway {closed} could not be reached")).await;
        desk.pastes(&format!("http://{}/console/pair/1-1.1.a.b", stage.world.address)).await;
        desk.browser.click("#go").await;
        desk.says("this is not a pairing link of this gateway").await;
        let link = desk.pairing_link().await;
        desk.pastes(&link).await;
        for hand in [Hand::ClosesTheTab, Hand::Fails] {
            desk.clicks(hand).await;
            desk.says("The passkey was not used").await;
            assert_eq!(stage.manage("GET", "/passkey", None).await["status"], "required", "another try can follow");
        }
        desk.clicks(Hand::Uses(ANN)).await;
        desk.says("Not linked: WhatsApp did not accept the passkey").await;
        // Of the attempt before, and of one that somebody else answered.
        let second = desk.pairing_link().await;
        desk.pastes(&link).await;
        desk.browser.click("#go").await;
        desk.says("of an attempt that is over").await;
        let assertion = stage.assertion().await;
        assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        desk.pastes(&second).await;
        desk.browser.click("#go").await;
        // Its one assertion was given: what becomes of it is shown.
        desk.says("compare the code on the phone").await;
        stage.compare().await;
        desk.says("Linked").await;
        stage.is_linked().await;
    }

    async fn whatsapp_web_that_does_not_open_is_not_waited_for(database: Database) {
        let desk = Desk::new(database, Time::Machine).await;
        let link = desk.pairing_link().await;
        desk.pastes(&link).await;
        desk.whatsapp.hold();
        desk.browser.click("#go").await;
        let own = desk.browser.tabs().await.first().expect("its own tab").clone();
        desk.browser.turn_to(&own).await;
        desk.says("Confirm with your passkey").await;
        desk.says("WhatsApp Web did not open").await;
        desk.whatsapp.release();
        desk.clicks(Hand::Uses(OWNER)).await;
        desk.says("compare the code on the phone").await;
        // The gateway cannot be reached for a while.
        desk.offline(true).await;
        desk.says("Trying again").await;
        desk.offline(false).await;
        desk.says("compare the code on the phone").await;
        desk.stage.compare().await;
        desk.says("Linked").await;
        desk.stage.is_linked().await;
    }

    async fn an_expired_link_is_said_to_be_one(database: Database) {
        let desk = Desk::new(database, Time::Held).await;
        let link = desk.pairing_link().await;
        desk.stage.world.advance(Duration::from_secs(601)).await;
        desk.pastes(&link).await;
        desk.browser.click("#go").await;
        desk.says("this pairing link has expired").await;
    }
}

/// Every text is there in both languages, and the page asks for no other.
#[test]
fn the_extension_speaks_both_languages() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("extension").join(name);
        std::fs::read_to_string(path).expect("a text")
    };
    let texts = |language: &str| {
        let texts: Value = serde_json::from_str(&read(&format!("_locales/{language}/messages.json"))).expect("JSON");
        texts.as_object().cloned().expect("texts")
    };
    let (english, indonesian) = (texts("en"), texts("id"));
    assert!(english.keys().eq(indonesian.keys()), "the same texts in the same order");
    for (name, text) in &english {
        assert_eq!(text["placeholders"], indonesian[name]["placeholders"], "{name}");
    }
    let (page, script, manifest) = (read("link.html"), read("link.js"), read("manifest.json"));
    for (text, before, after) in [(&page, "data-text=\"", '"'), (&script, "text('", '\''), (&manifest, "__MSG_", '_')] {
        for part in text.split(before).skip(1) {
            let name = part.split(after).next().expect("its end");
            assert!(english.contains_key(name), "{name}");
        }
    }
    // Wherever it ends, a second sentence says what to do next.
    for end in [
        "notALink",
        "notAllowed",
        "notLinked",
        "notOpened",
        "cancelled",
        "unreachable",
        "noGateway",
        "failed",
        "tooLate",
    ] {
        for texts in [&english, &indonesian] {
            let text = texts[end]["message"].as_str().expect("a text");
            assert!(text.ends_with('.') && text.trim_end_matches('.').contains(". "), "{end}: {text}");
        }
    }
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["host_permissions"], json!(["https://web.whatsapp.com/*"]));
    assert_eq!(manifest["permissions"], Value::Null, "it needs none");
    for file in ["link.html", "link.js", "background.js", "whatsapp.js"] {
        assert!(!read(file).contains("innerHTML") && !read(file).contains("eval("), "{file}");
    }
}
