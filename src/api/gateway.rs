//! Which gateway a request means, by its `sender` and `queue`; remembered for a second.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Api;
use super::problem::Problem;
use crate::account::Client;
use crate::clock::Millis;
use crate::device::Device;
use crate::phone;

/// What another process changes of a device is seen within this time.
const TRUST_MS: Millis = 1_000;
const REMEMBERED_MAX: usize = 10_000;

/// The gateways of each client, as they were a moment ago.
#[derive(Default)]
pub struct Gateways {
    known: RwLock<HashMap<i64, Known>>,
}

struct Known {
    devices: Arc<Vec<Device>>,
    looked_up_at: Millis,
}

impl Gateways {
    /// Forgets everything, after a device changed.
    pub fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Api {
    /// The gateways of a client, oldest first.
    ///
    /// # Errors
    /// 503 when the store cannot tell.
    pub async fn gateways_of(&self, client_id: i64) -> Result<Arc<Vec<Device>>, Problem> {
        let now = self.clock.now();
        {
            let known = self.gateways.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = known.get(&client_id).filter(|found| now - found.looked_up_at < TRUST_MS) {
                return Ok(Arc::clone(&found.devices));
            }
        }
        let devices = Arc::new(self.store.list_devices(Some(client_id)).await?);
        let mut known = self.gateways.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(client_id, Known { devices: Arc::clone(&devices), looked_up_at: now });
        Ok(devices)
    }

    /// The gateway that a request means: by its device id, by its number, or the client's default one.
    ///
    /// # Errors
    /// 404 when the client has no such gateway, 422 when `sender` and `queue` name two.
    pub async fn gateway(&self, client: &Client, sender: Option<&str>, queue: Option<&str>) -> Result<Device, Problem> {
        let devices = self.gateways_of(client.id).await?;
        let by_queue = match queue {
            Some(queue) => Some(
                devices
                    .iter()
                    .find(|device| device.id == queue)
                    .ok_or(Problem::NotFound("queue of yours with that device id"))?,
            ),
            None => None,
        };
        let by_sender = match sender {
            Some(sender) => {
                Some(by_sender(&devices, client, sender).ok_or(Problem::NotFound("sender of yours with that number"))?)
            }
            None => None,
        };
        let device = match (by_queue, by_sender) {
            (Some(queue), Some(sender)) if queue.id != sender.id => {
                return Err(Problem::field(
                    "queue",
                    "sender and queue name two different gateways; give one of them, or both of the same",
                ));
            }
            (Some(device), _) | (None, Some(device)) => device,
            (None, None) => {
                default_of(&devices, client).ok_or(Problem::NotFound("gateway of this client; add one first"))?
            }
        };
        Ok(device.clone())
    }
}

fn by_sender<'d>(devices: &'d [Device], client: &Client, sender: &str) -> Option<&'d Device> {
    let names = |device: &&Device| phone::names_sender(sender, &client.country_code, &device.sender);
    let is_exact = |device: &&Device| device.sender == sender;
    devices.iter().find(is_exact).or_else(|| devices.iter().find(names))
}

/// The client's default gateway, else the healthiest: one that takes messages before one that does not, a linked one
/// before one that is not, an older before a newer. A sandbox only while the client has nothing else, whatever the default
/// is: nobody would get what was meant for people.
pub fn default_of<'d>(devices: &'d [Device], client: &Client) -> Option<&'d Device> {
    let has_real = devices.iter().any(|device| !device.is_sandbox());
    let may_send = |device: &&Device| !(has_real && device.is_sandbox());
    let is_chosen = |device: &&Device| client.default_device.as_ref() == Some(&device.id);
    let chosen = devices.iter().filter(may_send).find(is_chosen);
    let healthiest = |device: &&Device| (!device.takes_messages(), device.sender.is_empty());
    chosen.or_else(|| devices.iter().filter(may_send).min_by_key(healthiest))
}
