//! A group: its members, their permissions, and its settings.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use super::account::{Account, Naming};
use super::community::{GroupType, Subgroup};
use crate::clock;
use crate::limits::{GROUP_MEMBERS_MAX, GROUP_SUBJECT_BYTES_MAX, REVOKED_INVITES_MAX};
use crate::wire::stanza::Jid;

mod describe;

pub use describe::mode;

/// A member's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    Member,
    Admin,
    /// Created the group.
    Creator,
}

impl Rank {
    /// Whether the member may change the membership.
    pub fn is_admin(self) -> bool {
        self != Self::Member
    }

    fn word(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::Creator => Some("superadmin"),
        }
    }
}

/// Why a group was not changed.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum GroupError {
    #[error("who asks is no member")]
    NoMember,
    #[error("who asks is no admin")]
    NoAdmin,
    #[error("there are as many groups, or members, as there may be")]
    TooMany,
    #[error("give a subject of 1 to {GROUP_SUBJECT_BYTES_MAX} bytes")]
    Subject,
    #[error("the group is no community, or is in one already")]
    Community,
    #[error("messages disappear after a day, a week, 90 days, or never")]
    Timer,
}

/// Who may write, and who may change the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Only admins may write.
    pub announcement: bool,
    /// Only admins may change subject and description.
    pub locked: bool,
    /// Joining by link requires approval.
    pub approval: bool,
    /// Only admins may add members.
    pub admins_add: bool,
    pub disappearing_seconds: u64,
}

/// A group.
pub struct Group {
    jid: Jid,
    naming: Naming,
    created_at_seconds: u64,
    creator: Arc<Account>,
    /// Locked for single reads and changes, never while something is sent.
    state: Mutex<State>,
}

struct State {
    subject: String,
    subject_at_seconds: u64,
    subject_by: Arc<Account>,
    description: Option<Description>,
    members: Vec<Member>,
    rules: Rules,
    group_type: GroupType,
    invite: String,
    /// Revoked codes, the latest last.
    revoked_invites: VecDeque<String>,
    /// Versions that increase with each change of the membership, and of who may write.
    members_version: u64,
    announcement_version: u64,
}

/// The text below a group's subject.
#[derive(Debug, Clone)]
pub struct Description {
    pub id: String,
    pub text: Vec<u8>,
    pub by: Jid,
    pub at_seconds: u64,
}

/// A member and their role.
#[derive(Clone)]
pub struct Member {
    pub account: Arc<Account>,
    pub rank: Rank,
}

impl Group {
    pub(super) fn new(id: &str, subject: &str, creator: &Arc<Account>, naming: Naming) -> Self {
        let now = clock::now_seconds();
        Self {
            jid: Jid::group(id),
            naming,
            created_at_seconds: now,
            creator: creator.clone(),
            state: Mutex::new(State {
                subject: subject.to_owned(),
                subject_at_seconds: now,
                subject_by: creator.clone(),
                description: None,
                members: vec![Member { account: creator.clone(), rank: Rank::Creator }],
                rules: Rules::default(),
                group_type: GroupType::default(),
                invite: new_invite(),
                revoked_invites: VecDeque::new(),
                members_version: next_version(0),
                announcement_version: next_version(0),
            }),
        }
    }

    /// `120363…@g.us`
    pub fn jid(&self) -> &Jid {
        &self.jid
    }

    /// The addressing mode of its members.
    pub fn naming(&self) -> Naming {
        self.naming
    }

    pub fn created_at_seconds(&self) -> u64 {
        self.created_at_seconds
    }

    pub fn subject(&self) -> String {
        self.state.lock().subject.clone()
    }

    pub fn members(&self) -> Vec<Member> {
        self.state.lock().members.clone()
    }

    /// This person's role; `None` if they are not a member.
    pub fn rank(&self, account: &Arc<Account>) -> Option<Rank> {
        let state = self.state.lock();
        state.members.iter().find(|member| Arc::ptr_eq(&member.account, account)).map(|member| member.rank)
    }

    pub fn rules(&self) -> Rules {
        self.state.lock().rules.clone()
    }

    /// Whether it is a community, or belongs to one.
    pub fn group_type(&self) -> GroupType {
        self.state.lock().group_type.clone()
    }

    pub(super) fn set_type(&self, group_type: GroupType) {
        self.state.lock().group_type = group_type;
    }

    /// Whether it is this subgroup of a community.
    pub fn is(&self, subgroup: Subgroup) -> bool {
        self.state.lock().group_type.is(subgroup)
    }

    /// The code in its invite link.
    pub fn invite(&self) -> String {
        self.state.lock().invite.clone()
    }

    pub fn renew_invite(&self) -> String {
        let code = new_invite();
        let mut state = self.state.lock();
        let before = std::mem::replace(&mut state.invite, code.clone());
        if state.revoked_invites.len() >= REVOKED_INVITES_MAX {
            state.revoked_invites.pop_front();
        }
        state.revoked_invites.push_back(before);
        code
    }

    /// Whether this code was revoked.
    pub fn has_revoked(&self, code: &str) -> bool {
        self.state.lock().revoked_invites.iter().any(|one| one == code)
    }

    /// Advances the version of the member list; returns the previous and the new one.
    pub fn next_members_version(&self) -> (u64, u64) {
        let mut state = self.state.lock();
        let before = state.members_version;
        state.members_version = next_version(before);
        (before, state.members_version)
    }

    /// Advances the version of who may write.
    pub fn next_announcement_version(&self) -> u64 {
        let mut state = self.state.lock();
        state.announcement_version = next_version(state.announcement_version);
        state.announcement_version
    }

    /// Adds a person; false if they are a member already.
    ///
    /// # Errors
    /// The group is full.
    pub fn add(&self, account: &Arc<Account>) -> Result<bool, GroupError> {
        let mut state = self.state.lock();
        if state.members.iter().any(|member| Arc::ptr_eq(&member.account, account)) {
            return Ok(false);
        }
        if state.members.len() >= GROUP_MEMBERS_MAX {
            return Err(GroupError::TooMany);
        }
        state.members.push(Member { account: account.clone(), rank: Rank::Member });
        Ok(true)
    }

    /// Removes a person; false if they are not a member. When the last admin leaves, the longest-standing member
    /// becomes one.
    pub fn remove(&self, account: &Arc<Account>) -> bool {
        let mut state = self.state.lock();
        let before = state.members.len();
        state.members.retain(|member| !Arc::ptr_eq(&member.account, account));
        if !state.members.iter().any(|member| member.rank.is_admin())
            && let Some(first) = state.members.first_mut()
        {
            first.rank = Rank::Admin;
        }
        state.members.len() < before
    }

    /// Makes a member an admin or a plain member; false if they are not a member. The creator's role does not change.
    pub fn set_rank(&self, account: &Arc<Account>, rank: Rank) -> bool {
        let mut state = self.state.lock();
        let found = state.members.iter_mut().find(|member| Arc::ptr_eq(&member.account, account));
        let Some(member) = found else { return false };
        if member.rank != Rank::Creator {
            member.rank = rank;
        }
        true
    }

    /// Changes the subject.
    ///
    /// # Errors
    /// It is empty, or too long.
    pub fn set_subject(&self, subject: &str, by: &Arc<Account>) -> Result<(), GroupError> {
        check_subject(subject)?;
        let mut state = self.state.lock();
        subject.clone_into(&mut state.subject);
        state.subject_at_seconds = clock::now_seconds();
        state.subject_by = by.clone();
        Ok(())
    }

    pub fn set_description(&self, description: Option<Description>) {
        self.state.lock().description = description;
    }

    pub fn change_rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state.lock().rules);
    }
}

pub(super) fn check_subject(subject: &str) -> Result<(), GroupError> {
    if (1..=GROUP_SUBJECT_BYTES_MAX).contains(&subject.len()) { Ok(()) } else { Err(GroupError::Subject) }
}

/// A time in microseconds, like the service's versions; always greater than the previous one.
fn next_version(before: u64) -> u64 {
    (clock::now_ms() * 1000).max(before + 1)
}

fn new_invite() -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let bytes: [u8; 22] = clock::random_bytes();
    bytes.iter().map(|byte| char::from(letters[usize::from(*byte) % letters.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::directory::Directory;
    use crate::server::groups::Groups;
    use crate::wire::stanza::Read as _;

    fn people() -> [Arc<Account>; 3] {
        let directory = Directory::default();
        ["15550001", "15550002", "15550003"].map(|number| directory.register(number, "Somebody"))
    }

    #[test]
    fn a_group_names_its_members_by_number_or_by_lid_and_says_the_other_too() {
        let [ann, bob, _] = people();
        let groups = Groups::default();
        let by_lid = groups.create("Cooks", &ann, std::slice::from_ref(&bob), Naming::Lid).unwrap().describe();
        let member = &by_lid.all()[1];
        assert_eq!(member.jid("jid").as_ref(), Some(bob.lid()));
        assert_eq!(member.jid("phone_number").as_ref(), Some(bob.number()));
        let by_number = groups.create("Cooks", &ann, std::slice::from_ref(&bob), Naming::Number).unwrap().describe();
        assert_eq!(by_number.all()[1].jid("lid").as_ref(), Some(bob.lid()));
        assert_eq!(by_number.all()[0].text("type"), Some("superadmin".into()));
    }

    #[test]
    fn a_group_has_a_name_that_is_not_too_long() {
        let [ann, ..] = people();
        let groups = Groups::default();
        let longest = "x".repeat(GROUP_SUBJECT_BYTES_MAX);
        let group = groups.create(&longest, &ann, &[], Naming::Number).unwrap();
        for subject in ["", &format!("{longest}x")] {
            assert_eq!(groups.create(subject, &ann, &[], Naming::Number).err(), Some(GroupError::Subject));
            assert_eq!(group.set_subject(subject, &ann), Err(GroupError::Subject));
        }
        assert_eq!(group.subject(), longest);
    }

    #[test]
    fn when_the_last_admin_goes_the_longest_member_becomes_one() {
        let [ann, bob, cy] = people();
        let group = Groups::default().create("Cooks", &ann, &[bob.clone(), cy.clone()], Naming::Number).unwrap();
        assert!(group.remove(&ann));
        assert!(!group.remove(&ann));
        assert_eq!((group.rank(&bob), group.rank(&cy)), (Some(Rank::Admin), Some(Rank::Member)));
    }
}
