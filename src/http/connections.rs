//! How many connections are open, in all and from each address, so that no address shuts the others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::proxies::Proxies;
use crate::address::network;
use crate::clock::Millis;
use crate::limits;

/// What is open now. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections(Arc<Parts>);

struct Parts {
    proxies: Arc<Proxies>,
    all_max: usize,
    each_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    /// Of every address that has one, and is not exempt.
    each: HashMap<IpAddr, usize>,
    refused: u64,
    told_at: Millis,
}

/// A connection that was let in, until it is dropped.
pub(super) struct Admitted {
    connections: Connections,
    network: Option<IpAddr>,
}

/// Why a connection is closed at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// How many were refused since it was said last; `None` while it was said a moment ago.
    pub(super) to_tell: Option<u64>,
}

impl Connections {
    pub(super) fn new(all_max: usize, proxies: Arc<Proxies>) -> Self {
        let each_max = (all_max / 4).clamp(1, limits::CONNECTIONS_PER_ADDRESS_MAX);
        Self(Arc::new(Parts { proxies, all_max, each_max, open: Mutex::default() }))
    }

    /// Lets a connection in. Those of this machine, and of proxies whose word is taken, stand for many clients and are counted only
    /// among all.
    ///
    /// # Errors
    /// [`Refused`]
    pub(super) fn admit(&self, peer: IpAddr, now: Millis) -> Result<Admitted, Refused> {
        let peer = peer.to_canonical();
        let is_exempt = peer.is_loopback() || self.0.proxies.trusts(peer);
        let network = Some(network(peer)).filter(|_| !is_exempt);
        let mut open = self.open();
        let has_room =
            network.is_none_or(|network| open.each.get(&network).is_none_or(|count| *count < self.0.each_max));
        if open.all >= self.0.all_max || !has_room {
            open.refused += 1;
            let is_time = now - open.told_at >= limits::REFUSED_CONNECTIONS_MS;
            let to_tell = is_time.then(|| {
                open.told_at = now;
                std::mem::take(&mut open.refused)
            });
            return Err(Refused { to_tell });
        }
        open.all += 1;
        if let Some(network) = network {
            *open.each.entry(network).or_default() += 1;
        }
        Ok(Admitted { connections: self.clone(), network })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.all -= 1;
        if let Some(network) = self.network
            && let Some(count) = open.each.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                open.each.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_what_is_closed_makes_room() {
        let proxies = Arc::new(Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]));
        let connections = Connections::new(40, proxies);
        let mut held: Vec<Admitted> = (0..100)
            .filter_map(|number| connections.admit(address(&format!("2001:db8:1:2::{number}")), 0).ok())
            .collect();
        assert_eq!(held.len(), 10);
        // A proxy, and this machine, stand for many.
        for proxy in ["10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1", "::1"] {
            held.extend((0..6).map(|_| connections.admit(address(proxy), 0).ok().unwrap()));
        }
        held.extend((0..6).map(|_| connections.admit(address("203.0.113.7"), 0).ok().unwrap()));
        assert_eq!((held.len(), connections.open().each.len()), (40, 2));
        assert!(connections.admit(address("127.0.0.1"), 0).is_err());
        held.clear();
        assert!(connections.admit(address("2001:db8:1:2::1"), 0).is_ok());
        assert!(connections.open().each.is_empty() && connections.open().all == 0);
    }

    #[test]
    fn a_flood_is_told_now_and_then_with_how_many_there_were() {
        let connections = Connections::new(1, Arc::default());
        let _held = connections.admit(address("203.0.113.7"), 0);
        let told = |now| connections.admit(address("203.0.113.8"), now).err().unwrap().to_tell;
        let first = limits::REFUSED_CONNECTIONS_MS;
        assert_eq!((told(first), told(first), told(first + 1)), (Some(1), None, None));
        assert_eq!(told(2 * first), Some(3));
    }
}
