//! Who is on the network, and who writes to whom.

use crate::script;

/// How many people are written to: so many, and a few more where those who write cannot share them evenly.
const RECIPIENTS: u32 = 400;
/// Devices that write, at the most.
pub const SENDERS_MAX: u32 = 50;

/// The phone number of the person whose phone links a device.
pub fn owner(place: u32) -> String {
    format!("62811{:07}", place + 1)
}

/// Those who are written to over so many devices: each device writes to as many of them, and to nobody else's.
pub fn recipients(devices: u32) -> Vec<String> {
    let count = RECIPIENTS.div_ceil(devices) * devices;
    (0..u64::from(count)).map(script::destination).collect()
}

/// All who may be written to.
pub fn everybody() -> Vec<String> {
    (0..u64::from(RECIPIENTS + SENDERS_MAX)).map(script::destination).collect()
}
