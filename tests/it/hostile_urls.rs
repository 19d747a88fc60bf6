//! Addresses by which a customer would have the gateway reach its own machine: none of them does, on any way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{ALICE, Time, World, eventually, stories};

/// Ways to write this machine's address.
const HOSTS: [&str; 40] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.000.000.001",
    "127.0.0.1.",
    "127.127.127.127",
    "0.0.0.0",
    "0",
    "00000000",
    "0x0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "LocalHost.",
    "a.localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "127.0.0.%31",
    "loc%61lhost",
    "ｌｏｃａｌｈｏｓｔ",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
];

/// Ways to put a host into an address: `{}` is the host and its port.
const SHAPES: [&str; 8] = [
    "http://{}/",
    "HTTP://{}/a?b#c",
    "http://user:secret@{}/",
    "http://192.0.2.1@{}/",
    "http://{}\\@192.0.2.1/",
    "http:{}/",
    "http:\\\\{}\\",
    " http://{}/ ",
];

/// What would be reached; counts who comes.
async fn canary() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, reached) = (listener.local_addr().expect("an address").port(), Arc::new(AtomicUsize::new(0)));
    let others = TcpListener::bind(("::1", port)).await.ok();
    for listener in [Some(listener), others].into_iter().flatten() {
        let reached = Arc::clone(&reached);
        #[allow(clippy::disallowed_methods, reason = "ends with the story")]
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                reached.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    (port, reached)
}

stories! {
    async fn no_way_of_writing_it_leads_a_customer_to_the_gateways_machine(database: Database) {
        let world = World::with(database, Time::Machine, |settings| settings.allow_networks.clear()).await;
        let (port, reached) = canary().await;
        let urls: Vec<String> = HOSTS
            .iter()
            .flat_map(|host| SHAPES.map(|shape| shape.replace("{}", &format!("{host}:{port}"))))
            .collect();
        assert!(urls.len() >= 300);
        let mut sent = Vec::new();
        for url in &urls {
            let media = json!({"destination": ALICE, "media_url": url, "timeout": 600});
            let accepted = world.client.post("/media", &media).await;
            assert!([201, 422].contains(&accepted.status), "{url}: {}", accepted.text);
            if accepted.status == 201 {
                sent.push((url, accepted.body["data"]["ref_no"].as_str().expect("a number").to_owned()));
            }
            let set = world.client.manage("PUT", "/clients/1/push", Some(json!({"url": url}))).await;
            assert!([200, 422].contains(&set.status), "{url}: {}", set.text);
            if set.status == 200 {
                let tested = world.client.manage("POST", "/clients/1/push/test", None).await;
                assert_eq!(tested.body["data"]["answer"], serde_json::Value::Null, "{url}: {}", tested.text);
            }
        }
        assert!(sent.len() > 100, "{}", sent.len());
        for (url, ref_no) in sent {
            eventually(&format!("{url} is tried"), async || {
                let message = world.status(&ref_no).await;
                let reason = message["reason"].as_str().unwrap_or_default().to_owned();
                if ["private address", "could not be reached", "left alone for a moment because it failed"].iter().any(|said| reason.contains(said)) {
                    Ok(())
                } else {
                    Err(message.to_string())
                }
            })
            .await;
        }
        assert_eq!(reached.load(Ordering::Relaxed), 0);
        world.stop().await;
    }
}
