//! Where linked accounts' keys are: the client library's storage traits on our own store.

use crate::clock::Clock;
use crate::device::Device;
use crate::seal::Sealer;
use crate::store::Store;

/// The keys of every device.
#[derive(Clone)]
pub struct KeyRing {
    store: Store,
    sealer: Sealer,
    clock: Clock,
}

impl KeyRing {
    pub fn new(store: Store, sealer: Sealer, clock: Clock) -> Self {
        Self { store, sealer, clock }
    }

    /// The keys of one device, for who owns it under this epoch.
    pub fn of(&self, device: &Device, epoch: i64) -> Keys {
        Keys { ring: self.clone(), client_id: device.client_id, device_id: device.id.clone(), epoch }
    }
}

/// The keys of one device.
#[derive(Clone)]
pub struct Keys {
    ring: KeyRing,
    client_id: i64,
    device_id: String,
    epoch: i64,
}
