//! Device-sent copies on the account's other devices.

use simulator::server::local_connection::LocalConnection;
use simulator::wire::stanza::{Jid, Node, NodeBuilder, Read as _};

use crate::world::{World, patiently};

/// A message from Ann's phone to Bob, with an undecrypted part for her companion.
fn message(companion: &Jid, bob: &Jid) -> Node {
    let part = |jid: &Jid| {
        let enc = NodeBuilder::new("enc").attr("type", "msg").attr("v", 2).bytes(vec![1, 2, 3]).build();
        NodeBuilder::new("to").attr("jid", jid.clone()).children([enc]).build()
    };
    let list = NodeBuilder::new("participants").children([part(companion), part(bob)]).build();
    NodeBuilder::new("message")
        .attr("to", bob.clone())
        .attr("id", "COPY01")
        .attr("type", "text")
        .children([list])
        .build()
}

/// The next stanza with this tag, except for peer messages, one of which may still be pending from linking.
async fn next(connection: &mut LocalConnection, tag: &str) -> Node {
    patiently(tag, async {
        loop {
            let node = connection.recv().await.expect("the link holds");
            if node.tag == tag && node.text("category").is_none() {
                return (*node).clone();
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_merely_acknowledged_comes_again_and_then_the_stream_ends() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    drop(world.linked(&ann).await);
    let device = ann.device(1);
    let mut connection = world.network.attach(&ann.account, &device);
    ann.send(message(device.number(), &bob.jid())).await;
    let copy = next(&mut connection, "message").await;
    assert_eq!(copy.jid("recipient"), Some(bob.jid()));
    let answer = |tag: &'static str| NodeBuilder::new(tag).attr("id", "COPY01").attr("to", ann.jid());
    let before = device.waiting();
    connection.send(answer("ack").attr("class", "message").build()).await;
    assert_eq!(device.waiting(), before, "it is kept");
    assert_eq!(next(&mut connection, "message").await.text("id").as_deref(), Some("COPY01"));
    let end = next(&mut connection, "stream:error").await;
    assert_eq!(end.child("ack").and_then(|ack| ack.text("id")).as_deref(), Some("COPY01"));
    drop(connection);

    let mut connection = world.network.attach(&ann.account, &device);
    next(&mut connection, "message").await;
    let receipt = answer("receipt").attr("type", "sender").attr("recipient", bob.jid());
    connection.send(receipt.build()).await;
    assert_eq!(device.waiting(), before - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_asked_for_again_or_refused_is_taken_off_by_an_acknowledgement() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    drop(world.linked(&ann).await);
    let device = ann.device(1);
    let mut connection = world.network.attach(&ann.account, &device);
    let answer = |tag: &'static str| NodeBuilder::new(tag).attr("id", "COPY01").attr("to", ann.jid());
    let ack = || answer("ack").attr("class", "message");
    ann.send(message(device.number(), &bob.jid())).await;
    next(&mut connection, "message").await;
    let kept = device.waiting();
    let retry = NodeBuilder::new("retry").attr("id", "COPY01").attr("count", 1).attr("v", 1).build();
    connection
        .send(answer("receipt").attr("type", "retry").attr("recipient", bob.jid()).children([retry]).build())
        .await;
    connection.send(ack().build()).await;
    assert_eq!(device.waiting(), kept - 1);
    ann.send(message(device.number(), &bob.jid())).await;
    next(&mut connection, "message").await;
    connection.send(ack().attr("error", 487).build()).await;
    assert_eq!(device.waiting(), kept - 1);
}
