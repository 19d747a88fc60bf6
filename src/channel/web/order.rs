//! The client library takes in each stanza in a task of its own. In the passkey step WhatsApp's next word may so be taken in before its
//! answer to what was sent before, though it came after it: then the library knows of no step that it could be the next of, or checks it
//! with the secret of before (whatsapp-rust 0.7, `passkey/flow.rs` and `pair.rs`), and the attempt is lost. Here the next word waits for
//! the answer.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use whatsapp_rust::wacore_binary::NodeRef;

/// The steps of linking an account, one after another.
#[derive(Clone, Default)]
pub struct Order(Arc<Mutex<()>>);

impl Order {
    /// While what is returned is held, WhatsApp's answer to a step has not been taken in.
    pub async fn answering(&self) -> MutexGuard<'_, ()> {
        self.0.lock().await
    }

    /// Looks at a stanza that the library is about to take in, in a task of its own. Whoever holds up the others does so for a bounded time.
    pub fn look_at(&self, stanza: &NodeRef<'_>) {
        if is_next(stanza) && self.0.try_lock().is_err() {
            tokio::task::block_in_place(|| drop(self.0.blocking_lock()));
        }
    }
}

/// Whether a stanza is the one that comes behind an answer.
fn is_next(stanza: &NodeRef<'_>) -> bool {
    match stanza.tag.as_ref() {
        "notification" => stanza.get_attr("type").is_some_and(|kind| kind.as_str() == "crsc_continuation"),
        "iq" => stanza.get_optional_child("pair-success").is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use whatsapp_rust::NodeBuilder;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_next_step_waits_until_the_answer_before_it_is_taken_in() {
        let pair_success = NodeBuilder::new("pair-success").build();
        let of_kind = |tag: &'static str, kind: &str| NodeBuilder::new(tag).attr("type", kind);
        for (stanza, waits) in [
            (of_kind("notification", "crsc_continuation").build(), true),
            (of_kind("iq", "set").children([pair_success]).build(), true),
            (of_kind("notification", "passkey_prologue_request").build(), false),
            (of_kind("iq", "result").build(), false),
        ] {
            let (order, name) = (Order::default(), format!("{stanza:?}"));
            let answering = order.answering().await;
            let (mut taking, looking) = (JoinSet::new(), order.clone());
            taking.spawn_blocking(move || looking.look_at(&stanza.as_node_ref()));
            if waits {
                assert!(taking.try_join_next().is_none(), "{name}");
                drop(answering);
            }
            taking.join_next().await.expect("one").expect("it ends");
        }
    }
}
