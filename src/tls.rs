//! What TLS to a broker is made of: the files of `lane.toml`, and a client's
//! configuration of them. They are read anew for every connection, so that a
//! certificate that was renewed needs no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// Who may be at the far end, and who we are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The name in its certificate, if that is not the host.
    pub name: Option<String>,
    /// PEM file of those who may certify it.
    pub ca: PathBuf,
    /// PEM files of our own certificate and its key, if it asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Why no connection can be begun.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file that is not what it should be.
    #[error("{}: {why}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// A certificate cannot have this name.
    #[error("\"{0}\" is no name of a host")]
    Name(String),
    /// The library does not take it.
    #[error("TLS cannot begin: {0}")]
    Library(String),
}

impl TlsFiles {
    /// A client's configuration; reads the files.
    ///
    /// # Errors
    /// A file cannot be read or holds something else.
    pub fn client(&self) -> Result<Arc<ClientConfig>, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            let added = roots.add(certificate);
            added.map_err(|why| unread(&self.ca, &why.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| TlsFault::Library(why.to_string()))?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &self.own else {
            return Ok(Arc::new(builder.with_no_client_auth()));
        };
        let chain = certificates(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key);
        let private = private.map_err(|why| unread(key, &why.to_string()))?;
        let config = builder.with_client_auth_cert(chain, private);
        let config = config.map_err(|why| unread(certificate, &why.to_string()))?;
        Ok(Arc::new(config))
    }

    /// The name its certificate must have.
    ///
    /// # Errors
    /// No certificate can have it.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsFault> {
        let name = self.name.clone().unwrap_or_else(|| host.to_owned());
        ServerName::try_from(name.clone()).map_err(|_| TlsFault::Name(name))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|why| unread(file, &why.to_string()))?;
    match read.is_empty() {
        true => Err(unread(file, "there is no certificate in it")),
        false => Ok(read),
    }
}

fn unread(file: &Path, why: &str) -> TlsFault {
    TlsFault::File {
        file: file.to_owned(),
        why: why.to_owned(),
    }
}
