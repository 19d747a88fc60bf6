//! Takes in what people write to a gateway: its file to the shelf, then the message and its push in one transaction.
//! Called by the device loops, and by the command line for a sandbox.

use crate::bell::Bells;
use crate::clock::Clock;
use crate::device::Device;
use crate::files::{FileError, Files};
use crate::media::{File, kind};
use crate::message::{Inbound, InboundFile, RefNo};
use crate::store::{NewInbound, Store, StoreError};

#[derive(Clone)]
pub struct Inbox {
    store: Store,
    files: Files,
    bells: Bells,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// What became of a message that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Stored under this id, with its push.
    New(String),
    /// It was there already.
    Repeated,
}

impl Inbox {
    pub fn new(store: Store, files: Files, bells: Bells, clock: Clock) -> Self {
        Self { store, files, bells, clock }
    }

    /// Stores a message that came in. When this returns `Ok`, WhatsApp may be told that we have it.
    ///
    /// # Errors
    /// [`InboxError`] when it could not be stored; then WhatsApp must keep it.
    pub async fn receive(&self, device: &Device, message: Inbound) -> Result<Received, InboxError> {
        let new = self.prepare(device, message).await?;
        let id = new.id.clone();
        let is_new = self.store.add_inbound(new).await?;
        self.received(is_new.into());
        Ok(if is_new { Received::New(id) } else { Received::Repeated })
    }

    /// The row of a message that came in, to be stored by the caller. Its file is kept before.
    ///
    /// # Errors
    /// [`InboxError`] when its file could not be kept.
    pub async fn prepare(&self, device: &Device, message: Inbound) -> Result<NewInbound, InboxError> {
        let (media_id, file_ref, file_name) = match message.file {
            Some(InboundFile::Here { bytes, file_name }) => {
                let file = File::new(bytes, file_name.clone());
                (Some(self.files.keep(device.client_id, file).await?), None, file_name)
            }
            Some(InboundFile::There { reference, file_name }) => (None, Some(reference), file_name),
            None => (None, None, None),
        };
        let is_group = message.group_id.is_some();
        Ok(NewInbound {
            id: self.clock.new_id(),
            client_id: device.client_id,
            device_id: device.id.clone(),
            gateway: device.sender.clone(),
            whatsapp_id: message.whatsapp_id,
            chat: message.group_id.unwrap_or_else(|| message.originator.clone()),
            originator: message.originator,
            name: message.name,
            is_group,
            kind: message.kind,
            body: message.text,
            media_id,
            file_ref,
            file_name,
            about_ref_no: message.about.as_deref().and_then(RefNo::of_whatsapp_id).map(|ref_no| ref_no.to_string()),
            about: message.about,
            sent_at: message.sent_at,
            received_at: self.clock.now(),
            sandbox: device.is_sandbox(),
        })
    }

    /// Says that messages were stored, of which so many were new.
    pub fn received(&self, new: u64) {
        self.bells.push.ring();
        metrics::counter!(crate::telemetry::RECEIVED).increment(new);
    }
}

/// A message that a sandbox device is to receive.
pub fn sandbox_message(
    clock: &Clock,
    originator: String,
    group_id: Option<String>,
    name: Option<String>,
    text: String,
    file: Option<InboundFile>,
) -> Inbound {
    let kind = match &file {
        Some(InboundFile::Here { bytes, file_name }) => kind::sniff(bytes, file_name.as_deref()).kind.name(),
        _ => "text",
    };
    Inbound {
        whatsapp_id: clock.new_id().to_uppercase(),
        originator,
        name,
        group_id,
        kind: kind.to_owned(),
        text: if text.is_empty() { format!("[{kind}]") } else { text },
        file,
        about: None,
        sent_at: clock.now(),
    }
}
