//! Files of messages that came in: had from the channel, put on the shelf, and then the message's push goes.

use std::sync::Arc;
use std::time::Duration;

use super::{Parts, retry};
use crate::channel::{Channel, SendFault};
use crate::clock::{Millis, millis};
use crate::limits;
use crate::media::File;
use crate::store::{DueFile, FileEnd};
use crate::supervisor::caught;

/// A file's try, and how it ended.
pub(super) struct HadFile {
    pub inbound_id: String,
    pub end: FileEnd,
}

/// Has one file.
pub(super) async fn have(parts: Arc<Parts>, channel: Arc<dyn Channel>, due: DueFile) -> HadFile {
    let had = async {
        let bytes = channel.download(&due.reference, parts.files.memory().begin(due.client_id)).await?;
        let file = File::new(bytes, due.file_name.clone());
        parts.files.keep(due.client_id, file).await.map_err(|error| {
            tracing::warn!(reason = %error, "a file that came in cannot be kept");
            SendFault::Retry(error.to_string())
        })
    };
    let now = parts.clock.now();
    let again = |due_at: Millis| FileEnd::Again { due_at };
    let had = caught(had).await.unwrap_or_else(|panicked| {
        tracing::error!(%panicked, "a fault of this program with a file that came in");
        Err(SendFault::Retry("a fault of the gateway".into()))
    });
    let end = match had {
        Ok(media_id) => FileEnd::Had { media_id },
        Err(SendFault::Never(reason)) => FileEnd::Lost { reason },
        Err(SendFault::NotConnected | SendFault::Stranger | SendFault::TooMuch { .. }) => {
            again(now + millis(Duration::from_millis(limits::POLL_MS)))
        }
        Err(SendFault::Retry(reason)) if now - due.received_at > limits::INBOUND_FILE_HOURS_MAX * 3_600_000 => {
            FileEnd::Lost { reason }
        }
        Err(SendFault::Retry(reason)) => {
            tracing::info!(reason, attempts = due.attempts + 1, "a file that came in is tried again");
            again(retry::next_try(due.attempts + 1, now, parts.clock.random_below(u64::MAX)))
        }
    };
    HadFile { inbound_id: due.inbound_id, end }
}
