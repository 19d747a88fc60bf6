//! Unlinking a companion, from the phone or by the companion itself.

use std::sync::Arc;

use super::account::Account;
use super::device_list::{self, Change};
use super::network::Network;
use super::{fault_points, presence};
use crate::faults::StreamEnd;
use crate::limits::LOGOUT_WAIT_MS;

/// Who unlinks a companion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Phone,
    /// The companion itself. It closes its connection after the response.
    Itself,
}

/// Unlinks a companion, closes its connection, and notifies the others. False if there is no such companion.
pub fn unlink(network: &Network, account: &Arc<Account>, index: u16, by: By) -> bool {
    // The phone is the account, and cannot be unlinked.
    if index == 0 {
        return false;
    }
    let Some(device) = account.remove_device(index) else { return false };
    network.inner.checks.gone(device.name());
    if let Some(send_queue) = device.mailbox.detach_any() {
        let end = move || send_queue.end([fault_points::final_stanza(StreamEnd::DeviceRemoved)]);
        match by {
            By::Phone => end(),
            By::Itself => {
                network.inner.tasks.spawn(async move {
                    fault_points::wait(LOGOUT_WAIT_MS).await;
                    end();
                });
            }
        }
    }
    presence::leave(network, account, &device);
    device_list::announce(network, account, Change::Removed(&device));
    true
}
