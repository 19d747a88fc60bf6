//! Takes in what people write to a gateway: its file to the shelf, then the message and its push in one transaction.
//! Called by the device loops, and by the command line for a sandbox.

use crate::bell::Bells;
use crate::clock::{Clock, Millis};
use crate::device::Device;
use crate::files::{FileError, Files};
use crate::limits;
use crate::media::kind::{self, MediaKind};
use crate::media::{File, name};
use crate::message::{Inbound, InboundFile, RefNo, Unreadable};
use crate::store::{DueUnreadable, Lease, NewInbound, NewUnreadable, Store, StoreError};

/// WhatsApp has no older messages: 2009-01-01.
const FIRST_MS: Millis = 1_230_768_000_000;

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
        let (whatsapp_id, now) = (storable(message.whatsapp_id), self.clock.now());
        let is_group = message.group_id.is_some();
        Ok(NewInbound {
            id: self.clock.new_id(),
            client_id: device.client_id,
            device_id: device.id.clone(),
            gateway: device.sender.clone(),
            whatsapp_id,
            chat: message.group_id.unwrap_or_else(|| message.originator.clone()),
            originator: message.originator,
            hidden: message.hidden,
            name: message.name.map(storable),
            is_group,
            kind: message.kind,
            body: storable(message.text),
            media_id,
            file_ref,
            file_name: file_name.as_deref().and_then(name::clean),
            about_ref_no: message.about.as_deref().and_then(RefNo::of_whatsapp_id).map(|ref_no| ref_no.to_string()),
            about: message.about.map(storable),
            sent_at: plausible(message.sent_at, now),
            received_at: now,
        })
    }

    /// Says that messages were stored, of which so many were new.
    pub fn received(&self, new: u64) {
        self.bells.push.ring();
        metrics::counter!(crate::telemetry::RECEIVED).increment(new);
    }

    /// The row of a message that could not be decrypted, to be stored by the caller: when nobody sends it again in time it is
    /// reported.
    pub fn prepare_unreadable(&self, message: Unreadable) -> NewUnreadable {
        let now = self.clock.now();
        let is_group = message.group_id.is_some();
        NewUnreadable {
            whatsapp_id: storable(message.whatsapp_id),
            chat: message.group_id.unwrap_or_else(|| message.originator.clone()),
            originator: message.originator,
            hidden: message.hidden,
            name: message.name.map(storable),
            is_group,
            note: message.note.to_owned(),
            sent_at: plausible(message.sent_at, now),
            seen_at: now,
            due_at: now + limits::UNREADABLE_MS,
        }
    }

    /// Reports a message that still cannot be read; `false` when it was read meanwhile.
    ///
    /// # Errors
    /// When it could not be stored; it is reported later then.
    pub async fn report(&self, device: &Device, lease: &Lease, due: DueUnreadable) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let new = NewInbound {
            id: self.clock.new_id(),
            client_id: device.client_id,
            device_id: device.id.clone(),
            gateway: device.sender.clone(),
            whatsapp_id: due.whatsapp_id,
            chat: due.chat,
            originator: due.originator,
            hidden: None,
            name: due.name,
            is_group: due.is_group,
            kind: "unreadable".into(),
            body: due.note,
            media_id: None,
            file_ref: None,
            file_name: None,
            about: None,
            about_ref_no: None,
            sent_at: due.sent_at,
            received_at: now,
        };
        let is_reported = self.store.report_unreadable(lease, due.seq, new).await?;
        if is_reported {
            self.bells.push.ring();
            metrics::counter!(crate::telemetry::RECEIVED).increment(1);
        }
        Ok(is_reported)
    }
}

/// A text that both databases take: PostgreSQL knows no NUL in texts.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// When a message was written, as far as that can be: not after it came, and not before there was WhatsApp.
fn plausible(sent_at: Millis, now: Millis) -> Millis {
    if (FIRST_MS..=now).contains(&sent_at) { sent_at } else { now }
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
        Some(InboundFile::Here { bytes, file_name }) => match kind::sniff(bytes, file_name.as_deref()).kind {
            // Of what comes in, both are sound.
            MediaKind::Voice => MediaKind::Audio.name(),
            kind => kind.name(),
        },
        _ => "text",
    };
    Inbound {
        whatsapp_id: clock.new_id().to_uppercase(),
        originator,
        hidden: None,
        name,
        group_id,
        kind: kind.to_owned(),
        text: if text.is_empty() { format!("[{kind}]") } else { text },
        file,
        about: None,
        sent_at: clock.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_was_never_written_after_it_came() {
        let now = 1_790_000_000_000;
        for (sent_at, wanted) in
            [(now - 5, now - 5), (now, now), (now + 1, now), (i64::MAX, now), (0, now), (-1, now), (FIRST_MS, FIRST_MS)]
        {
            assert_eq!(plausible(sent_at, now), wanted, "{sent_at}");
        }
        assert_eq!(storable("a\0b".into()), "a\u{fffd}b");
    }
}
