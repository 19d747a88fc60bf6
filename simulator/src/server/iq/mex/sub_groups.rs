//! The groups of a community in GraphQL.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::community::Subgroup;
use crate::server::device_connection::DeviceConnection;
use crate::server::group::Group;
use crate::wire::stanza::Jid;

/// The announcement group, and the others.
pub fn all(connection: &DeviceConnection, id: &Value) -> Value {
    let Some(parent) = community(connection, id) else { return json!({"xwa2_group_query_by_id": null}) };
    let linked = connection.network.inner.groups.linked_to(parent.jid());
    let (announcements, others): (Vec<_>, Vec<_>) =
        linked.into_iter().partition(|group| group.is(Subgroup::Announcements));
    let edges: Vec<Value> = others.iter().map(|group| json!({"node": described(group)})).collect();
    answer(
        &parent,
        json!({
            "default_sub_group": announcements.first().map(|group| described(group)),
            "sub_groups": {"edges": edges},
        }),
    )
}

/// The number of members of each.
pub fn sizes(connection: &DeviceConnection, id: &Value) -> Value {
    let Some(parent) = community(connection, id) else { return json!({"xwa2_group_query_by_id": null}) };
    let linked = connection.network.inner.groups.linked_to(parent.jid());
    let size = |group: &Arc<Group>| {
        let (id, size) = (group.jid().to_string(), group.members().len());
        json!({"node": {"id": id, "total_participants_count": size}})
    };
    let edges: Vec<Value> = linked.iter().map(size).collect();
    answer(&parent, json!({"sub_groups": {"edges": edges}}))
}

/// The community with this id, if the requester is a member.
fn community(connection: &DeviceConnection, id: &Value) -> Option<Arc<Group>> {
    let group = connection.network.inner.groups.find(&id.as_str()?.parse::<Jid>().ok()?)?;
    (group.group_type().is_community() && group.rank(&connection.account).is_some()).then_some(group)
}

fn answer(parent: &Group, mut found: Value) -> Value {
    found["id"] = json!(parent.jid().to_string());
    json!({"xwa2_group_query_by_id": found})
}

fn described(group: &Group) -> Value {
    json!({
        "id": group.jid().to_string(),
        "subject": {"value": group.subject(), "creation_time": group.created_at_seconds()},
        "properties": {
            "general_chat": group.is(Subgroup::General).to_string(),
            "membership_approval_mode_enabled": group.rules().approval,
        },
    })
}
