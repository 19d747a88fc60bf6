//! Communities: a parent group in which nobody writes, an announcement group, and linked groups. Members of a linked
//! group are members of the parent and receive the announcements.

use std::sync::Arc;

use super::account::{Account, Naming};
use super::group::{Description, Group, GroupError};
use super::group_notice;
use super::network::Network;
use crate::wire::stanza::{Jid, Node, NodeBuilder};

/// The name of the general chat, which the service creates with a community.
const GENERAL: &str = "General";

/// The kind of a subgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subgroup {
    /// Only admins write. Each community has one from the start.
    Announcements,
    /// A chat that is created together with the community.
    General,
    Other,
}

/// Whether a group is a community, or belongs to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GroupType {
    #[default]
    Default,
    /// The community itself.
    Community {
        /// Joining one of its groups requires approval.
        membership_approval: bool,
        /// Members who are not admins may add groups.
        members_add_groups: bool,
    },
    Linked {
        parent: Jid,
        subgroup: Subgroup,
    },
}

impl GroupType {
    /// Whether it is this subgroup.
    pub fn is(&self, wanted: Subgroup) -> bool {
        matches!(self, Self::Linked { subgroup, .. } if *subgroup == wanted)
    }

    pub fn is_community(&self) -> bool {
        matches!(self, Self::Community { .. })
    }

    /// The community that a linked group belongs to.
    pub fn parent(&self) -> Option<&Jid> {
        match self {
            Self::Linked { parent, .. } => Some(parent),
            Self::Default | Self::Community { .. } => None,
        }
    }
}

/// The parameters of a new community.
#[derive(Debug, Clone, Default)]
pub struct NewCommunity {
    pub subject: String,
    pub description: Option<Description>,
    pub membership_approval: bool,
    pub members_add_groups: bool,
    /// Whether to create a general chat too.
    pub general_chat: bool,
}

/// Why a group was not linked or unlinked, as the code in the response.
pub type LinkError = u16;

impl Network {
    /// Creates a community with its announcement group. Returns the parent group.
    ///
    /// ASSUMPTION: the group for announcements has the name of the community.
    ///
    /// # Errors
    /// Too many groups or members, or an invalid subject.
    pub fn create_community(
        &self,
        creator: &Arc<Account>,
        new: NewCommunity,
        others: &[Arc<Account>],
    ) -> Result<Arc<Group>, GroupError> {
        let group_type = GroupType::Community {
            membership_approval: new.membership_approval,
            members_add_groups: new.members_add_groups,
        };
        let parent = self.create_prepared_group(creator, &new.subject, others, Naming::Lid, |group| {
            group.set_type(group_type);
            group.set_description(new.description);
        })?;
        let link = |subject: &str, subgroup: Subgroup| {
            self.create_prepared_group(creator, subject, others, Naming::Lid, |group| {
                group.set_type(GroupType::Linked { parent: parent.jid().clone(), subgroup });
                group.change_rules(|rules| rules.announcement = subgroup == Subgroup::Announcements);
            })
        };
        link(&new.subject, Subgroup::Announcements)?;
        if new.general_chat {
            link(GENERAL, Subgroup::General)?;
        }
        Ok(parent)
    }

    /// Creates a group that is linked to a community from the start.
    ///
    /// # Errors
    /// As [`Self::create_community`]; also if the creator may not add groups, or the parent is not a community.
    pub fn create_linked_group(
        &self,
        creator: &Arc<Account>,
        parent: &Arc<Group>,
        subject: &str,
        others: &[Arc<Account>],
    ) -> Result<Arc<Group>, GroupError> {
        may_add_groups(parent, creator)?;
        let group_type = GroupType::Linked { parent: parent.jid().clone(), subgroup: Subgroup::Other };
        let group =
            self.create_prepared_group(creator, subject, others, Naming::Lid, |group| group.set_type(group_type))?;
        notify_linked(creator, parent, &group);
        self.bring_into_community(creator, &group, &accounts(&group));
        Ok(group)
    }

    /// Links a group to a community.
    ///
    /// # Errors
    /// 404 for an unknown group, 403 without permission, 409 for a group that belongs to a community or is one.
    pub(super) fn link_group(&self, by: &Arc<Account>, parent: &Arc<Group>, jid: &Jid) -> Result<(), LinkError> {
        may_add_groups(parent, by).map_err(|_| 403_u16)?;
        let group = self.inner.groups.find(jid).ok_or(404_u16)?;
        if !group.rank(by).is_some_and(|rank| rank.is_admin()) {
            return Err(403);
        }
        if group.group_type() != GroupType::Default {
            return Err(409);
        }
        group.set_type(GroupType::Linked { parent: parent.jid().clone(), subgroup: Subgroup::Other });
        notify_linked(by, parent, &group);
        self.bring_into_community(by, &group, &accounts(&group));
        Ok(())
    }

    /// Unlinks a group from its community. Its members stay in the community, unless `remove_orphans` is set and they
    /// are in none of its other groups.
    ///
    /// # Errors
    /// 404 for a group that is not linked to it, 406 for its announcement group.
    pub(super) fn unlink_group(
        &self,
        by: &Arc<Account>,
        parent: &Arc<Group>,
        jid: &Jid,
        orphans: Orphans,
    ) -> Result<(), LinkError> {
        let group = self.inner.groups.find(jid).filter(|group| group.group_type().parent() == Some(parent.jid()));
        let group = group.ok_or(404_u16)?;
        if group.is(Subgroup::Announcements) {
            return Err(406);
        }
        group.set_type(GroupType::Default);
        notify_unlinked(by, parent, &group, "unlink_group");
        if orphans == Orphans::Leave {
            let others = self.inner.groups.linked_to(parent.jid());
            let chats: Vec<_> = others.iter().filter(|group| !group.is(Subgroup::Announcements)).collect();
            let is_orphan = |account: &Arc<Account>| chats.iter().all(|chat| chat.rank(account).is_none());
            let mut orphans = accounts(&group);
            orphans.retain(|account| is_orphan(account) && !parent.rank(account).is_some_and(|rank| rank.is_admin()));
            let announcements = others.iter().find(|group| group.is(Subgroup::Announcements));
            [Some(parent), announcements].into_iter().flatten().for_each(|group| take_out(by, group, &orphans));
        }
        Ok(())
    }

    /// Ends a community: its groups become ordinary groups, except for the announcement group, which ends too.
    pub(super) fn end_community(&self, by: &Arc<Account>, parent: &Arc<Group>) {
        for group in self.inner.groups.linked_to(parent.jid()) {
            if group.is(Subgroup::Announcements) {
                self.end_group(by, &group);
            } else {
                group.set_type(GroupType::Default);
                notify_unlinked(by, parent, &group, "delete_parent");
            }
        }
        self.end_group(by, parent);
    }

    fn end_group(&self, by: &Account, group: &Group) {
        let ended = NodeBuilder::new("delete").attr("reason", "delete_parent").build();
        group_notice::notify(by, group, &group.members(), ended);
        self.inner.groups.remove(group);
    }

    /// Removes people from a community and all of its groups.
    ///
    /// ASSUMPTION: whoever leaves the community, or is removed from it, is out of all its groups.
    pub(super) fn remove_from_community(&self, by: &Account, parent: &Arc<Group>, who: &[Arc<Account>]) {
        self.inner.groups.linked_to(parent.jid()).iter().chain([parent]).for_each(|group| take_out(by, group, who));
    }

    /// People have joined a group: if it belongs to a community, they join the community too.
    pub(super) fn bring_into_community(&self, by: &Account, group: &Group, who: &[Arc<Account>]) {
        let group_type = group.group_type();
        let parent = self.inner.groups.find(group_type.parent().unwrap_or(group.jid()));
        let Some(parent) = parent.filter(|parent| parent.group_type().is_community()) else { return };
        let linked = self.inner.groups.linked_to(parent.jid());
        let announcements = linked.iter().find(|group| group.is(Subgroup::Announcements));
        for group in [Some(&parent), announcements].into_iter().flatten() {
            let new = who.iter().filter(|account| group.add(account) == Ok(true)).cloned().collect::<Vec<_>>();
            if !new.is_empty() {
                group_notice::members(by, group, "add", &new, None);
            }
        }
    }
}

/// What happens to members of a group that leaves a community if they are in none of its other groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orphans {
    Stay,
    Leave,
}

fn may_add_groups(parent: &Group, account: &Arc<Account>) -> Result<(), GroupError> {
    let GroupType::Community { members_add_groups, .. } = parent.group_type() else {
        return Err(GroupError::Community);
    };
    match parent.rank(account) {
        None => Err(GroupError::NoMember),
        Some(rank) if rank.is_admin() || members_add_groups => Ok(()),
        Some(_) => Err(GroupError::NoAdmin),
    }
}

fn accounts(group: &Group) -> Vec<Arc<Account>> {
    group.members().into_iter().map(|member| member.account).collect()
}

fn take_out(by: &Account, group: &Group, who: &[Arc<Account>]) {
    let members: Vec<_> = who.iter().filter(|account| group.rank(account).is_some()).cloned().collect();
    if !members.is_empty() {
        // Sent before they are removed, so that they are notified too.
        group_notice::members(by, group, "remove", &members, None);
        for account in &members {
            group.remove(account);
        }
    }
}

fn notify_linked(by: &Account, parent: &Group, group: &Group) {
    let link = |kind: &'static str, other: &Group| {
        NodeBuilder::new("link").attr("link_type", kind).children([other.describe_link()]).build()
    };
    notify_both(by, parent, group, link);
}

fn notify_unlinked(by: &Account, parent: &Group, group: &Group, reason: &'static str) {
    let unlink = |kind: &'static str, other: &Group| {
        let unlink = NodeBuilder::new("unlink").attr("unlink_type", kind).attr("unlink_reason", reason);
        unlink.children([other.describe_link()]).build()
    };
    notify_both(by, parent, group, unlink);
}

/// ASSUMPTION: members of the parent are notified of the subgroup, and members of the subgroup of the parent; clients know a
/// third kind, for the other subgroups, which is not sent here.
fn notify_both(by: &Account, parent: &Group, group: &Group, change: impl Fn(&'static str, &Group) -> Node) {
    group_notice::notify(by, parent, &parent.members(), change("sub_group", group));
    group_notice::notify(by, group, &group.members(), change("parent_group", parent));
}
