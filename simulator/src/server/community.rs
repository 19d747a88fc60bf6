//! Communities: a group in which nobody writes (the parent), one for its announcements, and groups that are linked to it.
//! Whoever is in a linked group is in the parent and hears the announcements.

use std::sync::Arc;

use super::account::{Account, Naming};
use super::group::{Description, Group, GroupError};
use super::group_notice;
use super::network::Network;
use crate::wire::stanza::{Jid, Node, NodeBuilder};

/// How the group for everything else is called, which the service makes with a community.
const GENERAL: &str = "General";

/// What a subgroup of a community is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subgroup {
    /// Everybody hears what admins say. There is one in each community, from its beginning.
    Announcements,
    /// A chat that is made together with the community.
    General,
    Other,
}

/// Whether a group is a community, or a group of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GroupType {
    #[default]
    Default,
    /// The community itself.
    Community {
        /// Whoever joins one of its groups must be let in.
        membership_approval: bool,
        /// Members who are no admins may add groups.
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

/// A community that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewCommunity {
    pub subject: String,
    pub description: Option<Description>,
    pub membership_approval: bool,
    pub members_add_groups: bool,
    /// Whether a chat for everything else is made too.
    pub general_chat: bool,
}

/// Why a group is not linked, or not unlinked, as the code of the answer.
pub type LinkError = u16;

impl Network {
    /// Makes a community with its group for announcements. Gives the parent.
    ///
    /// ASSUMPTION: the group for announcements has the name of the community.
    ///
    /// # Errors
    /// Too many groups or members, or no proper subject.
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

    /// Makes a group that is linked to a community from its beginning.
    ///
    /// # Errors
    /// As [`Self::create_community`]; who creates it may not add groups, or the parent is no community.
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
    /// 404 for no group, 403 if who asks may not, 409 for a group that is in a community or is one.
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

    /// Unlinks a group from its community. Its members stay in the community, unless `remove_orphans` and they are in
    /// none of its other groups.
    ///
    /// # Errors
    /// 404 for a group that is not linked to it, 406 for that of its announcements.
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

    /// Ends a community: its groups are groups like others again, but for that of its announcements, which ends too.
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

    /// Takes people out of a community and all of its groups.
    ///
    /// ASSUMPTION: whoever leaves the community, or is removed from it, is out of all its groups.
    pub(super) fn remove_from_community(&self, by: &Account, parent: &Arc<Group>, who: &[Arc<Account>]) {
        self.inner.groups.linked_to(parent.jid()).iter().chain([parent]).for_each(|group| take_out(by, group, who));
    }

    /// People came into a group: if it is one of a community's, they are in the community too.
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

/// What becomes of members of a group that leaves a community when they are in none of its other groups.
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
        // Notified while they are still members, so that they are notified too.
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
