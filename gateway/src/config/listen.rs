use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use serde::{Serialize, Serializer};

use crate::failure::Failure;

/// Where to listen, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) Option<SocketAddr>);

impl Listen {
    pub(super) const OFF: Self = Self(None);

    /// The flag's address, else the file's, else a port on loopback.
    pub(super) fn choose(
        name: &str,
        flag: Option<&str>,
        file: Option<&str>,
        port: u16,
    ) -> Result<Self, Failure> {
        match (flag, file) {
            (Some(text), _) => Self::parse(&format!("--{name}"), text),
            (None, Some(text)) => Self::parse(&format!("the config's {name}"), text),
            (None, None) => Ok(Self(Some((Ipv4Addr::LOCALHOST, port).into()))),
        }
    }

    /// An address as people write it. Names but `localhost` are not looked up: which of a name's addresses
    /// is meant is better said.
    fn parse(what: &str, text: &str) -> Result<Self, Failure> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        let numbers = match text.strip_prefix("localhost:") {
            Some(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
            None => text.to_owned(),
        };
        numbers.parse().map(|address| Self(Some(address))).map_err(|_| {
            Failure::usage(format!(
                "{what}: {text:?} is not an address and a port; write it like 127.0.0.1:4318, or off"
            ))
        })
    }

    /// Whether somebody on this machine who connects to `ip` and `port` reaches this listener.
    pub(super) fn is_reached_by(self, ip: IpAddr, port: u16) -> bool {
        self.0.is_some_and(|own| {
            let same_ip = own.ip() == ip
                || (own.ip().is_loopback() && ip.is_loopback())
                || (own.ip().is_unspecified() && is_local(ip));
            same_ip && own.port() == port && port != 0
        })
    }
}

/// Whether the address is one of this machine's: then a socket can be bound to it.
fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
