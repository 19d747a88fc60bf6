//! Looks names up, and gives only those of their addresses that may be reached.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use tokio::sync::Semaphore;

use super::public::may_reach;

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
            let look_up = move || {
                // A look-up cannot be ended: one whose download was given up still has its thread.
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs().map(Iterator::collect)
            };
            let found: Vec<SocketAddr> = tokio::task::spawn_blocking(look_up).await??;
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
