//! The way through a proxy, as an operator says it: six keys that make sense only together.
//!
//! What a key holds by itself is checked where it is read; whether they fit each other, in [`ProxyDraft::finish`].

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use url::Host;

use super::{Fault, Problem, Proxy, ProxyProtocol, Region, quoted};

/// The longest name and password that SOCKS5 can carry (RFC 1929).
const SOCKS_LONGEST: usize = 255;

const HOST_RIGHT: &str =
    "Write the proxy's name or address alone: `proxy.example.com`, `192.0.2.8`";

const BYPASS_RIGHT: &str = "Write hosts, domains, addresses or networks with commas between them: `api.example.com, .example.net, 192.0.2.0/24`";

pub(super) const PROTOCOLS: [ProxyProtocol; 3] = [
    ProxyProtocol::Http,
    ProxyProtocol::Https,
    ProxyProtocol::Socks5,
];

pub(super) const PROTOCOL_WORDS: [(&str, &str); 3] = [
    ("http", "an HTTP proxy that takes CONNECT"),
    (
        "https",
        "the same, reached over TLS; its certificate is checked as the region's is",
    ),
    ("socks5", "a SOCKS proxy of version 5"),
];

/// What the six keys and the bypass list said so far.
#[derive(Default)]
pub(super) struct ProxyDraft {
    pub(super) is_used: bool,
    pub(super) protocol: Option<ProxyProtocol>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) bypass: Vec<String>,
}

impl ProxyDraft {
    /// The proxy, if one is used, or what does not fit together.
    pub(super) fn finish(self) -> Result<Option<Proxy>, Vec<Problem>> {
        if !self.is_used {
            return Ok(None);
        }
        let mut problems = Vec::new();
        let mut problem = |key: &str, wrong: &str, right: &str| {
            problems.push(Fault::new(wrong, right).of(key.to_owned()));
        };
        let missing = "is missing, and UseClientProxy is true";
        if self.host.is_none() {
            problem("ProxyHostname", missing, HOST_RIGHT);
        }
        if self.port.is_none() {
            problem(
                "ProxyPort",
                missing,
                "Write the proxy's TCP port, 1 to 65535",
            );
        }
        let protocol = self.protocol.unwrap_or(ProxyProtocol::Http);
        if let Some(username) = &self.username {
            if protocol == ProxyProtocol::Socks5 {
                if username.len() > SOCKS_LONGEST {
                    problem(
                        "ProxyUsername",
                        "is longer than SOCKS5 can carry",
                        "Use one of at most 255 bytes",
                    );
                }
            } else if username.contains(':') {
                // HTTP's Basic scheme ends the name at the first colon.
                problem(
                    "ProxyUsername",
                    "holds a colon, which Basic authentication cannot carry",
                    "Use a name without one",
                );
            }
        }
        if let Some(password) = &self.password {
            if self.username.is_none() {
                problem(
                    "ProxyPassword",
                    "is written, but ProxyUsername is not",
                    "Write both, or neither for a proxy that asks for none",
                );
            }
            if protocol == ProxyProtocol::Socks5 && password.expose_secret().len() > SOCKS_LONGEST {
                problem(
                    "ProxyPassword",
                    "is longer than SOCKS5 can carry",
                    "Use one of at most 255 bytes",
                );
            }
        }
        let (Some(host), Some(port), true) = (self.host, self.port, problems.is_empty()) else {
            return Err(problems);
        };
        Ok(Some(Proxy {
            protocol,
            host,
            port,
            credentials: self
                .username
                .map(|name| (name, self.password.unwrap_or_default())),
            bypass: self.bypass,
        }))
    }
}

/// Reads a host: a name or an address, nothing around it.
pub(super) fn host(text: &str) -> Result<String, Fault> {
    // An `@` may stand after a password: such a text is never shown.
    if text.contains('@') {
        return Err(Fault::new(
            "holds an `@`, as if it had a user name and a password",
            "Write those in ProxyUsername and ProxyPassword",
        ));
    }
    if text.contains("://") {
        return Err(Fault::new(
            format!("is {}, which has a scheme", quoted(text)),
            "Write the host alone, and its scheme in ProxyProtocol",
        ));
    }
    if let Some((_, port)) = text.rsplit_once(':')
        && !text.contains("::")
        && port.parse::<u16>().is_ok()
    {
        return Err(Fault::new(
            format!("is {}, which has a port", quoted(text)),
            "Write the host alone, and its port in ProxyPort",
        ));
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    match Host::parse(bare) {
        Ok(Host::Domain(name)) if name.len() <= 253 => Ok(name),
        Ok(Host::Ipv4(address)) => Ok(address.to_string()),
        _ => Err(Fault::new(
            format!(
                "is {}, which is neither a name nor an address",
                quoted(text)
            ),
            HOST_RIGHT,
        )),
    }
}

/// Whether the region can be reached through the proxy without its client secret being readable on the way: over http
/// only if that way does not leave this machine either.
pub(super) fn check_way(region: &Region, proxy: &Proxy) -> Result<(), Fault> {
    let is_near = match proxy.host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => proxy.host == "localhost",
    };
    if region.login.scheme() != "http" || is_near {
        return Ok(());
    }
    Err(Fault::new(
        "asks over http, and UseClientProxy is true: the client secret would be readable on the way to the proxy",
        "Write false for UseClientProxy: a region on this machine needs no proxy",
    ))
}

/// Reads the user name.
pub(super) fn username(text: &str) -> Result<Option<String>, Fault> {
    if text.contains(char::is_control) {
        return Err(Fault::new(
            "holds a control character",
            "Write it on one line",
        ));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Reads the list of hosts that are reached without the proxy.
pub(super) fn bypass(text: &str) -> Result<Vec<String>, Fault> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(entry)
        .collect()
}

fn entry(text: &str) -> Result<String, Fault> {
    let wrong = |why: &str| Fault::new(format!("holds {}, {why}", quoted(text)), BYPASS_RIGHT);
    if text == "*" {
        return Err(Fault::new(
            "holds `*`, which leaves nothing to the proxy",
            "Write false for UseClientProxy if no connection is to go through it",
        ));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    if let Some((address, length)) = text.split_once('/') {
        let most = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return Err(wrong("which is no network")),
        };
        return match length.parse::<u8>() {
            Ok(length) if length <= most => Ok(text.to_owned()),
            _ => Err(wrong("which is no network")),
        };
    }
    let domain = text
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(text);
    let name = domain.strip_prefix('.').unwrap_or(domain);
    match Host::parse(name) {
        Ok(Host::Domain(name)) if !name.contains('*') => Ok(name),
        _ => Err(wrong("which is no host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_alone() {
        for (written, read) in [
            ("proxy.example.com", "proxy.example.com"),
            ("PROXY", "proxy"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.8", "192.0.2.8"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(host(written).ok().as_deref(), Some(read), "{written}");
        }
        for (written, word) in [
            ("http://proxy", "scheme"),
            ("proxy:3128", "port"),
            ("user:pw@proxy", "user name"),
            ("pro xy", "neither"),
            ("proxy/path", "neither"),
            ("", "neither"),
        ] {
            let fault = host(written).err().map(|fault| fault.wrong);
            assert!(
                fault.as_ref().is_some_and(|wrong| wrong.contains(word)),
                "{written}: {fault:?}"
            );
        }
        let secret = host("user:canary@proxy").err().map(|fault| fault.wrong);
        assert!(!secret.is_some_and(|wrong| wrong.contains("canary")));
    }

    #[test]
    fn a_bypass_list_is_hosts_domains_addresses_and_networks() {
        assert_eq!(
            bypass("api.example.com, .example.net,*.Example.org , 192.0.2.7, 10.0.0.0/8, 2001:db8::/32,").ok(),
            Some(
                [
                    "api.example.com",
                    "example.net",
                    "example.org",
                    "192.0.2.7",
                    "10.0.0.0/8",
                    "2001:db8::/32"
                ]
                .map(str::to_owned)
                .to_vec()
            )
        );
        for bad in [
            "*",
            "http://a",
            "10.0.0.0/33",
            "a/8",
            "a:80",
            "a*.b",
            "<local>",
        ] {
            assert!(bypass(bad).is_err(), "{bad}");
        }
    }
}
