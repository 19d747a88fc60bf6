//! Newsletters (channels): one person publishes, followers read. Nothing in them is encrypted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use super::account::Account;
use crate::clock;
use crate::limits::{NEWSLETTER_POSTS_MAX, NEWSLETTERS_MAX};
use crate::wire::stanza::{Jid, Node, NodeBuilder, Server};

/// A person's role in a newsletter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Owner,
    Subscriber,
    Guest,
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::Subscriber => "SUBSCRIBER",
            Self::Guest => "GUEST",
        }
    }
}

/// A text of a newsletter, and when it was last changed, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub changed_at_ms: u64,
}

impl Text {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), changed_at_ms: clock::now_ms() }
    }
}

/// A newsletter.
pub struct Newsletter {
    jid: Jid,
    invite: String,
    created_at_seconds: u64,
    owner: Arc<Account>,
    /// Locked for single reads and changes, never while something is sent.
    state: Mutex<State>,
}

struct State {
    name: Text,
    description: Text,
    followers: Vec<Follower>,
    posts: Vec<Post>,
}

struct Follower {
    account: Arc<Account>,
    is_muted: bool,
}

/// A message in a newsletter.
#[derive(Debug, Clone)]
pub struct Post {
    pub server_id: u64,
    pub id: String,
    pub kind: String,
    pub at_seconds: u64,
    /// `<plaintext>`; `None` if it was deleted.
    pub plaintext: Option<Node>,
    pub views: u64,
    /// Emoji by the reacting person's LID.
    reactions: BTreeMap<String, String>,
}

impl Post {
    /// The `<message>` in lists.
    pub fn describe(&self, reader: Role) -> Node {
        let message = NodeBuilder::new("message")
            .attr("id", self.id.as_str())
            .attr("server_id", self.server_id)
            .attr("type", self.kind.as_str())
            .attr("t", self.at_seconds);
        let message = if reader == Role::Owner { message.attr("is_sender", "true") } else { message };
        message.children(self.plaintext.iter().cloned().chain(self.describe_counts())).build()
    }

    /// Its views and reactions.
    pub fn describe_counts(&self) -> Vec<Node> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for code in self.reactions.values() {
            *counts.entry(code).or_default() += 1;
        }
        let reactions = counts
            .into_iter()
            .map(|(code, count)| NodeBuilder::new("reaction").attr("code", code).attr("count", count).build());
        let reactions = NodeBuilder::new("reactions").children(reactions).build();
        vec![NodeBuilder::new("views_count").attr("count", self.views).build(), reactions]
    }
}

impl Newsletter {
    /// `120363…@newsletter`
    pub fn jid(&self) -> &Jid {
        &self.jid
    }

    /// The last part of its invite link.
    pub fn invite(&self) -> &str {
        &self.invite
    }

    pub fn created_at_seconds(&self) -> u64 {
        self.created_at_seconds
    }

    pub fn name(&self) -> Text {
        self.state.lock().name.clone()
    }

    pub fn description(&self) -> Text {
        self.state.lock().description.clone()
    }

    pub(super) fn rename(&self, name: &str) {
        self.state.lock().name = Text::new(name);
    }

    pub(super) fn describe_as(&self, description: &str) {
        self.state.lock().description = Text::new(description);
    }

    pub fn role(&self, account: &Arc<Account>) -> Role {
        if Arc::ptr_eq(&self.owner, account) {
            return Role::Owner;
        }
        let state = self.state.lock();
        let wait_for_progress = state.followers.iter().any(|follower| Arc::ptr_eq(&follower.account, account));
        if wait_for_progress { Role::Subscriber } else { Role::Guest }
    }

    /// Everybody who receives its messages, its owner first.
    pub fn readers(&self) -> Vec<Arc<Account>> {
        let state = self.state.lock();
        let followers = state.followers.iter().map(|follower| follower.account.clone());
        [self.owner.clone()].into_iter().chain(followers).collect()
    }

    /// Whether this person has muted it.
    pub fn is_muted(&self, account: &Arc<Account>) -> bool {
        let state = self.state.lock();
        state.followers.iter().any(|follower| follower.is_muted && Arc::ptr_eq(&follower.account, account))
    }

    pub(super) fn mute(&self, account: &Arc<Account>, is_muted: bool) {
        let mut state = self.state.lock();
        let found = state.followers.iter_mut().find(|follower| Arc::ptr_eq(&follower.account, account));
        if let Some(follower) = found {
            follower.is_muted = is_muted;
        }
    }

    pub fn follow(&self, account: &Arc<Account>) {
        if self.role(account) == Role::Guest {
            self.state.lock().followers.push(Follower { account: account.clone(), is_muted: false });
        }
    }

    pub(super) fn unfollow(&self, account: &Arc<Account>) {
        self.state.lock().followers.retain(|follower| !Arc::ptr_eq(&follower.account, account));
    }

    /// The latest `count` messages, the oldest first; with `before`, those before that one.
    pub fn posts(&self, count: usize, before: Option<u64>) -> Vec<Post> {
        let state = self.state.lock();
        let wanted = state.posts.iter().filter(|post| before.is_none_or(|before| post.server_id < before));
        let mut posts: Vec<Post> = wanted.rev().take(count).cloned().collect();
        posts.reverse();
        posts
    }

    /// Adds a message, or replaces the content of the one with this id. Returns its number.
    pub(super) fn post(&self, id: &str, kind: &str, plaintext: Option<Node>) -> u64 {
        let mut state = self.state.lock();
        if let Some(known) = state.posts.iter_mut().find(|post| post.id == id) {
            known.plaintext = plaintext;
            return known.server_id;
        }
        let server_id = state.posts.last().map_or(100, |last| last.server_id + 1);
        if state.posts.len() >= NEWSLETTER_POSTS_MAX {
            state.posts.remove(0);
        }
        state.posts.push(Post {
            server_id,
            id: id.to_owned(),
            kind: kind.to_owned(),
            at_seconds: clock::now_seconds(),
            plaintext,
            views: 0,
            reactions: BTreeMap::new(),
        });
        server_id
    }

    /// Whether there is a message with this id.
    pub fn has_posted(&self, id: &str) -> bool {
        self.state.lock().posts.iter().any(|post| post.id == id)
    }

    /// Adds or removes a reaction; false if there is no such message.
    pub(super) fn react(&self, account: &Account, server_id: u64, code: Option<&str>) -> bool {
        let mut state = self.state.lock();
        let Some(post) = state.posts.iter_mut().find(|post| post.server_id == server_id) else { return false };
        let who = account.lid().to_string();
        match code {
            Some(code) => drop(post.reactions.insert(who, code.to_owned())),
            None => drop(post.reactions.remove(&who)),
        }
        true
    }

    /// Counts views of messages.
    pub(super) fn view(&self, server_ids: &[u64]) {
        let mut state = self.state.lock();
        state.posts.iter_mut().filter(|post| server_ids.contains(&post.server_id)).for_each(|post| post.views += 1);
    }
}

/// All newsletters.
#[derive(Default)]
pub struct Newsletters {
    by_id: Mutex<HashMap<String, Arc<Newsletter>>>,
}

impl Newsletters {
    /// Creates a newsletter; `None` if there are too many.
    pub fn create(&self, owner: &Arc<Account>, name: &str, description: &str) -> Option<Arc<Newsletter>> {
        let mut by_id = self.by_id.lock();
        if by_id.len() >= NEWSLETTERS_MAX {
            return None;
        }
        let id = format!("1203631{:011}", u64::from_be_bytes(clock::random_bytes()) % 100_000_000_000);
        let (name, description) = (Text::new(name), Text::new(description));
        let newsletter = Arc::new(Newsletter {
            jid: Jid::newsletter(id.as_str()),
            invite: format!("0029Va{:016x}", u64::from_be_bytes(clock::random_bytes())),
            created_at_seconds: clock::now_seconds(),
            owner: owner.clone(),
            state: Mutex::new(State { name, description, followers: Vec::new(), posts: Vec::new() }),
        });
        by_id.insert(id, newsletter.clone());
        Some(newsletter)
    }

    pub fn find(&self, jid: &Jid) -> Option<Arc<Newsletter>> {
        let is_newsletter = jid.server == Server::Newsletter;
        is_newsletter.then(|| self.by_id.lock().get(jid.user.as_str()).cloned()).flatten()
    }

    /// The newsletter with this invite link.
    pub fn by_invite(&self, invite: &str) -> Option<Arc<Newsletter>> {
        self.by_id.lock().values().find(|newsletter| newsletter.invite == invite).cloned()
    }

    /// All, the oldest first.
    pub fn all(&self) -> Vec<Arc<Newsletter>> {
        let mut all: Vec<_> = self.by_id.lock().values().cloned().collect();
        all.sort_by_key(|newsletter| (newsletter.created_at_seconds, newsletter.jid.to_string()));
        all
    }

    /// The newsletters that a person owns or follows, the oldest first.
    pub fn of(&self, account: &Arc<Account>) -> Vec<Arc<Newsletter>> {
        self.all().into_iter().filter(|newsletter| newsletter.role(account) != Role::Guest).collect()
    }

    pub(super) fn remove(&self, newsletter: &Newsletter) {
        self.by_id.lock().remove(newsletter.jid.user.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::directory::Directory;
    use crate::wire::stanza::{Read as _, holding};

    #[test]
    fn messages_are_numbered_and_an_edit_keeps_its_number() {
        let directory = Directory::default();
        let (ann, bob) = (directory.register("15550001", "Ann"), directory.register("15550002", "Bob"));
        let newsletters = Newsletters::default();
        let news = newsletters.create(&ann, "News", "").unwrap();
        let first = news.post("a", "text", Some(holding("plaintext", b"one".to_vec())));
        let second = news.post("b", "text", Some(holding("plaintext", b"two".to_vec())));
        assert_eq!((news.post("a", "text", None), second), (first, first + 1));
        let ids = |posts: Vec<Post>| posts.into_iter().map(|post| post.id).collect::<Vec<_>>();
        assert_eq!(ids(news.posts(1, None)), ["b"]);
        assert_eq!(ids(news.posts(9, Some(second))), ["a"]);
        assert!(news.react(&bob, second, Some("👍")) && !news.react(&bob, 7, Some("👍")));
        let counts = news.posts(1, None)[0].describe_counts();
        assert_eq!(counts[1].all()[0].number("count"), Some(1));
    }

    #[test]
    fn who_follows_is_a_subscriber_until_they_leave() {
        let directory = Directory::default();
        let (ann, bob) = (directory.register("15550001", "Ann"), directory.register("15550002", "Bob"));
        let newsletters = Newsletters::default();
        let news = newsletters.create(&ann, "News", "").unwrap();
        news.follow(&ann);
        news.follow(&bob);
        news.follow(&bob);
        assert_eq!((news.role(&ann), news.role(&bob), news.readers().len()), (Role::Owner, Role::Subscriber, 2));
        assert_eq!(newsletters.of(&bob).len(), 1);
        news.unfollow(&bob);
        assert_eq!((news.role(&bob), newsletters.of(&bob).len()), (Role::Guest, 0));
        assert!(newsletters.by_invite(news.invite()).is_some());
    }
}
