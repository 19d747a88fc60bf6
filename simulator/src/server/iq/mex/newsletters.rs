//! Newsletters in GraphQL: created, described, followed, unfollowed, muted, changed and deleted.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::limits::{GROUP_DESCRIPTION_BYTES_MAX, GROUP_SUBJECT_BYTES_MAX};
use crate::server::device_connection::DeviceConnection;
use crate::server::newsletters::{Newsletter, Role, Text};
use crate::server::notification::notification;
use crate::wire::stanza::{Jid, NodeBuilder, server};

/// Newsletter operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Describe,
    Subscribed,
    Follow,
    Unfollow,
    Mute,
    Unmute,
    Update,
    Delete,
}

/// The query ids of each operation in several clients: whatsmeow (`newsletter.go`), Baileys (`Types/Mex.ts`), and
/// wacore (`iq/mex_operations.rs`).
const QUERIES: [(&str, Operation); 19] = [
    ("6234210096708695", Operation::Create),
    ("8823471724422422", Operation::Create),
    ("25149874324715067", Operation::Create),
    ("6563316087068696", Operation::Describe),
    ("7272540469429201", Operation::Describe),
    ("27456920720571478", Operation::Describe),
    ("26944199458535748", Operation::Describe),
    ("6388546374527196", Operation::Subscribed),
    ("25399611239711790", Operation::Subscribed),
    ("9926858900719341", Operation::Follow),
    ("24404358912487870", Operation::Follow),
    ("6392786840836363", Operation::Unfollow),
    ("9767147403369991", Operation::Unfollow),
    ("6274038279359549", Operation::Mute),
    ("29766401636284406", Operation::Mute),
    ("6068417879924485", Operation::Unmute),
    ("9864994326891137", Operation::Unmute),
    ("24250201037901610", Operation::Update),
    ("30062808666639665", Operation::Delete),
];

/// The operation with this query id.
pub fn operation(query: &str) -> Option<Operation> {
    QUERIES.iter().find(|(id, _)| *id == query).map(|(_, operation)| *operation)
}

/// Why an operation failed, as the error code in the response.
///
/// ASSUMPTION: errors have the codes of HTTP, as others in GraphQL do that were published.
type Refused = u16;

/// The whole response: `data`, and `errors` if it failed.
pub fn answer(connection: &DeviceConnection, operation: Operation, variables: &Value) -> Value {
    let (name, outcome) = match operation {
        Operation::Create => ("xwa2_newsletter_create", create(connection, variables)),
        Operation::Describe => ("xwa2_newsletter", describe(connection, variables)),
        Operation::Subscribed => ("xwa2_newsletter_subscribed", Ok(subscribed(connection))),
        Operation::Follow => ("xwa2_newsletter_join_v2", follow(connection, variables)),
        Operation::Unfollow => ("xwa2_newsletter_leave_v2", unfollow(connection, variables)),
        Operation::Mute => ("xwa2_newsletter_mute_v2", mute(connection, variables, true)),
        Operation::Unmute => ("xwa2_newsletter_unmute_v2", mute(connection, variables, false)),
        Operation::Update => ("xwa2_newsletter_update", update(connection, variables)),
        Operation::Delete => ("xwa2_newsletter_delete_v2", delete(connection, variables)),
    };
    match outcome {
        Ok(data) => json!({"data": {name: data}}),
        Err(code) => json!({"data": {name: null}, "errors": [{
            "message": if code == 404 { "Not Found" } else { "Forbidden" },
            "path": [name],
            "extensions": {"error_code": code, "is_retryable": false, "severity": "CRITICAL"},
        }]}),
    }
}

fn create(connection: &DeviceConnection, variables: &Value) -> Result<Value, Refused> {
    // whatsmeow uses another name than the other two.
    let input = [&variables["input"], &variables["newsletter_input"]].into_iter().find(|input| input.is_object());
    let input = input.ok_or(400_u16)?;
    let name = input["name"].as_str().filter(|name| (1..=GROUP_SUBJECT_BYTES_MAX).contains(&name.len()));
    let name = name.ok_or(400_u16)?;
    let description = input["description"].as_str().unwrap_or_default();
    let newsletter =
        connection.network.inner.newsletters.create(&connection.account, name, description).ok_or(403_u16)?;
    notify_join(connection, &newsletter);
    Ok(described(connection, &newsletter))
}

fn describe(connection: &DeviceConnection, variables: &Value) -> Result<Value, Refused> {
    let newsletters = &connection.network.inner.newsletters;
    let key = variables["input"]["key"].as_str().unwrap_or_default();
    let found = match variables["input"]["type"].as_str() {
        Some("INVITE") => newsletters.by_invite(key),
        _ => key.parse().ok().and_then(|jid: Jid| newsletters.find(&jid)),
    };
    found.map(|newsletter| described(connection, &newsletter)).ok_or(404)
}

fn subscribed(connection: &DeviceConnection) -> Value {
    let own = connection.network.inner.newsletters.of(&connection.account);
    own.iter().map(|newsletter| described(connection, newsletter)).collect()
}

fn follow(connection: &DeviceConnection, variables: &Value) -> Result<Value, Refused> {
    let newsletter = named(connection, variables)?;
    newsletter.follow(&connection.account);
    notify_join(connection, &newsletter);
    Ok(described(connection, &newsletter))
}

fn unfollow(connection: &DeviceConnection, variables: &Value) -> Result<Value, Refused> {
    let newsletter = named(connection, variables)?;
    if newsletter.role(&connection.account) == Role::Owner {
        return Err(403);
    }
    newsletter.unfollow(&connection.account);
    let left = json!({"id": newsletter.jid().to_string(), "role": Role::Guest.word()});
    notify(connection, "NotificationNewsletterLeave", &json!({"xwa2_notify_newsletter_on_leave": left}));
    Ok(json!({"id": newsletter.jid().to_string(), "state": {"type": "ACTIVE"}}))
}

fn mute(connection: &DeviceConnection, variables: &Value, is_muted: bool) -> Result<Value, Refused> {
    let newsletter = named(connection, variables)?;
    newsletter.mute(&connection.account, is_muted);
    let id = newsletter.jid().to_string();
    let change = json!({"id": id, "mute": mute_word(is_muted)});
    notify(connection, "NotificationNewsletterMuteChange", &json!({"xwa2_notify_newsletter_on_mute_change": change}));
    Ok(json!({"id": id}))
}

fn update(connection: &DeviceConnection, variables: &Value) -> Result<Value, Refused> {
    let newsletter = owned(connection, variables)?;
    let updates = &variables["updates"];
    if let Some(name) = updates["name"].as_str().filter(|name| name.len() <= GROUP_SUBJECT_BYTES_MAX) {
        newsletter.rename(name);
    }
    if let Some(text) = updates["description"].as_str().filter(|text| text.len() <= GROUP_DESCRIPTION_BYTES_MAX) {
        newsletter.describe_as(text);
    }
    Ok(described(connection, &newsletter))
}

fn delete(connection: &DeviceConnection, variables: &Value) -> Result<Value, Refused> {
    let newsletter = owned(connection, variables)?;
    connection.network.inner.newsletters.remove(&newsletter);
    Ok(json!({"id": newsletter.jid().to_string(), "state": {"type": "DELETED"}}))
}

fn named(connection: &DeviceConnection, variables: &Value) -> Result<Arc<Newsletter>, Refused> {
    let jid = variables["newsletter_id"].as_str().and_then(|id| id.parse::<Jid>().ok());
    jid.and_then(|jid| connection.network.inner.newsletters.find(&jid)).ok_or(404)
}

fn owned(connection: &DeviceConnection, variables: &Value) -> Result<Arc<Newsletter>, Refused> {
    let newsletter = named(connection, variables)?;
    if newsletter.role(&connection.account) == Role::Owner { Ok(newsletter) } else { Err(403) }
}

fn mute_word(is_muted: bool) -> &'static str {
    if is_muted { "ON" } else { "OFF" }
}

/// A newsletter with the account's relation to it. Numbers are strings, as clients parse them.
fn described(connection: &DeviceConnection, newsletter: &Newsletter) -> Value {
    let text = |text: Text| {
        let changed_at_us = text.changed_at_ms * 1000;
        json!({"id": changed_at_us.to_string(), "text": text.text, "update_time": changed_at_us.to_string()})
    };
    let role = newsletter.role(&connection.account);
    // The owner does not count as a follower.
    let followers = newsletter.readers().len() - 1;
    json!({
        "id": newsletter.jid().to_string(),
        "state": {"type": "ACTIVE"},
        "thread_metadata": {
            "creation_time": newsletter.created_at_seconds().to_string(),
            "name": text(newsletter.name()),
            "description": text(newsletter.description()),
            "handle": null,
            "invite": newsletter.invite(),
            // Baileys fails without a picture.
            "picture": {"id": "", "type": "IMAGE", "direct_path": ""},
            "preview": {"id": "", "type": "PREVIEW", "direct_path": ""},
            "settings": {"reaction_codes": {"value": "ALL"}},
            "subscribers_count": followers.to_string(),
            "verification": "UNVERIFIED",
        },
        "viewer_metadata": {"mute": mute_word(newsletter.is_muted(&connection.account)), "role": role.word()},
    })
}

fn notify_join(connection: &DeviceConnection, newsletter: &Newsletter) {
    let joined = described(connection, newsletter);
    notify(connection, "NotificationNewsletterJoin", &json!({"xwa2_notify_newsletter_on_join": joined}));
}

/// Notifies all devices of the account, including the requesting one.
fn notify(connection: &DeviceConnection, name: &'static str, data: &Value) {
    let update = NodeBuilder::new("update").attr("op_name", name).bytes(json!({"data": data}).to_string().into_bytes());
    let notice = notification(server(), "mex").children([update.build()]).build();
    connection.account.devices().iter().for_each(|device| device.notify(notice.clone()));
}
