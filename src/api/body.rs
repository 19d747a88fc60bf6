//! Reads a request's body: within its limit, in good time, and out of the memory that its client's files may take.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;

use super::Api;
use super::problem::Problem;
use super::turns::Turn;
use crate::limits;
use crate::memory::Reservation;
use crate::pace::{Pace, PaceMin};

const PACE_MIN: PaceMin =
    PaceMin { stretch: Duration::from_secs(limits::REQUEST_READ_SECONDS_MAX), bytes: limits::BODY_STRETCH_BYTES_MIN };

impl Api {
    /// Reads a body of at most `limit_bytes`, sent by a client that is known. What it takes beyond
    /// [`limits::SMALL_BODY_BYTES_MAX`] is reserved until the last of its bytes is dropped.
    ///
    /// # Errors
    /// 413 when it is larger (where its length says so, it is not read at all), 400 when it breaks off or comes too slowly, 429 when
    /// the client sends too many large ones at once, 503 when too many files are in memory.
    pub async fn read_body(
        &self,
        client_id: i64,
        headers: &HeaderMap,
        body: Body,
        limit_bytes: usize,
    ) -> Result<Bytes, Problem> {
        let is_file = limit_bytes > limits::BODY_BYTES_MAX;
        let mut claim = Claim { client_id, is_file, turn: None, memory: self.files.memory().begin(client_id) };
        let bytes = self.read(headers, body, limit_bytes, Some(&mut claim)).await?;
        Ok(if bytes.len() > limits::SMALL_BODY_BYTES_MAX { claim.memory.attach(bytes) } else { bytes })
    }

    /// Reads a small body of a caller who is not known, for whom nothing is reserved.
    ///
    /// # Errors
    /// As [`Api::read_body`].
    pub async fn read_small_body(&self, headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Bytes, Problem> {
        self.read(headers, body, limit_bytes.min(limits::SMALL_BODY_BYTES_MAX), None).await
    }

    async fn read<'a>(
        &'a self,
        headers: &HeaderMap,
        mut body: Body,
        limit_bytes: usize,
        mut claim: Option<&mut Claim<'a>>,
    ) -> Result<Bytes, Problem> {
        let too_large = || Problem::TooLarge { limit_bytes };
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > limit_bytes) {
            return Err(too_large());
        }
        // The system gives memory only where it is written to.
        let mut read = Vec::with_capacity(length.unwrap_or_default());
        let mut pace = Pace::new(&self.clock, PACE_MIN);
        loop {
            let frame = pace.next(body.frame()).await.map_err(|_| too_slow())?;
            let Some(frame) = frame else { return Ok(read.into()) };
            let frame = frame.map_err(|_| Problem::BadRequest("the body broke off".into()))?;
            // Trailers say nothing that is wanted.
            let Ok(piece) = frame.into_data() else { continue };
            if read.len() + piece.len() > limit_bytes {
                return Err(too_large());
            }
            pace.count(piece.len());
            let bytes = read.len() + piece.len();
            if let Some(claim) = claim.as_mut().filter(|_| bytes > limits::SMALL_BODY_BYTES_MAX) {
                let begun_at = self.clock.now();
                self.grow(claim, bytes).await?;
                pace.excuse(self.clock.now() - begun_at);
            }
            read.extend_from_slice(&piece);
        }
    }

    async fn grow<'a>(&'a self, claim: &mut Claim<'a>, bytes: usize) -> Result<(), Problem> {
        if claim.turn.is_none() && !claim.is_file {
            let wait = Duration::from_secs(limits::LARGE_BODY_WAIT_SECONDS_MAX);
            let turn = self.clock.within(wait, self.large_bodies.take(claim.client_id)).await;
            claim.turn = Some(turn.ok().and_then(Result::ok).ok_or(Problem::BodiesBusy)?);
        }
        Ok(claim.memory.grow_to(bytes).await?)
    }
}

/// What the body of a known client takes while it is read.
struct Claim<'a> {
    client_id: i64,
    /// A file may come for minutes, and is bounded by its memory alone.
    is_file: bool,
    turn: Option<Turn<'a>>,
    memory: Reservation,
}

fn too_slow() -> Problem {
    let (kilobytes, seconds) = (limits::BODY_STRETCH_BYTES_MIN / 1024, limits::REQUEST_READ_SECONDS_MAX);
    Problem::BadRequest(format!(
        "the body came too slowly: it must arrive within {seconds} seconds, or bring at least {kilobytes} KB in each {seconds} seconds"
    ))
}
