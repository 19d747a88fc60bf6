//! `w:g2`: group queries and changes. All members are notified of every change, as are those who are removed.

use std::sync::Arc;

use crate::limits::REQUEST_ITEMS_MAX;
use crate::server::account::{Account, Naming};
use crate::server::device_connection::DeviceConnection;
use crate::server::group::{Group, GroupError, Rank};
use crate::server::group_notice::{self, notify};
use crate::server::groups::Invitation;
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, Read as _, empty, error, result};

mod change;
mod community;

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let to = node.jid("to")?;
    let is_set = node.text("type").as_deref() == Some("set");
    if to.user.is_empty() || !to.is_group() {
        return if is_set { set_any(connection, node) } else { get_any(connection, node) };
    }
    let Some(group) = connection.network.inner.groups.find(&to) else {
        return Some(error(node, 404, "item-not-found"));
    };
    if group.rank(&connection.account).is_none() {
        return Some(refusal(node, GroupError::NoMember));
    }
    if is_set {
        community::set(connection, node, &group).or_else(|| change::answer(connection, node, &group))
    } else {
        community::get(connection, node, &group).or_else(|| get_one(node, &group))
    }
}

/// Queries about one group.
fn get_one(node: &Node, group: &Group) -> Option<Node> {
    let asked = node.all().first()?;
    match asked.tag.as_ref() {
        "query" => Some(result(node, [group.describe()])),
        "invite" => {
            let invite = NodeBuilder::new("invite").attr("code", group.invite()).build();
            Some(result(node, [invite]))
        }
        // ASSUMPTION: whoever joins is let in, so that nobody ever waits.
        "membership_approval_requests" => Some(result(node, [empty("membership_approval_requests")])),
        _ => None,
    }
}

/// Queries about no particular group.
fn get_any(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let asked = node.all().first()?;
    let groups = &connection.network.inner.groups;
    match asked.tag.as_ref() {
        "participating" => {
            let own = groups.of(&connection.account).into_iter().map(|group| group.describe());
            Some(result(node, [NodeBuilder::new("groups").children(own).build()]))
        }
        "query" => {
            let described = asked.all().iter().take(REQUEST_ITEMS_MAX).filter_map(|wanted| {
                let jid = wanted.jid("jid")?;
                Some(match groups.find(&jid) {
                    Some(group) if group.rank(&connection.account).is_some() => group.describe(),
                    Some(_) => missing(&jid, 403),
                    None => missing(&jid, 404),
                })
            });
            Some(result(node, [NodeBuilder::new("groups").children(described).build()]))
        }
        "invite" => match invited(connection, node, asked)? {
            Ok(group) => Some(result(node, [group.describe()])),
            Err(refused) => Some(refused),
        },
        _ => None,
    }
}

/// The group of an invite code, or the error response.
fn invited(connection: &DeviceConnection, node: &Node, wanted: &Node) -> Option<Result<Arc<Group>, Node>> {
    Some(match connection.network.inner.groups.by_invite(&wanted.text("code")?) {
        Invitation::Valid(group) => Ok(group),
        Invitation::Revoked => Err(error(node, 410, "gone")),
        Invitation::Unknown => Err(error(node, 406, "not-acceptable")),
    })
}

fn missing(jid: &Jid, code: u16) -> Node {
    NodeBuilder::new("group").attr("id", jid.user.as_str()).attr("error", code).build()
}

/// Changes without a group in the address.
fn set_any(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let wanted = node.all().first()?;
    match wanted.tag.as_ref() {
        "create" => Some(create(connection, node, wanted)),
        "leave" => {
            let left = wanted.all().iter().map(|group| {
                let code = leave(connection, group.jid("id").as_ref());
                let answer = NodeBuilder::new("group");
                let answer = match group.attrs.get("id") {
                    Some(id) => answer.attr("id", id.clone()),
                    None => answer,
                };
                if code == 200 { answer.build() } else { answer.attr("error", code).build() }
            });
            Some(result(node, [NodeBuilder::new("leave").children(left).build()]))
        }
        "invite" => {
            let group = match invited(connection, node, wanted)? {
                Ok(group) => group,
                Err(refused) => return Some(refused),
            };
            match group.add(&connection.account) {
                Ok(true) => {
                    let who = std::slice::from_ref(&connection.account);
                    group_notice::members(&connection.account, &group, "add", who, Some("invite"));
                    connection.network.bring_into_community(&connection.account, &group, who);
                }
                Ok(false) => {}
                Err(refused) => return Some(refusal(node, refused)),
            }
            Some(result(node, [NodeBuilder::new("group").attr("jid", group.jid().clone()).build()]))
        }
        _ => None,
    }
}

fn create(connection: &DeviceConnection, node: &Node, wanted: &Node) -> Node {
    let subject = wanted.text("subject").unwrap_or_default();
    let asked: Vec<Jid> = participants(wanted);
    let others: Vec<Arc<Account>> = asked.iter().filter_map(|jid| connection.network.account(jid)).collect();
    if wanted.child("linked_parent").is_some() {
        return community::create_linked(connection, node, wanted, &others);
    }
    if wanted.child("parent").is_some() {
        return community::create(connection, node, wanted, &others);
    }
    // The service addresses group members by LID, however the creator addressed them
    // (github.com/WhiskeySockets/Baileys/issues/1554).
    match connection.network.create_group(&connection.account, &subject, &others, Naming::Lid) {
        Ok(group) => {
            group.change_rules(|rules| {
                rules.disappearing_seconds =
                    wanted.child("ephemeral").and_then(|node| node.number("expiration")).unwrap_or_default();
            });
            result(node, [group.describe()])
        }
        Err(refused) => refusal(node, refused),
    }
}

/// Removes the requester from a group; returns an HTTP-like code.
fn leave(connection: &DeviceConnection, jid: Option<&Jid>) -> u16 {
    let Some(group) = jid.and_then(|jid| connection.network.inner.groups.find(jid)) else { return 404 };
    let account = std::slice::from_ref(&connection.account);
    if group.rank(&connection.account).is_none() {
        return 404;
    }
    if group.group_type().is_community() {
        connection.network.remove_from_community(&connection.account, &group, account);
        return 200;
    }
    group_notice::members(&connection.account, &group, "remove", account, None);
    group.remove(&connection.account);
    200
}

/// The JIDs in `<participant jid/>` children.
fn participants(node: &Node) -> Vec<Jid> {
    let named = node.all().iter().filter(|child| child.tag == "participant");
    named.filter_map(|participant| participant.jid("jid")).take(REQUEST_ITEMS_MAX).collect()
}

fn refusal(node: &Node, refused: GroupError) -> Node {
    match refused {
        GroupError::NoMember | GroupError::NoAdmin => error(node, 403, "forbidden"),
        GroupError::Subject => error(node, 406, "not-acceptable"),
        GroupError::Timer | GroupError::Community => error(node, 400, "bad-request"),
        GroupError::TooMany => error(node, 419, "resource-limit"),
    }
}

/// Whether the requester may do what is reserved for admins.
fn require_admin(connection: &DeviceConnection, group: &Group) -> Result<(), GroupError> {
    match group.rank(&connection.account) {
        Some(rank) if rank.is_admin() => Ok(()),
        Some(_) => Err(GroupError::NoAdmin),
        None => Err(GroupError::NoMember),
    }
}

fn announce(connection: &DeviceConnection, group: &Group, action: Node) {
    notify(&connection.account, group, &group.members(), action);
}

fn rank_word(promote: bool) -> Rank {
    if promote { Rank::Admin } else { Rank::Member }
}
