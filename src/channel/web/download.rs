//! Files of messages that came in: from WhatsApp's media hosts, which keep a file for some weeks. When they no longer have
//! it, the account's phone is asked to upload it again (a receipt `server-error`, answered by a notification `mediaretry`).

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use whatsapp_rust::download::DownloadParams;
use whatsapp_rust::features::{MediaRetryResult, MediaReuploadRequest};
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::{Client, ErrorChainExt as _, Jid, Server};

use super::download_sink::Sink;
use super::read::FileRef;
use crate::channel::SendFault;
use crate::clock::Clock;
use crate::limits;
use crate::memory::Reservation;

/// What is stored of a file until it is downloaded, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    #[serde(flatten)]
    pub file: FileRef,
    /// References of earlier versions do not say which message the file is part of.
    #[serde(default)]
    message: Option<MessageKey>,
}

/// The message that a file is part of, as the phone is asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MessageKey {
    id: String,
    chat: Jid,
    /// Who wrote it, in a group.
    participant: Option<Jid>,
}

impl Reference {
    pub fn new(file: FileRef, info: &MessageInfo) -> Self {
        let (chat, sender) = (info.source.chat.clone(), &info.source.sender);
        let participant = (chat.server == Server::Group).then(|| sender.to_non_ad());
        Self { file, message: Some(MessageKey { id: info.id.clone(), chat, participant }) }
    }
}

/// # Errors
/// What the media hosts or the phone say, and whether a later attempt may succeed.
pub async fn download(
    clock: &Clock,
    client: &Client,
    reference: &Reference,
    memory: Reservation,
) -> Result<Bytes, SendFault> {
    let file = &reference.file;
    let length = usize::try_from(file.bytes).unwrap_or(usize::MAX);
    if length > limits::DOCUMENT_BYTES_MAX {
        return Err(too_large());
    }
    // Who sent it says how long it is; what comes beyond that is reserved as it comes.
    let sink = Sink::new(memory);
    sink.reserve(length).await.map_err(|no_memory| SendFault::Retry(no_memory.to_string()))?;
    match (fetch(clock, client, &file.params(), &sink).await, &reference.message) {
        _ if sink.is_overrun() => Err(too_large()),
        (Ok(bytes), _) => Ok(bytes),
        (Err(Fault { is_expired: true, .. }), Some(message)) => {
            let direct_path = request_upload(client, file, message).await?;
            let again = FileRef { direct_path, ..file.clone() };
            fetch(clock, client, &again.params(), &sink).await.map_err(|fault| SendFault::Retry(fault.reason))
        }
        (Err(fault), _) => Err(SendFault::Retry(fault.reason)),
    }
}

fn too_large() -> SendFault {
    SendFault::Never(format!("it has more than {} MB", limits::DOCUMENT_BYTES_MAX / (1024 * 1024)))
}

struct Fault {
    reason: String,
    /// The media hosts do not have it under this path, or no longer give it.
    is_expired: bool,
}

async fn fetch(clock: &Clock, client: &Client, params: &DownloadParams, sink: &Sink) -> Result<Bytes, Fault> {
    let limit = Duration::from_secs(limits::DOWNLOAD_SECONDS_MAX);
    match clock.within(limit, client.download_to_writer(params, sink.clone())).await {
        Ok(Ok(_)) => Ok(sink.take()),
        Ok(Err(error)) => {
            let cause: &(dyn std::error::Error + Send + Sync) = error.as_ref();
            let is_expired = matches!(cause.http_status(), Some(403 | 404 | 410));
            Err(Fault { reason: format!("WhatsApp did not give the file: {error}"), is_expired })
        }
        Err(_) => Err(Fault { reason: "WhatsApp gave the file too slowly".into(), is_expired: false }),
    }
}

/// Asks the phone to upload a file again; returns its new path.
async fn request_upload(client: &Client, file: &FileRef, message: &MessageKey) -> Result<String, SendFault> {
    let request = MediaReuploadRequest {
        msg_id: &message.id,
        chat_jid: &message.chat,
        media_key: &file.key,
        is_from_me: false,
        participant: message.participant.as_ref(),
    };
    tracing::info!(id = message.id, "a file has expired; the phone is asked to upload it again");
    match client.media_reupload().request(&request).await {
        Ok(MediaRetryResult::Success { direct_path }) => Ok(direct_path),
        Ok(MediaRetryResult::NotFound) => Err(SendFault::Never(
            "WhatsApp no longer has the file, and neither does the phone; ask the sender to send it again".into(),
        )),
        Ok(MediaRetryResult::GeneralError | MediaRetryResult::DecryptionError) => {
            Err(SendFault::Retry("WhatsApp no longer has the file, and the phone could not upload it again".into()))
        }
        Err(error) => {
            Err(SendFault::Retry(format!("WhatsApp no longer has the file, and the phone does not upload it: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_of_an_earlier_version_is_read() {
        let old = r#"{"kind":"image","direct_path":"/v/t62","key":[1],"sha256":[2],"encrypted_sha256":[3],"bytes":4,
            "mime":"image/png","name":null}"#;
        let reference: Reference = serde_json::from_str(old).unwrap();
        assert_eq!((reference.file.direct_path.as_str(), reference.message.clone()), ("/v/t62", None));
        let stored = serde_json::to_vec(&reference).unwrap();
        assert_eq!(serde_json::from_slice::<Reference>(&stored).unwrap(), reference);
    }
}
