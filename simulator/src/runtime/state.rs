//! The state of a phone's task: the phone, and what the task tracks about it. Commands and waiting callers access it
//! one after the other.

use std::collections::{BTreeSet, VecDeque};

use crate::limits::{PHONE_MESSAGES_RESENDABLE_MAX, TYPED_CODES_WAITING_MAX};
use crate::phone::recent::Recent;
use crate::phone::{Action, Phone};
use crate::runtime::Sent;
use crate::wire::stanza::{Node, Read as _};

/// What a client that is linked by pairing code sends to its phone.
const REGISTER: &str = "link_code_companion_reg";

/// The state of a phone's task.
pub struct State {
    pub phone: Phone,
    /// Sent messages and their progress.
    pub sent: Recent<String, Sent>,
    /// Companions that are fully linked.
    pub linked: BTreeSet<u16>,
    /// Received stages of linking by pairing code, the latest last.
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

    /// Handles a stanza.
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

    /// The latest stage of linking with this name that matches.
    pub fn stage(&self, name: &str, is_match: impl Fn(&Node) -> bool) -> Option<Node> {
        let is_named = |node: &&Node| node.text("stage").is_some_and(|stage| stage == name);
        self.stages.iter().rev().filter(is_named).find(|node| is_match(node)).cloned()
    }

    /// Removes the stages of linking with this name that match.
    pub fn remove_stages(&mut self, name: &str, is_match: impl Fn(&Node) -> bool) {
        self.stages.retain(|node| !(node.text("stage").is_some_and(|stage| stage == name) && is_match(node)));
    }

    /// Tracks a message that the phone has accepted.
    pub fn follow(&mut self, id: &str, chat: &str) {
        self.sent.insert(id.to_owned(), Sent::new(id, chat));
    }

    /// Records what an action says about sent messages.
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
