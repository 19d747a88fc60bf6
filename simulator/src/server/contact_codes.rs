//! Contact QR codes: a person's code, in a link (`https://wa.me/qr/…`) or an image of it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::account::Account;
use crate::clock;

/// One code for each person who has requested one.
#[derive(Default)]
pub struct ContactCodes {
    by_code: Mutex<HashMap<String, Arc<Account>>>,
}

impl ContactCodes {
    /// A person's code, created on first use.
    pub fn of(&self, account: &Arc<Account>) -> String {
        let mut by_code = self.by_code.lock();
        let known = by_code.iter().find(|(_, owner)| Arc::ptr_eq(owner, account)).map(|(code, _)| code.clone());
        known.unwrap_or_else(|| {
            let code = new_code();
            by_code.insert(code.clone(), account.clone());
            code
        })
    }

    /// Replaces a person's code.
    pub fn renew(&self, account: &Arc<Account>) -> String {
        self.by_code.lock().retain(|_, owner| !Arc::ptr_eq(owner, account));
        self.of(account)
    }

    /// The owner of a code.
    pub fn find(&self, code: &str) -> Option<Arc<Account>> {
        self.by_code.lock().get(code).cloned()
    }
}

/// Fourteen letters and digits, like the service's.
fn new_code() -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    clock::random_bytes::<14>().iter().map(|byte| char::from(letters[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::directory::Directory;

    #[test]
    fn a_code_leads_to_its_owner_until_it_is_renewed() {
        let directory = Directory::default();
        let (ann, bob) = (directory.register("15550001", "Ann"), directory.register("15550002", "Bob"));
        let codes = ContactCodes::default();
        let first = codes.of(&ann);
        assert_eq!(codes.of(&ann), first);
        assert_ne!(codes.of(&bob), first);
        assert!(codes.find(&first).is_some_and(|owner| Arc::ptr_eq(&owner, &ann)));
        let second = codes.renew(&ann);
        assert!(codes.find(&first).is_none() && codes.find(&second).is_some());
    }
}
