use std::path::PathBuf;

#[cfg(not(feature = "rustls"))]
use crate::error::ConfigError;

/// TLS settings: files in PEM.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// Certificates to trust instead of Mozilla's.
    pub certificate: Option<PathBuf>,
    /// Trust what the operating system trusts, instead of Mozilla's certificates (feature `native-roots`).
    pub system_roots: bool,
    /// The own certificate chain, with `client_key`, for mutual TLS.
    pub client_certificate: Option<PathBuf>,
    /// The own private key.
    pub client_key: Option<PathBuf>,
}

#[cfg(not(feature = "rustls"))]
impl Tls {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if *self == Self::default() {
            return Ok(());
        }
        Err(ConfigError::tls("certificates need smoltel's feature `rustls`"))
    }
}

#[cfg(feature = "rustls")]
pub(super) use load::Loaded;

#[cfg(feature = "rustls")]
mod load {
    use std::path::Path;

    use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

    use super::Tls;
    use crate::error::ConfigError;

    /// The files' contents.
    pub(in crate::transport) struct Loaded {
        /// Whom to trust, if not those whom Mozilla trusts.
        pub(in crate::transport) roots: Option<Vec<Certificate<'static>>>,
        /// The own chain and its key.
        pub(in crate::transport) identity: Option<(Vec<Certificate<'static>>, PrivateKey<'static>)>,
    }

    impl Loaded {
        pub(in crate::transport) fn new(tls: &Tls) -> Result<Self, ConfigError> {
            let roots = match &tls.certificate {
                Some(path) => Some(certificates(path)?),
                None if tls.system_roots => Some(system()?),
                None => None,
            };
            let identity = match (&tls.client_certificate, &tls.client_key) {
                (Some(chain), Some(key)) => {
                    let pem = read(key)?;
                    let key = PrivateKey::from_pem(&pem).map_err(|error| unusable(key, &error))?;
                    Some((certificates(chain)?, key))
                }
                (None, None) => None,
                _ => return Err(ConfigError::tls("a client certificate and its key go together")),
            };
            Ok(Self { roots, identity })
        }

        pub(in crate::transport) fn for_http(self) -> TlsConfig {
            let mut config = TlsConfig::builder();
            if let Some(roots) = self.roots {
                config = config.root_certs(RootCerts::from(roots));
            }
            let identity = self.identity.map(|(chain, key)| ClientCert::new_with_certs(&chain, key));
            config.client_cert(identity).build()
        }
    }

    #[cfg(feature = "native-roots")]
    fn system() -> Result<Vec<Certificate<'static>>, ConfigError> {
        let found = rustls_native_certs::load_native_certs();
        match (found.certs.is_empty(), found.errors.first()) {
            (false, _) => Ok(found
                .certs
                .iter()
                .map(|certificate| Certificate::from_der(certificate).to_owned())
                .collect()),
            (true, Some(error)) => Err(ConfigError::tls(format_args!("the system's certificates: {error}"))),
            (true, None) => Err(ConfigError::tls(
                "the system trusts no certificates; Debian has them in `ca-certificates`",
            )),
        }
    }

    #[cfg(not(feature = "native-roots"))]
    fn system() -> Result<Vec<Certificate<'static>>, ConfigError> {
        Err(ConfigError::tls("the system's certificates need smoltel's feature `native-roots`"))
    }

    fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, ConfigError> {
        let pem = read(path)?;
        let found: Vec<_> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                Ok(_) => None,
                Err(error) => Some(Err(unusable(path, &error))),
            })
            .collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Err(unusable(path, &"there is no certificate in it"));
        }
        Ok(found)
    }

    fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
        std::fs::read(path).map_err(|error| unusable(path, &error))
    }

    fn unusable(path: &Path, why: &dyn std::fmt::Display) -> ConfigError {
        ConfigError::tls(format!("{}: {why}; it has to be a PEM file", path.display()))
    }
}
