//! What pages of the console show only later, or once: judged as the pages themselves are.
//!
//! On one store: a page looks the same on both.

use std::time::Duration;

use crate::browser::Browser;
use crate::console_browser::{file, first_sign_in};
use crate::receiver::{Answer, Receiver};
use crate::stage::{OWNER, Pace, Stage};
use crate::world::{ALICE, Database, Time, World, eventually};
use serde_json::json;

/// The address of the QR code's picture: another one for another code.
const QR: &str = "return document.getElementById('qr').getAttribute('src')";
const EVERY: Duration = Duration::from_millis(5);
const STEADY: Pace = Pace { step: Duration::from_millis(20), every: EVERY };
const FAST: Pace = Pace { step: Duration::from_millis(400), every: EVERY };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_on_the_page_changes_by_itself_and_its_end_is_told() {
    let stage = Stage::at(Database::Sqlite, Time::Held).await;
    let browser = first_sign_in(&stage.world).await;
    let page = format!("/console/devices/{}/link", stage.device_id);
    browser.go(&page).await;
    browser.click("#link-qr button.main").await;
    stage.moving(STEADY, browser.until_there("#qr")).await;
    browser.judge_part("link-qr").await;
    let (first, picture) = (browser.scans("#qr").await, browser.script(QR).await);

    stage.network.post("/codes/renew", json!({})).await;
    stage.moving(STEADY, browser.until_there(&format!("#qr:not([src={picture}])"))).await;
    let second = eventually("another code is read", async || {
        let read = browser.scans("#qr").await;
        if read == first { Err(read) } else { Ok(read) }
    })
    .await;
    assert_eq!(second, stage.qr().await, "it is the code of now");

    // Nobody scans it: the page says so, and offers to begin again.
    stage.moving(FAST, browser.until_there("#link-status[data-status=failed]")).await;
    browser.reads("nobody scanned the code in time").await;
    browser.until_there("#link-qr button.main").await;
    let shows_qr = browser.script("return document.getElementById('qr') !== null").await;
    assert_eq!(shows_qr, false, "what is no longer good is not shown");
    browser.judge_part("link-failed").await;

    // By a code to type, for which the phone's number was mistyped first.
    browser.fill("#link-code [name=phone]", "12").await;
    browser.click("#link-code button").await;
    browser.until_there("[role=alert]").await;
    browser.judge_part("link-refused").await;
    browser.fill("#link-code [name=phone]", OWNER).await;
    let asked = async {
        browser.click("#link-code button").await;
        browser.until_there("#pairing-code").await;
    };
    stage.moving(STEADY, asked).await;
    browser.judge_part("link-code").await;
    let code = browser.script("return document.getElementById('pairing-code').textContent").await;
    stage.network.post(&format!("/people/{OWNER}/type-code"), json!({"code": code})).await;
    stage.moving(STEADY, browser.until_there("#link-status[data-status=linked]")).await;
    browser.judge_part("linked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_appears_later_is_for_everybody_too() {
    let world = World::new(Database::Sqlite).await;
    let receiver = Receiver::new(vec![Answer::file(b"thank you")]).await;
    let browser = first_sign_in(&world).await;
    shown_once(&browser, &receiver).await;
    imported(&browser).await;
    of_a_device(&browser, &world).await;
    // A client that has nothing yet.
    let client = world.client.manage("POST", "/clients", Some(json!({"name": "Empty"}))).await;
    let client = client.body["data"]["id"].as_i64().expect("a client");
    browser.go("/console/account/clients").await;
    browser.click(&format!("#client-{client} form button")).await;
    browser.until_at("/console").await;
    browser.reads("another client").await;
    for page in ["", "/devices", "/messages", "/inbox", "/push", "/account/keys"] {
        browser.go(&format!("/console{page}")).await;
        browser.judge_part(&format!("empty{}", page.replace('/', "-"))).await;
    }
}

/// A key, a secret and a sample's answer.
async fn shown_once(browser: &Browser, receiver: &Receiver) {
    browser.go("/console/account/keys").await;
    browser.script("document.querySelector('[name=expires]').value = '2020-01-01'").await;
    browser.click("main form.stack button.main").await;
    browser.until_there("[role=alert]").await;
    browser.judge_part("key-refused").await;
    browser.script("document.querySelector('[name=expires]').value = ''").await;
    browser.click("main form.stack button.main").await;
    browser.until_there("#api-key").await;
    browser.judge_part("key-made").await;
    browser.go("/console/push").await;
    browser.fill("#push-url [name=url]", &receiver.url("/inbox")).await;
    browser.click("#push-url button.main").await;
    browser.until_at("/console/push?done=push-set").await;
    browser.click("form[action='/console/push/test'] button").await;
    browser.until_there("#sample").await;
    browser.judge_part("push-sample").await;
    browser.click("form[action='/console/push/secret'] button").await;
    browser.until_there("#secret").await;
    browser.judge_part("push-secret").await;
}

async fn imported(browser: &Browser) {
    let rows = format!("destination,message\n{ALICE},first\nnobody,second\n");
    let (_folder, path) = file("campaign.csv", rows.as_bytes());
    browser.go("/console/messages/import").await;
    browser.types("#import [name=file]", &path).await;
    browser.click("#import button.main").await;
    browser.until_there("#refused").await;
    browser.judge_part("import-preview").await;
    browser.click("#actions button.main").await;
    browser.until_there("#accepted").await;
    browser.until_it_is("document.getElementById('accepted').textContent", "1").await;
    browser.judge_part("import-done").await;
}

/// What a sandbox received, a form that was refused, and a device that holds its queue.
async fn of_a_device(browser: &Browser, world: &World) {
    let device = format!("/console/devices/{}", world.device_id);
    browser.go(&device).await;
    browser.fill("#receive-form [name=from]", "12").await;
    browser.fill("#receive-form [name=text]", "hello").await;
    browser.click("#receive-form button.main").await;
    browser.until_there("[role=alert]").await;
    browser.judge_part("receive-refused").await;
    browser.fill("#receive-form [name=from]", ALICE).await;
    browser.click("#receive-form button.main").await;
    browser.until_at(&format!("{device}?done=received")).await;
    browser.judge_part("received").await;
    browser.click("form[action$='/pause'] button").await;
    browser.until_at(&format!("{device}?done=paused")).await;
    browser.judge_part("paused").await;
}
