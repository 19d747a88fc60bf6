//! Reads a request's body: within its limit, in good time, and never more of all bodies together than memory has room
//! for.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Api;
use super::problem::Problem;
use crate::limits;

/// A body up to this size asks nobody for room.
const SMALL_BYTES: usize = 64 * 1024;
const ROOM_UNIT_BYTES: usize = 1024;
/// How long the reading of a body may take for each MiB of its limit, beyond the first 30 seconds.
const SECONDS_PER_MIB: u64 = 4;

/// The room in memory that large bodies share.
pub struct Bodies {
    room: Semaphore,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { room: Semaphore::new(limits::BODY_BYTES_IN_MEMORY_MAX / ROOM_UNIT_BYTES) }
    }
}

/// A body, with the room it takes while it is used.
pub struct Held<'api> {
    pub bytes: Bytes,
    _room: Option<SemaphorePermit<'api>>,
}

impl Api {
    /// Reads a body of at most `limit_bytes`.
    ///
    /// # Errors
    /// 413 when it is larger (told by its length, it is not read at all), 400 when it breaks off or takes too long.
    pub async fn read_body(&self, headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Held<'_>, Problem> {
        let too_large = Problem::TooLarge { limit_bytes };
        let told = headers.get(header::CONTENT_LENGTH).and_then(|told| told.to_str().ok()?.parse::<usize>().ok());
        if told.is_some_and(|told| told > limit_bytes) {
            return Err(too_large);
        }
        let wanted = told.unwrap_or(limit_bytes);
        let seconds = limits::REQUEST_READ_SECONDS_MAX + SECONDS_PER_MIB * (limit_bytes as u64 >> 20);
        let room = if wanted > SMALL_BYTES {
            let units = u32::try_from(wanted.div_ceil(ROOM_UNIT_BYTES)).unwrap_or(u32::MAX);
            Some(
                self.bodies
                    .room
                    .acquire_many(units)
                    .await
                    .map_err(|_| Problem::Unavailable { retry_after_seconds: 1 })?,
            )
        } else {
            None
        };
        let read = self.clock.within(Duration::from_secs(seconds), axum::body::to_bytes(body, limit_bytes)).await;
        match read {
            Ok(Ok(bytes)) => Ok(Held { bytes, _room: room }),
            Ok(Err(error)) if is_over_limit(&error) => Err(too_large),
            Ok(Err(_)) => Err(Problem::BadRequest("the body broke off".into())),
            Err(_) => Err(Problem::BadRequest(format!("the body did not arrive within {seconds} seconds"))),
        }
    }
}

fn is_over_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}
