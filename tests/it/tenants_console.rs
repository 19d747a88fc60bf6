//! What the tenant matrix is to the API, to the pages of the console: somebody who is signed in for another client opens and
//! sends every page whose address names something.

use std::path::Path;

use crate::client::Reply;
use crate::operations::{Names, text};
use crate::signed_in::{self, Browser};
use crate::tenants::{assert_unchanged, dump, shape};
use crate::victim::{Victim, add_person, missing};
use crate::world::{Time, stories};

/// Pages whose addresses carry what gives the right to open them, or that are the same for everybody.
const OPEN: [&str; 4] = ["/console/link/", "/console/assets/", "/console/{*rest}", "/console/push/{rest}"];

struct Page {
    path: String,
    is_shown: bool,
    is_sent: bool,
}

/// The pages in the sources of the console.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                pages.extend(pages_in(&std::fs::read_to_string(path).expect("a source")));
            }
        }
    }
    pages.retain(|page| !OPEN.iter().any(|open| page.path.starts_with(open)));
    pages
}

fn pages_in(source: &str) -> Vec<Page> {
    let routes = source.split(".route(\"").skip(1).filter(|rest| rest.starts_with("/console"));
    let page = |rest: &str| {
        let (path, rest) = rest.split_once('"').expect("a path");
        let methods = rest.split(".route(").next().and_then(|rest| rest.lines().next()).unwrap_or_default();
        let (is_shown, is_sent) = (methods.contains("get("), methods.contains("post("));
        Page { path: path.to_owned(), is_shown, is_sent }
    };
    routes.map(page).collect()
}

/// The address of a page that names these things.
fn address(page: &str, names: &Names) -> String {
    let of = |name: &str| text(names.get(name).unwrap_or_else(|| panic!("{page}: nothing is named {name}")));
    let before = page.split("/{").next().unwrap_or_default();
    let id = match before.rsplit('/').next().unwrap_or_default() {
        "devices" => "device_id",
        "message" => "id",
        "import" => "import_id",
        "keys" => "key_id",
        "persons" => "person_id",
        "clients" => "client_id",
        "browsers" => "browser",
        _ => "ref_no",
    };
    let mut address = page.replace("{id}", &of(id));
    for name in ["device_id", "chat", "ref_no"] {
        address = address.replace(&format!("{{{name}}}"), &of(name));
    }
    assert!(!address.contains('{'), "{page} has a part that the story does not know");
    address
}

/// Fields that forms have, by which they name something or say what is wanted.
fn fields(names: &Names) -> String {
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in names {
        fields.append_pair(name, &text(value));
    }
    for (name, value) in [
        ("role", "owner"),
        ("password", "another password"),
        ("text", "hello"),
        ("from", "628111119871"),
        ("name", "x"),
    ] {
        fields.append_pair(name, value);
    }
    format!("&{}", fields.finish())
}

/// An answer as `tenants.rs` compares it, where numbers name things too.
fn plain(reply: &Reply, names: &Names) -> String {
    let shape = shape(reply, names);
    let mut plain = String::with_capacity(shape.len());
    for c in shape.chars() {
        if !(c.is_ascii_digit() && plain.ends_with('0')) {
            plain.push(if c.is_ascii_digit() { '0' } else { c });
        }
    }
    format!("{} {plain}", reply.status)
}

stories! {
    async fn pages_show_and_do_nothing_of_another_client(database: Database) {
        let world = signed_in::world(database, Time::Held).await;
        let mut victim = Victim::new(&world).await;
        add_person(&world, victim.owner.client_id, "canary-boss", "owner").await;
        let boss = Browser::of(&world, "canary-boss").await;
        let account = boss.get("/console/account").await.text;
        let (_, rest) = account.split_once("/console/account/browsers/").expect("a browser that is signed in");
        let browser: i64 = rest.split('/').next().and_then(|id| id.parse().ok()).expect("its number");
        victim.names.insert("browser", browser.into());
        let other = world.add_client("stranger", "628110009902").await;
        let (theirs, nothing) = (victim.names.clone(), missing(&victim.names));
        let before = dump(&world, &victim).await;
        for (userid, role) in [("stranger-boss", "owner"), ("stranger-who-sends", "sender")] {
            add_person(&world, other.client_id, userid, role).await;
            let stranger = Browser::of(&world, userid).await;
            for page in pages() {
                let [real, unreal] = [&theirs, &nothing].map(|names| address(&page.path, names));
                let is_about = page.path.contains('{');
                if page.is_shown && is_about {
                    let (seen, other) = (stranger.get(&real).await, stranger.get(&unreal).await);
                    assert_eq!(victim.seen_in(&seen.text, &real), Vec::<String>::new(), "{userid} opens {real}");
                    assert_eq!(plain(&seen, &theirs), plain(&other, &nothing), "{userid} opens {real} and {unreal}");
                } else if page.is_shown && page.path != "/console/live" {
                    let query = fields(&theirs);
                    let seen = stranger.get(&format!("{real}?{}", query.trim_start_matches('&'))).await;
                    assert_eq!(victim.seen_in(&seen.text, &query), Vec::<String>::new(), "{userid} opens {real} with {query}");
                }
                if page.is_sent && is_about {
                    let (sent, none) = (fields(&theirs), fields(&nothing));
                    let (seen, other) = (stranger.send(&real, &sent).await, stranger.send(&unreal, &none).await);
                    assert_eq!(victim.seen_in(&seen.text, &sent), Vec::<String>::new(), "{userid} sends {real}");
                    assert_eq!(plain(&seen, &theirs), plain(&other, &nothing), "{userid} sends {real} and {unreal}");
                    assert_unchanged(&world, &victim, &before, &format!("{userid} sending {real}")).await;
                }
            }
        }
        assert_eq!(boss.get("/console").await.status, 200, "still signed in");
        assert!(pages().len() > 40, "the pages are found");
        world.stop().await;
    }
}
