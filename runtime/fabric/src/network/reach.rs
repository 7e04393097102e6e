//! Which addresses belong to everybody: the registries of special-purpose addresses that
//! [RFC 6890](https://www.rfc-editor.org/rfc/rfc6890) sets up, with their later entries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to nobody's inside. What is not sure to be reachable by everybody is
/// taken for somebody's inside.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        // "This network" (RFC 791), and what is reserved, with the limited broadcast (RFC 1112).
        || a == 0
        || a >= 240
        // Shared address space of carriers (RFC 6598).
        || (a == 100 && b & 0xc0 == 64)
        // Protocol assignments (RFC 6890), and relays from 6to4 (RFC 7526).
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        // Benchmarks (RFC 2544).
        || (a == 198 && b & 0xfe == 18))
}

/// Only what is allocated to be routed everywhere, `2000::/3` (RFC 4291), without its special parts.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000
        // Protocol assignments (RFC 2928): Teredo, benchmarks, ORCHIDs and what is to come.
        && !(first == 0x2001 && second & 0xfe00 == 0)
        // Documentation (RFC 3849, RFC 9637).
        && !(first == 0x2001 && second == 0xdb8)
        && !(first == 0x3fff && second & 0xf000 == 0)
}

/// IPv4 addresses in IPv6 clothes: mapped (RFC 4291), translated (RFC 6052) and 6to4 (RFC 3056).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| {
        let [w, x] = high.to_be_bytes();
        let [y, z] = low.to_be_bytes();
        Ipv4Addr::new(w, x, y, z)
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(joined(g, h)),
        (0x2002, ..) => Some(joined(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The IANA registries' entries that are not globally reachable, and those that are in part, which
    /// nothing that is fetched has an address in: block, and the RFC that sets it apart.
    const INSIDE: &[(&str, &str)] = &[
        ("0.0.0.0/8", "RFC 791"),
        ("10.0.0.0/8", "RFC 1918"),
        ("100.64.0.0/10", "RFC 6598"),
        ("127.0.0.0/8", "RFC 1122"),
        ("169.254.0.0/16", "RFC 3927"),
        ("172.16.0.0/12", "RFC 1918"),
        ("192.0.0.0/24", "RFC 6890"),
        ("192.0.2.0/24", "RFC 5737"),
        ("192.88.99.0/24", "RFC 7526"),
        ("192.168.0.0/16", "RFC 1918"),
        ("198.18.0.0/15", "RFC 2544"),
        ("198.51.100.0/24", "RFC 5737"),
        ("203.0.113.0/24", "RFC 5737"),
        ("224.0.0.0/4", "RFC 5771"),
        ("240.0.0.0/4", "RFC 1112"),
        ("255.255.255.255/32", "RFC 8190"),
        ("::/128", "RFC 4291"),
        ("::1/128", "RFC 4291"),
        ("::ffff:10.0.0.0/104", "RFC 4291, mapped"),
        ("::ffff:169.254.0.0/112", "RFC 4291, mapped"),
        ("::/96", "RFC 4291, compatible"),
        ("64:ff9b::a00:0/104", "RFC 6052, of 10.0.0.0/8"),
        ("64:ff9b::a9fe:0/112", "RFC 6052, of 169.254.0.0/16"),
        ("64:ff9b:1::/48", "RFC 8215"),
        ("100::/64", "RFC 6666"),
        ("2001::/23", "RFC 2928"),
        ("2001::/32", "RFC 4380"),
        ("2001:2::/48", "RFC 5180"),
        ("2001:10::/28", "RFC 4843"),
        ("2001:20::/28", "RFC 7343"),
        ("2001:db8::/32", "RFC 3849"),
        ("2002:a00::/24", "RFC 3056, of 10.0.0.0/8"),
        ("2002:7f00::/24", "RFC 3056, of 127.0.0.0/8"),
        ("3fff::/20", "RFC 9637"),
        ("5f00::/16", "RFC 9602"),
        ("fc00::/7", "RFC 4193"),
        ("fd00:ec2::254/128", "RFC 4193, where a cloud tells secrets"),
        ("fe80::/10", "RFC 4291"),
        ("fec0::/10", "RFC 3879"),
        ("ff00::/8", "RFC 4291"),
    ];

    /// Blocks right beside those, and some that many know.
    const OUTSIDE: &[&str] = &[
        "1.0.0.0/8",
        "9.255.255.255/32",
        "11.0.0.0/8",
        "100.63.255.255/32",
        "100.128.0.0/9",
        "126.255.255.255/32",
        "128.0.0.0/16",
        "169.253.255.255/32",
        "169.255.0.0/16",
        "172.15.255.255/32",
        "172.32.0.0/11",
        "192.0.1.0/24",
        "192.0.3.0/24",
        "192.167.255.255/32",
        "192.169.0.0/16",
        "198.17.255.255/32",
        "198.20.0.0/14",
        "223.255.255.255/32",
        "93.184.216.34/32",
        "2001:200::/23",
        "2001:db7::/32",
        "2001:db9::/32",
        "2400::/12",
        "2606:2800:220:1::1/128",
        "3ffe::/16",
        "3fff:1000::/20",
        "64:ff9b::5db8:d822/128",
        "::ffff:93.184.216.34/128",
        "2002:5db8:d822::/48",
    ];

    /// The address of a block whose free bits are those of `bits`.
    fn within(block: &str, bits: u128) -> IpAddr {
        let (address, length) = block.split_once('/').expect("a block has a length");
        let length: u32 = length.parse().expect("a number");
        match address.parse().expect("an address") {
            IpAddr::V4(address) => {
                let free = u32::MAX.checked_shr(length).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() | (bits as u32 & free)).into()
            }
            IpAddr::V6(address) => {
                let free = u128::MAX.checked_shr(length).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() | (bits & free)).into()
            }
        }
    }

    #[test]
    fn both_ends_of_each_block_are_told_right() {
        for bits in [0, u128::MAX] {
            for (block, source) in INSIDE {
                let address = within(block, bits);
                assert!(!is_public(address), "{address} of {block} ({source})");
            }
            for block in OUTSIDE {
                let address = within(block, bits);
                assert!(is_public(address), "{address} of {block}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_address_of_a_block_is_told_right(bits in any::<u128>()) {
            for (block, source) in INSIDE {
                let address = within(block, bits);
                prop_assert!(!is_public(address), "{} of {} ({})", address, block, source);
            }
            for block in OUTSIDE {
                let address = within(block, bits);
                prop_assert!(is_public(address), "{} of {}", address, block);
            }
        }

        #[test]
        fn an_ipv4_address_is_the_same_in_each_of_its_clothes(bits in any::<u32>()) {
            let plain = Ipv4Addr::from_bits(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for dressed in [
                plain.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(is_public(plain.into()), is_public(dressed.into()), "{}", dressed);
            }
        }
    }
}
