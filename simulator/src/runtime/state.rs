//! A phone, and what its task keeps beside it. Wishes and waits look in here, one after the other.

use std::collections::{BTreeSet, VecDeque};

use crate::limits::{PHONE_MESSAGES_RESENDABLE_MAX, TYPED_CODES_WAITING_MAX};
use crate::phone::recent::Recent;
use crate::phone::{Action, Phone};
use crate::runtime::Sent;
use crate::wire::stanza::{Node, Read as _};

/// What a client that is linked by a typed code sends its phone.
const REGISTER: &str = "link_code_companion_reg";

/// The inside of a phone's task.
pub struct State {
    pub phone: Phone,
    /// The own messages and how far they got.
    pub sent: Recent<String, Sent>,
    /// Companions whose link is complete.
    pub linked: BTreeSet<u16>,
    /// Stages of linking by a code that came, the latest last.
    stages: VecDeque<Node>,
}

impl State {
    pub fn new(phone: Phone) -> Self {
        Self {
            phone,
            sent: Recent::new(PHONE_MESSAGES_RESENDABLE_MAX),
            linked: BTreeSet::new(),
            stages: VecDeque::new(),
        }
    }

    /// A stanza came.
    pub fn take(&mut self, node: &Node, now_ms: u64) -> Vec<Action> {
        if node.tag == "notification"
            && let Some(stage) = node.child(REGISTER)
        {
            self.stages.push_back(stage.clone());
            if self.stages.len() > TYPED_CODES_WAITING_MAX {
                self.stages.pop_front();
            }
        }
        self.phone.handle(node, now_ms)
    }

    /// The latest stage of linking with this name for which something holds.
    pub fn stage(&self, name: &str, is_match: impl Fn(&Node) -> bool) -> Option<Node> {
        let is_named = |node: &&Node| node.text("stage").is_some_and(|stage| stage == name);
        self.stages.iter().rev().filter(is_named).find(|node| is_match(node)).cloned()
    }

    /// Forgets the stages of linking with this name for which something holds.
    pub fn remove_stages(&mut self, name: &str, is_match: impl Fn(&Node) -> bool) {
        self.stages.retain(|node| !(node.text("stage").is_some_and(|stage| stage == name) && is_match(node)));
    }

    /// An own message was accepted from its person.
    pub fn follow(&mut self, id: &str, chat: &str) {
        self.sent.insert(id.to_owned(), Sent::new(id, chat));
    }

    /// Notes what the phone says about itself.
    pub fn record(&mut self, action: &Action) {
        match action {
            Action::Progress { id, progress, .. } => {
                if let Some(sent) = self.sent.get_mut(id) {
                    sent.record(progress.clone());
                }
            }
            Action::Failed { id, reason } => {
                if let Some(sent) = self.sent.get_mut(id) {
                    sent.failed = Some(reason.clone());
                }
            }
            _ => {}
        }
    }
}
