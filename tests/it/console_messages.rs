//! The console's pages of messages, as a browser asks for them.

use serde_json::{Value, json};

use crate::signed_in::{Browser, PASSWORD, queued, ref_no_of, target, world};
use crate::world::{ALICE, BOB, Time, eventually, stories};

/// A picture, and behind it what looks like the boundary of a form.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xdacd\
    \xf8\xcfP\x0f\0\x03\x86\x01\x80Z4}k\0\0\0\0IEND\xaeB`\x82\
    \x20and\r\n--the rest of a picture";
/// What the sandbox does with it: docs/sandbox.md.
const NOBODY: &str = "628111110001";
const REFUSED_TWICE: &str = "628111110006";

async fn until_shown(browser: &Browser<'_>, path: &str, wanted: &str) {
    eventually(&format!("{path} shows {wanted}"), async || {
        let page = browser.get(path).await;
        if page.text.contains(wanted) && page.text.contains("<strong>Queued</strong>") {
            Ok(())
        } else {
            Err(page.text)
        }
    })
    .await;
}

stories! {
    async fn a_filter_shows_what_is_like_it_and_stays_in_the_links(database: Database) {
        let world = world(database, Time::Held).await;
        let (first, second) = (world.send(ALICE, "about tea").await, world.send(BOB, "about coffee").await);
        let aborted = world.send(NOBODY, "about nothing").await;
        world.until(&first, "R").await;
        world.until(&aborted, "A").await;
        let browser = Browser::of(&world, "admin").await;
        let shows = async |query: &str| {
            let page = browser.get(&format!("/console/messages{query}")).await;
            assert_eq!(page.status, 200, "{query} {}", page.text);
            [&first, &second, &aborted].map(|one| page.text.contains(one.as_str()))
        };
        assert_eq!(shows("").await, [true, true, true]);
        assert_eq!(shows("?status=A").await, [false, false, true]);
        assert_eq!(shows("?text=tea&status=").await, [true, false, false]);
        assert_eq!(shows("?destination=%2B62+811-1111-112").await, [false, true, false]);
        assert_eq!(shows("?from=2026-09-21T14%3A00").await, [true, true, true]);
        assert_eq!(shows("?until=2026-09-21T14%3A00").await, [false, false, false]);
        let page = browser.get("/console/messages?status=A&text=%22%3E%3Cb%3E").await;
        assert!(page.text.contains("export.csv?status=A&#38;text=%22%3E%3Cb%3E") && !page.text.contains("><b>"), "{}", page.text);
        let refused = browser.get("/console/messages?from=soon").await;
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains("value=\"soon\"") && refused.text.contains("role=\"alert\""));
        world.stop().await;
    }

    async fn a_message_that_waits_for_its_device_shows_u_until_somebody_cancels_it(database: Database) {
        let world = world(database, Time::Held).await;
        let paused = world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(json!({"paused": true}))).await;
        assert_eq!(paused.status, 200, "{}", paused.text);
        let ref_no = world.send(ALICE, "held").await;
        let browser = Browser::of(&world, "admin").await;
        let list = browser.get("/console/messages").await;
        assert!(list.text.contains("Waits for its device (U)"), "{}", list.text);
        let path = format!("/console/messages/{ref_no}");
        let cancelled = browser.post(&format!("{path}/cancel")).await;
        assert_eq!(target(&cancelled), format!("{path}?done=cancelled"));
        assert_eq!(world.status(&ref_no).await["reason"], "cancelled");
        let again = browser.post(&format!("{path}/cancel")).await;
        assert_eq!(again.status, 409);
        assert!(again.text.contains("has left, has ended") && again.text.contains("held"), "{}", again.text);
        world.stop().await;
    }

    async fn a_failed_attempt_is_told_with_its_reason(database: Database) {
        let world = world(database, Time::Held).await;
        let twice = world.send(REFUSED_TWICE, "try").await;
        let never = world.send(NOBODY, "try").await;
        world.until_within(&twice, "R", std::time::Duration::from_millis(200)).await;
        world.until(&never, "A").await;
        let attempts = async |ref_no: &str| {
            let reply = world.client.manage("GET", &format!("/messages/{ref_no}/attempts"), None).await;
            let attempts = reply.body["data"].as_array().cloned().expect("attempts");
            attempts.iter().map(|one| (one["number"].clone(), one["reason"].clone())).collect::<Vec<(Value, Value)>>()
        };
        let refused = "the sandbox refuses the first two attempts to this number";
        assert_eq!(attempts(&twice).await, [(json!(1), json!(refused)), (json!(2), json!(refused))]);
        assert_eq!(attempts(&never).await, [(json!(1), json!(format!("{NOBODY} is not on WhatsApp")))]);
        let browser = Browser::of(&world, "admin").await;
        let page = browser.get(&format!("/console/messages/{twice}")).await;
        for part in ["Accepted", "Failed attempt 1", "Failed attempt 2", refused, "Delivered", "Read (R)"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        let other = world.send(ALICE, "at once").await;
        world.until(&other, "R").await;
        assert_eq!(attempts(&other).await, []);
        world.stop().await;
    }

    async fn a_groups_members_are_shown_with_what_they_have(database: Database) {
        let world = world(database, Time::Held).await;
        // The sandbox's groups have three members, and in this one nobody reads.
        let group = json!({"destination": "120363000000000003", "is_group": true, "message": "all"});
        let ref_no = world.send_with(group).await;
        world.until(&ref_no, "D").await;
        let reply = world.client.manage("GET", &format!("/messages/{ref_no}/members"), None).await;
        let members = reply.body["data"].as_array().cloned().expect("members");
        assert_eq!(members.len(), 3, "{}", reply.text);
        assert!(members[0]["delivered_date"].is_string() && members[0]["read_date"].is_null(), "{}", reply.text);
        let page = Browser::of(&world, "admin").await.get(&format!("/console/messages/{ref_no}")).await;
        for part in ["<td>628111000000</td>", "Members it went to</dt><dd>3</dd>", "Read by</dt><dd>0</dd>"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        world.stop().await;
    }

    async fn who_only_sends_sends_by_hand_and_sees_what_became_of_it(database: Database) {
        let world = world(database, Time::Machine).await;
        let person = json!({"userid": "sender", "role": "sender", "password": PASSWORD});
        let added = world.client.manage("POST", "/clients/1/persons", Some(person)).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let browser = Browser::of(&world, "sender").await;
        assert_eq!(target(&browser.get("/console/messages").await), "/console/messages/new");
        let sent = browser.by_hand(&[("destination", ALICE), ("text", "by hand")], None).await;
        let ref_no = ref_no_of(&target(&sent));
        world.until(&ref_no, "R").await;
        let page = browser.get(&format!("/console/messages/{ref_no}")).await;
        assert!(page.status == 200 && page.text.contains("by hand") && !page.text.contains("/resend"), "{}", page.text);
        let once = format!("&once={}", browser.once("/console/messages/new").await);
        assert_eq!(browser.send(&format!("/console/messages/{ref_no}/resend"), &once).await.status, 403);
        world.stop().await;
    }

    async fn a_text_and_a_picture_are_sent_by_hand_and_again(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        let fields = [("queue", world.device_id.as_str()), ("destination", "0811-1111-111"), ("text", "C:\\new\r\n<b>")];
        let sent = browser.by_hand(&fields, None).await;
        let text = ref_no_of(&target(&sent));
        assert_eq!(world.until(&text, "R").await["message"], "C:\\new\n<b>");
        let sent = browser.by_hand(&fields, Some(("a \u{e9}.png", PNG))).await;
        let picture = ref_no_of(&target(&sent));
        let message = world.until(&picture, "R").await;
        assert_eq!((&message["caption"], &message["file_name"]), (&json!("C:\\new\n<b>"), &json!("a \u{e9}.png")));
        let page = browser.get(&format!("/console/messages/{picture}")).await;
        let link = message["media_url"].as_str().expect("a link");
        assert!(page.text.contains(link) && page.text.contains("C:\\new\n&#60;b&#62;"), "{}", page.text);
        let file = world.client.ask("GET", &link[link.find("/media/").expect("a path")..], &[], None).await;
        assert_eq!(file.bytes, PNG);

        let again = browser.resend(&picture).await;
        let repeated = ref_no_of(&target(&again));
        assert!(repeated != picture && target(&again).ends_with(&format!("of={picture}")));
        let message = world.until(&repeated, "R").await;
        assert_eq!((&message["caption"], &message["media_url"]), (&json!("C:\\new\n<b>"), &json!(link)));
        world.stop().await;
    }

    async fn what_the_api_refuses_is_said_and_what_was_typed_stays(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let fields = [("destination", "12345"), ("text", "stays \"here\""), ("is_group", "")];
        let refused = browser.by_hand(&fields[..2], None).await;
        assert_eq!(refused.status, 422);
        for kept in ["no numbering plan allows", "value=\"12345\"", "stays &#34;here&#34;</textarea>"] {
            assert!(refused.text.contains(kept), "{kept}: {}", refused.text);
        }
        let stranger = Browser { world: &world, cookie: browser.cookie.clone(), csrf: "0".repeat(64) };
        let foreign = stranger.upload("/console/messages/new", &[("destination", ALICE), ("text", "x")], None).await;
        assert_eq!(foreign.status, 403, "{}", foreign.text);
        let counts = world.client.manage("GET", "/messages/counts", None).await;
        assert_eq!(counts.body["data"]["Q"], 0);
        world.stop().await;
    }

    async fn an_export_has_every_message_of_the_filter_and_no_formula(database: Database) {
        let world = world(database, Time::Held).await;
        let last = world.send(ALICE, "=HYPERLINK(\"x\")").await;
        world.until(&last, "R").await;
        for at in 0..501 {
            world.send(BOB, &format!("number {at}")).await;
        }
        let browser = Browser::of(&world, "admin").await;
        let file = browser.get("/console/messages/export.csv").await;
        assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
        let lines: Vec<&str> = file.text.trim_start_matches('\u{feff}').lines().collect();
        assert_eq!(lines.len(), 503, "{}", file.text);
        assert!(lines[0].starts_with("ref_no,created,status"));
        assert!(lines[502].starts_with(&last) && lines[502].contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", lines[502]);
        let some = browser.get(&format!("/console/messages/export.csv?destination={ALICE}")).await;
        assert_eq!(some.text.lines().count(), 2);
        assert_eq!(browser.get("/console/messages/export.csv?from=soon").await.status, 422);
        world.stop().await;
    }

    async fn a_file_is_looked_at_then_queued_and_no_row_twice(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        let file = "destination,message\n628111111111,one\n12345,bad\n0811-1111-111,two\n628111111112,\"three\nlines\"\n\
                    628111111113,,\n";
        let fields = [("queue", world.device_id.as_str()), ("campaign", "autumn")];
        let page = target(&browser.upload("/console/messages/import", &fields, Some(("c.csv", file.as_bytes()))).await);
        let preview = browser.get(&page).await;
        for part in [
            "<dd id=\"good\">3</dd>",
            "<dd id=\"refused\">2</dd>",
            "no numbering plan allows",
            "<td class=\"number\">3</td>",
            "<td class=\"number\">7</td>",
            "Send 3 messages",
            "<dd id=\"read-as\">CSV, UTF-8, separated by \u{201c},\u{201d}</dd>",
            "<tr><td>Indonesia</td><td class=\"number\">3</td></tr>",
            "<td>628111111111</td><td>0811-1111-111</td><td>two</td>",
        ] {
            assert!(preview.text.contains(part), "{part}: {}", preview.text);
        }
        assert_eq!(queued(&world).await, 0);
        let refused = browser.get(&format!("{page}/refused.csv")).await;
        let first = "\u{feff}\"destination\",\"message\",\"line\",\"reason\",\"mark\",\"campaign\"\r\n\"=\"\"12345\"\"\",\"bad\",\"3\",\"no numbering";
        assert!(refused.text.starts_with(first) && refused.text.lines().count() == 3, "{}", refused.text);
        assert_eq!(refused.header("content-type"), "text/csv; charset=utf-8");

        assert_eq!(target(&browser.post(&format!("{page}/queue")).await), page);
        until_shown(&browser, &page, "<dd id=\"accepted\">3</dd>").await;
        // The same wish once more queues nothing.
        assert_eq!(target(&browser.post(&format!("{page}/queue")).await), page);
        let again = target(&browser.upload("/console/messages/import", &fields, Some(("c.csv", file.as_bytes()))).await);
        assert!(again != page);
        browser.post(&format!("{again}/queue")).await;
        until_shown(&browser, &again, "<dd id=\"known\">3</dd>").await;
        assert_eq!(queued(&world).await, 3);
        // What was rejected continues its campaign, whatever the file is called; another name is not taken for it.
        let corrected = refused.text.replace("=\"\"12345\"\"", "628111111114");
        let upload = async |name| browser.upload("/console/messages/import", &[("campaign", name)], Some(("Copy of x.csv", corrected.as_bytes()))).await;
        let other = upload("spring").await;
        assert!(other.status == 422 && other.text.contains("leave out the name &#39;spring&#39; to continue that campaign"), "{}", other.text);
        let shown = browser.get(&target(&upload("").await)).await;
        assert!(shown.text.contains("<dd id=\"campaign\">autumn (continued: this campaign rejected these rows)</dd>"), "{}", shown.text);
        let listed = world.client.manage("GET", &format!("/messages?destination={ALICE}"), None).await;
        let texts: Vec<&Value> = listed.body["data"]["items"].as_array().expect("rows").iter().map(|one| &one["message"]).collect();
        assert_eq!(texts, [&json!("two"), &json!("one")]);
        world.stop().await;
    }

    async fn a_corrected_file_under_another_name_offers_what_is_new(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        let upload = async |name: &str, file: &str| {
            let fields = [("queue", world.device_id.as_str()), ("tag", "june")];
            target(&browser.upload("/console/messages/import", &fields, Some((name, file.as_bytes()))).await)
        };
        let file = "destination,message\n628111111111,one {nama}\n628111111112,two\n";
        let first = upload("promo.csv", file).await;
        let shown = browser.get(&first).await;
        assert!(shown.text.contains("<code>{nama}</code>") && shown.text.contains("Send 2 messages"), "{}", shown.text);
        browser.post(&format!("{first}/queue")).await;
        until_shown(&browser, &first, "<dd id=\"accepted\">2</dd>").await;
        let second = upload("promo revisi.csv", &format!("{file}628111111113,three\n")).await;
        let shown = browser.get(&second).await;
        for part in ["2 / 3 rows were already queued or sent by another campaign", ": promo<", "Send only what is new: 1 message<", "Send everything again: 3 messages", "Already queued or sent by another campaign"] {
            assert!(shown.text.contains(part), "{part}: {}", shown.text);
        }
        // A form that says nothing is refused.
        assert_eq!(browser.post(&format!("{second}/queue")).await.status, 409);
        browser.send(&format!("{second}/queue"), "&sent_before=skip").await;
        until_shown(&browser, &second, "<dd id=\"accepted\">1</dd>").await;
        assert_eq!(queued(&world).await, 3);
        let listed = world.client.manage("GET", "/messages?text=three", None).await;
        assert_eq!(listed.body["data"]["items"][0]["tag"], "june", "{}", listed.text);
        // Where nothing is new, there is nothing to send: the way to the other campaign comes first.
        let third = upload("promo lagi.csv", file).await;
        let shown = browser.get(&third).await;
        for part in ["there is nothing to send.", &format!("id=\"other-campaign\" href=\"{first}\">Open that campaign<"), "Send everything again: 2 messages<"] {
            assert!(shown.text.contains(part), "{part}: {}", shown.text);
        }
        assert!(shown.text.find("other-campaign") < shown.text.find("send-again"), "{}", shown.text);
        for other in ["only-new", "Then send only what is new"] {
            assert!(!shown.text.contains(other), "{other}: {}", shown.text);
        }
        // Once that is forgotten, the messages show what was sent.
        let id = first.rsplit('/').next().expect("an id");
        assert_eq!(world.client.manage("DELETE", &format!("/imports/{id}"), None).await.status, 200);
        let shown = browser.get(&third).await;
        assert!(shown.text.contains("id=\"other-campaign\" href=\"/console/messages\">See the messages<"), "{}", shown.text);
        world.stop().await;
    }

    async fn an_import_is_stopped_by_hand_shown_after_a_restart_and_goes_on(database: Database) {
        let world = world(database, Time::Machine).await;
        let rows: String = (0..300).map(|at| format!("{ALICE},text {at}\n")).collect();
        let file = format!("destination,message\n{rows}12,bad\n");
        let browser = Browser::of(&world, "admin").await;
        let page = target(&browser.upload("/console/messages/import", &[], Some(("c.csv", file.as_bytes()))).await);
        browser.post(&format!("{page}/queue")).await;
        assert_eq!(target(&browser.post(&format!("{page}/stop")).await), page);
        let (cookie, csrf) = (browser.cookie.clone(), browser.csrf.clone());
        let world = world.restart().await;
        let browser = Browser { world: &world, cookie, csrf };
        let shown = browser.get(&page).await;
        for part in ["<strong>Stopped</strong>: somebody stopped it", "Resume", "<td class=\"number\">302</td>"] {
            assert!(shown.text.contains(part), "{part}: {}", shown.text);
        }
        let list = browser.get("/console/messages/import").await;
        assert!(list.text.contains(&format!("href=\"{page}\">c.csv</a>")) && list.text.contains("Stopped"), "{}", list.text);
        let indonesian = browser.get_with(&page, "accept-language", "id").await;
        assert!(indonesian.text.contains("<strong>Terhenti</strong>: seseorang menghentikannya"), "{}", indonesian.text);
        browser.post(&format!("{page}/queue")).await;
        until_shown(&browser, &page, "<dd id=\"accepted\">300</dd>").await;
        assert_eq!(queued(&world).await, 300);
        assert_eq!(target(&browser.post(&format!("{page}/drop")).await), "/console/messages/import?done=removed");
        assert_eq!(browser.get(&page).await.status, 404);
        assert_eq!(queued(&world).await, 300);
        world.stop().await;
    }

    async fn another_clients_import_is_nobodys(database: Database) {
        let world = world(database, Time::Held).await;
        let other = world.add_client("other", "628110000001").await;
        let file = Some(b"destination,message\n628111111111,secret\n".to_vec());
        let given = other.client.ask("POST", "/manage/1.0/imports?file_name=theirs.csv", &[], file).await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        let browser = Browser::of(&world, "admin").await;
        for path in ["", "/refused.csv"] {
            assert_eq!(browser.get(&format!("/console/messages/import/{id}{path}")).await.status, 404);
        }
        for path in ["/queue", "/stop", "/drop"] {
            assert_eq!(browser.post(&format!("/console/messages/import/{id}{path}")).await.status, 404);
        }
        assert!(!browser.get("/console/messages/import").await.text.contains("theirs.csv"));
        assert_eq!(browser.get("/console/messages/import/..%2Fclients").await.status, 404);
        world.stop().await;
    }

    async fn a_file_that_cannot_be_read_is_refused_with_what_is_wrong(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        for (file, part) in [
            (Some(("c.csv", &b"name;city\n1;2\n"[..])), "names no column"),
            (Some(("c.csv", b"")), "it is empty"),
            (Some(("c.csv", b"phone,text\n628111111111,\"Hello\n628111111112,Hi\n")), "opens on line 2"),
            (Some(("c.xlsx", b"%PDF-1.7")), "c.xlsx: it is a PDF; save it as .xlsx"),
            (None, "Choose a file."),
        ] {
            let refused = browser.upload("/console/messages/import", &[("campaign", "kept")], file).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
            assert!(refused.text.contains(part) && refused.text.contains("value=\"kept\""), "{part}: {}", refused.text);
        }
        let large = vec![b'x'; wachat::limits::IMPORT_BYTES_MAX + 1];
        assert_eq!(browser.upload("/console/messages/import", &[], Some(("c.csv", &large))).await.status, 413);
        world.stop().await;
    }

    async fn another_clients_message_is_nobodys(database: Database) {
        let world = world(database, Time::Held).await;
        let other = world.add_client("other", "628110000001").await;
        let reply = other.client.post("/message", &json!({"destination": ALICE, "message": "secret"})).await;
        let theirs = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        let browser = Browser::of(&world, "admin").await;
        for path in [theirs.as_str(), "000000000000000000", "x", "..%2Fclients"] {
            let page = browser.get(&format!("/console/messages/{path}")).await;
            assert_eq!(page.status, 404, "{path} {}", page.text);
        }
        let once = format!("&once={}", browser.once("/console/messages/new").await);
        for what in ["cancel", "resend"] {
            assert_eq!(browser.send(&format!("/console/messages/{theirs}/{what}"), &once).await.status, 404);
        }
        let list = browser.get("/console/messages").await;
        assert!(!list.text.contains(&theirs));
        let mine = world.send(ALICE, "mine").await;
        for (method, path) in [("GET", "attempts"), ("POST", "resend")] {
            assert_eq!(other.client.manage(method, &format!("/messages/{mine}/{path}?client_id=1"), None).await.status, 404);
        }
        world.stop().await;
    }
}
