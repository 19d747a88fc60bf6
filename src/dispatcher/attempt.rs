//! One attempt at one message: it is handed to the channel. Called by the device loop, several at
//! a time.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Parts;
use crate::channel::{Body, Channel, Outgoing, SendFault};
use crate::clock::Millis;
use crate::files::FileError;
use crate::limits;
use crate::media::kind::{self, MediaKind};
use crate::media::name;
use crate::message::{RefNo, expired};
use crate::store::{Lease, Progress, Step, Waiting};
use crate::supervisor::caught;

/// How an attempt's part ended.
pub(super) enum Ended {
    /// It was written out; the acknowledgement is awaited.
    Sent {
        ref_no: RefNo,
    },
    Failed {
        ref_no: RefNo,
        fault: SendFault,
    },
}

/// Runs [`send`] so that its panic is a failed attempt: the message's line would else wait for its end until the next start.
pub(super) async fn guarded(ref_no: RefNo, attempt: impl Future<Output = Ended>) -> Ended {
    caught(attempt).await.unwrap_or_else(|panicked| {
        tracing::error!(%ref_no, %panicked, "a fault of this program in an attempt");
        Ended::Failed { ref_no, fault: SendFault::Retry("a fault of the gateway".into()) }
    })
}

fn fault(error: FileError) -> SendFault {
    match error {
        FileError::Missing => SendFault::Never("its file is no longer there".into()),
        other => {
            // It waits for the disk or the bucket: an operator should know.
            tracing::warn!(reason = %other, "a message's file cannot be kept or read");
            SendFault::Retry(other.to_string())
        }
    }
}

/// The way out of a device.
pub(super) struct Line {
    pub(super) channel: Arc<dyn Channel>,
    pub(super) lease: Lease,
    /// How long somebody seems to type first.
    pub(super) typing_ms: Millis,
    /// Nothing more is typed from then on.
    pub(super) stop: CancellationToken,
}

/// Hands a message to the channel.
pub(super) async fn send(parts: Arc<Parts>, line: Line, ref_no: RefNo, waiting: Waiting) -> Ended {
    let limit = Duration::from_secs(limits::SEND_SECONDS_MAX);
    let (expires_at, earlier_attempts) = (waiting.expires_at, waiting.attempts);
    let sent = async {
        let outgoing = outgoing(&parts, ref_no.clone(), waiting).await?;
        count_members(&parts, &line, &outgoing).await?;
        type_it(&parts, &line, &outgoing, expires_at).await?;
        // Storing the attempt and reading the file take time; a channel that takes its time too looks once more.
        if parts.clock.now() >= expires_at {
            return Err(SendFault::Never(expired(earlier_attempts > 0).into()));
        }
        match parts.clock.within(limit, line.channel.send(&outgoing)).await {
            Ok(sent) => sent,
            Err(_) => Err(SendFault::Retry(format!("WhatsApp took longer than {} s", limits::SEND_SECONDS_MAX))),
        }
    };
    match sent.await {
        Ok(()) => Ended::Sent { ref_no },
        Err(fault) => Ended::Failed { ref_no, fault },
    }
}

/// Stores to how many people a message in a group goes, before it goes to anybody: only this attempt knows it, and receipts
/// may come after a crash.
async fn count_members(parts: &Parts, line: &Line, outgoing: &Outgoing) -> Result<(), SendFault> {
    if !outgoing.is_group {
        return Ok(());
    }
    let limit = Duration::from_secs(limits::SEND_SECONDS_MAX);
    let counted = parts.clock.within(limit, line.channel.count_members(outgoing)).await;
    let counted = counted.map_err(|_| SendFault::Retry("WhatsApp did not say who is in the group".into()))?;
    let Some(members) = counted? else { return Ok(()) };
    let step = Step::Counted { members: members.into() };
    let Lease { device_id, epoch } = line.lease.clone();
    let progress = Progress { ref_no: outgoing.ref_no.clone(), device_id, epoch, step };
    let stored = parts.store.progress(vec![progress]).await;
    stored.map_err(|error| SendFault::Retry(format!("who it goes to could not be stored: {error}")))
}

/// Shows that somebody types, for as long as it takes. A message that would be too late by it leaves at once.
async fn type_it(parts: &Parts, line: &Line, outgoing: &Outgoing, expires_at: Millis) -> Result<(), SendFault> {
    let until = parts.clock.now() + line.typing_ms;
    if line.typing_ms == 0 || until >= expires_at {
        return Ok(());
    }
    let typed = async {
        let shown = line.channel.type_to(outgoing);
        // Whether it is seen or not, it takes no longer than it takes.
        let _ = parts.clock.within(Duration::from_millis(line.typing_ms.unsigned_abs()), shown).await;
        parts.clock.sleep_until(until).await;
    };
    line.stop.run_until_cancelled(typed).await.ok_or(SendFault::NotConnected)
}

/// As what a file is shown. Messages accepted by an older program do not say it.
fn kind_of(waiting: &Waiting, found: &str, bytes: &[u8]) -> MediaKind {
    if let Some(kind) = waiting.kind.as_deref().and_then(MediaKind::from_name) {
        return kind;
    }
    match MediaKind::from_name(found).unwrap_or(MediaKind::Document) {
        kind if waiting.body.is_some() && !kind.shows_caption() => MediaKind::Document,
        MediaKind::Audio if kind::is_voice_note(bytes) => MediaKind::Voice,
        kind => kind,
    }
}

async fn outgoing(parts: &Parts, ref_no: RefNo, waiting: Waiting) -> Result<Outgoing, SendFault> {
    let body = if waiting.is_media {
        let (media, bytes) = parts.files.find(waiting.media_id.as_deref().unwrap_or_default()).await.map_err(fault)?;
        let preview = Box::new(parts.files.preview(&media, &bytes).await.map_err(fault)?);
        Body::Media {
            kind: kind_of(&waiting, &media.kind, &bytes),
            // What was converted has a name of its own.
            file_name: media.file_name.or(waiting.file_name).as_deref().and_then(name::clean),
            mime: media.mime,
            caption: waiting.body,
            bytes,
            preview,
        }
    } else {
        Body::Text(waiting.body.unwrap_or_default())
    };
    Ok(Outgoing {
        ref_no,
        destination: waiting.destination,
        is_group: waiting.is_group,
        is_again: waiting.attempts > 0,
        expires_at: waiting.expires_at,
        body,
    })
}
