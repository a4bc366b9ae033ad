//! From a name to an HTTP/2 connection: lookup, TCP, a proxy's CONNECT, TLS.

use std::fmt;
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use ureq::http::Uri;

use super::Resolve;
use super::link::{Connection, with_causes};
use crate::error::ConfigError;
use crate::transport::endpoint::port;
use crate::transport::tls::Loaded;
use crate::transport::{Endpoint, Tls};

/// How to get to a server.
pub(super) struct Route {
    host: String,
    port: u16,
    proxy: Option<ureq::Proxy>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) resolve: Arc<Resolve>,
}

/// Why there is no connection. Nothing has been sent.
#[derive(Debug)]
pub(super) struct Unreachable(String);

impl Unreachable {
    fn new(step: impl fmt::Display, error: &dyn std::error::Error) -> Self {
        Self(format!("{step}: {}", with_causes(error)))
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Route {
    pub(super) fn new(endpoint: &Endpoint, uri: &Uri) -> Result<Self, ConfigError> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let tls = match uri.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| ConfigError::url(&endpoint.url, "its host is no name that TLS knows"))?;
                Some((connector(&endpoint.tls)?, name))
            }
            _ => None,
        };
        Ok(Self {
            host,
            port: port(uri),
            proxy: endpoint.proxy.on_the_way_to(uri)?,
            tls,
            resolve: Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())),
        })
    }

    pub(super) async fn connect(&self) -> Result<Connection, Unreachable> {
        let stream = match &self.proxy {
            Some(proxy) => {
                let mut stream = self.tcp(proxy.host(), proxy.port()).await?;
                let tunnel = tunnel(&mut stream, proxy, &self.host, self.port).await;
                tunnel.map_err(|error| Unreachable::new("through the proxy", &error))?;
                stream
            }
            None => self.tcp(&self.host, self.port).await?,
        };
        match &self.tls {
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                let stream = stream.map_err(|error| Unreachable::new("TLS", &error))?;
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    return Err(Unreachable("the server does not speak HTTP/2, which gRPC needs".to_owned()));
                }
                handshake(stream).await
            }
            None => handshake(stream).await,
        }
    }

    /// Tries the name's addresses in order; none but the last may take all the time there is.
    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, Unreachable> {
        const EACH: Duration = Duration::from_secs(2);
        let (resolve, name) = (self.resolve.clone(), host.to_owned());
        // The system's lookup blocks, and may do so longer than anybody waits.
        let found = spawn_blocking(move || resolve(&name, port)).await;
        let found = found.map_err(io::Error::other).and_then(|found| found);
        let addresses = found.map_err(|error| Unreachable::new(format_args!("looking {host} up"), &error))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for (i, address) in addresses.iter().enumerate() {
            let connecting = TcpStream::connect(address);
            let connected = match i + 1 < addresses.len() {
                true => tokio::time::timeout(EACH, connecting).await.unwrap_or_else(|late| Err(late.into())),
                false => connecting.await,
            };
            match connected {
                Ok(stream) => {
                    // A call is one short write after another.
                    _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(Unreachable::new(format_args!("connecting to {host}:{port}"), &last))
    }
}

async fn handshake<S>(stream: S) -> Result<Connection, Unreachable>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let made = http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|error| Unreachable::new("HTTP/2", &error))?;
    // How it ends is told to whoever calls next.
    let task = tokio::spawn(async { _ = connection.await });
    Ok(Connection { sender, task })
}

/// Has a proxy connect to the server.
async fn tunnel(stream: &mut TcpStream, proxy: &ureq::Proxy, host: &str, port: u16) -> io::Result<()> {
    const MOST: usize = 8 << 10;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(user) = proxy.username() {
        let credentials = STANDARD.encode(format!("{user}:{}", proxy.password().unwrap_or_default()));
        head.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte: what comes behind is the server's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MOST {
            return Err(io::Error::other("its answer is too long"));
        }
        answer.push(stream.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&answer);
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!("it answered {:?}", line.lines().next().unwrap_or_default()))),
    }
}

fn connector(tls: &Tls) -> Result<TlsConnector, ConfigError> {
    let unusable = |error: tokio_rustls::rustls::Error| ConfigError::tls(error);
    let loaded = Loaded::new(tls)?;
    let mut roots = RootCertStore::empty();
    match &loaded.roots {
        // Of a system's many certificates some may be odd.
        Some(given) => {
            roots.add_parsable_certificates(
                given.iter().map(|root| CertificateDer::from(root.der().to_vec())),
            );
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    let mut config = match &loaded.identity {
        Some((chain, key)) => {
            let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec()));
            let key = PrivateKeyDer::try_from(key.der().to_vec()).map_err(ConfigError::tls)?;
            config.with_client_auth_cert(chain.collect(), key).map_err(unusable)?
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}
