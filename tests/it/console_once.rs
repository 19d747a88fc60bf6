//! Forms of the console that send a message: a double click and a browser's repeat send one.

use std::time::Duration;

use serde_json::json;

use crate::files::PNG;
use crate::signed_in::{Browser, queued, ref_no_of, target, world};
use crate::world::{ALICE, BOB, Time, World, stories};

const NEW: &str = "/console/messages/new";
const HOUR: Duration = Duration::from_secs(3_600);

/// BOB writes; gives the page of his conversation.
async fn talk(world: &World) -> String {
    let body = json!({"from": BOB, "text": "hello?"});
    let reply = world.client.manage("POST", &format!("/devices/{}/receive", world.device_id), Some(body)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    format!("/console/inbox/{}/{BOB}", world.device_id)
}

stories! {
    async fn a_double_click_and_a_repeat_show_the_one_message(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        for file in [None, Some(("a.png", PNG))] {
            let once = browser.once(NEW).await;
            let fields = [("once", once.as_str()), ("destination", ALICE), ("text", "one of me")];
            let send = || browser.upload(NEW, &fields, file);
            let (first, second) = tokio::join!(send(), send());
            let sent = target(&first);
            assert_eq!((target(&second), target(&send().await)), (sent.clone(), sent));
        }
        assert_eq!(queued(&world).await, 2);
        let page = talk(&world).await;
        let answer = format!("&once={}&message=yes&is_group=false", browser.once(&page).await);
        let (first, second) = tokio::join!(browser.send(&page, &answer), browser.send(&page, &answer));
        assert_eq!((target(&first), target(&second)), (format!("{page}?done=answered"), format!("{page}?done=answered")));
        target(&browser.send(&page, &answer).await);
        assert_eq!(queued(&world).await, 3);
        // So it is with a message that is sent again.
        let page = format!("/console/messages/{}", ref_no_of(&target(&browser.by_hand(&[("destination", BOB), ("text", "twice")], None).await)));
        let once = format!("&once={}", browser.once(&page).await);
        let again = || async { target(&browser.send(&format!("{page}/resend"), &once).await) };
        let (first, second) = tokio::join!(again(), again());
        assert_eq!((&second, &again().await, queued(&world).await), (&first, &first, 5));
        let other = target(&browser.resend(page.rsplit('/').next().expect("a ref_no")).await);
        assert!(other != first && queued(&world).await == 6, "{other}");
        // The next form is another message, though it says the same.
        let (one, other) = (browser.by_hand(&[("destination", ALICE), ("text", "one of me")], None).await, browser.once(NEW).await);
        let fields = [("once", other.as_str()), ("destination", ALICE), ("text", "one of me")];
        assert!(ref_no_of(&target(&one)) != ref_no_of(&target(&browser.upload(NEW, &fields, None).await)));
        world.stop().await;
    }

    async fn a_form_that_was_changed_after_it_was_sent_says_so_and_sends_with_the_next_click(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        let once = browser.once(NEW).await;
        let fields = |once, text| [("once", once), ("destination", ALICE), ("text", text)];
        // What was refused was not sent: it goes with the same form.
        let refused = browser.upload(NEW, &[("once", once.as_str()), ("destination", "12345"), ("text", "first")], None).await;
        assert!(refused.status == 422 && refused.text.contains(&format!("value=\"{once}\"")), "{}", refused.text);
        target(&browser.upload(NEW, &fields(&once, "first"), None).await);
        let changed = browser.upload(NEW, &fields(&once, "second"), None).await;
        assert!(changed.status == 422 && changed.text.contains("sent before, with another content"), "{}", changed.text);
        assert!(!changed.text.contains(&format!("value=\"{once}\"")) && changed.text.contains("second</textarea>"));
        let (_, rest) = changed.text.split_once("name=\"once\" value=\"").expect("a token");
        target(&browser.upload(NEW, &fields(&rest[..32], "second"), None).await);
        assert_eq!(queued(&world).await, 2);
        world.stop().await;
    }

    async fn a_form_without_its_token_or_open_for_too_long_is_shown_again_and_sends_nothing(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let page = talk(&world).await;
        let old = browser.once(NEW).await;
        // Somebody who is seen now and then stays signed in.
        for _ in 0..5 {
            world.advance(10 * HOUR).await;
            browser.get("/console/account").await;
        }
        for once in ["", "x", &old, "ffffffffffffffffffffffffffffffff"] {
            let refused = browser.upload(NEW, &[("once", once), ("destination", ALICE), ("text", "stays")], None).await;
            assert!(refused.status == 409 && refused.text.contains("stays</textarea>"), "{once}: {}", refused.text);
            let refused = browser.send(&page, &format!("&once={once}&message=stays&is_group=false")).await;
            assert!(refused.status == 409 && refused.text.contains("stays</textarea>"), "{once}: {}", refused.text);
        }
        assert_eq!(queued(&world).await, 0);
        let sent = format!("/console/messages/{}/resend", world.send(ALICE, "sent").await);
        for once in ["", &old] {
            let refused = browser.send(&sent, &format!("&once={once}")).await;
            assert!(refused.status == 409 && refused.text.contains("open for too long"), "{once}: {}", refused.text);
        }
        assert_eq!(queued(&world).await, 1);
        target(&browser.by_hand(&[("destination", ALICE), ("text", "stays")], None).await);
        assert_eq!(queued(&world).await, 2);
        world.stop().await;
    }

    async fn a_page_that_keeps_up_stays_the_same_while_nothing_happens(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let page = talk(&world).await;
        let drawn = async || browser.get_with(&page, "x-wachat-live", "1").await.text;
        assert_eq!(drawn().await, drawn().await);
        assert!(drawn().await.contains("name=\"once\" value=\"\"") && browser.once(&page).await.len() == 32);
        world.stop().await;
    }
}
