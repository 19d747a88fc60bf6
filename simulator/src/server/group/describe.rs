//! Stanzas that describe a group and its members.

use super::{Group, Member, Rules};
use crate::server::account::Naming;
use crate::server::community::{GroupType, Subgroup};
use crate::wire::stanza::{Node, NodeBuilder, empty, holding};

impl Group {
    /// The complete `<group>`.
    pub fn describe(&self) -> Node {
        let state = self.state.lock();
        let mut children: Vec<Node> = state.members.iter().map(|member| self.describe_member(member)).collect();
        if let Some(description) = &state.description {
            children.push(
                NodeBuilder::new("description")
                    .attr("id", description.id.as_str())
                    .attr("participant", description.by.clone())
                    .attr("t", description.at_seconds)
                    .children([holding("body", description.text.clone())])
                    .build(),
            );
        }
        children.extend(describe_rules(&state.rules));
        children.extend(describe_type(&state.group_type));
        let mut group = NodeBuilder::new("group")
            .attr("id", self.jid.user.as_str())
            .attr("subject", state.subject.as_str())
            .attr("s_t", state.subject_at_seconds)
            .attr("s_o", state.subject_by.jid(self.naming).clone())
            .attr("creation", self.created_at_seconds)
            .attr("creator", self.creator.jid(self.naming).clone())
            .attr("size", state.members.len())
            .attr("a_v_id", state.announcement_version)
            .attr("p_v_id", state.members_version)
            .attr("addressing_mode", mode(self.naming));
        if self.naming == Naming::Lid {
            for (name, account) in [("creator_pn", &self.creator), ("s_o_pn", &state.subject_by)] {
                if !account.hides_number() {
                    group = group.attr(name, account.number().clone());
                }
            }
        }
        group.children(children).build()
    }

    /// The `<group>` in lists of its community's groups.
    pub fn describe_link(&self) -> Node {
        let state = self.state.lock();
        let group = NodeBuilder::new("group")
            .attr("id", self.jid.user.as_str())
            .attr("jid", self.jid.clone())
            .attr("subject", state.subject.as_str())
            .attr("s_t", state.subject_at_seconds)
            .attr("creation", self.created_at_seconds)
            .attr("creator", self.creator.jid(self.naming).clone())
            .attr("size", state.members.len());
        if state.group_type.is(Subgroup::Announcements) {
            group.children([empty("default_sub_group")]).build()
        } else {
            group.build()
        }
    }

    /// The `<participant>` in a group and in notifications.
    pub fn describe_member(&self, member: &Member) -> Node {
        let account = &member.account;
        let node = NodeBuilder::new("participant").attr("jid", account.jid(self.naming).clone());
        let node = match self.naming {
            Naming::Number => node.attr("lid", account.lid().clone()),
            Naming::Lid if account.hides_number() => node,
            Naming::Lid => node.attr("phone_number", account.number().clone()),
        };
        match member.rank.word() {
            Some(word) => node.attr("type", word).build(),
            None => node.build(),
        }
    }
}

/// The attribute value for an addressing mode, in stanzas about groups.
pub fn mode(naming: Naming) -> &'static str {
    match naming {
        Naming::Number => "pn",
        Naming::Lid => "lid",
    }
}

/// The role of a group in a community.
fn describe_type(group_type: &GroupType) -> Vec<Node> {
    match group_type {
        GroupType::Default => Vec::new(),
        GroupType::Community { membership_approval, members_add_groups } => {
            let parent = NodeBuilder::new("parent");
            let parent = if *membership_approval {
                parent.attr("default_membership_approval_mode", "request_required")
            } else {
                parent
            };
            let adding = members_add_groups.then(|| empty("allow_non_admin_sub_group_creation"));
            [parent.build()].into_iter().chain(adding).collect()
        }
        GroupType::Linked { parent, subgroup } => {
            let parent = NodeBuilder::new("linked_parent").attr("jid", parent.clone()).build();
            let kind = match subgroup {
                Subgroup::Announcements => Some(empty("default_sub_group")),
                Subgroup::General => Some(empty("general_chat")),
                Subgroup::Other => None,
            };
            [parent].into_iter().chain(kind).collect()
        }
    }
}

fn describe_rules(rules: &Rules) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut flag = |is_set: bool, tag: &'static str| {
        if is_set {
            nodes.push(NodeBuilder::new(tag).build());
        }
    };
    flag(rules.announcement, "announcement");
    flag(rules.locked, "locked");
    if rules.approval {
        let join = NodeBuilder::new("group_join").attr("state", "on").build();
        nodes.push(NodeBuilder::new("membership_approval_mode").children([join]).build());
    }
    if rules.disappearing_seconds > 0 {
        nodes.push(NodeBuilder::new("ephemeral").attr("expiration", rules.disappearing_seconds).build());
    }
    let who_adds = if rules.admins_add { "admin_add" } else { "all_member_add" };
    nodes.push(NodeBuilder::new("member_add_mode").string_content(who_adds).build());
    nodes
}
