//! Which addresses requests may go to.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

use crate::error::{Error, ErrorKind, Result};

/// Which addresses requests may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// HTTPS to addresses of the public internet.
    PublicHttps,
    /// Anything, this machine and the network around it included.
    Anything,
}

impl Reach {
    /// Refuses a URL that must not be asked for. Names are looked at again when they are resolved.
    pub(super) fn admit(self, uri: &Uri) -> Result<()> {
        if self == Self::Anything {
            return Ok(());
        }
        if uri.scheme_str() != Some("https") {
            return Err(Error::new(ErrorKind::Misconfigured, "the base URL must begin with `https://`"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => {
                Err(Error::new(ErrorKind::Misconfigured, "the base URL names a private address"))
            }
            Err(_) if is_number(host) => Err(Error::new(
                ErrorKind::Misconfigured,
                "the base URL names an address in a short form; write it in full, such as `https://192.0.2.1/`",
            )),
            _ => Ok(()),
        }
    }
}

/// Whether a host that is no address as it stands is one to a URL parser, which never resolves it: `127.1`, `0x7f000001`
/// (WHATWG URL, "ends in a number").
fn is_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    last.to_ascii_lowercase().starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit())
}

/// Whether an address is one of the public internet, by the special-purpose registries of IANA (RFC 6890).
pub(super) fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    !NOT_PUBLIC.iter().any(|net| net.parse::<IpNet>().is_ok_and(|net| net.contains(&address)))
}

const NOT_PUBLIC: [&str; 26] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f5_private_addresses_and_plain_http_are_refused() {
        for url in [
            "http://api.example.com/",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:192.168.0.1]/",
            "https://[fd00::1]/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://2130706433/",
            "https://0X7F000001/",
            "https://0177.0.0.0x1/",
            "/relative",
        ] {
            assert!(Reach::PublicHttps.admit(&url.parse().unwrap()).is_err(), "{url}");
            assert!(Reach::Anything.admit(&url.parse().unwrap()).is_ok(), "{url}");
        }
        for url in ["https://api.example.com/", "https://8.8.8.8/", "https://[2a00:1450::1]/", "https://4.example.1e/"]
        {
            assert!(Reach::PublicHttps.admit(&url.parse().unwrap()).is_ok(), "{url}");
        }
    }

    #[test]
    fn every_net_of_the_list_is_one() {
        assert!(NOT_PUBLIC.iter().all(|net| net.parse::<IpNet>().is_ok()));
    }
}
