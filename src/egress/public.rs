//! Which addresses belong to the public internet, and not to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether an address may be reached: it is in one of these networks, or public and none of this machine's own, behind which
/// services may be that trust this machine.
pub(super) fn may_reach(ip: IpAddr, allowed: &[IpNet]) -> bool {
    let ip = ip.to_canonical();
    allowed.iter().any(|network| network.contains(&ip)) || is_public(ip) && !is_own(ip)
}

/// Whether an address is one of this machine's, as its interfaces are at this moment.
fn is_own(ip: IpAddr) -> bool {
    // Where they cannot be listed, no address is known to be public.
    let own = if_addrs::get_if_addrs();
    own.map_or(true, |own| own.iter().any(|interface| interface.ip().to_canonical() == ip))
}

/// Whether an address belongs to the public internet (IANA's special-purpose address registries).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    let last = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        // NAT64: as public as the IPv4 address in it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(last(high, low)),
        // 6to4.
        [0x2002, high, low, ..] => is_public_v4(last(high, low)),
        // Teredo, documentation, ORCHID and benchmarking in 2001::/23 and beyond.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, ..] => false,
        // Of the rest only 2000::/3 is given out.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in
            ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "2002:c0a8:101::",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "fec0::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_reached_only_where_the_operator_allows_it() {
        // A public one is none of this machine's here: its own stand for it.
        let own = if_addrs::get_if_addrs().unwrap();
        assert!(!own.is_empty() && own.iter().all(|interface| is_own(interface.ip())));
        assert!(!is_own("1.1.1.1".parse().unwrap()) && may_reach("1.1.1.1".parse().unwrap(), &[]));
        for interface in own {
            let network = IpNet::from(interface.ip());
            assert!(!may_reach(interface.ip(), &[]) && may_reach(interface.ip(), &[network]), "{}", interface.ip());
        }
    }
}
