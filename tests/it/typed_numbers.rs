//! What people, phones and spreadsheets put where a number belongs: it is refused with the same true reason wherever it is given, or is
//! the number that it is.

use serde_json::{Value, json};

use crate::process::Place;
use crate::signed_in::{Browser, ref_no_of, target, world};
use crate::world::{Time, stories};

const REFUSED: [(&str, &str); 11] = [
    ("2026-11-30", "2026-11-30 is a date"),
    ("30/11/2026", "30/11/2026 is a date"),
    ("0812****7890", "digits of 0812****7890 are hidden"),
    ("++6281234567890", "a + stands only once"),
    ("WA: 081234567890", "WA: stands before the number"),
    ("081234567890p12", "an extension cannot be dialled"),
    ("status@broadcast", "a status or a broadcast list"),
    ("budi@example.com", "an e-mail address"),
    ("081234567890; Budi", "Budi stands behind the number"),
    ("+52 01 55 1234 5678", "if you mean +525512345678"),
    ("081234567890, 081311112222", "several numbers"),
];
const GROUPS_REFUSED: [(&str, &str); 6] = [
    ("6281234567890", "6281234567890 is no group id"),
    ("0812-3456-7890", "0812-3456-7890 is no group id"),
    ("1.2036304321123457e17", "has lost digits"),
    ("120363043211234000", "a spreadsheet rounded"),
    ("120363043211234567.0", "a program rounded"),
    ("12036304321123456", "a group id has 18 digits"),
];
const GROUPS: [(&str, &str); 3] = [
    ("120363043211234567", "120363043211234567"),
    ("6281234567890-1600000000", "6281234567890-1600000000"),
    ("120363043211234567@g.us", "120363043211234567"),
];
const NUMBERS: [(&str, &str); 3] = [
    ("081234567890;", "6281234567890"),
    ("\u{ff10}8123\u{200b}4567890", "6281234567890"),
    ("https://wa.me/6281234567890", "6281234567890"),
];

fn row(text: &str, is_group: bool) -> String {
    format!("\"{text}\",x,{is_group}\n")
}

/// A file with a row for each.
fn csv(refused: bool) -> String {
    let people: Vec<_> = if refused { REFUSED.to_vec() } else { NUMBERS.to_vec() };
    let groups: Vec<_> = if refused { GROUPS_REFUSED.to_vec() } else { GROUPS.to_vec() };
    let rows = people.iter().map(|(text, _)| row(text, false)).chain(groups.iter().map(|(text, _)| row(text, true)));
    "destination,message,is_group\n".to_owned() + &rows.collect::<String>()
}

/// That each reason of the refused rows is that of its row.
fn assert_reasons(refused: &Value) {
    let refused = refused.as_array().expect("rows");
    let wanted: Vec<_> = REFUSED.iter().chain(&GROUPS_REFUSED).collect();
    assert_eq!(refused.len(), wanted.len(), "{refused:?}");
    for (row, (text, reason)) in refused.iter().zip(wanted) {
        assert!(row["reason"].as_str().is_some_and(|said| said.contains(reason)), "{text}: {row}");
    }
}

stories! {
    async fn the_api_a_file_and_the_console_say_the_same_of_what_is_typed(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let refused = REFUSED.iter().map(|one| (one, false)).chain(GROUPS_REFUSED.iter().map(|one| (one, true)));
        for ((text, reason), is_group) in refused {
            for (path, field, value) in [("/message", "message", "x"), ("/media", "media_url", "https://example.com/a.png")] {
                let reply = world.client.post(path, &json!({"destination": text, field: value, "is_group": is_group})).await;
                assert!(reply.status == 422 && reply.text.contains(reason), "{text}: {}", reply.text);
            }
            let group = is_group.to_string();
            let fields = [("destination", *text), ("text", "x"), ("is_group", group.as_str())];
            let page = browser.by_hand(&fields[..if is_group { 3 } else { 2 }], None).await;
            assert!(page.status == 422 && page.text.contains(reason), "{text}: {}", page.text);
        }
        let accepted = NUMBERS.iter().map(|one| (one, false)).chain(GROUPS.iter().map(|one| (one, true)));
        for ((text, wanted), is_group) in accepted {
            let reply = world.client.post("/message", &json!({"destination": text, "message": "x", "is_group": is_group})).await;
            assert_eq!(reply.body["data"]["destination"], *wanted, "{text}: {}", reply.text);
            let group = is_group.to_string();
            let fields = [("destination", *text), ("text", "x"), ("is_group", group.as_str())];
            let sent = browser.by_hand(&fields[..if is_group { 3 } else { 2 }], None).await;
            let message = world.status(&ref_no_of(&target(&sent))).await;
            assert_eq!((&message["destination"], &message["is_group"]), (&json!(wanted), &json!(is_group)), "{text}");
        }
        for (bytes, valid) in [(csv(true), 0), (csv(false), NUMBERS.len() + GROUPS.len())] {
            let given = world.client.ask("POST", "/manage/1.0/imports?file_name=a", &[], Some(bytes.into_bytes())).await;
            assert_eq!(given.body["data"]["valid_count"], valid, "{}", given.text);
            if valid == 0 {
                let path = format!("/imports/{}/refused", given.body["data"]["id"].as_str().expect("an id"));
                assert_reasons(&world.client.manage("GET", &path, None).await.body["data"]["items"]);
            }
        }
        // As programs write numbers that they have calculated with.
        for (number, reason) in [("120363043211234560", "in quotes"), ("1.2036304321123456e17", "has lost digits"), ("120363043211234560.0", "in quotes")] {
            let body = format!("{{\"destination\": {number}, \"is_group\": true, \"message\": \"x\"}}");
            let reply = world.client.ask("POST", "/wachat_api/1.0/message", &[("content-type", "application/json")], Some(body.into_bytes())).await;
            assert!(reply.status == 422 && reply.text.contains(reason), "{number}: {}", reply.text);
        }
        world.stop().await;
    }

    async fn the_command_line_says_the_same_of_what_is_typed(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        for (text, reason) in REFUSED {
            let said = place.fails(&["send", "--to", text, "--text", "x"]).await;
            assert!(said.contains(reason), "{text}: {said}");
        }
        for (text, reason) in GROUPS_REFUSED {
            let said = place.fails(&["send", "--to", text, "--group", "--text", "x"]).await;
            assert!(said.contains(reason), "{text}: {said}");
        }
        for (text, wanted) in NUMBERS {
            assert_eq!(place.json(&["send", "--to", text, "--text", "x", "--json"]).await["destination"], wanted, "{text}");
        }
        for (text, wanted) in GROUPS {
            assert_eq!(place.json(&["send", "--to", text, "--group", "--text", "x", "--json"]).await["destination"], wanted, "{text}");
        }
        let file = place.folder.path().join("a.csv");
        std::fs::write(&file, csv(true)).expect("written");
        let ran = place.run(&["import", &file.display().to_string(), "--dry-run", "--json"]).await;
        let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        assert_reasons(&report["refused"]);
        assert!(serving.terminate().await.success());
    }
}
