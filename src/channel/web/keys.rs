//! Where linked accounts' keys are: the client library's storage traits on our own store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::wacore::store::traits::DeviceStore as _;

use crate::clock::Clock;
use crate::device::Device;
use crate::seal::{DoesNotOpen, Sealer};
use crate::store::Store;

/// The keys of every device.
#[derive(Clone)]
pub struct KeyRing {
    sealer: Sealer,
    clock: Clock,
    all: Arc<Mutex<HashMap<String, Arc<InMemoryBackend>>>>,
}

impl KeyRing {
    pub fn new(_store: Store, sealer: Sealer, clock: Clock) -> Self {
        Self { sealer, clock, all: Arc::default() }
    }

    /// The keys of one device, for who owns it under this epoch.
    pub fn of(&self, device: &Device, _epoch: i64) -> Keys {
        Keys { ring: self.clone(), device_id: device.id.clone() }
    }
}

/// The keys of one device.
#[derive(Clone)]
pub struct Keys {
    ring: KeyRing,
    device_id: String,
}

impl Keys {
    fn one(&self) -> Arc<InMemoryBackend> {
        self.ring.all.lock().unwrap().entry(self.device_id.clone()).or_default().clone()
    }

    pub fn backend(&self) -> Arc<dyn Backend> {
        self.one()
    }

    pub async fn account(&self) -> Result<Option<String>, whatsapp_rust::store::error::StoreError> {
        Ok(self.one().load().await?.and_then(|device| device.pn).map(|pn| pn.user.to_string()))
    }

    pub async fn wipe(&self) -> Result<(), whatsapp_rust::store::error::StoreError> {
        self.ring.all.lock().unwrap().remove(&self.device_id);
        Ok(())
    }

    pub fn seal_reference(&self, plain: &[u8]) -> Vec<u8> {
        self.ring.sealer.seal(&self.ring.clock, self.device_id.as_bytes(), plain)
    }

    pub fn open_reference(&self, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        self.ring.sealer.open(self.device_id.as_bytes(), sealed)
    }
}
