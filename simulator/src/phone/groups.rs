//! The groups that a phone has queried, and which devices have its sender key in each.

use std::collections::{HashMap, HashSet};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// How group members are addressed in its stanzas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    Number,
    Lid,
}

impl Addressing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "pn",
            Self::Lid => "lid",
        }
    }
}

/// A group as described by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub addressing: Addressing,
    /// By phone number or LID, according to the group's addressing mode.
    pub members: Vec<Jid>,
    pub subject: Option<String>,
}

impl Group {
    /// Parses the `<group>` of a response, `<group addressing_mode><participant jid lid phone_number/></group>`,
    /// including the phone number and LID pairs in it.
    pub fn read(group: &Node) -> (Self, Vec<(Jid, Jid)>) {
        let is_lid = group.attrs.get("addressing_mode").is_some_and(|mode| *mode == "lid");
        let (mut members, mut pairs) = (Vec::new(), Vec::new());
        for participant in group.get_children_by_tag("participant") {
            let mut attrs = participant.attrs();
            let Some(jid) = attrs.optional_jid("jid") else { continue };
            let others = [attrs.optional_jid("lid"), attrs.optional_jid("phone_number")];
            pairs.extend(others.into_iter().flatten().map(|other| (jid.clone(), other)));
            members.push(jid);
        }
        let addressing = if is_lid { Addressing::Lid } else { Addressing::Number };
        (Self { addressing, members, subject: subject_of(group) }, pairs)
    }
}

/// A phone's knowledge of groups. At most one entry for each group that it wrote to or was notified of.
#[derive(Default)]
pub struct Groups {
    known: HashMap<Jid, Group>,
    subjects: HashMap<Jid, String>,
    /// Devices, by Signal address, that have received the own sender key.
    given: HashMap<Jid, HashSet<String>>,
}

impl Groups {
    pub fn find(&self, group: &Jid) -> Option<&Group> {
        self.known.get(group)
    }

    pub fn learn(&mut self, group: &Jid, mut described: Group) {
        self.name(group, described.subject.take());
        self.known.insert(group.clone(), described);
    }

    /// The group's subject, as last seen.
    pub fn subject(&self, group: &Jid) -> Option<&str> {
        self.subjects.get(group).map(String::as_str)
    }

    /// Records a group's subject, from its description or a notification.
    pub fn name(&mut self, group: &Jid, subject: Option<String>) {
        if let Some(subject) = subject {
            self.subjects.insert(group.clone(), subject);
        }
    }

    /// The membership has changed: the group is queried again before the next message.
    pub fn remove(&mut self, group: &Jid) {
        self.known.remove(group);
    }

    pub fn has_key(&self, group: &Jid, device: &str) -> bool {
        self.given.get(group).is_some_and(|devices| devices.contains(device))
    }

    pub fn mark_key_sent(&mut self, group: &Jid, device: String) {
        self.given.entry(group.clone()).or_default().insert(device);
    }

    /// The device could not decrypt: the sender key is sent to it again with the next message.
    pub fn unmark_key_sent(&mut self, group: &Jid, device: &str) {
        if let Some(devices) = self.given.get_mut(group) {
            devices.remove(device);
        }
    }

    /// The sender key is replaced: nobody has the new one.
    pub fn clear_key_recipients(&mut self, group: &Jid) {
        self.given.remove(group);
    }
}

/// Queries a group: children of `<iq xmlns="w:g2" type="get" to="<group>">`.
pub fn query() -> Node {
    NodeBuilder::new("query").attr("request", "interactive").build()
}

/// Leaves groups: children of `<iq xmlns="w:g2" type="set" to="g.us">`.
pub fn leave(group: &Jid) -> Node {
    let group = NodeBuilder::new("group").attr("id", group).build();
    NodeBuilder::new("leave").children([group]).build()
}

fn subject_of(node: &Node) -> Option<String> {
    node.attrs().optional_string("subject").map(|subject| subject.into_owned())
}

/// The subject in a `w:gp2` notification, of a new group or a changed one.
pub fn subject_in(notification: &Node) -> Option<String> {
    let created = notification.get_optional_child_by_tag(&["create", "group"]);
    subject_of(created.or_else(|| notification.get_optional_child("subject"))?)
}

/// Whether a `w:gp2` notification reports that a member has left or was removed.
pub fn somebody_left(notification: &Node) -> bool {
    let children = notification.children().unwrap_or_default();
    children.iter().any(|child| matches!(child.tag.as_ref(), "remove" | "leave" | "delete"))
}
