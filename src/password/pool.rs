//! Two threads that hash the passwords of a whole server, for the console and the API alike. What waits for them is bounded, and
//! so is their memory, whoever asks and however often.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Hasher, PasswordError, Salt, salt_like};
use crate::clock::Clock;
use crate::limits;

/// As many passwords wait to be hashed as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("many passwords are being checked at this moment; nothing was changed, try again in a second")]
pub struct Busy;

/// Hashes and checks passwords for a whole server. Cheap to clone; its threads start with the first password and end with the last
/// clone.
#[derive(Clone)]
pub struct Passwords {
    jobs: Arc<OnceLock<SyncSender<Job>>>,
    clock: Clock,
}

enum Job {
    Hash { password: String, salt: Salt, answer: oneshot::Sender<Result<String, PasswordError>> },
    Find { password: String, hashes: Vec<String>, answer: oneshot::Sender<Option<usize>> },
}

impl Passwords {
    pub fn new(clock: Clock) -> Self {
        Self { jobs: Arc::default(), clock }
    }

    /// The hash of a new password, with the salt of another hash where there is one ([`super::hash_like`]).
    ///
    /// # Errors
    /// [`PasswordError::Length`] when it is too short or too long, [`PasswordError::Busy`] when too many wait.
    pub async fn hash(&self, password: String, like: Option<String>) -> Result<String, PasswordError> {
        let (answer, hashed) = oneshot::channel();
        self.offer(Job::Hash { password, salt: salt_like(like.as_deref(), &self.clock), answer })?;
        hashed.await.map_err(|_| Busy)?
    }

    /// The place of the first of the hashes that `password` has.
    ///
    /// # Errors
    /// [`Busy`] when too many wait.
    pub async fn find(&self, password: String, hashes: Vec<String>) -> Result<Option<usize>, Busy> {
        let (answer, found) = oneshot::channel();
        self.offer(Job::Find { password, hashes, answer })?;
        found.await.map_err(|_| Busy)
    }

    fn offer(&self, job: Job) -> Result<(), Busy> {
        self.jobs.get_or_init(start).try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
        })
    }
}

fn start() -> SyncSender<Job> {
    let (jobs, queue) = sync_channel(limits::PASSWORDS_WAITING_MAX);
    let queue = Arc::new(Mutex::new(queue));
    for number in 1..=limits::PASSWORD_THREADS {
        let queue = Arc::clone(&queue);
        let started = std::thread::Builder::new().name(format!("password-{number}")).spawn(move || work(&queue));
        if let Err(error) = started {
            tracing::error!(%error, "a thread that checks passwords could not be started");
        }
    }
    jobs
}

/// Works until nobody can offer anything any more. The memory is kept between two jobs, and given back when none has come for a
/// while.
fn work(queue: &Mutex<Receiver<Job>>) {
    let idle = Duration::from_secs(limits::PASSWORD_MEMORY_SECONDS);
    let mut hasher = Hasher::default();
    loop {
        // Whoever holds the lock waits for the next job; the other thread is hashing, or waits for the lock.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(idle);
        match job {
            Ok(job) => {
                // A fault at one password is no end of all others.
                let done = catch_unwind(AssertUnwindSafe(|| run(&mut hasher, job)));
                if done.is_err() {
                    hasher = Hasher::default();
                }
            }
            Err(RecvTimeoutError::Timeout) => hasher = Hasher::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Does a job, unless nobody waits for it any more.
fn run(hasher: &mut Hasher, job: Job) {
    match job {
        Job::Hash { password, salt, answer } if !answer.is_closed() => {
            let _ = answer.send(hasher.hash(&password, &salt));
        }
        Job::Find { password, hashes, answer } if !answer.is_closed() => {
            let _ = answer.send(hasher.find(&password, &hashes));
        }
        Job::Hash { .. } | Job::Find { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn what_was_hashed_matches_and_nothing_else() {
        let passwords = Passwords::new(Clock::system());
        let hash = passwords.hash("correct horse".into(), None).await.unwrap();
        assert_eq!(passwords.find("correct horse".into(), vec![hash.clone()]).await, Ok(Some(0)));
        assert_eq!(passwords.find("correct horsf".into(), vec![hash]).await, Ok(None));
        assert!(matches!(passwords.hash("short".into(), None).await, Err(PasswordError::Length)));
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_at_once_and_the_rest_are_answered() {
        let passwords = Passwords::new(Clock::system());
        let answers = join_all((0..1_000).map(|_| passwords.hash("correct horse".into(), None))).await;
        let (hashed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert!(hashed.len() >= limits::PASSWORDS_WAITING_MAX, "{}", hashed.len());
        assert!(refused.len() >= 900, "{}", refused.len());
        assert!(refused.iter().all(|refused| matches!(refused, Err(PasswordError::Busy(Busy)))));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_hashed() {
        let mut hasher = Hasher::default();
        let (answer, waiting) = oneshot::channel();
        drop(waiting);
        run(&mut hasher, Job::Hash { password: "correct horse".into(), salt: [0; 16], answer });
        let (answer, waiting) = oneshot::channel();
        drop(waiting);
        let hash = super::super::hash("correct horse", &Clock::system()).unwrap();
        run(&mut hasher, Job::Find { password: "correct horse".into(), hashes: vec![hash], answer });
        assert!(hasher.memory.is_empty());
    }
}
