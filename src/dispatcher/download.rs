//! One download of an outgoing message's file: it is fetched, kept, and its server's standing noted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use super::Parts;
use super::hosts::{Outcome, Permit};
use crate::egress::EgressError;
use crate::files::{FileError, TakeError, Taken};
use crate::media::choice::Mismatch;
use crate::media::fetch::{self, FetchFault, Wanted};
use crate::media::kind::MediaKind;
use crate::message::RefNo;
use crate::store::Waiting;

/// What is seen of a download while it runs, and the word that it ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Signs {
    is_answering: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Signs {
    /// Whether its server has begun to answer.
    pub(super) fn is_answering(&self) -> bool {
        self.is_answering.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Others wait for its slot: what it is said to have failed for.
    fn fault(&self) -> FetchFault {
        let error = if self.is_answering() { EgressError::TooSlow } else { EgressError::TimedOut };
        FetchFault::Retry { reason: format!("media_url {error}"), wait_ms: None, has_answered: false }
    }
}

/// How a download ended.
pub(super) struct FetchEnd {
    pub(super) ref_no: RefNo,
    pub(super) fetched: Result<Fetched, FetchFault>,
}

/// A file that was downloaded and kept, and as what it is shown.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) media_id: String,
    pub(super) kind: MediaKind,
}

impl Fetched {
    /// Notes it in its message.
    pub(super) fn note(&self, waiting: &mut Waiting) {
        waiting.media_id = Some(self.media_id.clone());
        waiting.kind = Some(self.kind.name().to_owned());
    }
}

/// Downloads a message's file and keeps it.
pub(super) async fn run(
    parts: Arc<Parts>,
    permit: Permit,
    ref_no: RefNo,
    waiting: Arc<Waiting>,
    signs: Signs,
) -> FetchEnd {
    let fetched = download(&parts, &waiting, &signs).await;
    permit.end(&ref_no, &outcome(&fetched), parts.clock.now());
    FetchEnd { ref_no, fetched }
}

async fn download(parts: &Parts, waiting: &Waiting, signs: &Signs) -> Result<Fetched, FetchFault> {
    let url = waiting.media_url.as_ref().map(|url| parts.store.open_url(waiting.client_id, url));
    let url = url.transpose().map_err(|_| {
        FetchFault::Never("the password in media_url does not open any more; send the message again".into())
    })?;
    let asked = waiting.kind.as_deref().and_then(MediaKind::from_name);
    let memory = parts.files.memory().begin(waiting.client_id);
    let wanted = Wanted { url: url.as_deref().unwrap_or_default(), file_name: waiting.file_name.as_deref(), asked };
    let file = tokio::select! {
        file = fetch::fetch(&parts.egress, &parts.clock, wanted, memory, &signs.is_answering) => file?,
        () = signs.stop.cancelled() => return Err(signs.fault()),
    };
    let taken = parts.files.take(waiting.client_id, file, asked, waiting.body.as_deref()).await;
    taken.map(|Taken { id, kind, .. }| Fetched { media_id: id, kind }).map_err(|error| match error {
        TakeError::Mismatch(Mismatch::TooBig(too_big)) => {
            FetchFault::Never(format!("media_url is too large: {too_big}"))
        }
        TakeError::Mismatch(mismatch) => FetchFault::Never(mismatch.to_string()),
        TakeError::File(FileError::Missing) => FetchFault::Never("its file is no longer there".into()),
        TakeError::File(other) => {
            // It waits for the disk or the bucket: an operator should know.
            tracing::warn!(reason = %other, "a message's file cannot be kept");
            FetchFault::Unkept(other.to_string())
        }
    })
}

fn outcome(fetched: &Result<Fetched, FetchFault>) -> Outcome {
    match fetched {
        Err(FetchFault::Retry { wait_ms, has_answered, .. }) => {
            Outcome::Failed { wait_ms: *wait_ms, has_answered: *has_answered }
        }
        Ok(_) | Err(FetchFault::Never(_) | FetchFault::Unkept(_)) => Outcome::Answered,
    }
}
