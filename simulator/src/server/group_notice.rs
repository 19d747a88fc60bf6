//! Notifications of changes to a group (`w:gp2`).

use std::sync::Arc;

use super::account::{Account, Naming};
use super::group::{Group, GroupError, Member, mode};
use super::network::Network;
use super::notification::notification;
use crate::wire::stanza::{Node, NodeBuilder};

/// Notifies all members that people were added, removed, promoted or demoted. Call it before the removal.
pub fn members(by: &Account, group: &Group, tag: &'static str, who: &[Arc<Account>], reason: Option<&'static str>) {
    let members = group.members();
    let meant = members.iter().filter(|member| who.iter().any(|account| Arc::ptr_eq(account, &member.account)));
    let (before, version) = group.next_members_version();
    let mut action = NodeBuilder::new(tag).attr("prev_v_id", before).attr("v_id", version);
    if let Some(reason) = reason {
        action = action.attr("reason", reason);
    }
    let action = action.children(meant.map(|member| group.describe_member(member))).build();
    notify(by, group, &members, action);
}

/// Notifies these members of an action. The acting device is notified too: clients apply the change from the
/// notification, not from the response to their request.
pub fn notify(by: &Account, group: &Group, members: &[Member], action: Node) {
    let notification = notification(group.jid().clone(), "w:gp2")
        .attr("notify", by.name())
        .attr("participant", by.jid(group.naming()).clone())
        .attr("addressing_mode", mode(group.naming()));
    let notification = match group.naming() {
        Naming::Number => notification.attr("participant_lid", by.lid().clone()),
        Naming::Lid if by.hides_number() => notification,
        Naming::Lid => notification.attr("participant_pn", by.number().clone()),
    };
    let notification = notification.children([action]).build();
    leave(members, &notification);
}

/// Notifies these members that the group was created.
pub fn created(group: &Group, by: &Account) {
    let action = NodeBuilder::new("create").attr("type", "new").children([group.describe()]).build();
    notify(by, group, &group.members(), action);
}

/// Queues a notification for every device of these members.
pub fn leave(members: &[Member], notice: &Node) {
    for device in members.iter().flat_map(|member| member.account.devices()) {
        device.notify(notice.clone());
    }
}

impl Network {
    /// Creates a group with these people, its creator first, and notifies their devices.
    ///
    /// # Errors
    /// Too many groups or members, or an invalid subject.
    pub fn create_group(
        &self,
        creator: &Arc<Account>,
        subject: &str,
        others: &[Arc<Account>],
        naming: Naming,
    ) -> Result<Arc<Group>, GroupError> {
        self.create_prepared_group(creator, subject, others, naming, |_| {})
    }

    /// The same with a callback that prepares the group before anybody is notified.
    pub(super) fn create_prepared_group(
        &self,
        creator: &Arc<Account>,
        subject: &str,
        others: &[Arc<Account>],
        naming: Naming,
        prepare: impl FnOnce(&Group),
    ) -> Result<Arc<Group>, GroupError> {
        let group = self.inner.groups.create(subject, creator, others, naming)?;
        prepare(&group);
        created(&group, creator);
        Ok(group)
    }
}
