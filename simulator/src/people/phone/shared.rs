//! Keeping the shared state of the account in step: handing changes to the server, and taking those of companions.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::stanza::Iq;
use super::{Action, Phone, Question};
use crate::people::appstate::{Change, Collection, Patch, StateError};

impl Phone {
    /// Changes the state that all devices share, such as the name or a contact.
    pub fn change(&mut self, change: Change, now_ms: u64) -> Vec<Action> {
        if let Change::Name { name } = &change {
            self.person.name.clone_from(name);
        }
        self.wished.push_back(change);
        self.go_on(now_ms, Vec::new())
    }

    /// Hands the first wished change to the server, unless one is under way.
    pub(super) fn change_state(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let is_busy = |question: &Question| matches!(question, Question::PutState(_) | Question::GetState);
        if self.asked.values().any(|asked| is_busy(&asked.question)) {
            return;
        }
        while let Some(change) = self.wished.front() {
            match self.state.patch(change, now_ms, self.signal.chance()) {
                Ok(patch) => {
                    let sync = patch.upload();
                    return self.ask(
                        Question::PutState(patch),
                        Iq::set("w:sync:app:state", vec![sync]),
                        now_ms,
                        actions,
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "a change of the shared state is dropped");
                    self.wished.pop_front();
                }
            }
        }
    }

    /// The server took a patch, or another device was faster: then the phone catches up and tries again.
    // ASSUMPTION: the server refuses a patch whose version is not the next one.
    pub(super) fn state_was_put(
        &mut self,
        patch: Patch,
        answer: Option<&Node>,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let collections = answer.and_then(|answer| answer.get_optional_child("sync")).and_then(Node::children);
        let is_refused = |node: &Node| node.attrs.get("type").is_some_and(|kind| *kind == "error");
        if answer.is_some() && collections.unwrap_or_default().iter().any(is_refused) {
            return self.fetch_state(now_ms, actions);
        }
        let Some(change) = self.wished.pop_front() else { return };
        if answer.is_none() {
            tracing::warn!(?change, "the server does not take a change of the shared state");
            return;
        }
        match self.state.accept(&patch) {
            Ok(changes) => actions.extend(changes.into_iter().map(Action::Changed)),
            Err(error) => tracing::warn!(%error, "an own patch is not in order"),
        }
    }

    /// Asks for all patches that the phone does not have.
    pub(super) fn fetch_state(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let collections = Collection::ALL.map(|collection| {
            NodeBuilder::new("collection")
                .attr("name", collection.name())
                .attr("version", self.state.version(collection))
                .attr("return_snapshot", "false")
                .build()
        });
        let sync = NodeBuilder::new("sync").children(collections).build();
        self.ask(Question::GetState, Iq::set("w:sync:app:state", vec![sync]), now_ms, actions);
    }

    pub(super) fn state_came(&mut self, answer: Option<&Node>, actions: &mut Vec<Action>) {
        let sync = answer.and_then(|answer| answer.get_optional_child("sync"));
        for collection in sync.into_iter().flat_map(|sync| sync.get_children_by_tag("collection")) {
            match self.take_patches(collection) {
                Ok(changes) => actions.extend(changes.into_iter().map(Action::Changed)),
                Err(error) => tracing::warn!(%error, "patches of the shared state are not in order"),
            }
        }
    }

    fn take_patches(&mut self, collection: &Node) -> Result<Vec<Change>, StateError> {
        let mut changes = Vec::new();
        for patch in Patch::read_all(collection)? {
            if patch.version > self.state.version(patch.collection) {
                changes.extend(self.state.accept(&patch)?);
            }
        }
        Ok(changes)
    }
}
