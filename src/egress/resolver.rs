//! Looks names up, and gives only those of their addresses that may be reached.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use tokio::sync::{Semaphore, oneshot};

use super::public::may_reach;

/// What the system's resolver needs is a few tens of kilobytes.
const STACK_BYTES: usize = 512 * 1024;

/// Gives the addresses of a name that may be reached.
pub(super) struct PublicResolver {
    allowed: Arc<[IpNet]>,
    lookups: Arc<Semaphore>,
}

impl PublicResolver {
    pub(super) fn new(allowed: Arc<[IpNet]>, lookups_max: usize) -> Self {
        Self { allowed, lookups: Arc::new(Semaphore::new(lookups_max)) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the name has no address that may be reached")]
struct OnlyPrivate;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, lookups) = (Arc::clone(&self.allowed), Arc::clone(&self.lookups));
        Box::pin(async move {
            let permit = lookups.acquire_owned().await?;
            let (answer, answered) = oneshot::channel();
            // A thread of its own: those of the runtime are what the store is read by, and a look-up may take half a minute.
            std::thread::Builder::new().name("look-up".into()).stack_size(STACK_BYTES).spawn(move || {
                // It cannot be ended: one whose download was given up still has its permit.
                let _permit = permit;
                let _ = answer.send((name.as_str(), 0).to_socket_addrs().map(Iterator::collect));
            })?;
            let found: Vec<SocketAddr> = answered.await??;
            let may: Vec<SocketAddr> =
                found.iter().copied().filter(|address| may_reach(address.ip(), &allowed)).collect();
            if may.is_empty() && !found.is_empty() {
                return Err(OnlyPrivate.into());
            }
            let addresses: Addrs = Box::new(may.into_iter());
            Ok(addresses)
        })
    }
}
