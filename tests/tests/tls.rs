//! HTTPS: a server is trusted by the certificates that were given, and can ask for ours.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use smoltel::transport::{Endpoint, Protocol, Tls};
use smoltel::{Report, Signal, Telemetry};
use smoltel_tests::grpc::{GrpcReply, GrpcSink};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for that name, and its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        self.issue_until(name, 4096)
    }

    /// The same, valid until the end of that year.
    fn issue_until(&self, name: &str, year: i32) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 12, 31);
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.as_ref().der().clone()
    }
}

/// What a server of that name shows, and of whom it wants to see a certificate.
fn config(
    (certificate, key): (rcgen::Certificate, KeyPair),
    clients: Option<&Authority>,
    protocols: &[&[u8]],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.root()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// Servers of both kinds, and the protocols to speak with them. They answer whoever passes the handshake.
struct Servers(SocketAddr, GrpcSink);

impl Servers {
    fn start(shown: impl Fn() -> (rcgen::Certificate, KeyPair), clients: Option<&Authority>) -> Self {
        let grpc = GrpcSink::start(Some(config(shown(), clients, &[b"h2"])), |_| GrpcReply::Ok(Vec::new()));
        Self(serve(config(shown(), clients, &[])), grpc)
    }

    fn each(&self) -> [(Protocol, SocketAddr); 2] {
        [(Protocol::HttpProtobuf, self.0), (Protocol::Grpc, self.1.address())]
    }
}

fn serve(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            let mut buf = [0; 64 << 10];
            if matches!(stream.read(&mut buf), Ok(n) if n > 0) {
                _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.conn.send_close_notify();
                _ = stream.flush();
            }
        }
    });
    address
}

/// One log record to `https://HOST:PORT`.
fn send(host: &str, (protocol, address): (Protocol, SocketAddr), tls: &Tls) -> Report {
    let url = format!("https://{host}:{}", address.port());
    let endpoint = Endpoint { tls: tls.clone(), ..Endpoint::by(protocol, &url, Signal::Logs) };
    let builder = Telemetry::builder("tls").endpoint(&url).endpoint_for(Signal::Logs, endpoint);
    let telemetry = builder.on_message(|_| {}).build().unwrap();
    telemetry.logger("l").info("secret");
    telemetry.shutdown(Duration::from_secs(2))
}

fn pem(dir: &Path, name: &str, text: String) -> Option<std::path::PathBuf> {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    Some(path)
}

#[test]
fn only_a_server_of_the_given_authority_and_name_gets_anything() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    let trusting = |authority: &Authority, name| Tls {
        certificate: pem(dir.path(), name, authority.0.pem()),
        ..Tls::default()
    };
    let (tls, wrong) = (trusting(&ours, "ours.pem"), trusting(&other, "other.pem"));
    let servers = Servers::start(|| ours.issue("localhost"), None);
    let expired = Servers::start(|| ours.issue_until("localhost", 2001), None);
    for (server, expired) in servers.each().into_iter().zip(expired.each()) {
        assert_eq!(send("localhost", server, &tls).exported, 1, "{server:?}");
        for (host, server, tls) in [
            ("localhost", server, &wrong),
            ("localhost", server, &Tls::default()),
            ("localhost", server, &Tls { system_roots: true, ..Tls::default() }),
            ("127.0.0.1", server, &tls),
            ("localhost", expired, &tls),
        ] {
            let report = send(host, server, tls);
            assert_eq!(
                (report.recorded, &report.reasons[..]),
                (1, &[("expired", 1)][..]),
                "{host}: {report}"
            );
        }
    }
    assert_eq!(servers.1.calls().len() + expired.1.calls().len(), 1);
}

#[test]
fn a_server_can_ask_for_our_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    let running = Servers::start(|| servers.issue("localhost"), Some(&clients));
    let (certificate, key) = clients.issue("device");
    let tls = Tls {
        certificate: pem(dir.path(), "ca.pem", servers.0.pem()),
        client_certificate: pem(dir.path(), "client.pem", certificate.pem()),
        client_key: pem(dir.path(), "client.key", key.serialize_pem()),
        ..Tls::default()
    };
    let without = Tls { client_certificate: None, client_key: None, ..tls.clone() };
    for server in running.each() {
        assert_eq!(send("localhost", server, &tls).exported, 1, "{server:?}");
        assert_eq!(send("localhost", server, &without).exported, 0, "{server:?}");
    }

    let half = Tls { client_key: None, ..tls.clone() };
    let missing = Tls { certificate: Some(dir.path().join("not-there.pem")), ..tls };
    for (tls, why) in [(half, "go together"), (missing, "not-there.pem")] {
        let endpoint = Endpoint { tls, ..Endpoint::under("https://localhost", Signal::Logs) };
        let error =
            Telemetry::builder("tls").endpoint_for(Signal::Logs, endpoint).build().unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains('\n'), "{error}");
    }
}

/// A program that trusts what its system trusts.
#[test]
#[ignore = "the next test runs it with variables of the environment"]
fn program() {
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        let builder = Telemetry::builder("tls").protocol(protocol).system_roots().on_message(|_| {});
        let port = std::env::var(format!("PORT_{protocol:?}")).unwrap();
        let telemetry = builder.endpoint(format!("https://localhost:{port}")).build().unwrap();
        telemetry.logger("l").info("hello");
        assert_eq!(telemetry.shutdown(Duration::from_secs(10)).exported, 1, "{protocol:?}");
    }
}

#[test]
fn what_the_system_trusts_is_trusted_if_so_wished() {
    let dir = tempfile::tempdir().unwrap();
    let ours = Authority::new();
    let servers = Servers::start(|| ours.issue("localhost"), None);
    let ports =
        servers.each().map(|(protocol, address)| (format!("PORT_{protocol:?}"), address.port().to_string()));
    let roots = pem(dir.path(), "roots.pem", ours.0.pem()).unwrap().display().to_string();
    let mut variables: Vec<_> = ports.iter().map(|(name, port)| (name.as_str(), port.as_str())).collect();
    variables.push(("SSL_CERT_FILE", &roots));
    let output = smoltel_tests::in_a_process("program", &variables);
    assert!(output.status.success(), "{output:?}");
}
