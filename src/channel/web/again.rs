//! Phones that could not read a message ask for it again, by a receipt of the type `retry`. The client library answers in a
//! task of its own, and confirms the request meanwhile: a crash between the two left the message unread for good. Here the
//! answer is waited for, so that a request is confirmed only when it was answered; a crash before lets it come again.
//!
//! The library tells of a stanza (`news.rs`), begins the answer and returns from both in one call, on one thread; then it
//! confirms. So the task that it spawns after it told of such a request is the answer. A story of a crash between the two
//! (`linked_crashes.rs`) holds that.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use whatsapp_rust::TokioRuntime;
use whatsapp_rust::wacore::runtime::{AbortHandle, BoxFuture, Runtime};
use whatsapp_rust::wacore_binary::NodeRef;

use super::rotation::Rotation;
use super::traffic::Traffic;
use crate::clock::Clock;
use crate::limits;

thread_local! {
    /// Whether the stanza that is handled on this thread asks for a message again.
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Looks at a stanza that the library is about to handle on this thread.
pub fn look_at(stanza: &NodeRef<'_>) {
    IS_ASKED.set(asks_again(stanza));
}

fn asks_again(stanza: &NodeRef<'_>) -> bool {
    stanza.tag.as_ref() == "receipt"
        && stanza.get_attr("type").is_some_and(|kind| kind.as_str() == "retry")
        && stanza.get_attr("id").is_some()
        && stanza.get_optional_child("participants").is_none()
}

/// Runs the library's tasks.
pub struct Tasks {
    pub clock: Clock,
    /// So many requests at once are kept from being confirmed until they are answered.
    pub held: Arc<Semaphore>,
    pub traffic: Traffic,
    /// Whether an account is being linked, so that QR codes are shown.
    pub is_linking: bool,
}

impl Tasks {
    /// Waits for an answer, for as long as it may take. When more wait than may, as after a long absence, the others are
    /// confirmed at once.
    fn answer(&self, answer: BoxFuture<'static, ()>) {
        let leaving = self.traffic.leaves();
        let answer = Box::pin(async move {
            answer.await;
            drop(leaving);
        });
        let Ok(_permit) = self.held.try_acquire() else { return TokioRuntime.spawn_detached(answer) };
        let (answered, is_answered) = oneshot::channel::<()>();
        let clock = self.clock.clone();
        TokioRuntime.spawn_detached(Box::pin(async move {
            let mut answer = answer;
            let limit = Duration::from_secs(limits::ANSWER_SECONDS_MAX);
            if clock.within(limit, &mut answer).await.is_err() {
                tracing::warn!("a message that a phone could not read is sent again slowly; its request is confirmed");
                drop(answered);
                answer.await;
            }
        }));
        // Answered, or nobody answers any more.
        tokio::task::block_in_place(|| drop(is_answered.blocking_recv()));
    }
}

#[async_trait::async_trait]
impl Runtime for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> AbortHandle {
        if IS_ASKED.take() {
            self.answer(task);
            return AbortHandle::noop();
        }
        TokioRuntime.spawn(if self.is_linking { Rotation::watch(task) } else { task })
    }

    fn spawn_detached(&self, task: BoxFuture<'static, ()>) {
        TokioRuntime.spawn_detached(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if !self.is_linking {
            return TokioRuntime.sleep(duration);
        }
        let clock = self.clock.clone();
        // How long a code is good is a time of the gateway, as the others of linking are.
        Box::pin(async move {
            if Rotation::is_here() { clock.sleep(duration).await } else { TokioRuntime.sleep(duration).await }
        })
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<'static, ()> {
        TokioRuntime.spawn_blocking(work)
    }

    fn yield_now(&self) -> Option<BoxFuture<'static, ()>> {
        TokioRuntime.yield_now()
    }
}
