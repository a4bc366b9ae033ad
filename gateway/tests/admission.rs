//! Who is let in: TLS, certificates of senders, tokens, and how much one sender may take.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use support::grpc::{LOGS, Reply, call, exchange, framed};
use support::*;
use tokio_rustls::TlsConnector;

const UNAUTHENTICATED: u32 = 16;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap(), key)
    }

    /// A client that trusts this authority, and shows a certificate if it has one.
    fn client(&self, shows: Option<&Self>, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.as_ref().der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = match shows {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let (certificate, key) = authority.issue();
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Posts over TLS; nothing if the handshake fails.
fn post_tls(to: SocketAddr, client: &Arc<ClientConfig>, headers: &str, body: &[u8]) -> Option<u16> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(client.clone(), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(to).unwrap());
    let length = body.len();
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{PROTOBUF}{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let mut answer = Vec::new();
    // It may end without the alert that says so.
    _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn call_tls(to: SocketAddr, client: &Arc<ClientConfig>, body: Vec<u8>) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(to).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(client.clone()).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        exchange(TokioIo::new(stream), LOGS, &[], vec![body]).await
    })
}

fn plain_is_answered(to: SocketAddr) -> bool {
    let answer = try_post(to, "/v1/logs", PROTOBUF, &log("plain"));
    answer.is_some()
}

#[test]
fn devices_trusts_an_authority_of_ones_own_if_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.issue();
    let certificate = write(dir.path(), "cert.pem", &certificate.pem());
    let key = write(dir.path(), "key.pem", &key.serialize_pem());
    let ours = write(dir.path(), "ca.pem", &authority.0.as_ref().pem());
    let others = write(dir.path(), "others.pem", &Authority::new().0.as_ref().pem());
    let table =
        format!("[admin]\nlisten = '127.0.0.1:0'\ncertificate-file = {certificate:?}\nkey-file = {key:?}\n");
    let config = write(dir.path(), "gateway.toml", &table);
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let from = format!("https://localhost:{}", gateway.admin.port());
    let ask = |more: &[&str]| {
        let asked = output(&[&["devices", "--from", &from][..], more].concat());
        (
            asked.status.code(),
            String::from_utf8(asked.stdout).unwrap() + &String::from_utf8_lossy(&asked.stderr),
        )
    };
    let (status, text) = ask(&["--ca-file", ours.to_str().unwrap()]);
    assert_eq!((status, &*text), (Some(0), "no device was met since the start\n"));
    for (more, wanted) in [
        (&[][..], 1),
        (&["--ca-file", others.to_str().unwrap()], 1),
        (&["--ca-file", key.to_str().unwrap()], 2),
        (&["--ca-file", "/nowhere"], 2),
    ] {
        let (status, text) = ask(more);
        assert!(status == Some(wanted) && text.lines().count() == 1, "{more:?}: {text}");
    }
}

#[test]
fn a_listener_with_a_certificate_speaks_tls_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.issue();
    let certificate = write(dir.path(), "cert.pem", &certificate.pem());
    let key = write(dir.path(), "key.pem", &key.serialize_pem());
    let flags = ["--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let upstream = Upstream::new(|_, _| 200);
    let gateway =
        Gateway::start(&dir.path().join("data"), &[&flags[..], &["--upstream", &upstream.url()]].concat());
    assert!(gateway.log().contains("OTLP/HTTP on https://"), "{}", gateway.log());
    let client = authority.client(None, &[]);
    assert_eq!(post_tls(gateway.http, &client, "", &log("by HTTP")), Some(200));
    let client = authority.client(None, &["h2", "http/1.1"]);
    assert_eq!(call_tls(gateway.grpc.unwrap(), &client, framed(0, &log("by gRPC"))).code(), 0);
    assert!(!plain_is_answered(gateway.http) && !plain_is_answered(gateway.grpc.unwrap()));
    // The admin port has no certificate: it goes on as before.
    assert_eq!(get(gateway.admin, "/healthz").status, 200);
    upstream.until("both", |seen| accepted(seen) == ["by HTTP", "by gRPC"]);
}

#[test]
fn only_senders_with_a_certificate_of_the_right_authority_are_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, senders, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let (certificate, key) = authority.issue();
    let certificate = write(dir.path(), "cert.pem", &certificate.pem());
    let key = write(dir.path(), "key.pem", &key.serialize_pem());
    let ca = write(dir.path(), "senders.pem", &senders.0.as_ref().pem());
    let config =
        format!("[http]\ncertificate-file = {certificate:?}\nkey-file = {key:?}\nclient-ca-file = {ca:?}\n");
    let config = write(dir.path(), "gateway.toml", &config);
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let sent = |shows| post_tls(gateway.http, &authority.client(shows, &[]), "", &log("x"));
    assert_eq!(sent(Some(&senders)), Some(200));
    assert_eq!(sent(Some(&strangers)), None);
    assert_eq!(sent(None), None);
    let items = "smoltel_gateway_received_items_total{signal=\"logs\"}";
    assert_eq!(gateway.metric(items), 1);
}

#[test]
fn without_a_token_nothing_is_taken_or_told() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = write(dir.path(), "tokens", "# senders\nfirst-secret\n\nsecond-secret\n");
    let config =
        format!("http = '127.0.0.1:0'\n[grpc]\ntoken-file = {tokens:?}\n[admin]\ntoken-file = {tokens:?}\n");
    let config = write(dir.path(), "gateway.toml", &config);
    let flags = ["--config", config.to_str().unwrap(), "--token-file", tokens.to_str().unwrap()];
    let gateway = Gateway::start(&dir.path().join("data"), &flags);
    let posted = |headers: &str| post(gateway.http, "/v1/logs", &format!("{PROTOBUF}{headers}"), &log("x"));
    for wrong in ["", "Authorization: Bearer wrong\r\n", "Authorization: Bearer first-secre\r\n"] {
        let refused = posted(wrong);
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
        assert_eq!(refused.rpc_status()["code"], UNAUTHENTICATED);
    }
    assert_eq!(posted("Authorization: Bearer first-secret\r\n").status, 200);
    assert_eq!(posted("Authorization: bearer second-secret\r\n").status, 200);

    let grpc = gateway.grpc.unwrap();
    let called = |headers: &[(&str, &str)]| call(grpc, LOGS, headers, &framed(0, &log("x"))).code();
    assert_eq!(called(&[]), UNAUTHENTICATED);
    assert_eq!(called(&[("authorization", "Bearer wrong")]), UNAUTHENTICATED);
    assert_eq!(called(&[("authorization", "Bearer second-secret")]), 0);

    assert_eq!(get(gateway.admin, "/healthz").status, 200, "probes have no token");
    for path in ["/", "/metrics", "/api/status"] {
        assert_eq!(get(gateway.admin, path).status, 401, "{path}");
    }
    // As a browser sends it, once it has asked for a password: anybody:first-secret.
    let head = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YW55Ym9keTpmaXJzdC1zZWNyZXQ=\r\n\r\n";
    let page = request(gateway.admin, head, b"").unwrap();
    let text = String::from_utf8(page.body).unwrap();
    assert_eq!(page.status, 200);
    assert!(text.contains("refused_requests_total{status=\"401\"} 5"), "{text}");
    assert!(!text.contains("secret") && !gateway.log().contains("secret"));
    let check = output(&["check", "--config", config.to_str().unwrap()]);
    assert!(check.status.success() && !String::from_utf8(check.stdout).unwrap().contains("secret"));
}

#[test]
fn files_that_others_may_read_or_that_hold_nothing_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path, flags: &[&str], word: &str| {
        let output = output(&[&["check"], flags].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(path.to_str().unwrap()) && text.contains(word), "{text}");
    };
    let tokens = write(dir.path(), "tokens", "# nothing\n");
    refused(&tokens, &["--token-file", tokens.to_str().unwrap()], "no token");
    fs::write(&tokens, "secret\n").unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&tokens, &["--token-file", tokens.to_str().unwrap()], "chmod");
    let (certificate, key) = Authority::new().issue();
    let (_, other) = Authority::new().issue();
    let certificate = write(dir.path(), "cert.pem", &certificate.pem());
    let key = write(dir.path(), "key.pem", &key.serialize_pem());
    let other = write(dir.path(), "other.pem", &other.serialize_pem());
    let pair = |certificate: &PathBuf, key: &PathBuf| {
        [certificate, key].map(|path| path.to_str().unwrap().to_owned())
    };
    let check = |[certificate, key]: [String; 2], path: &Path, word: &str| {
        refused(path, &["--certificate", &certificate, "--key", &key], word);
    };
    check(pair(&tokens, &key), &tokens, "no certificate");
    check(pair(&certificate, &certificate), &certificate, "no private key");
    check(pair(&certificate, &other), &certificate, "belong");
}

#[test]
fn whoever_listens_beyond_loopback_without_protection_is_warned() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = write(dir.path(), "tokens", "secret\n");
    let open = Gateway::start(&dir.path().join("a"), &["--http", "0.0.0.0:0"]);
    let warnings = |gateway: &Gateway| gateway.log().matches("warning: ").count();
    assert!(open.log().contains("(--http); give it a token-file"), "{}", open.log());
    assert_eq!(warnings(&open), 2, "nobody has to show anything, and it can be read: {}", open.log());
    let flags = ["--http", "0.0.0.0:0", "--token-file", tokens.to_str().unwrap()];
    let known = Gateway::start(&dir.path().join("b"), &flags);
    assert!(known.log().contains("can be read on the way"), "{}", known.log());
    assert_eq!(warnings(&known), 1, "{}", known.log());
    assert_eq!(warnings(&Gateway::start(&dir.path().join("c"), &[])), 0);
}

#[test]
fn a_sender_that_sends_too_much_is_told_to_wait() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[limits]\nsender-requests-per-second = 2\nsender-connections = 3\n";
    let config = write(dir.path(), "gateway.toml", text);
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let send = || post(gateway.http, "/v1/logs", PROTOBUF, &log("x"));
    let refused = (0..1000).map(|_| send()).find(|answer| answer.status != 200).expect("too many");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.rpc_status()["details"][0]["retryDelay"], "1s");
    let grpc = gateway.grpc.unwrap();
    let refused = (0..1000).map(|_| call(grpc, LOGS, &[], &framed(0, b""))).find(|reply| reply.code() != 0);
    assert_eq!(refused.expect("too many").status()["details"][0]["retryDelay"], "1s");
    until("later it may", || send().status == 200);

    let held: Vec<_> = (0..3).map(|_| TcpStream::connect(gateway.http).unwrap()).collect();
    let mut fourth = TcpStream::connect(gateway.http).unwrap();
    assert_eq!(fourth.read(&mut [0]).unwrap_or(0), 0, "it is hung up on");
    assert_eq!(gateway.metric("smoltel_gateway_refused_connections_total"), 1);
    drop(held);
    until("there is room again", || try_post(gateway.http, "/v1/logs", PROTOBUF, b"").is_some());
}
