//! Accepts messages: one durable write, then a ring for the dispatcher. Called by the API and the command line.

use crate::bell::Bells;
use crate::media::name;
use crate::message::Content;
use crate::store::{Accept, Store, StoreError};

#[derive(Clone)]
pub struct Outbox {
    store: Store,
    bells: Bells,
}

impl Outbox {
    pub fn new(store: Store, bells: Bells) -> Self {
        Self { store, bells }
    }

    /// Accepts a message. When this returns `Ok` it is on the disk and ends S, D, R or A.
    ///
    /// # Errors
    /// [`StoreError::DailyLimit`], [`StoreError::KeyUsed`], or that nothing could be stored now.
    pub async fn accept(&self, mut accept: Accept) -> Result<(), StoreError> {
        if let Content::Media { file_name, .. } = &mut accept.message.content {
            *file_name = file_name.as_deref().and_then(name::clean);
        }
        let (device_id, priority) = (accept.message.device_id.clone(), accept.message.priority);
        self.store.accept(accept).await?;
        self.bells.ring_queue(&device_id, priority);
        metrics::counter!(crate::telemetry::ACCEPTED).increment(1);
        Ok(())
    }
}
