//! A file that was corrected and comes under another name: nobody gets a message twice without having been asked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::imports::{begin, give, texts, until};
use crate::process::Place;
use crate::world::{World, eventually, stories};

const DAY_SECONDS: u64 = 86_400;

/// A file with rows to so many recipients, and one with a text of its own.
fn file(rows: std::ops::Range<usize>, more: &str) -> String {
    let row = |at: usize| format!("62811111{at:04},promo\n");
    format!("destination,message\n{}{more}", rows.map(row).collect::<String>())
}

async fn check(client: &Client, file: &str, name: &str) -> Value {
    let given = give(client, file, &format!("?file_name={name}")).await;
    assert_eq!(given.status, 201, "{}", given.text);
    given.body["data"].clone()
}

async fn start(client: &Client, import: &Value, query: &str) -> Reply {
    let id = import["id"].as_str().expect("an id");
    client.manage("POST", &format!("/imports/{id}/begin{query}"), None).await
}

async fn counts(client: &Client, import: &Value) -> (Value, Value) {
    let done = until(client, import["id"].as_str().expect("an id"), "done").await;
    (done["accepted_count"].clone(), done["known_count"].clone())
}

async fn sent(client: &Client) -> usize {
    texts(client).await.into_values().sum()
}

stories! {
    async fn a_corrected_file_under_another_name_sends_what_is_new_or_is_asked_about(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        let first = begin(client, &file(0..20, ""), "?file_name=promo.csv").await;
        until(client, &first, "done").await;
        let corrected = file(0..25, "628111112222,new\n");
        for name in ["promo%20revisi.xlsx", "promo_2.csv", "promo-final.csv"] {
            let import = check(client, &corrected, name).await;
            let before = &import["sent_before"];
            assert_eq!(
                (&import["known_count"], &before["count"], &before["campaign"], &before["needs_decision"]),
                (&json!(0), &json!(20), &json!("promo"), &json!(true)),
                "{import}"
            );
            assert_eq!(import["first_rows"][0]["sent_by"], "another_campaign", "{import}");
            let refused = start(client, &import, "").await;
            assert_eq!(refused.status, 409, "{}", refused.text);
            let told = refused.body["message"].as_str().expect("a reason");
            assert!(told.starts_with("the campaign 'promo' already queued or sent 20 of its rows in the last 6 days"), "{told}");
            assert_eq!(start(client, &import, "?sent_before=perhaps").await.status, 422);
        }
        assert_eq!(sent(client).await, 20, "nothing is guessed");
        let import = check(client, &corrected, "promo%20revisi.csv").await;
        assert_eq!(start(client, &import, "?sent_before=skip").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(6), json!(20)));
        // From now on its rows are known under its own name, and those that it sent under any other.
        let again = check(client, &corrected, "promo%20revisi.csv").await;
        assert_eq!((&again["known_count"], &again["sent_before"]["count"]), (&json!(26), &json!(0)), "{again}");
        assert_eq!(again["first_rows"][0]["sent_by"], "this_campaign", "{again}");
        assert_eq!(check(client, &corrected, "promo_3.csv").await["sent_before"]["count"], 26);
        // Whoever wants it sends all of it again.
        let import = check(client, &corrected, "promo_3.csv").await;
        assert_eq!(start(client, &import, "?sent_before=send").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(26), json!(0)));
        assert_eq!(sent(client).await, 52);
        world.stop().await;
    }

    async fn what_others_sent_after_the_check_is_asked_about_at_the_beginning(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        // Two tabs: both files are looked at before either is sent.
        let first = check(client, &file(0..9, ""), "promo.csv").await;
        let second = check(client, &file(0..10, ""), "promo_2.csv").await;
        assert_eq!(second["sent_before"]["count"], 0);
        assert_eq!(start(client, &first, "").await.status, 200);
        assert_eq!(counts(client, &first).await, (json!(9), json!(0)));
        assert_eq!(start(client, &second, "").await.status, 409);
        let id = second["id"].as_str().expect("an id");
        let shown = client.manage("GET", &format!("/imports/{id}"), None).await;
        assert_eq!(shown.body["data"]["sent_before"]["count"], 9, "{}", shown.text);
        assert_eq!(start(client, &second, "?sent_before=skip").await.status, 200);
        assert_eq!(counts(client, &second).await, (json!(1), json!(9)));
        assert_eq!(sent(client).await, 10);
        world.stop().await;
    }

    async fn two_imports_of_the_same_rows_that_are_begun_together_send_each_once(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        let rows = 600;
        let imports = [check(client, &file(0..rows, ""), "a.csv").await, check(client, &file(0..rows, ""), "b.csv").await];
        let (first, second) = tokio::join!(
            start(client, &imports[0], "?sent_before=skip"),
            start(client, &imports[1], "?sent_before=send")
        );
        assert_eq!((first.status, second.status), (200, 200), "{} {}", first.text, second.text);
        let (mut accepted, mut known) = (0, 0);
        for import in &imports {
            let done = counts(client, import).await;
            accepted += done.0.as_u64().expect("a count");
            known += done.1.as_u64().expect("a count");
        }
        assert_eq!((accepted, known), (600, 600));
        assert_eq!(sent(client).await, rows);
        world.stop().await;
    }

    async fn of_rows_that_say_the_same_those_count_that_left_whichever_they_are(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        let device = &world.device_id;
        let paused = client.manage("PATCH", &format!("/devices/{device}"), Some(json!({"paused": true}))).await;
        assert_eq!(paused.status, 200, "{}", paused.text);
        let twice = file(0..3, "") + &file(0..3, "")["destination,message\n".len()..];
        let import = check(client, &twice, "twice.csv").await;
        assert_eq!(start(client, &import, "").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(6), json!(0)));
        // Somebody notices it, cancels the first of each two, and takes the second rows out of the file.
        let listed = client.manage("GET", "/messages?limit=500", None).await;
        let mut ref_nos: Vec<&str> = listed.body["data"]["items"].as_array().expect("a list").iter().map(|one| one["ref_no"].as_str().expect("a number")).collect();
        ref_nos.sort_unstable();
        for ref_no in &ref_nos[..3] {
            assert_eq!(client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await.status, 200);
        }
        for name in ["once.csv", "twice.csv"] {
            let import = check(client, &file(0..3, ""), name).await;
            assert_eq!(import["sent_before"]["count"], 3, "{name} {import}");
            assert_eq!(start(client, &import, "").await.status, 409, "{name}");
        }
        let import = check(client, &file(0..4, ""), "once.csv").await;
        assert_eq!(start(client, &import, "?sent_before=skip").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(1), json!(3)));
        world.stop().await;
    }

    async fn an_import_that_was_begun_is_not_begun_with_another_decision(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        let first = begin(client, &file(0..9, ""), "?file_name=promo.csv").await;
        until(client, &first, "done").await;
        let import = check(client, &file(0..9, ""), "promo_2.csv").await;
        assert_eq!(start(client, &import, "?sent_before=skip").await.status, 200);
        let other = start(client, &import, "?sent_before=send").await;
        assert!(other.status == 409 && other.text.contains("begun already"), "{}", other.text);
        assert_eq!(start(client, &import, "?sent_before=skip").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(0), json!(9)));
        assert_eq!(sent(client).await, 9);
        world.stop().await;
    }

    async fn few_rows_and_those_of_last_week_are_sent_without_a_question(database: Database) {
        let world = World::held(database).await;
        let client = &world.client;
        let import = check(client, &file(0..2, ""), "test.csv").await;
        assert_eq!(start(client, &import, "").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(2), json!(0)));
        eventually("they left", async || {
            world.advance(Duration::from_secs(1)).await;
            let counts = client.manage("GET", "/messages/counts", None).await;
            if counts.body["data"]["Q"] == 0 { Ok(()) } else { Err(counts.text) }
        })
        .await;
        let asked = async |rows: usize| {
            let import = check(client, &file(0..rows, ""), "promo.csv").await;
            (import["sent_before"]["count"].clone(), import["sent_before"]["needs_decision"].clone())
        };
        assert_eq!(asked(21).await, (json!(2), json!(false)), "fewer than a tenth");
        assert_eq!(asked(20).await, (json!(2), json!(true)));
        let import = check(client, &file(0..5, ""), "test_2.csv").await;
        assert_eq!(start(client, &import, "?sent_before=skip").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(3), json!(2)));
        assert_eq!(asked(60).await, (json!(5), json!(false)));
        let import = check(client, &file(5..6, ""), "test_3.csv").await;
        assert_eq!(start(client, &import, "").await.status, 200);
        assert_eq!(counts(client, &import).await, (json!(1), json!(0)));
        assert_eq!(asked(600).await, (json!(6), json!(true)), "more than somebody tries");
        world.advance(Duration::from_secs(5 * DAY_SECONDS)).await;
        assert_eq!(asked(20).await, (json!(6), json!(true)));
        world.advance(Duration::from_secs(2 * DAY_SECONDS)).await;
        assert_eq!(asked(20).await, (json!(0), json!(false)), "a weekly reminder");
        world.stop().await;
    }

    async fn refused_rows_that_are_corrected_go_on_with_their_campaign(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        let rows = "destination,message,tag\n628111111111,good,a\n12,\"=bad, but\",=vip\n13,worse,'@x\n";
        let given = give(client, rows, "?campaign=Promo%20July%3F&file_name=x.csv").await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        until(client, &id, "done").await;
        let refused = client.ask("GET", &format!("/manage/1.0/imports/{id}/refused.csv"), &[], None).await;
        assert_eq!(refused.header("content-disposition"), "attachment; filename=\"Promo July- - refused.csv\"");
        let corrected = refused.text.replace("=\"\"12\"\"", "628111111112").replace("=\"\"13\"\"", "628111111113");
        let id = begin(client, &corrected, "?file_name=Promo%20July-%20-%20refused.csv").await;
        let done = until(client, &id, "done").await;
        assert_eq!((&done["campaign"], &done["continued"], &done["accepted_count"]), (&json!("Promo July?"), &json!(true), &json!(2)), "{done}");
        let listed = client.manage("GET", "/messages?limit=9", None).await.body["data"]["items"].clone();
        let mut said: Vec<_> = listed.as_array().expect("messages").iter().map(|one| [&one["tag"], &one["message"]]).collect();
        said.sort_by_key(|one| one[0].to_string());
        let expected = [[json!("'@x"), json!("worse")], [json!("=vip"), json!("=bad, but")], [json!("a"), json!("good")]];
        assert_eq!(said, expected.each_ref().map(|[tag, text]| [tag, text]), "{refused}", refused = refused.text);
        // A campaign without such a name goes on as itself.
        let id = begin(client, "destination,message\n12,a\n628111111111,b\n", "?file_name=juli.csv").await;
        until(client, &id, "done").await;
        let refused = client.ask("GET", &format!("/manage/1.0/imports/{id}/refused.csv"), &[], None).await;
        assert_eq!(refused.header("content-disposition"), "attachment; filename=\"juli - refused.csv\"");
        let all = refused.text.replace("=\"\"12\"\"", "628111111112") + "\"628111111111\",\"b\",\"3\",\"\"\r\n";
        let id = begin(client, &all, "?file_name=juli%20-%20refused%20(1).csv").await;
        let done = until(client, &id, "done").await;
        let seen = (&done["campaign"], &done["accepted_count"], &done["known_count"]);
        assert_eq!(seen, (&json!("juli"), &json!(1), &json!(1)), "{done}");
        world.stop().await;
    }

    async fn corrected_rows_are_sent_once_whatever_their_campaign_and_their_file_are_called(database: Database) {
        let world = World::held(database).await;
        let client = &world.client;
        let long = "x".repeat(199) + ".";
        let names = ["a/b:c*d?e", "\"<f>|g\"", "wait...", "Juli 2026", "=1+1", "June (1)", "Copy of copia", "a - refused", &long];
        for (at, campaign) in names.into_iter().enumerate() {
            let named: String = url::form_urlencoded::byte_serialize(campaign.as_bytes()).collect();
            // Few enough to be sent by another campaign without a question.
            let rows = (0..30).map(|row| format!("6281111{at}{row:03},x\n")).collect::<String>();
            let file = format!("destination,message\n{rows}12,x\n13,x\n");
            let id = begin(client, &file, &format!("?file_name=x.csv&campaign={named}")).await;
            until(client, &id, "done").await;
            let refused = client.ask("GET", &format!("/manage/1.0/imports/{id}/refused.csv"), &[], None).await.text;
            let corrected = refused.replace("=\"\"12\"\"", &format!("6281111{at}000")).replace("=\"\"13\"\"", &format!("6281111{at}999"));
            let sent = sent(client).await;
            for name in ["Copy of y - refused.csv", "y - refused (1).csv", "y copy 2.xlsx", "y - Copy.csv", "copia.csv", "Salinan y.csv", ""] {
                let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
                let import = check(client, &corrected, &name).await;
                assert_eq!((&import["campaign"], &import["continued"]), (&json!(campaign), &json!(true)), "{import}");
                assert_eq!(start(client, &import, "").await.status, 200);
                counts(client, &import).await;
                // Both rows were good now; what the first says was sent by the file itself.
                assert_eq!(self::sent(client).await, sent + 1, "{campaign} {name}");
            }
            // Its own name may be given with it, and no other.
            let same = give(client, &corrected, &format!("?file_name=y.csv&campaign={named}")).await;
            assert_eq!((same.status, &same.body["data"]["known_count"]), (201, &json!(2)), "{}", same.text);
            let other = give(client, &corrected, "?file_name=y.csv&campaign=another").await;
            assert!(other.status == 422 && other.text.contains("leave out the name 'another' to continue that campaign"), "{}", other.text);
        }
        world.stop().await;
    }

    async fn a_file_of_refused_rows_whose_campaign_is_uncertain_is_refused(database: Database) {
        let world = World::new(database).await;
        let client = &world.client;
        let mut files = Vec::new();
        for campaign in ["first", "second"] {
            let id = begin(client, "destination,message\n12,x\n13,x\n", &format!("?campaign={campaign}")).await;
            until(client, &id, "done").await;
            let refused = client.ask("GET", &format!("/manage/1.0/imports/{id}/refused.csv"), &[], None).await.text;
            files.push(refused.replace("=\"\"12\"\"", "628111111112").replace("=\"\"13\"\"", "628111111113"));
        }
        let both = files[0].clone() + files[1].lines().nth(1).expect("a row");
        let changed = files[0].replacen("first [", "other [", 1);
        for (file, why) in [(both, "the campaigns 'first' and 'second'"), (changed, "the column campaign no longer holds on line 2")] {
            let given = give(client, &file, "?file_name=x.csv").await;
            assert!(given.status == 422 && given.text.contains(why), "{}", given.text);
        }
        assert_eq!(sent(client).await, 0);
        // Without the column they are a campaign of the file's own.
        let import = check(client, &files[0].replace(",\"campaign\"", ",\"was\""), "x.csv").await;
        assert_eq!((&import["campaign"], &import["continued"]), (&json!("x"), &json!(false)), "{import}");
        world.stop().await;
    }

    async fn the_command_line_continues_a_campaign_too(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let first = begin(&serving.client, &(file(0..3, "") + "12,x\n13,x\n"), "?campaign=Promo:%20%22July%22%3F").await;
        until(&serving.client, &first, "done").await;
        let refused = serving.client.ask("GET", &format!("/manage/1.0/imports/{first}/refused.csv"), &[], None).await.text;
        // Somebody has added a row that the campaign has sent.
        let corrected = refused.replace("=\"\"12\"\"", "628111111112").replace("=\"\"13\"\"", "628111111113") + "6281111" + "10000,promo\r\n";
        let path = place.folder.path().join("Salinan.csv").display().to_string();
        std::fs::write(&path, &corrected).expect("written");
        let wrong = place.fails(&["import", &path, "--campaign", "August"]).await;
        assert!(wrong.contains("leave out the name 'August' to continue that campaign"), "{wrong}");
        let said = crate::process::text(&place.run(&["import", &path, "--dry-run"]).await.stdout);
        assert!(said.contains("continues the campaign 'Promo: \"July\"?'"), "{said}");
        let report = place.json(&["import", &path, "--json"]).await;
        let seen = (&report["accepted"], &report["known"], &report["continues"]);
        assert_eq!(seen, (&json!(2), &json!(1), &json!("Promo: \"July\"?")), "{report}");
        let again = check(&serving.client, &corrected, "x.csv").await;
        assert_eq!((&again["known_count"], &again["sent_before"]["count"]), (&json!(3), &json!(0)), "{again}");
        assert!(serving.terminate().await.success());
    }

    async fn the_command_line_asks_too(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let path = |name: &str| place.folder.path().join(name).display().to_string();
        std::fs::write(path("promo.csv"), file(0..20, "")).expect("written");
        assert_eq!(place.json(&["import", &path("promo.csv"), "--json"]).await["accepted"], 20);
        std::fs::write(path("promo_2.csv"), file(0..22, "")).expect("written");
        let told = place.fails(&["import", &path("promo_2.csv")]).await;
        assert!(told.contains("another campaign 'promo' already queued or sent 20 of these rows in the last 6 days"), "{told}");
        let dry = place.json(&["import", &path("promo_2.csv"), "--dry-run", "--json"]).await;
        assert_eq!((&dry["accepted"], &dry["sent_before"]["count"]), (&json!(22), &json!(20)), "{dry}");
        let report = place.json(&["import", &path("promo_2.csv"), "--sent-before", "skip", "--json"]).await;
        assert_eq!((&report["accepted"], &report["known"]), (&json!(2), &json!(20)), "{report}");
        let again = place.json(&["import", &path("promo_2.csv"), "--json"]).await;
        assert_eq!((&again["accepted"], &again["known"]), (&json!(0), &json!(22)), "{again}");
        // What the command line queued, the server knows.
        let import = check(&serving.client, &file(0..22, ""), "promo_3.csv").await;
        assert_eq!((&import["sent_before"]["count"], &import["sent_before"]["campaign"]), (&json!(22), &json!("promo")), "{import}");
        // And what the server queued, the command line.
        let first = begin(&serving.client, &file(30..50, ""), "?file_name=july.csv&campaign=July%20%231").await;
        until(&serving.client, &first, "done").await;
        std::fs::write(path("july-2.csv"), file(30..50, "")).expect("written");
        let told = place.fails(&["import", &path("july-2.csv")]).await;
        assert!(told.contains("another campaign 'July #1' already queued or sent 20 of these rows"), "{told}");
        let report = place.json(&["import", &path("promo.csv"), "--campaign", "x", "--sent-before", "send", "--json"]).await;
        assert_eq!((&report["accepted"], &report["known"]), (&json!(20), &json!(0)), "{report}");
        assert!(serving.terminate().await.success());
    }
}
