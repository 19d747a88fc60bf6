//! Who sees a person's status: all contacts, all except some, or only some.

use crate::limits::REQUEST_ITEMS_MAX;
use crate::wire::stanza::{Jid, Node, NodeBuilder, Read as _};

/// Which of a person's lists applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Contacts,
    /// All contacts except those in the list.
    Blacklist,
    /// Only those in the list.
    Whitelist,
}

impl Choice {
    const ALL: [Self; 3] = [Self::Contacts, Self::Blacklist, Self::Whitelist];

    fn word(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Blacklist => "blacklist",
            Self::Whitelist => "whitelist",
        }
    }
}

/// A person's choice, with both lists, of which at most one applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusPrivacy {
    chosen: Choice,
    blacklist: Vec<Jid>,
    whitelist: Vec<Jid>,
}

impl StatusPrivacy {
    /// Applies `<privacy><list type><user jid/>…</list></privacy>`; false if it is invalid.
    ///
    /// ASSUMPTION: a choice is set in the form in which it is asked for: the list that is sent is the one that holds.
    pub fn choose(&mut self, privacy: &Node) -> bool {
        let Some(list) = privacy.child("list") else { return false };
        let kind = list.text("type").unwrap_or_default();
        let Some(chosen) = Choice::ALL.into_iter().find(|choice| choice.word() == kind) else { return false };
        let users = || list.all().iter().filter_map(|user| user.jid("jid")).take(REQUEST_ITEMS_MAX).collect();
        match chosen {
            Choice::Contacts => {}
            Choice::Blacklist => self.blacklist = users(),
            Choice::Whitelist => self.whitelist = users(),
        }
        self.chosen = chosen;
        true
    }

    /// `<privacy>` with the list that applies, and the other lists that are not empty.
    pub fn describe(&self) -> Node {
        let lists = Choice::ALL.into_iter().filter_map(|choice| {
            let users: &[Jid] = match choice {
                Choice::Contacts => &[],
                Choice::Blacklist => &self.blacklist,
                Choice::Whitelist => &self.whitelist,
            };
            let list = NodeBuilder::new("list").attr("type", choice.word());
            let list = if choice == self.chosen { list.attr("default", "true") } else { list };
            let users = users.iter().map(|jid| NodeBuilder::new("user").attr("jid", jid.clone()).build());
            let users: Vec<Node> = users.collect();
            (choice == self.chosen || !users.is_empty()).then(|| list.children(users).build())
        });
        NodeBuilder::new("privacy").children(lists).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(kind: &'static str, users: &[&str]) -> Node {
        let users = users.iter().map(|user| NodeBuilder::new("user").attr("jid", Jid::lid(*user)).build());
        let list = NodeBuilder::new("list").attr("type", kind).children(users).build();
        NodeBuilder::new("privacy").children([list]).build()
    }

    fn described(privacy: &StatusPrivacy) -> Vec<(String, bool, usize)> {
        let lists = privacy.describe();
        let each = lists.all().iter();
        each.map(|list| (list.text("type").unwrap().into_owned(), list.text("default").is_some(), list.all().len()))
            .collect()
    }

    #[test]
    fn a_list_that_does_not_hold_any_more_is_kept() {
        let mut privacy = StatusPrivacy::default();
        assert_eq!(described(&privacy), [("contacts".to_owned(), true, 0)]);
        assert!(privacy.choose(&choice("blacklist", &["1", "2"])));
        assert_eq!(described(&privacy), [("blacklist".to_owned(), true, 2)]);
        assert!(privacy.choose(&choice("whitelist", &["3"])));
        assert_eq!(described(&privacy), [("blacklist".to_owned(), false, 2), ("whitelist".to_owned(), true, 1)]);
        assert!(privacy.choose(&choice("contacts", &[])));
        assert!(!privacy.choose(&choice("nobody", &[])));
        assert_eq!(described(&privacy)[0], ("contacts".to_owned(), true, 0));
    }
}
