//! App state sync: uploads changes to the server, and applies those of companions.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::stanza::Iq;
use super::{Action, Phone, Query};
use crate::phone::app_state::{Change, Collection, Patch, StateError};

/// The error for a patch based on an outdated version.
const CONFLICT: u64 = 409;

impl Phone {
    /// Changes the app state, such as the name or a contact.
    pub fn change(&mut self, change: Change, now_ms: u64) -> Vec<Action> {
        if let Change::Name { name } = &change {
            self.person.name.clone_from(name);
        }
        self.pending_changes.push_back(change);
        self.advance(now_ms, Vec::new())
    }

    /// Uploads the first pending change, unless an iq about app state is in flight.
    pub(super) fn upload_changes(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let is_busy = |query: &Query| matches!(query, Query::PutState(_) | Query::GetState);
        if self.pending_queries.values().any(|pending_queries| is_busy(&pending_queries.query)) {
            return;
        }
        while let Some(change) = self.pending_changes.front() {
            match self.state.patch(change, now_ms, self.signal.rng()) {
                Ok(patch) => {
                    let sync = patch.upload();
                    return self.send_query(
                        Query::PutState(patch),
                        Iq::set("w:sync:app:state", vec![sync]),
                        now_ms,
                        actions,
                    );
                }
                Err(error) => self.drop_change(&error.to_string()),
            }
        }
    }

    /// The server has responded to a patch. If another device was faster, the phone catches up and tries again. A
    /// change that is refused for another reason is dropped, and the next one follows.
    // The server refuses a patch whose version is not the next one with 409 (whatsmeow, appstate.go).
    pub(super) fn handle_patch_result(
        &mut self,
        patch: Patch,
        answer: Option<&Node>,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let collections = answer.and_then(|answer| answer.get_optional_child("sync")).and_then(Node::children);
        let refused = collections.unwrap_or_default().iter().find(|node| is_refused(node));
        if refused.is_some_and(is_conflict) {
            if self.state.version(patch.collection) < patch.version {
                self.conflicting_patch = Some(patch);
                self.fetch_app_state(now_ms, actions);
            }
            return;
        }
        if answer.is_none() || refused.is_some() {
            return self.drop_change("the server does not take it");
        }
        self.pending_changes.pop_front();
        match self.state.accept(&patch) {
            Ok(changes) => actions.extend(changes.into_iter().map(Action::Changed)),
            Err(error) => tracing::warn!(%error, "an own patch is not in order"),
        }
    }

    /// Drops the first pending change.
    fn drop_change(&mut self, reason: &str) {
        if let Some(change) = self.pending_changes.pop_front() {
            tracing::warn!(?change, reason, "a change of the shared state is dropped");
        }
    }

    /// Fetches all patches that the phone does not have. Only one iq at a time; more is fetched after it.
    pub(super) fn fetch_app_state(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        if self.pending_queries.values().any(|pending_queries| matches!(pending_queries.query, Query::GetState)) {
            self.is_behind = true;
            return;
        }
        self.is_behind = false;
        let collections = Collection::ALL.map(|collection| {
            NodeBuilder::new("collection")
                .attr("name", collection.name())
                .attr("version", self.state.version(collection))
                .attr("return_snapshot", "false")
                .build()
        });
        let sync = NodeBuilder::new("sync").children(collections).build();
        self.send_query(Query::GetState, Iq::set("w:sync:app:state", vec![sync]), now_ms, actions);
    }

    /// Applies the fetched patches. A change that conflicted is tried again only if its collection has advanced:
    /// otherwise it would be refused and fetched for without end.
    pub(super) fn handle_app_state(&mut self, answer: Option<&Node>, now_ms: u64, actions: &mut Vec<Action>) {
        let sync = answer.and_then(|answer| answer.get_optional_child("sync"));
        let mut has_more = false;
        for collection in sync.into_iter().flat_map(|sync| sync.get_children_by_tag("collection")) {
            match self.apply_patches(collection) {
                Ok((taken, changes)) => {
                    has_more |=
                        taken > 0 && collection.attrs.get("has_more_patches").is_some_and(|more| *more == "true");
                    actions.extend(changes.into_iter().map(Action::Changed));
                }
                Err(error) => tracing::warn!(%error, "patches of the shared state are not in order"),
            }
        }
        if let Some(patch) = self.conflicting_patch.take()
            && self.state.version(patch.collection) < patch.version
        {
            self.drop_change("another device was faster, and what it changed does not come");
        }
        if has_more || self.is_behind {
            self.fetch_app_state(now_ms, actions);
        }
    }

    /// Applies a collection's patches; returns how many were new, and their changes.
    fn apply_patches(&mut self, collection: &Node) -> Result<(usize, Vec<Change>), StateError> {
        let (mut taken, mut changes) = (0, Vec::new());
        for patch in Patch::read_all(collection)? {
            if patch.version > self.state.version(patch.collection) {
                changes.extend(self.state.accept(&patch)?);
                taken += 1;
            }
        }
        Ok((taken, changes))
    }
}

fn is_refused(collection: &Node) -> bool {
    collection.attrs.get("type").is_some_and(|kind| *kind == "error")
}

/// Whether a collection was refused because another device was faster.
fn is_conflict(collection: &Node) -> bool {
    let error = collection.get_optional_child("error");
    error.is_some_and(|error| error.attrs().optional_u64("code") == Some(CONFLICT))
}
