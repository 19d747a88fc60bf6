//! Privacy tokens: people issue one to those whom they write to, who attach it when they write back. It proves to the
//! service that the two know each other.

use std::collections::HashMap;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt, Node, NodeContent};

use super::stanza::Iq;
use super::{Action, Phone, Query};
use crate::limits::PHONE_TOKENS_MAX;

/// The only kind of token.
const KIND: &str = "trusted_contact";

/// A token is issued once per week.
const PERIOD_SECONDS: u64 = 604_800;

/// A token received from somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub bytes: Vec<u8>,
    /// When it was issued, in seconds since 1970.
    pub given_at: u64,
}

/// The tokens that a person has received, and when they issued theirs, both by the other account.
#[derive(Default)]
pub struct Tokens {
    received: HashMap<Jid, Token>,
    issued_at: HashMap<Jid, u64>,
}

impl Tokens {
    pub fn of(&self, account: &Jid) -> Option<&Token> {
        self.received.get(account)
    }

    /// When this account was last issued a token.
    pub fn issued_at(&self, account: &Jid) -> Option<u64> {
        self.issued_at.get(account).copied()
    }

    /// Stores a token unless a later one is stored. Beyond the limit, tokens of new people are dropped.
    fn keep(&mut self, account: Jid, token: Token) {
        let has_room = self.received.len() < PHONE_TOKENS_MAX;
        match self.received.get_mut(&account) {
            Some(known) if known.given_at > token.given_at => {}
            Some(known) => *known = token,
            None if has_room => drop(self.received.insert(account, token)),
            None => {}
        }
    }

    /// Whether a token is to be issued to the account now; if so, it counts as issued.
    // A week, counted from 1970, is the period of whatsmeow (tctoken.go), whatsapp-rust and Baileys.
    fn is_due(&mut self, account: &Jid, now_seconds: u64) -> bool {
        let period = |seconds: u64| seconds / PERIOD_SECONDS;
        let is_due = match self.issued_at.get(account) {
            Some(given_at) => period(now_seconds) > period(*given_at),
            None => self.issued_at.len() < PHONE_TOKENS_MAX,
        };
        if is_due {
            self.issued_at.insert(account.clone(), now_seconds);
        }
        is_due
    }
}

impl Phone {
    /// Issues a token to an account that the person has written to, once per period.
    pub(super) fn issue_token(&mut self, account: &Jid, now_ms: u64, actions: &mut Vec<Action>) {
        let account = self.signal.book().account(account);
        let is_person = !account.is_group() && !self.signal.book().is_same_account(&account, &self.person.jid());
        if !is_person || !self.tokens.is_due(&account, now_ms / 1000) {
            return;
        }
        let token = NodeBuilder::new("token").attr("jid", &account).attr("t", now_ms / 1000).attr("type", KIND).build();
        let tokens = NodeBuilder::new("tokens").children([token]).build();
        self.send_query(Query::Ignored, Iq::set("privacy", vec![tokens]), now_ms, actions);
    }

    /// Handles tokens in a `privacy_token` notification.
    pub(super) fn handle_tokens(&mut self, node: &Node) {
        let Some(from) = node.attrs().optional_jid("from") else { return };
        let account = self.signal.book().account(&from);
        let tokens = node.get_optional_child("tokens").and_then(Node::children).unwrap_or_default();
        for token in tokens.iter().filter(|token| token.tag == "token") {
            let is_trust = token.attrs.get("type").is_some_and(|kind| *kind == KIND);
            if let (true, Some(NodeContent::Bytes(bytes))) = (is_trust, &token.content) {
                let given_at = token.attrs().optional_u64("t").unwrap_or_default();
                self.tokens.keep(account.clone(), Token { bytes: bytes.clone(), given_at });
            }
        }
    }

    /// The token for a message to this account, as proof that the person may write to it.
    pub(super) fn token_for(&self, account: &Jid) -> Option<Node> {
        let token = self.tokens.of(&self.signal.book().account(account))?;
        Some(NodeBuilder::new("tctoken").bytes(token.bytes.clone()).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_given_once_in_each_period() {
        let mut tokens = Tokens::default();
        let bob = Jid::pn("15550002");
        let weeks = [10, 10, 11, 11, 13].map(|week| tokens.is_due(&bob, week * PERIOD_SECONDS + 5));
        assert_eq!(weeks, [true, false, true, false, true]);
        assert!(tokens.is_due(&Jid::pn("15550003"), 13 * PERIOD_SECONDS));
    }

    #[test]
    fn the_latest_token_is_kept_whatever_order_they_come_in() {
        let mut tokens = Tokens::default();
        let bob = Jid::pn("15550002");
        for (bytes, given_at) in [(1, 100), (2, 300), (3, 200)] {
            tokens.keep(bob.clone(), Token { bytes: vec![bytes], given_at });
        }
        assert_eq!(tokens.of(&bob).map(|token| token.bytes.as_slice()), Some(&[2][..]));
    }
}
