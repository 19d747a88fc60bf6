//! The accounts on the network, and which of them write to each other.

use crate::script;

/// Number of recipients, rounded up where the senders cannot share them evenly.
const RECIPIENTS: u32 = 400;
/// Maximum number of sending devices.
pub const SENDERS_MAX: u32 = 50;

/// The phone number of the account that a device is linked to.
pub fn owner(place: u32) -> String {
    format!("62811{:07}", place + 1)
}

/// The recipients for this many sending devices: each device gets the same number, and no two share one.
pub fn recipients(devices: u32) -> Vec<String> {
    let count = RECIPIENTS.div_ceil(devices) * devices;
    (0..u64::from(count)).map(script::destination).collect()
}

/// Every possible recipient.
pub fn everybody() -> Vec<String> {
    (0..u64::from(RECIPIENTS + SENDERS_MAX)).map(script::destination).collect()
}
