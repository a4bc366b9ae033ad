use std::fmt;
use std::net::IpAddr;

use ureq::ProxyProtocol;
use ureq::http::Uri;

use super::endpoint::port;
use crate::error::ConfigError;

/// Through which HTTP proxy an endpoint is reached. The proxy connects (`CONNECT`); it sees the endpoint's name and port,
/// and over https nothing else.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` say, in capitals or not, unless `NO_PROXY` excepts the host. To
    /// `localhost` and its addresses there is never one.
    #[default]
    Environment,
    /// None.
    Direct,
    /// The one at that URL, `http://USER:PASSWORD@HOST:PORT`; it is never printed.
    Url(String),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Direct => "Direct",
            Self::Url(_) => "Url(***)",
        })
    }
}

impl Proxy {
    /// The proxy on the way to `endpoint`, if there is one.
    pub(super) fn on_the_way_to(&self, endpoint: &Uri) -> Result<Option<ureq::Proxy>, ConfigError> {
        let (name, url) = match self {
            Self::Direct => return Ok(None),
            Self::Url(url) => ("the setting", url.clone()),
            Self::Environment => match by_environment(&|name| std::env::var(name).ok(), endpoint) {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let usable = |proxy: &ureq::Proxy| proxy.protocol() == ProxyProtocol::Http;
        match ureq::Proxy::new(&url).ok().filter(usable) {
            Some(proxy) => Ok(Some(proxy)),
            // The URL may hold a password.
            None => Err(ConfigError::new(format!(
                "the proxy in {name} cannot be used: it has to be http://HOST:PORT; \
                 NO_PROXY={} goes without",
                endpoint.host().unwrap_or_default()
            ))),
        }
    }
}

/// The variable that names a proxy, and what it says.
fn by_environment(get: &dyn Fn(&str) -> Option<String>, endpoint: &Uri) -> Option<(&'static str, String)> {
    let host = endpoint.host()?.trim_matches(['[', ']']);
    let is_local = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let text = |name: &'static str| get(name).filter(|value| !value.is_empty()).map(|value| (name, value));
    let excepted = text("NO_PROXY").or_else(|| text("no_proxy"));
    if is_local || excepted.is_some_and(|(_, list)| excepts(&list, host, port(endpoint))) {
        return None;
    }
    let own = match endpoint.scheme_str() {
        Some("https") => text("HTTPS_PROXY").or_else(|| text("https_proxy")),
        // In a CGI program HTTP_PROXY is what a client's header "Proxy" says.
        _ if get("REQUEST_METHOD").is_some() => text("http_proxy"),
        _ => text("HTTP_PROXY").or_else(|| text("http_proxy")),
    };
    own.or_else(|| text("ALL_PROXY")).or_else(|| text("all_proxy"))
}

/// Whether a list like `example.com,.intra,10.0.0.1,host:8080` or `*` has the host: names stand for what is under them, too.
fn excepts(list: &str, host: &str, port: u16) -> bool {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            // More than one colon is an address of IPv6.
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => (name, digits.parse().ok()),
            _ => (entry, None),
        };
        let name = name.trim_matches(['[', ']']).trim_start_matches("*.").trim_start_matches('.');
        let start = host.len().checked_sub(name.len());
        let ends = start.is_some_and(|start| {
            host.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(name))
                && (start == 0 || host.as_bytes()[start - 1] == b'.')
        });
        !name.is_empty() && ends && wanted.is_none_or(|wanted: u16| wanted == port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)], endpoint: &str) -> Option<String> {
        let get = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        by_environment(&get, &endpoint.parse().unwrap()).map(|(_, url)| url)
    }

    #[test]
    fn the_scheme_chooses_the_variable_in_both_cases() {
        let all = [("HTTPS_PROXY", "s"), ("http_proxy", "h"), ("ALL_PROXY", "a")];
        assert_eq!(chosen(&all, "https://host/v1/logs").as_deref(), Some("s"));
        assert_eq!(chosen(&all, "http://host:4317").as_deref(), Some("h"));
        assert_eq!(chosen(&[("all_proxy", "a"), ("HTTP_PROXY", "")], "http://host").as_deref(), Some("a"));
        assert_eq!(chosen(&[("HTTPS_PROXY", "s")], "http://host"), None);
        assert_eq!(chosen(&all, "http://localhost:4318"), None);
        assert_eq!(chosen(&all, "http://[::1]:4318"), None);
        let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil")];
        assert_eq!(chosen(&cgi, "http://host"), None);
    }

    #[test]
    fn hosts_are_excepted_by_name_domain_port_or_star() {
        let goes_direct =
            |list, endpoint| chosen(&[("ALL_PROXY", "a"), ("no_proxy", list)], endpoint).is_none();
        for list in
            ["example.com", " other , .example.com ", "*.example.com", "*", "collector.example.com:4318"]
        {
            assert!(goes_direct(list, "http://Collector.example.com:4318"), "{list}");
        }
        for list in ["ample.com", "example.org", "example.com:80", "", ".", "collector"] {
            assert!(!goes_direct(list, "http://collector.example.com:4318"), "{list}");
        }
        assert!(
            goes_direct("[fd00::1]:4318", "http://[fd00::1]:4318")
                && goes_direct("fd00::1", "http://[fd00::1]")
        );
        assert!(goes_direct("10.0.0.1", "http://10.0.0.1") && !goes_direct("10.0.0.1", "http://110.0.0.1"));
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused_without_its_password() {
        let endpoint: Uri = "http://host".parse().unwrap();
        for url in ["socks5://me:hush@proxy:1080", "http://", "me:hush@"] {
            let error = Proxy::Url(url.to_owned()).on_the_way_to(&endpoint).unwrap_err().to_string();
            assert!(error.contains("http://HOST:PORT") && !error.contains("hush"), "{error}");
        }
        assert!(Proxy::Url("http://me:hush@proxy".to_owned()).on_the_way_to(&endpoint).unwrap().is_some());
    }
}
