//! The one door of the server and its wire to time, waiting and randomness.
//!
//! The network runs in real time: what a scenario delays is delayed for whoever is connected. Keys and ids come from
//! the system's randomness; decisions that a seed must repeat are the faults' and do not come from here.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::RngExt;

/// Milliseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970, as stanzas carry them in `t`.
pub fn now_seconds() -> u64 {
    now_ms() / 1000
}

/// A point in time that never goes back, for measuring how long something has been.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Waits.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The work's outcome, or nothing when it takes longer than `time`.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, work).await.ok()
}

/// Bytes that nobody can guess.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes[..]);
    bytes
}
