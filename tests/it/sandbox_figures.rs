//! What a sandbox handled is counted and shown apart from what accounts did.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::message::{Content, NewMessage, Priority, RefNo};
use wachat::store::Accept;

use crate::console::{Visitor, gateway_at};
use crate::world::{ALICE, Time, World, eventually, stories};

async fn statistics(world: &World) -> Value {
    let reply = world.client.manage("GET", "/statistics", None).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["data"].clone()
}

stories! {
    async fn what_a_sandbox_handled_is_counted_and_shown_apart(database: Database) {
        let world = gateway_at(database, Time::Held).await;
        for text in ["one", "two"] {
            let sent = world.send(ALICE, text).await;
            world.until(&sent, "R").await;
        }
        let mut visitor = Visitor::administrator(&world).await;
        // While there is nothing else, they are what is shown, and marked.
        let figures = statistics(&world).await;
        assert_eq!((&figures["totals"]["read"], &figures["sandbox"]["totals"]["read"]), (&json!(2), &json!(2)), "{figures}");
        let home = visitor.get("/console").await;
        let shown = home.between("id=\"sandbox-figures\"", "</dl>").expect("figures of the sandbox");
        assert!(shown.contains("<dt>Read</dt><dd>2</dd>"), "{shown}");
        let marked = home.between("id=\"sandbox-rule\"", "</p>").expect("what they are");
        assert!(marked.contains("SANDBOX") && !home.shows("id=\"hours-title\"") && home.shows("id=\"sandbox-hours-title\""), "{}", home.text);
        let real = home.between("id=\"figures\"", "</dl>").expect("figures of accounts");
        assert!(real.contains("<dt>Read</dt><dd>0</dd>"), "{real}");
        // Three that were accepted for an account, as the store keeps them: the sandbox does not play them.
        let now = world.clock.now();
        for number in 0..3 {
            let message = NewMessage {
                ref_no: RefNo::new(&world.clock),
                client_id: 1,
                person_id: 1,
                device_id: world.device_id.clone(),
                sender: world.sender.clone(),
                sandbox: false,
                destination: format!("62811111112{number}"),
                is_group: false,
                content: Content::Text("for real".into()),
                created_at: now,
                expires_at: now + 86_400_000,
                priority: Priority::Normal,
                tag: None,
            };
            let ref_no = message.ref_no.as_str().to_owned();
            world.store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None }).await.expect("accepted");
            world.until(&ref_no, "A").await;
        }
        world.advance(Duration::from_secs(120)).await;
        let figures = eventually("it was counted anew", async || {
            let figures = statistics(&world).await;
            if figures["totals"]["aborted"] == 3 { Ok(figures) } else { Err(figures.to_string()) }
        })
        .await;
        let of = |totals: &Value| ["read", "aborted"].map(|name| totals[name].clone());
        assert_eq!((of(&figures["totals"]), of(&figures["sandbox"]["totals"])), ([json!(2), json!(3)], [json!(2), json!(0)]), "{figures}");
        for (spans, last) in [("hours", 23), ("days", 29)] {
            let (all, sandbox) = (&figures[spans][last], &figures["sandbox"][spans][last]);
            assert_eq!((&all["from"], &all["accepted"], of(all)), (&sandbox["from"], &json!(5), [json!(2), json!(3)]), "{figures}");
            assert_eq!((&sandbox["accepted"], of(sandbox)), (&json!(2), [json!(2), json!(0)]), "{figures}");
        }
        let home = visitor.get("/console").await;
        for (id, read, aborted) in [("figures", 0, 3), ("sandbox-figures", 2, 0)] {
            let shown = home.between(&format!("id=\"{id}\""), "</dl>").expect(id);
            for figure in [format!("<dt>Read</dt><dd>{read}</dd>"), format!("<dt>Aborted</dt><dd>{aborted}</dd>")] {
                assert!(shown.contains(&figure), "{id}: {figure}: {shown}");
            }
        }
        for (id, accepted) in [("hours", 3), ("days", 3), ("sandbox-hours", 2), ("sandbox-days", 2)] {
            let title = home.between(&format!("id=\"{id}-title\""), "</figcaption>").expect(id);
            assert_eq!(title.contains("SANDBOX"), id.starts_with("sandbox"), "{title}");
            let chart = home.between(&format!("id=\"{id}-chart\""), "</svg>").expect(id);
            assert!(chart.contains(&format!("Accepted {accepted},")), "{id}: {chart}");
        }
        world.stop().await;
    }
}
