//! Looks names up, and gives only those of their addresses that may be reached.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::public::may_reach;

/// Gives the addresses of a name that may be reached.
pub(super) struct PublicResolver {
    allowed: Arc<[IpNet]>,
}

impl PublicResolver {
    pub(super) fn new(allowed: Arc<[IpNet]>) -> Self {
        Self { allowed }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the name has no address that may be reached")]
struct OnlyPrivate;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.allowed);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
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
