//! Group changes: members, subject, description, and settings.

use std::sync::Arc;

use super::{announce, participants, rank_word, refusal, require_admin};
use crate::clock;
use crate::limits::{DISAPPEARING_SECONDS, GROUP_DESCRIPTION_BYTES_MAX};
use crate::server::account::Account;
use crate::server::community::Subgroup;
use crate::server::device_connection::DeviceConnection;
use crate::server::group::{Description, Group, GroupError, Rules};
use crate::server::group_notice;
use crate::wire::stanza::{Jid, Node, NodeBuilder, Read as _, empty, error, result, with_attribute};

/// Applies a member's request; `None` if it is not known.
pub fn answer(connection: &DeviceConnection, node: &Node, group: &Arc<Group>) -> Option<Node> {
    let wanted = node.all().first()?;
    let done = match wanted.tag.as_ref() {
        "add" => add(connection, group, wanted),
        "remove" => require_admin(connection, group).map(|()| vec![remove(connection, group, wanted)]),
        "promote" => require_admin(connection, group).map(|()| vec![rank(connection, group, wanted, true)]),
        "demote" => require_admin(connection, group).map(|()| vec![rank(connection, group, wanted, false)]),
        "subject" => return Some(subject(connection, node, group, wanted)),
        "description" => return Some(description(connection, node, group, wanted)),
        "invite" => require_admin(connection, group).map(|()| {
            let code = group.renew_invite();
            let invite = NodeBuilder::new("invite").attr("code", code).build();
            announce(connection, group, invite.clone());
            vec![invite]
        }),
        // There are no join requests, and no invitations by message: nothing to act on.
        "membership_requests_action" | "revoke" | "accept" => return Some(error(node, 404, "item-not-found")),
        _ => rule(connection, group, wanted)?,
    };
    Some(match done {
        Ok(children) => result(node, children),
        Err(refused) => refusal(node, refused),
    })
}

fn add(connection: &DeviceConnection, group: &Arc<Group>, wanted: &Node) -> Result<Vec<Node>, GroupError> {
    if group.rules().admins_add {
        require_admin(connection, group)?;
    }
    let mut added = Vec::new();
    let outcomes = each(connection, wanted, |account| match group.add(account) {
        Ok(true) => {
            added.push(account.clone());
            None
        }
        Ok(false) => Some(409),
        Err(_) => Some(419),
    });
    if !added.is_empty() {
        group_notice::members(&connection.account, group, "add", &added, None);
        connection.network.bring_into_community(&connection.account, group, &added);
    }
    Ok(vec![NodeBuilder::new("add").children(outcomes).build()])
}

fn remove(connection: &DeviceConnection, group: &Arc<Group>, wanted: &Node) -> Node {
    let mut removed = Vec::new();
    let outcomes = each(connection, wanted, |account| match group.rank(account) {
        Some(_) => {
            removed.push(account.clone());
            None
        }
        None => Some(404),
    });
    // Sent before they are removed, so that they are notified too.
    if !removed.is_empty() {
        group_notice::members(&connection.account, group, "remove", &removed, None);
    }
    for account in &removed {
        group.remove(account);
    }
    NodeBuilder::new("remove").children(outcomes).build()
}

fn rank(connection: &DeviceConnection, group: &Arc<Group>, wanted: &Node, promote: bool) -> Node {
    let tag = if promote { "promote" } else { "demote" };
    let mut changed = Vec::new();
    let outcomes = each(connection, wanted, |account| {
        if group.set_rank(account, rank_word(promote)) {
            changed.push(account.clone());
            None
        } else {
            Some(404)
        }
    });
    if !changed.is_empty() {
        group_notice::members(&connection.account, group, tag, &changed, None);
    }
    NodeBuilder::new(tag).children(outcomes).build()
}

/// Applies `act` to each person in the request; an error code in the response says why it failed.
fn each(connection: &DeviceConnection, wanted: &Node, mut act: impl FnMut(&Arc<Account>) -> Option<u16>) -> Vec<Node> {
    let outcome = |jid: Jid| {
        let code = connection.network.account(&jid).map_or(Some(404), |account| act(&account));
        let participant = NodeBuilder::new("participant").attr("jid", jid);
        match code {
            Some(code) => participant.attr("error", code).build(),
            None => participant.build(),
        }
    };
    participants(wanted).into_iter().map(outcome).collect()
}

fn may_edit(connection: &DeviceConnection, group: &Group) -> Result<(), GroupError> {
    if group.rules().locked { require_admin(connection, group) } else { Ok(()) }
}

fn subject(connection: &DeviceConnection, node: &Node, group: &Arc<Group>, wanted: &Node) -> Node {
    if let Err(refused) = may_edit(connection, group) {
        return refusal(node, refused);
    }
    let subject = wanted.content_text().unwrap_or_default();
    if let Err(refused) = group.set_subject(&subject, &connection.account) {
        return refusal(node, refused);
    }
    let told = NodeBuilder::new("subject")
        .attr("subject", subject.as_ref())
        .attr("s_o", connection.account.jid(group.naming()).clone())
        .attr("s_t", clock::now_seconds())
        .build();
    announce(connection, group, told);
    result(node, [])
}

fn description(connection: &DeviceConnection, node: &Node, group: &Arc<Group>, wanted: &Node) -> Node {
    if let Err(refused) = may_edit(connection, group) {
        return refusal(node, refused);
    }
    let text = wanted.child_bytes("body").unwrap_or_default();
    if text.len() > GROUP_DESCRIPTION_BYTES_MAX {
        return error(node, 406, "not-acceptable");
    }
    let is_deleted = wanted.text("delete").as_deref() == Some("true");
    let id = wanted.text("id").unwrap_or_default().into_owned();
    let description = Description {
        id: id.clone(),
        text: text.to_vec(),
        by: connection.account.jid(group.naming()).clone(),
        at_seconds: clock::now_seconds(),
    };
    group.set_description((!is_deleted).then_some(description));
    let child = if is_deleted { empty("delete") } else { NodeBuilder::new("body").bytes(text).build() };
    announce(connection, group, NodeBuilder::new("description").attr("id", id).children([child]).build());
    result(node, [])
}

/// Applies a setting by its tag; `None` if it is not known.
fn rule(connection: &DeviceConnection, group: &Arc<Group>, wanted: &Node) -> Option<Result<Vec<Node>, GroupError>> {
    let seconds = wanted.number("expiration").unwrap_or_default();
    if wanted.tag == "ephemeral" && !DISAPPEARING_SECONDS.contains(&seconds) {
        return Some(Err(GroupError::Timer));
    }
    let set: Box<dyn FnOnce(&mut Rules)> = match wanted.tag.as_ref() {
        "announcement" => Box::new(|rules| rules.announcement = true),
        "not_announcement" => Box::new(|rules| rules.announcement = false),
        "locked" => Box::new(|rules| rules.locked = true),
        "unlocked" => Box::new(|rules| rules.locked = false),
        "ephemeral" => Box::new(move |rules| rules.disappearing_seconds = seconds),
        "not_ephemeral" => Box::new(|rules| rules.disappearing_seconds = 0),
        "member_add_mode" => {
            let admins_add = wanted.content_text().as_deref() == Some("admin_add");
            Box::new(move |rules| rules.admins_add = admins_add)
        }
        "membership_approval_mode" => {
            let on = wanted.child("group_join").and_then(|join| join.text("state")).as_deref() == Some("on");
            Box::new(move |rules| rules.approval = on)
        }
        _ => return None,
    };
    if let Err(refused) = require_admin(connection, group) {
        return Some(Err(refused));
    }
    if wanted.tag == "not_announcement" && group.is(Subgroup::Announcements) {
        return Some(Err(GroupError::Community));
    }
    group.change_rules(set);
    let notified = if matches!(wanted.tag.as_ref(), "announcement" | "not_announcement") {
        with_attribute(wanted, "v_id", group.next_announcement_version())
    } else {
        wanted.clone()
    };
    announce(connection, group, notified);
    Some(Ok(Vec::new()))
}
