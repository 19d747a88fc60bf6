//! The client library shows one QR code after another in a task of its own, and closes the connection when none is left: also
//! while WhatsApp waits for a passkey on it (whatsapp-rust 0.7, `pair.rs`). That task is ended when the passkey step begins, and so is
//! one that begins later, when WhatsApp gives more codes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use whatsapp_rust::wacore::runtime::BoxFuture;

tokio::task_local! {
    /// The library's task that runs here.
    static TASK: Arc<Task>;
}

#[derive(Default)]
struct Task {
    shows_codes: AtomicBool,
    end: CancellationToken,
}

/// The rotation of QR codes on a connection by which an account is being linked.
#[derive(Clone, Default)]
pub struct Rotation(Arc<Shown>);

#[derive(Default)]
struct Shown {
    task: Mutex<Option<Arc<Task>>>,
    /// WhatsApp waits for a passkey on this connection.
    awaits_passkey: AtomicBool,
}

impl Rotation {
    /// A task of the library, such that it can be ended if it shows codes.
    pub fn watch(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let own = Arc::new(Task::default());
        let end = own.end.clone();
        Box::pin(TASK.scope(own, async move {
            end.run_until_cancelled(task).await;
        }))
    }

    /// The task that runs here shows a code.
    pub fn shows_code(&self) {
        let _ = TASK.try_with(|task| {
            task.shows_codes.store(true, Ordering::Relaxed);
            if self.awaits_passkey() {
                return task.end.cancel();
            }
            *self.0.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(task));
        });
    }

    /// Whether the task that runs here has shown a code.
    pub fn is_here() -> bool {
        TASK.try_with(|task| task.shows_codes.load(Ordering::Relaxed)).unwrap_or(false)
    }

    /// WhatsApp asks for a passkey: no more codes are shown, and the connection stays.
    pub fn end(&self) {
        self.0.awaits_passkey.store(true, Ordering::Relaxed);
        if let Some(task) = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.end.cancel();
        }
    }

    /// The account is linked: another connection is wanted.
    pub fn note_linked(&self) {
        self.0.awaits_passkey.store(false, Ordering::Relaxed);
    }

    /// Whether WhatsApp waits for a passkey on this connection, and on no other.
    pub fn awaits_passkey(&self) -> bool {
        self.0.awaits_passkey.load(Ordering::Relaxed)
    }
}
