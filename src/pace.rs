//! Whether bytes keep coming: who sends drop by drop would hold a connection, and what was reserved for it, for hours.

use std::time::Duration;

use crate::clock::{Clock, Millis, millis};

/// How much must come, at the least, in each stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct PaceMin {
    pub stretch: Duration,
    pub bytes: usize,
}

/// Follows what comes.
pub struct Pace {
    clock: Clock,
    min: PaceMin,
    begun_at: Millis,
    /// In this stretch.
    bytes: usize,
}

/// Less came in a stretch than must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSlow;

impl Pace {
    pub fn new(clock: &Clock, min: PaceMin) -> Self {
        Self { clock: clock.clone(), min, begun_at: clock.now(), bytes: 0 }
    }

    /// The next piece, once it is there.
    ///
    /// # Errors
    /// [`TooSlow`] when a stretch ends before, in which too little came.
    pub async fn next<P>(&mut self, piece: impl Future<Output = P>) -> Result<P, TooSlow> {
        tokio::pin!(piece);
        loop {
            let stretch_end = self.begun_at + millis(self.min.stretch);
            tokio::select! {
                biased;
                piece = &mut piece => return Ok(piece),
                () = self.clock.sleep_until(stretch_end) => {
                    if self.bytes < self.min.bytes {
                        return Err(TooSlow);
                    }
                    (self.begun_at, self.bytes) = (self.clock.now(), 0);
                }
            }
        }
    }

    /// Counts what came.
    pub fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The sender was not read for a while, through no fault of its own.
    pub fn excuse(&mut self, waited: Millis) {
        self.begun_at += waited;
    }
}
