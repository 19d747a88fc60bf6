//! Communities and their groups: created, queried, linked and unlinked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{participants, refusal, require_admin};
use crate::clock;
use crate::limits::{GROUP_DESCRIPTION_BYTES_MAX, REQUEST_ITEMS_MAX};
use crate::server::account::{Account, Naming};
use crate::server::community::{LinkError, NewCommunity, Orphans};
use crate::server::device_connection::DeviceConnection;
use crate::server::group::{Description, Group};
use crate::server::group_notice;
use crate::wire::stanza::{Jid, Node, NodeBuilder, Read as _, error, result};

/// Creates a community, for a `<create>` with `<parent>`.
pub fn create(connection: &DeviceConnection, node: &Node, wanted: &Node, others: &[Arc<Account>]) -> Node {
    let approval = wanted.child("parent").and_then(|parent| parent.text("default_membership_approval_mode"));
    let new = NewCommunity {
        subject: wanted.text("subject").unwrap_or_default().into_owned(),
        description: wanted.child("description").and_then(|text| description(connection, text)),
        membership_approval: approval.is_some_and(|mode| mode == "request_required"),
        members_add_groups: wanted.child("allow_non_admin_sub_group_creation").is_some(),
        general_chat: wanted.child("create_general_chat").is_some(),
    };
    match connection.network.create_community(&connection.account, new, others) {
        Ok(community) => result(node, [community.describe()]),
        Err(refused) => refusal(node, refused),
    }
}

fn description(connection: &DeviceConnection, wanted: &Node) -> Option<Description> {
    let text = wanted.child_bytes("body").filter(|text| text.len() <= GROUP_DESCRIPTION_BYTES_MAX)?;
    Some(Description {
        id: wanted.text("id").unwrap_or_default().into_owned(),
        text: text.to_vec(),
        by: connection.account.jid(Naming::Lid).clone(),
        at_seconds: clock::now_seconds(),
    })
}

/// Creates a group in a community, for a `<create>` with `<linked_parent jid>`.
pub fn create_linked(connection: &DeviceConnection, node: &Node, wanted: &Node, others: &[Arc<Account>]) -> Node {
    let parent = wanted.child("linked_parent").and_then(|parent| parent.jid("jid"));
    let Some(parent) = parent.and_then(|parent| connection.network.inner.groups.find(&parent)) else {
        return error(node, 404, "item-not-found");
    };
    let subject = wanted.text("subject").unwrap_or_default();
    match connection.network.create_linked_group(&connection.account, &parent, &subject, others) {
        Ok(group) => result(node, [group.describe()]),
        Err(refused) => refusal(node, refused),
    }
}

/// Queries about a community; `None` for those that every group answers.
pub fn get(connection: &DeviceConnection, node: &Node, parent: &Arc<Group>) -> Option<Node> {
    let asked = node.all().first().filter(|_| parent.group_type().is_community())?;
    let linked = || connection.network.inner.groups.linked_to(parent.jid());
    match asked.tag.as_ref() {
        "sub_groups" => {
            let groups = linked().into_iter().map(|group| group.describe_link());
            Some(result(node, [NodeBuilder::new("sub_groups").children(groups).build()]))
        }
        "linked_groups_participants" => {
            let mut everybody = BTreeMap::new();
            for group in linked().iter().chain([parent]) {
                for member in group.members() {
                    everybody.entry(member.account.lid().to_string()).or_insert_with(|| group.describe_member(&member));
                }
            }
            let everybody = NodeBuilder::new("linked_groups_participants").children(everybody.into_values()).build();
            Some(result(node, [everybody]))
        }
        "query_linked" => Some(match find_linked(connection, parent, asked) {
            Some(group) => result(node, [linked_group(&group)]),
            None => error(node, 404, "item-not-found"),
        }),
        _ => None,
    }
}

fn find_linked(connection: &DeviceConnection, parent: &Group, asked: &Node) -> Option<Arc<Group>> {
    let group = connection.network.inner.groups.find(&asked.jid("jid")?)?;
    (group.group_type().parent() == Some(parent.jid())).then_some(group)
}

fn linked_group(group: &Group) -> Node {
    NodeBuilder::new("linked_group").children([group.describe()]).build()
}

/// Changes of a community; `None` for those that every group has.
pub fn set(connection: &DeviceConnection, node: &Node, parent: &Arc<Group>) -> Option<Node> {
    let wanted = node.all().first().filter(|_| parent.group_type().is_community())?;
    let network = &connection.network;
    match wanted.tag.as_ref() {
        "links" => {
            let link = wanted.child("link")?;
            let groups = each(link, |jid, _| network.link_group(&connection.account, parent, jid));
            let link = NodeBuilder::new("link").attr("link_type", "sub_group").children(groups).build();
            Some(result(node, [NodeBuilder::new("links").children([link]).build()]))
        }
        "join_linked_group" => Some(join(connection, node, parent, wanted)),
        "unlink" | "delete_parent" | "remove" => {
            if let Err(refused) = require_admin(connection, parent) {
                return Some(refusal(node, refused));
            }
            administer(connection, node, parent, wanted)
        }
        // The real service refused both for the parent and the announcement group in a test
        // (github.com/WhiskeySockets/Baileys/issues/2754).
        "announcement" | "not_announcement" => Some(error(node, 400, "bad-request")),
        _ => None,
    }
}

/// Requests reserved for admins of the community.
fn administer(connection: &DeviceConnection, node: &Node, parent: &Arc<Group>, wanted: &Node) -> Option<Node> {
    let network = &connection.network;
    match wanted.tag.as_ref() {
        "unlink" => {
            let groups = each(wanted, |jid, group| {
                let leaves = group.text("remove_orphaned_members").as_deref() == Some("true");
                let orphans = if leaves { Orphans::Leave } else { Orphans::Stay };
                network.unlink_group(&connection.account, parent, jid, orphans)
            });
            let unlink = NodeBuilder::new("unlink").attr("unlink_type", "sub_group").children(groups);
            Some(result(node, [unlink.build()]))
        }
        "delete_parent" => {
            network.end_community(&connection.account, parent);
            Some(result(node, []))
        }
        _ => {
            let asked = participants(wanted);
            let who: Vec<Arc<Account>> = asked.iter().filter_map(|jid| network.account(jid)).collect();
            network.remove_from_community(&connection.account, parent, &who);
            let removed = asked.into_iter().map(|jid| NodeBuilder::new("participant").attr("jid", jid).build());
            Some(result(node, [NodeBuilder::new("remove").children(removed).build()]))
        }
    }
}

/// Applies `act` to each group in the request; an error code in the response says why it failed.
fn each(wanted: &Node, act: impl Fn(&Jid, &Node) -> Result<(), LinkError>) -> Vec<Node> {
    let named = wanted.all().iter().filter(|child| child.tag == "group").take(REQUEST_ITEMS_MAX);
    let outcomes = named.filter_map(|group| {
        let jid = group.jid("jid")?;
        let outcome = act(&jid, group);
        let answer = NodeBuilder::new("group").attr("jid", jid);
        Some(match outcome {
            Ok(()) => answer.build(),
            Err(code) => answer.attr("error", code).build(),
        })
    });
    outcomes.collect()
}

/// A community member joins one of its groups.
fn join(connection: &DeviceConnection, node: &Node, parent: &Arc<Group>, wanted: &Node) -> Node {
    let Some(group) = find_linked(connection, parent, wanted) else { return error(node, 404, "item-not-found") };
    match group.add(&connection.account) {
        Ok(true) => {
            let who = std::slice::from_ref(&connection.account);
            group_notice::members(&connection.account, &group, "add", who, Some("linked_group_join"));
        }
        Ok(false) => {}
        Err(refused) => return refusal(node, refused),
    }
    result(node, [linked_group(&group)])
}
