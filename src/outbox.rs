//! Accepts messages: one durable write, then a ring for the dispatcher. Called by the API and the command line.

use crate::bell::Bells;
use crate::media::name;
use crate::message::{Content, MediaSource};
use crate::room::{Refusal, Room};
use crate::store::{Accept, Store, StoreError};

#[derive(Clone)]
pub struct Outbox {
    store: Store,
    room: Room,
    bells: Bells,
}

impl Outbox {
    pub fn new(store: Store, room: Room, bells: Bells) -> Self {
        Self { store, room, bells }
    }

    /// Accepts a message. When this returns `Ok` it is on the disk and ends S, D, R or A.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`], [`StoreError::DailyLimit`], [`StoreError::KeyUsed`], or that nothing could be stored now.
    pub async fn accept(&self, mut accept: Accept) -> Result<(), Refusal> {
        let client_id = accept.message.client_id;
        if let Content::Media { file_name, source, .. } = &mut accept.message.content {
            *file_name = file_name.as_deref().and_then(name::clean);
            if let MediaSource::Url(_) = source {
                self.room.check_file(client_id).await?;
            }
        }
        let (device_id, priority) = (accept.message.device_id.clone(), accept.message.priority);
        let added = self.room.for_message(client_id).await?;
        if let Err(error) = self.store.accept(accept).await {
            // What was cut off may be stored.
            if !matches!(error, StoreError::Unavailable(_)) {
                added.give_back();
            }
            return Err(error.into());
        }
        self.bells.ring_queue(&device_id, priority);
        metrics::counter!(crate::telemetry::ACCEPTED).increment(1);
        Ok(())
    }
}
