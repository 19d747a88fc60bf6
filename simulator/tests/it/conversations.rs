//! Conversations for the clients in other languages, Baileys and whatsmeow.

use serde_json::json;
use simulator::phone::LoggedMessage;
use simulator::runtime::Person;

use crate::program::Program;
use crate::world::{hears, patiently};

/// Ann's client reacts to a message of Bob's, and edits and deletes one of its own.
pub async fn its_changes_reach_a_phone(client: &mut Program, ann: &Person, bob: &Person) {
    let to = bob.jid().to_string();
    let liked = bob.send_text(ann.jid(), "like me").await.unwrap();
    client.reads("like me").await;
    client.command("react", json!({"to": to, "sender": to, "id": liked, "text": "👍"})).await;
    let is_liked = move |kept: &LoggedMessage| kept.id == liked && kept.reactions.values().eq(["👍"]);
    patiently("the reaction", bob.wait_for_message(is_liked)).await.unwrap();
    let id = client.send_text(&to, "helo").await;
    client.command("edit", json!({"to": to, "id": id, "text": "hello"})).await;
    let edited = id.clone();
    let is_edited = move |kept: &LoggedMessage| kept.id == edited && kept.edited.as_deref() == Some("hello");
    patiently("the new text", bob.wait_for_message(is_edited)).await.unwrap();
    client.command("delete", json!({"to": to, "id": id})).await;
    patiently("that it is gone", bob.wait_for_message(move |kept| kept.id == id && kept.deleted)).await.unwrap();
}

/// Bob reacts to a message of Ann's client, and edits and deletes one of his. Returns the id of the message he reacted
/// to.
pub async fn a_phones_changes_reach_it(client: &mut Program, ann: &Person, bob: &Person) -> String {
    let liked = client.send_text(&bob.jid().to_string(), "like me").await;
    hears(bob, "like me").await;
    bob.react(ann.jid(), &liked, "👍").await.unwrap();
    let reaction = client.until("message", |message| message["kind"] == "reaction").await;
    assert_eq!((&reaction["about"], &reaction["text"]), (&json!(liked), &json!("👍")));
    let id = bob.send_text(ann.jid(), "helo").await.unwrap();
    bob.edit(ann.jid(), &id, "hello").await.unwrap();
    let edit = client.until("message", |message| message["kind"] == "edit").await;
    assert_eq!((&edit["about"], &edit["text"]), (&json!(id), &json!("hello")));
    bob.delete(ann.jid(), &id).await.unwrap();
    let deletion = client.until("message", |message| message["kind"] == "delete").await;
    assert_eq!(deletion["about"], id);
    liked
}

/// Two clients, each with its address, write to each other.
pub async fn two_write_to_each_other(first: (&mut Program, &str), second: (&mut Program, &str)) {
    for number in 0..5 {
        first.0.send_text(second.1, &format!("question {number}")).await;
        second.0.reads(&format!("question {number}")).await;
        second.0.send_text(first.1, &format!("answer {number}")).await;
        first.0.reads(&format!("answer {number}")).await;
    }
    assert!(first.0.unexpected("undecryptable").is_empty() && second.0.unexpected("undecryptable").is_empty());
}
