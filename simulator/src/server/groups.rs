//! All groups: creation, and lookup by JID or invite code.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::account::{Account, Naming};
use super::group::{self, Group, GroupError};
use crate::clock;
use crate::limits::GROUPS_MAX;
use crate::wire::stanza::{Jid, JidExt as _};

/// The result of looking up an invite code.
pub enum Invitation {
    Valid(Arc<Group>),
    /// The group has a new code.
    Revoked,
    Unknown,
}

/// All groups.
#[derive(Default)]
pub struct Groups {
    /// Read for every group message, written when a group is created.
    by_id: RwLock<HashMap<String, Arc<Group>>>,
}

impl Groups {
    /// Creates a group with these people, its creator first.
    ///
    /// # Errors
    /// Too many groups or members, or an invalid subject.
    pub fn create(
        &self,
        subject: &str,
        creator: &Arc<Account>,
        others: &[Arc<Account>],
        naming: Naming,
    ) -> Result<Arc<Group>, GroupError> {
        group::check_subject(subject)?;
        let mut by_id = self.by_id.write();
        if by_id.len() >= GROUPS_MAX {
            return Err(GroupError::TooMany);
        }
        let id = format!("1203630{:011}", u64::from_be_bytes(clock::random_bytes()) % 100_000_000_000);
        let group = Arc::new(Group::new(&id, subject, creator, naming));
        for account in others {
            group.add(account)?;
        }
        by_id.insert(id, group.clone());
        Ok(group)
    }

    /// Finds a group by its JID.
    pub fn find(&self, jid: &Jid) -> Option<Arc<Group>> {
        jid.is_group().then(|| self.by_id.read().get(jid.user.as_str()).cloned()).flatten()
    }

    /// The linked groups of a community, the oldest first.
    pub fn linked_to(&self, parent: &Jid) -> Vec<Arc<Group>> {
        let is_linked = |group: &&Arc<Group>| group.group_type().parent() == Some(parent);
        let mut linked: Vec<Arc<Group>> = self.by_id.read().values().filter(is_linked).cloned().collect();
        linked.sort_by_key(|group| (group.created_at_seconds(), group.jid().to_string()));
        linked
    }

    /// Removes a group.
    pub(super) fn remove(&self, group: &Group) {
        self.by_id.write().remove(group.jid().user.as_str());
    }

    /// Finds a group by its invite code.
    pub fn by_invite(&self, code: &str) -> Invitation {
        let by_id = self.by_id.read();
        match by_id.values().find(|group| group.invite() == code) {
            Some(group) => Invitation::Valid(group.clone()),
            None if by_id.values().any(|group| group.has_revoked(code)) => Invitation::Revoked,
            None => Invitation::Unknown,
        }
    }

    /// The groups that this person is a member of.
    pub fn of(&self, account: &Arc<Account>) -> Vec<Arc<Group>> {
        let groups: Vec<Arc<Group>> = self.by_id.read().values().cloned().collect();
        groups.into_iter().filter(|group| group.rank(account).is_some()).collect()
    }
}
