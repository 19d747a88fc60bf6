//! All accounts, by either address.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};

use super::account::{Account, Naming};
use crate::wire::stanza::Jid;

/// The target of an address.
#[derive(Clone)]
pub struct Resolved {
    pub account: Arc<Account>,
    /// The device in the address; 0, the phone, if there is none.
    pub device: u16,
    /// The addressing mode of the address.
    pub naming: Naming,
}

/// All accounts.
#[derive(Default)]
pub struct Directory {
    /// Read for every message, written when an account is created.
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_number: HashMap<String, Arc<Account>>,
    by_lid: HashMap<String, Arc<Account>>,
}

impl Directory {
    /// The account of this number, created if necessary.
    pub fn register(&self, number: &str, name: &str) -> Arc<Account> {
        let mut known = self.known.write();
        if let Some(account) = known.by_number.get(number) {
            return account.clone();
        }
        let lid = (0..).map(|attempt| lid_for(number, attempt)).find(|lid| !known.by_lid.contains_key(lid));
        let lid = lid.unwrap_or_default();
        let account = Arc::new(Account::new(Jid::pn(number), Jid::lid(lid.as_str()), name));
        known.by_number.insert(number.to_owned(), account.clone());
        known.by_lid.insert(lid, account.clone());
        account
    }

    /// Resolves an address of either kind.
    pub fn resolve(&self, jid: &Jid) -> Option<Resolved> {
        let naming = Naming::of(jid)?;
        let known = self.known.read();
        let accounts = match naming {
            Naming::Number => &known.by_number,
            Naming::Lid => &known.by_lid,
        };
        let account = accounts.get(jid.user.as_str())?.clone();
        Some(Resolved { account, device: jid.device, naming })
    }

    /// Finds an account by its number, digits only.
    pub fn by_number(&self, number: &str) -> Option<Arc<Account>> {
        self.known.read().by_number.get(number).cloned()
    }

    /// All accounts, in no particular order.
    pub fn all(&self) -> Vec<Arc<Account>> {
        self.known.read().by_number.values().cloned().collect()
    }
}

/// Fifteen digits derived from the number, so that the same person has the same LID in every run.
fn lid_for(number: &str, attempt: u32) -> String {
    let digest = Sha256::digest(format!("{attempt}/{number}"));
    let value = digest.iter().take(8).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    format!("{}", 100_000_000_000_000 + value % 900_000_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::COMPANIONS_MAX;
    use crate::server::device::{Companion, Device};

    #[test]
    fn both_addresses_name_one_account_and_its_devices() {
        let directory = Directory::default();
        let account = directory.register("15550001", "Ann");
        let lid = account.lid().with_device(3);
        let by_lid = directory.resolve(&lid).unwrap();
        assert!(Arc::ptr_eq(&by_lid.account, &account));
        assert_eq!((by_lid.device, by_lid.naming), (3, Naming::Lid));
        let by_number = directory.resolve(account.number()).unwrap();
        assert!(Arc::ptr_eq(&by_number.account, &account));
        assert!(directory.resolve(&Jid::pn("15550002")).is_none());
        assert!(directory.resolve(&Jid::group("1-2")).is_none());
    }

    #[test]
    fn companions_beyond_those_that_there_may_be_are_refused_though_their_numbers_were_reserved() {
        let account = Directory::default().register("15550001", "Ann");
        let numbers: Vec<u16> = (0..=COMPANIONS_MAX).map(|_| account.reserve_device().unwrap()).collect();
        let added = numbers.iter().map(|index| {
            let proof = Companion { noise_public: [1; 32], signed_identity: Vec::new(), key_index: u32::from(*index) };
            account.add_device(Arc::new(Device::companion(account.number(), account.lid(), *index, proof)))
        });
        assert_eq!(added.filter(|is_added| *is_added).count(), COMPANIONS_MAX);
        assert_eq!(account.reserve_device(), None);
    }

    #[test]
    fn a_person_has_the_same_lid_in_every_run() {
        let lids = [(); 2].map(|()| Directory::default().register("15550001", "Ann").lid().to_string());
        assert_eq!(lids[0], lids[1]);
        assert!(lids[0].len() == "100000000000000@lid".len());
    }
}
