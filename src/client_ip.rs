//! Where a request comes from, as far as proxies that are trusted tell it.
//!
//! ```text
//!  client ----> proxy ----> proxy ----> this application
//!
//!  X-Forwarded-For: whatever the client wrote, 203.0.113.7, 198.51.100.2        the peer
//!                                              ^ 2 proxies  ^ 1 proxy           ^ 0 proxies
//! ```
//!
//! Each proxy appends the address that it was called from, so what is on the left was written by whoever called the outermost
//! one: by anybody. Addresses are counted from the right, and only as many as there are proxies of your own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, header::FORWARDED};

/// Where the client's address is found: with the peer of the connection, or in a header that a known number of proxies writes.
///
/// The header is one, and it is the one that the proxies write: a proxy that knows only `X-Forwarded-For` passes on whatever a
/// client puts into `Forwarded`. Give the number of proxies exactly. One too many, and the client writes its own address; one too
/// few, and all clients have the address of a proxy.
///
/// ```
/// use handset::ClientIp;
/// use http::HeaderMap;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "10.9.9.9, 203.0.113.7".parse()?);
/// let peer = Some([10, 0, 0, 1].into());
/// assert_eq!(ClientIp::x_forwarded_for(1).find(&headers, peer), Some([203, 0, 113, 7].into()));
/// assert_eq!(ClientIp::peer().find(&headers, peer), peer);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientIp {
    syntax: Syntax,
    trusted_proxies: u8,
}

impl ClientIp {
    /// The peer of the connection, and no header: the default, for an application without a proxy in front.
    #[must_use]
    pub const fn peer() -> Self {
        Self { syntax: Syntax::XForwardedFor, trusted_proxies: 0 }
    }

    /// What `trusted_proxies` proxies wrote into `X-Forwarded-For`.
    #[must_use]
    pub const fn x_forwarded_for(trusted_proxies: u8) -> Self {
        Self { syntax: Syntax::XForwardedFor, trusted_proxies }
    }

    /// What `trusted_proxies` proxies wrote into `Forwarded` (RFC 7239).
    #[must_use]
    pub const fn forwarded(trusted_proxies: u8) -> Self {
        Self { syntax: Syntax::Forwarded, trusted_proxies }
    }

    /// The address of the client; `peer` is who is at the other end of the connection, where that is known.
    ///
    /// Where a hop is missing or cannot be read, it is the last address that a trusted proxy has told, or the peer's. An IPv4
    /// address that is written as IPv6 is the IPv4 address. Limits count IPv6 by /64.
    #[must_use]
    pub fn find(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        let mut known = peer;
        for hop in self.hops(headers).take(self.trusted_proxies.into()) {
            match hop {
                Hop::At(ip) => known = Some(ip),
                Hop::Hidden => {}
                Hop::Malformed => break,
            }
        }
        known.map(|ip| ip.to_canonical())
    }

    /// Whether no header is read.
    pub(crate) fn is_peer(&self) -> bool {
        self.trusted_proxies == 0
    }

    /// From the last one to the first. Bytes and not text: what a client has put before them may be no text.
    fn hops<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = Hop> + 'h {
        let syntax = self.syntax;
        let lines = headers.get_all(syntax.header()).iter().rev();
        lines.flat_map(move |line| {
            from_the_right(line.as_bytes(), b',', syntax == Syntax::Forwarded).map(move |element| syntax.hop(element))
        })
    }
}

/// How a header names hops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Syntax {
    #[default]
    XForwardedFor,
    Forwarded,
}

impl Syntax {
    fn header(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => FORWARDED,
        }
    }

    fn hop(self, element: &[u8]) -> Hop {
        match self {
            Self::XForwardedFor => text(element).map_or(Hop::Malformed, |node| match node.parse::<Ipv6Addr>() {
                Ok(bare) => Hop::At(bare.into()),
                Err(_) => Hop::of(node),
            }),
            Self::Forwarded => forwarded_for(element).map_or(Hop::Malformed, |node| Hop::of(&node)),
        }
    }
}

/// What a proxy says of whom it was called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    At(IpAddr),
    /// It says that it does not say: `unknown`, or a name of its own such as `_hidden` (RFC 7239, sections 6.2 and 6.3).
    Hidden,
    Malformed,
}

impl Hop {
    /// A node: `203.0.113.7`, `203.0.113.7:4711`, `[2001:db8::1]`, `[2001:db8::1]:4711`, `unknown`, `_name`.
    fn of(node: &str) -> Self {
        let (host, port) = match node.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((inside, "")) => (inside.parse::<Ipv6Addr>().map(IpAddr::from).ok(), None),
            Some((inside, after)) => {
                let Some(port) = after.strip_prefix(':') else { return Self::Malformed };
                (inside.parse::<Ipv6Addr>().map(IpAddr::from).ok(), Some(port))
            }
            None => {
                let (host, port) = node.split_once(':').map_or((node, None), |(host, port)| (host, Some(port)));
                if (host.eq_ignore_ascii_case("unknown") || is_obfuscated(host)) && port.is_none_or(is_port) {
                    return Self::Hidden;
                }
                (host.parse::<Ipv4Addr>().map(IpAddr::from).ok(), port)
            }
        };
        match host {
            Some(ip) if port.is_none_or(is_port) => Self::At(ip),
            _ => Self::Malformed,
        }
    }
}

fn is_port(port: &str) -> bool {
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    digits && port.parse::<u16>().is_ok() || is_obfuscated(port)
}

fn is_obfuscated(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    name.strip_prefix('_').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
}

/// The one `for` of an element of `Forwarded`, without its quotation marks.
fn forwarded_for(element: &[u8]) -> Option<String> {
    let mut found = None;
    for pair in from_the_right(element, b';', true) {
        let (name, value) = text(pair)?.split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(unquoted(value)?).is_some() {
            return None;
        }
    }
    found
}

/// The value of a token or of a quoted string (RFC 9110, section 5.6.4).
fn unquoted(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else { return (!value.contains('"')).then(|| value.to_owned()) };
    let (mut plain, mut chars) = (String::new(), quoted.strip_suffix('"')?.chars());
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => chars.next()?,
            '"' => return None,
            c => c,
        });
    }
    Some(plain)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().map(|text| text.trim_matches([' ', '\t']))
}

/// The elements of a list, the last one first. It is read from the right, so that a quotation mark that a client has left open
/// further left changes nothing here.
fn from_the_right(list: &[u8], separator: u8, quotes: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        let mut quoted = false;
        let at = list.iter().enumerate().rev().find_map(|(at, byte)| {
            match byte {
                b'"' if quotes && !quoted => quoted = true,
                b'"' if quoted && !is_escaped(list, at) => quoted = false,
                byte if *byte == separator && !quoted => return Some(at),
                _ => {}
            }
            None
        });
        rest = at.and_then(|at| list.get(..at));
        at.map_or(Some(list), |at| list.get(at + 1..))
    })
}

/// Whether an odd number of backslashes stands before a place.
fn is_escaped(list: &[u8], at: usize) -> bool {
    let before = list.iter().take(at).rev().take_while(|byte| **byte == b'\\').count();
    before % 2 == 1
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn found(source: ClientIp, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(source.syntax.header(), HeaderValue::from_bytes(line).unwrap());
        }
        source.find(&headers, Some(PEER.parse().unwrap())).unwrap().to_string()
    }

    #[test]
    fn b5_x_forwarded_for_is_ignored_unless_proxies_are_trusted_and_then_counted_from_the_right() {
        for (proxies, lines, client) in [
            (0, &["203.0.113.7"][..], PEER),
            (1, &[], PEER),
            (1, &["203.0.113.7"], "203.0.113.7"),
            (1, &["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
            (1, &["6.6.6.6,203.0.113.7 "], "203.0.113.7"),
            (1, &["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
            (2, &["6.6.6.6", "203.0.113.7, 198.51.100.2"], "203.0.113.7"),
            (2, &["6.6.6.6, 203.0.113.7", "198.51.100.2"], "203.0.113.7"),
            // A hop is missing or cannot be read: the last that is known, and not the client's word.
            (3, &["198.51.100.2"], "198.51.100.2"),
            (2, &["6.6.6.6, nonsense, 198.51.100.2"], "198.51.100.2"),
            (1, &["6.6.6.6, nonsense"], PEER),
            (1, &["6.6.6.6,"], PEER),
            (1, &["6.6.6.6, "], PEER),
            (1, &["6.6.6.6, 203.0.113.7 203.0.113.8"], PEER),
            (1, &["6.6.6.6, 203.0.113.7:"], PEER),
            (1, &["6.6.6.6, 203.0.113.7:70000"], PEER),
            (1, &["6.6.6.6, 203.0.113.256"], PEER),
            (1, &["6.6.6.6, \"203.0.113.7\""], PEER),
            (1, &["6.6.6.6, fe80::1%eth0"], PEER),
            (2, &["6.6.6.6, unknown, 198.51.100.2"], "198.51.100.2"),
            (2, &["203.0.113.7, unknown"], "203.0.113.7"),
            // The ways to write an address.
            (1, &["203.0.113.7:4711"], "203.0.113.7"),
            (1, &["2001:db8::1"], "2001:db8::1"),
            (1, &["[2001:db8::1]"], "2001:db8::1"),
            (1, &["[2001:db8::1]:443"], "2001:db8::1"),
            (1, &["[2001:db8::1]443"], PEER),
            (1, &["[203.0.113.7]"], PEER),
            (1, &["::ffff:203.0.113.7"], "203.0.113.7"),
        ] {
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(found(ClientIp::x_forwarded_for(proxies), &lines), client, "{proxies} {lines:?}");
        }
    }

    #[test]
    fn b5_forwarded_is_read_as_rfc_7239_writes_it() {
        for (proxies, lines, client) in [
            (0, &["for=203.0.113.7"][..], PEER),
            (1, &["for=203.0.113.7"], "203.0.113.7"),
            (1, &["For=203.0.113.7;proto=https;by=203.0.113.43"], "203.0.113.7"),
            (1, &["for=6.6.6.6, for=203.0.113.7; proto=http"], "203.0.113.7"),
            (2, &["for=6.6.6.6", "for=\"[2001:db8::17]:4711\", for=198.51.100.2"], "2001:db8::17"),
            (1, &["for=\"203.0.113.7:_port\""], "203.0.113.7"),
            (1, &["for=\"\\203.0.113.7\""], "203.0.113.7"),
            (1, &["by=_x;host=\"a,b;for=6.6.6.6\";for=203.0.113.7"], "203.0.113.7"),
            (1, &["for=203.0.113.7;host=\"for=6.6.6.6, \\\" for=6.6.6.6\""], "203.0.113.7"),
            (1, &["for=203.0.113.7;host=\"a\\\\\""], "203.0.113.7"),
            // Names of their own are hops without an address.
            (1, &["for=6.6.6.6, for=_hidden"], PEER),
            (1, &["for=6.6.6.6, for=unknown"], PEER),
            (2, &["for=6.6.6.6, for=203.0.113.7, for=_SEVKISEK"], "203.0.113.7"),
            // What is no hop at all.
            (1, &["for=6.6.6.6, for=2001:db8::1"], PEER),
            (1, &["for=6.6.6.6, for=\"[2001:db8::1\""], PEER),
            (1, &["for=6.6.6.6, for=\"203.0.113.7"], PEER),
            (1, &["for=6.6.6.6, for=203.0.113.7;for=203.0.113.8"], PEER),
            (1, &["for=6.6.6.6, by=203.0.113.7"], PEER),
            (1, &["for=6.6.6.6, 203.0.113.7"], PEER),
            (1, &["for=6.6.6.6, for="], PEER),
            (1, &["for=6.6.6.6, for=_"], PEER),
        ] {
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(found(ClientIp::forwarded(proxies), &lines), client, "{proxies} {lines:?}");
        }
    }

    #[test]
    fn b5_the_header_that_no_proxy_writes_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", HeaderValue::from_static("for=6.6.6.6"));
        let peer = Some(PEER.parse().unwrap());
        assert_eq!(ClientIp::x_forwarded_for(1).find(&headers, peer), peer);
        assert_eq!(ClientIp::forwarded(1).find(&headers, None), Some([6, 6, 6, 6].into()));
        assert_eq!(ClientIp::peer().find(&headers, None), None);
    }

    /// Whatever a header can carry.
    fn anything() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            4 => prop::sample::select(&b"\",;=\\ for[]:_1."[..]),
            1 => (0x20..=0xff_u8).prop_filter("a header has no DEL", |byte| *byte != 0x7f),
        ];
        prop::collection::vec(byte, 0..60)
    }

    proptest! {
        #[test]
        fn b5_whatever_a_client_writes_before_changes_nothing(
            spoofed in prop::collection::vec(anything(), 0..3),
            glued in anything(),
            in_one_line in any::<bool>(),
            hops in prop::collection::vec(any::<IpAddr>(), 1..4),
            forwarded in any::<bool>(),
        ) {
            let written: Vec<String> = hops.iter().map(|hop| match (forwarded, hop) {
                (false, hop) => hop.to_string(),
                (true, IpAddr::V4(hop)) => format!("host=\"a,\\\"b\";for={hop}"),
                (true, IpAddr::V6(hop)) => format!("for=\"[{hop}]:80\";by=_x"),
            }).collect();
            let proxies = u8::try_from(hops.len()).unwrap();
            let source = if forwarded { ClientIp::forwarded(proxies) } else { ClientIp::x_forwarded_for(proxies) };
            let mut lines = spoofed.clone();
            if in_one_line {
                lines.push([glued.as_slice(), b", ", written.join(", ").as_bytes()].concat());
            } else {
                lines.extend(written.iter().map(|hop| hop.clone().into_bytes()));
            }
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(found(source, &lines), hops[0].to_canonical().to_string());
        }
    }
}
