//! The participant hash (phash), which tells the server which devices of a group a client knows, so that it can report
//! that some are missing or outdated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::group::Group;
use crate::wire::stanza::Jid;

/// Version prefix of the hash.
const VERSION: &str = "2:";
const HASH_BYTES: usize = 6;

/// The hash of all devices of a group's members, in the group's addressing mode.
pub fn of_group(group: &Group) -> String {
    let members = group.members();
    let devices = members.iter().flat_map(|member| member.account.devices());
    of(devices.map(|device| device.jid(group.naming()).clone()))
}

/// The hash of these devices, in any order.
pub fn of(devices: impl IntoIterator<Item = Jid>) -> String {
    let mut names: Vec<String> = devices.into_iter().map(|jid| jid.to_phash_form_string()).collect();
    names.sort_unstable();
    let digest = Sha256::digest(names.concat());
    format!("{VERSION}{}", STANDARD.encode(&digest[..HASH_BYTES]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_clients_compute() {
        let devices = [Jid::pn("15550001"), Jid::pn_device("15550002", 3)];
        let theirs = wacore::messages::MessageUtils::participant_list_hash(&devices).unwrap();
        assert_eq!(of(devices.clone()), theirs);
        assert_eq!(of(devices.into_iter().rev()), theirs);
    }
}
