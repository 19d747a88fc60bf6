//! The console without a mouse, and what a page that keeps up leaves as it is. On one store: a page behaves the same on both.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::browser::Browser;
use crate::console_browser::first_sign_in;
use crate::world::{ALICE, BOB, Database, World};

/// What a person acts with.
const KINDS: &str = "a[href], button, input:not([type=hidden]), select, textarea, summary";
/// What has the focus: whether it is one of these, is met for the first time, is marked, and can be seen.
const FOCUSED: &str = "const one = document.activeElement, style = getComputedStyle(one);
    window.met ??= new Set();
    const found = {is_control: one.matches(arguments[0]), is_new: !met.has(one), what: one.outerHTML.slice(0, 120),
        is_marked: one.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        is_seen: one.getBoundingClientRect().right > 0 && one.checkVisibility()};
    met.add(one);
    return found";
/// Those that were not met.
const MISSED: &str = "return [...document.querySelectorAll(arguments[0])]
    .filter(one => one.checkVisibility() && !window.met?.has(one)).map(one => one.outerHTML.slice(0, 120))";

/// Walks through a page with Tab: each control is reached once, and is seen to be.
async fn walk(browser: &Browser, page: &str) {
    browser.go(page).await;
    let missed = async || browser.script_of(MISSED, KINDS).await.as_array().cloned().expect("a list");
    let mut left = missed().await.len();
    // A field for a moment is several stops; a table that can be scrolled is one.
    for _ in 0..left * 8 {
        browser.presses("Tab").await;
        let focused = browser.script_of(FOCUSED, KINDS).await;
        if focused["is_new"] == true && focused["is_control"] == true {
            assert_eq!((&focused["is_marked"], &focused["is_seen"]), (&json!(true), &json!(true)), "{page}: {focused}");
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    let missed = missed().await;
    assert!(missed.is_empty(), "{page}: Tab does not reach {missed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_with_the_tab_key_and_marked() {
    let world = World::new(Database::Sqlite).await;
    let browser = first_sign_in(&world).await;
    world.client.manage("PUT", "/clients/1/push", Some(json!({"url": "http://127.0.0.1:9/inbox"}))).await;
    world.client.manage("POST", "/clients/1/push/pause", None).await;
    comes_in(&world, ALICE, "good morning").await;
    for page in [
        "/console/devices".into(),
        format!("/console/devices/{}", world.device_id),
        "/console/messages".into(),
        "/console/messages/new".into(),
        "/console/inbox".into(),
        format!("/console/inbox/{}/{ALICE}", world.device_id),
        "/console/push".to_owned(),
    ] {
        walk(&browser, &page).await;
    }
    // The first stop leads past the menu.
    browser.go("/console/inbox").await;
    browser.presses("Tab").await;
    browser.presses("Enter").await;
    browser.presses("Tab").await;
    let focused = browser.script("return document.activeElement.closest('main') !== null").await;
    assert_eq!(focused, true);
}

async fn comes_in(world: &World, from: &str, text: &str) {
    let body = json!({"from": from, "text": text});
    let path = format!("/devices/{}/receive", world.device_id);
    assert_eq!(world.client.manage("POST", &path, Some(body)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_keeps_up_leaves_what_somebody_is_at() {
    let world = World::new(Database::Sqlite).await;
    let browser = first_sign_in(&world).await;
    comes_in(&world, ALICE, "the first").await;

    // In a list: the link that has the focus stays the same link, though another comes before it.
    browser.go("/console/inbox").await;
    browser.script("document.querySelector('#conversations a[href]').focus()").await;
    comes_in(&world, BOB, "the second").await;
    browser.reads("the second").await;
    let link = browser.script("return document.activeElement.getAttribute('href')").await;
    assert!(link.as_str().is_some_and(|link| link.ends_with(ALICE)), "{link}");

    // In a conversation: typed text with its cursor, what is opened, and how far it is scrolled.
    for at in 0..12 {
        comes_in(&world, ALICE, &format!("message {at}")).await;
    }
    browser.go(&format!("/console/inbox/{}/{ALICE}", world.device_id)).await;
    browser.fill("#answer [name=message]", "until ni").await;
    let kept = "const field = document.activeElement; return [field.name, field.value, field.selectionStart, scrollY]";
    browser.script("document.querySelector('[name=message]').setSelectionRange(3, 3); scrollTo(0, 300)").await;
    let before = browser.script(kept).await;
    comes_in(&world, ALICE, "one more").await;
    browser.reads("one more").await;
    let after = browser.script(kept).await;
    assert_eq!(after, json!(["message", "until ni", 3, before[3]]));
    assert!(before[3].as_f64().is_some_and(|scrolled| scrolled > 0.0), "{before}");

    // In a form of a page that changes; and what is opened stays open.
    browser.go(&format!("/console/devices/{}", world.device_id)).await;
    browser.types("#settings-form [name=name]", " two").await;
    let paused = json!({"paused": true});
    world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(paused)).await;
    browser.until_there("form[action$='/resume']").await;
    let typed = browser.script("return document.activeElement.value").await;
    assert_eq!(typed, "Sandbox two");
    browser.go("/console").await;
    browser.click("figure details summary").await;
    world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(json!({"name": "renamed"}))).await;
    browser.reads("renamed").await;
    let open = browser
        .script("return document.querySelector('figure details').open && document.activeElement.matches('summary')")
        .await;
    assert_eq!(open, true);
}

/// On PostgreSQL, where a story can keep the messages from being counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_that_take_long_to_count_come_to_the_first_page_by_themselves() {
    let world = World::new(Database::Postgres).await;
    let mut keeper = PgConnection::connect(&world.settings.database_url).await.expect("a connection");
    let kept = sqlx::raw_sql("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").execute(&mut keeper).await;
    kept.expect("the messages are kept");
    let browser = first_sign_in(&world).await;
    browser.until_there("#counting").await;
    assert_eq!(browser.script("return document.querySelector('#figures, figure')").await, json!(null));
    browser.judge_part("home-counting").await;
    keeper.close().await.expect("they are free again");
    browser.until_there("#figures").await;
    browser.until_there("figure details").await;
    assert_eq!(browser.script("return document.querySelector('#counting')").await, json!(null));
}
