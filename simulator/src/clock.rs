//! The only access of the server and its wire to time, waiting and randomness.
//!
//! The network runs in real time: what a scenario delays is delayed for whoever is connected. Keys and ids come from
//! the system's randomness. Decisions that must be reproducible from a seed belong to the faults and do not use this
//! module.

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

/// A monotonic point in time, for measuring durations.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Sleeps.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The result of the work, or `None` if it takes longer than `time`.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, work).await.ok()
}

/// Cryptographically random bytes.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes[..]);
    bytes
}
