//! Where a request comes from: the connection's other end, or, where that is a proxy whose word is taken, the address from which the
//! proxy had it. Pure.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word is taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(trusted: Vec<IpNet>) -> Self {
        Self(trusted)
    }

    /// Whether the word of a proxy with this address is taken.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address that a request comes from, which `peer` brought. Each proxy adds at the end of the list whom it was asked by, so
    /// it is read from the end, as far as those who wrote it are trusted. Where the two headers disagree, or an entry cannot be read,
    /// it is the last proxy that is known: somebody else may have written the rest.
    pub(super) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let by_name = |name| self.follow(peer, headers, &name, entry);
        let (own, standard) = (by_name(X_FORWARDED_FOR), self.follow(peer, headers, &header::FORWARDED, element));
        match (own, standard) {
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        }
    }

    fn follow(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        read: impl Fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default()).collect();
        let mut origin = None;
        for one in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let last = origin.unwrap_or(peer);
            if !self.trusts(last) {
                break;
            }
            origin = Some(read(one.trim()).map_or(last, |address| address.to_canonical()));
            if origin == Some(last) {
                break;
            }
        }
        origin
    }
}

/// An address, with or without a port, in brackets or without.
fn entry(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// The `for` of an element of `Forwarded` (RFC 7239).
fn element(text: &str) -> Option<IpAddr> {
    let value = text.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    entry(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// A header and its value.
    type Line = (&'static str, &'static str);

    #[test]
    fn a_request_comes_from_where_the_last_trusted_proxy_says() {
        let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]);
        let cases: &[(&str, &[Line], &str)] = &[
            // Whoever comes directly is who it is, whatever they say.
            ("203.0.113.5", &[("x-forwarded-for", "198.51.100.1")], "203.0.113.5"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            // What stands before was written by the client.
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            // Through two proxies.
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.9")], "198.51.100.1"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1:4711")], "198.51.100.1"),
            ("127.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1"),
            ("127.0.0.1", &[("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            ("::ffff:127.0.0.1", &[("x-forwarded-for", "::ffff:198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.1;proto=https;by=10.0.0.1")], "198.51.100.1"),
            ("127.0.0.1", &[("forwarded", "For=\"[2001:db8::1]:4711\", for=10.0.0.9")], "2001:db8::1"),
            // Not said, or not to be read: the proxy.
            ("127.0.0.1", &[("forwarded", "for=unknown")], "127.0.0.1"),
            ("127.0.0.1", &[("forwarded", "for=_hidden, for=10.0.0.9")], "10.0.0.9"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1, nonsense")], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "")], "127.0.0.1"),
            // A proxy that writes one header passes the other on as the client wrote it.
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=1.1.1.1")], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")], "198.51.100.1"),
        ];
        for (peer, lines, origin) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in *lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let found = proxies.origin(peer.parse().unwrap(), &headers);
            assert_eq!(found, origin.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
        }
    }
}
