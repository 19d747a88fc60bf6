//! Addresses: an account has a phone number and a LID, and stanzas use either. A phone must recognize one person, and
//! keep one Signal session per device, whichever is used.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, JidExt, Server};
use wacore_libsignal::protocol::ProtocolAddress;

/// A person as the network knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Digits of the phone number with its country code, such as `15550001`.
    pub number: String,
    /// Digits of the LID, such as `900000000000001`.
    pub lid: String,
    /// The push name that goes along with their messages.
    pub name: String,
}

impl Profile {
    /// The account by phone number: `15550001@s.whatsapp.net`.
    pub fn jid(&self) -> Jid {
        Jid::pn(self.number.as_str())
    }

    /// The account by LID: `900000000000001@lid`.
    pub fn lid_jid(&self) -> Jid {
        Jid::lid(self.lid.as_str())
    }
}

/// The mapping between phone numbers and LIDs, as far as a phone has learnt it.
///
/// It holds at most one entry for each account of the network.
#[derive(Debug, Default)]
pub struct AddressBook {
    number_of: HashMap<String, String>,
    lid_of: HashMap<String, String>,
}

impl AddressBook {
    /// Records that both belong to one account. Returns whether that is new.
    pub fn learn(&mut self, number: &str, lid: &str) -> bool {
        if number.is_empty() || lid.is_empty() || self.number_of.get(lid).is_some_and(|known| known == number) {
            return false;
        }
        self.number_of.insert(lid.to_owned(), number.to_owned());
        self.lid_of.insert(number.to_owned(), lid.to_owned());
        true
    }

    /// Learns from two JIDs that a stanza gave for one account, in either order.
    pub fn learn_pair(&mut self, one: &Jid, other: &Jid) -> Option<(Jid, Jid)> {
        let (number, lid) = match (one.server, other.server) {
            (Server::Pn, Server::Lid) => (one, other),
            (Server::Lid, Server::Pn) => (other, one),
            _ => return None,
        };
        self.learn(&number.user, &lid.user).then(|| (number.to_non_ad(), lid.to_non_ad()))
    }

    /// The same device's JID with its phone number if known; groups and others are unchanged.
    pub fn canonical(&self, jid: &Jid) -> Jid {
        match self.number_of.get(jid.user.as_str()) {
            Some(number) if jid.server == Server::Lid => Jid::pn_device(number.as_str(), jid.device),
            _ => jid.clone(),
        }
    }

    /// The chat or account of a JID, without the device, by phone number if known.
    pub fn account(&self, jid: &Jid) -> Jid {
        self.canonical(jid).to_non_ad()
    }

    /// The LID of an account, if known.
    pub fn lid_of(&self, jid: &Jid) -> Option<Jid> {
        match jid.server {
            Server::Lid => Some(jid.to_non_ad()),
            Server::Pn => self.lid_of.get(jid.user.as_str()).map(|lid| Jid::lid(lid.as_str())),
            _ => None,
        }
    }

    /// Whether both JIDs belong to one account.
    pub fn is_same_account(&self, one: &Jid, other: &Jid) -> bool {
        self.account(one) == self.account(other)
    }

    /// The address under which the Signal session with a device is stored.
    pub fn signal_address(&self, device: &Jid) -> ProtocolAddress {
        let device = self.canonical(device);
        let name = device.to_non_ad().to_string();
        ProtocolAddress::new(&name, u32::from(device.device()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().unwrap()
    }

    #[test]
    fn both_names_of_a_device_lead_to_one_session() {
        let mut book = AddressBook::default();
        assert_ne!(book.signal_address(&jid("900:2@lid")), book.signal_address(&jid("155:2@s.whatsapp.net")));
        assert!(book.learn_pair(&jid("900:2@lid"), &jid("155@s.whatsapp.net")).is_some());
        assert!(book.learn_pair(&jid("155@s.whatsapp.net"), &jid("900@lid")).is_none(), "no news");
        assert_eq!(book.signal_address(&jid("900:2@lid")), book.signal_address(&jid("155:2@s.whatsapp.net")));
        assert_ne!(book.signal_address(&jid("900:2@lid")), book.signal_address(&jid("155:3@s.whatsapp.net")));
        assert_eq!(book.account(&jid("900:2@lid")), jid("155@s.whatsapp.net"));
        assert_eq!(book.lid_of(&jid("155@s.whatsapp.net")), Some(jid("900@lid")));
    }

    #[test]
    fn a_group_is_not_an_account() {
        let mut book = AddressBook::default();
        assert!(book.learn_pair(&jid("1203630@g.us"), &jid("900@lid")).is_none());
        assert_eq!(book.account(&jid("1203630@g.us")), jid("1203630@g.us"));
    }
}
