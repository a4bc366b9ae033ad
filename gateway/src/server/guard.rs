use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use ring::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use subtle::{Choice, ConstantTimeEq};
use tokio_rustls::TlsAcceptor;

use crate::config::Door;
use crate::failure::Failure;

/// What whoever connects has to show, as it was when the files were read.
#[derive(Default)]
pub(crate) struct Guard {
    tls: Option<TlsAcceptor>,
    /// Digests, so that a comparison tells nothing of a token, not even its length. None: nobody has to show one.
    tokens: Option<Vec<[u8; 32]>>,
}

impl Guard {
    /// Reads the files that the door names.
    pub(crate) fn load(door: &Door, http2: bool) -> Result<Self, Failure> {
        let tls = match (&door.certificate_file, &door.key_file) {
            (Some(certificate), Some(key)) => {
                Some(server_config(certificate, key, door.client_ca_file.as_deref(), http2)?)
            }
            _ => None,
        };
        let tokens = door.token_file.as_deref().map(tokens).transpose()?;
        Ok(Self { tls: tls.map(|config| TlsAcceptor::from(Arc::new(config))), tokens })
    }

    pub(super) fn tls(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref()
    }

    /// Whether a request shows a token, as `Bearer`, or as the password of `Basic`, which browsers can.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(tokens) = &self.tokens else { return true };
        let Some(shown) = headers.get(AUTHORIZATION).and_then(|value| token(value.as_bytes())) else {
            return false;
        };
        let shown = hash(&shown);
        // All are compared: how long it takes does not tell which one was nearly met.
        let met = tokens.iter().map(|token| token.ct_eq(&shown)).fold(Choice::from(0), |all, one| all | one);
        met.into()
    }
}

fn token(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_at(value.iter().position(|b| *b == b' ')?);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_owned());
    }
    let pair = scheme.eq_ignore_ascii_case(b"basic").then(|| STANDARD.decode(rest).ok()).flatten()?;
    Some(pair[pair.iter().position(|b| *b == b':')? + 1..].to_owned())
}

fn hash(token: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token).as_ref());
    hash
}

/// Tokens, one a line; empty lines and those that begin with `#` are none.
fn tokens(path: &Path) -> Result<Vec<[u8; 32]>, Failure> {
    let text = String::from_utf8(secret(path, "token file")?)
        .map_err(|_| unusable("token file", path, "it is not text; write one token a line"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all: Vec<_> = lines.map(|token| hash(token.as_bytes())).collect();
    if all.is_empty() {
        return Err(unusable("token file", path, "there is no token in it; write one a line"));
    }
    Ok(all)
}

fn server_config(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
    http2: bool,
) -> Result<ServerConfig, Failure> {
    let chain = certificates(certificate, "certificate")?;
    let key_der = PrivateKeyDer::from_pem_slice(&secret(key, "key")?)
        .map_err(|_| unusable("key", key, "there is no private key in PEM in it; check key-file"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::other(format!("cannot set TLS up: {error}; try another build")))?;
    let builder =
        match client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                let (added, _) = roots.add_parsable_certificates(certificates(path, "client-ca")?);
                if added == 0 {
                    return Err(unusable(
                        "client-ca",
                        path,
                        "no certificate in it can be used; check client-ca-file",
                    ));
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| {
                    unusable("client-ca", path, &format!("{error}; check client-ca-file"))
                })?)
            }
        };
    let mut config = builder.with_single_cert(chain, key_der).map_err(|error| {
        unusable(
            "certificate",
            certificate,
            &format!("{error}; does it belong to the key {}?", key.display()),
        )
    })?;
    config.alpn_protocols =
        if http2 { vec![b"h2".into(), b"http/1.1".into()] } else { vec![b"http/1.1".into()] };
    Ok(config)
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let text = fs::read(path).map_err(|error| unusable(what, path, &format!("{error}; check its path")))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    all.ok()
        .filter(|all| !all.is_empty())
        .ok_or_else(|| unusable(what, path, "there is no certificate in PEM in it; check its path"))
}

/// A file that only its owner, and a group at most, may read.
fn secret(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    const MOST: u64 = 1 << 20;
    let io = |error: std::io::Error| unusable(what, path, &format!("{error}; check its path"));
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.permissions().mode() & 0o007 != 0 {
        return Err(unusable(what, path, "others may read it; chmod 640 it, and consider another one"));
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn unusable(what: &str, path: &Path, why: &str) -> Failure {
    Failure::usage(format!("cannot use the {what} {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn shows(guard: &Guard, value: &str) -> bool {
        let value = HeaderValue::from_str(value).unwrap();
        guard.admits(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
    }

    #[test]
    fn only_a_token_of_the_list_is_let_in() {
        let guard = Guard { tls: None, tokens: Some([&b"one"[..], b"two"].map(hash).to_vec()) };
        assert!(shows(&guard, "Bearer one") && shows(&guard, "bearer  two"));
        assert!(shows(&guard, &format!("Basic {}", STANDARD.encode("anybody:two"))));
        for wrong in ["", "Bearer", "Bearer ", "Bearer on", "Bearer onee", "one", "Basic one", "Basic b25l"] {
            assert!(!shows(&guard, wrong), "{wrong}");
        }
        assert!(!guard.admits(&HeaderMap::new()));
        assert!(Guard::default().admits(&HeaderMap::new()));
    }
}
