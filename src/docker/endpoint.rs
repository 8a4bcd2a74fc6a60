//! Where an engine listens, and the one transport to it that bollard and the event stream share.
//!
//! Each request opens a connection of its own: requests are rare, and the event stream keeps its connection for as long
//! as it lasts. Certificates are read anew with each connection, so that renewed ones need no restart.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::BollardRequest;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// Where Docker listens unless told otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix stream socket.
    Unix(PathBuf),
    /// Plain HTTP; whoever can reach the port is root on that host.
    Tcp {
        /// Name or address, an IPv6 one without its brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// HTTP over TLS, both sides with certificates.
    Tls {
        /// Name or address, which the engine's certificate must be for.
        host: String,
        /// Port.
        port: u16,
        /// The folder with `ca.pem` and, for the client's own certificate, `cert.pem` and `key.pem`.
        certificates: PathBuf,
    },
}

/// Why an address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The scheme is not one that is spoken here.
    #[error(
        "'{0}' has a scheme that is not supported; use unix:///path/to/socket, tcp://host:port, or tcp:// with \
         certificates for TLS (for ssh forward the socket: ssh -L /run/remote.sock:/var/run/docker.sock host)"
    )]
    Scheme(String),
    /// A part is missing or wrong.
    #[error("'{0}' is no engine address; write unix:///path/to/socket (an absolute path) or tcp://host:port")]
    Shape(String),
    /// `https` without certificates.
    #[error("'{0}' asks for TLS, but there are no certificates; set docker_cert_path (or DOCKER_CERT_PATH)")]
    NoCertificates(String),
}

impl Endpoint {
    /// Reads an address in the forms that `DOCKER_HOST` takes. `certificates` makes a `tcp` address a TLS one.
    ///
    /// # Errors
    /// Where the scheme is unknown or a part is missing.
    pub fn parse(address: &str, certificates: Option<&Path>) -> Result<Self, EndpointError> {
        let shape = || EndpointError::Shape(address.to_owned());
        let (scheme, rest) = address.split_once("://").ok_or_else(shape)?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => Err(shape()),
            "tcp" | "http" | "https" => {
                let (host, port) = Self::host_and_port(rest).ok_or_else(shape)?;
                match certificates {
                    Some(folder) => Ok(Self::Tls { host, port, certificates: folder.to_owned() }),
                    None if scheme == "https" => Err(EndpointError::NoCertificates(address.to_owned())),
                    None => Ok(Self::Tcp { host, port }),
                }
            }
            _ => Err(EndpointError::Scheme(address.to_owned())),
        }
    }

    fn host_and_port(rest: &str) -> Option<(String, u16)> {
        let (host, port) = rest.strip_suffix('/').unwrap_or(rest).rsplit_once(':')?;
        let name = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']').filter(|address| address.contains(':'))?,
            None => host,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let ok = !name.is_empty() && name.chars().all(|c| allowed(c) || (c == ':' && host.starts_with('[')));
        Some((name.to_owned(), port.parse().ok()?)).filter(|_| ok)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } | Self::Tls { host, port, .. } if host.contains(':') => {
                write!(f, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection, or it broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no HTTP, or the connection ended before the answer.
    #[error("no HTTP answer: {0}")]
    Http(#[from] hyper::Error),
    /// A certificate cannot be used.
    #[error("certificates in {}: {what}", folder.display())]
    Certificates {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// A connection of any kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// As much of an answer is buffered, in bytes, and its head may be as long; hyper would take 25 times as much, for
/// each of the requests that run at once.
const BUFFER: usize = 16 << 10;

/// The way to one engine.
#[derive(Debug, Clone)]
pub struct Transport {
    endpoint: Arc<Endpoint>,
}

impl Transport {
    /// A transport to this address; nothing is opened yet.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint) }
    }

    /// Where it leads.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends one request over a connection of its own and returns the answer's head; the body follows as it is read.
    ///
    /// There is no time limit here: callers wrap the call, and the reading of the body, in one.
    ///
    /// # Errors
    /// Where no connection can be made or it ends before the head is there.
    pub async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, TransportError> {
        let stream = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = http1::Builder::new().max_buf_size(BUFFER).handshake(stream).await?;
        // The task ends with the connection; its error is the body's error too, where the reader sees it.
        tokio::spawn(async move { connection.await.unwrap_or_default() });
        Ok(sender.send_request(in_origin_form(request)).await?)
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, TransportError> {
        Ok(match &*self.endpoint {
            Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Endpoint::Tcp { host, port } => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
            Endpoint::Tls { host, port, certificates } => {
                let unusable = |what: String| TransportError::Certificates { folder: certificates.clone(), what };
                let config = tls_config(certificates).map_err(unusable)?;
                let name = ServerName::try_from(host.clone()).map_err(|error| unusable(error.to_string()))?;
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
            }
        })
    }
}

/// bollard writes absolute addresses; a server wants the path, and a `Host`.
fn in_origin_form(mut request: BollardRequest) -> BollardRequest {
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
    request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
    request
}

fn tls_config(folder: &Path) -> Result<ClientConfig, String> {
    let at = |name: &str| folder.join(name);
    let in_file = |name: &'static str| move |error: PemError| format!("{name}: {error}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(at("ca.pem")).map_err(in_file("ca.pem"))? {
        roots.add(certificate.map_err(in_file("ca.pem"))?).map_err(|error| format!("ca.pem: {error}"))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    if !at("cert.pem").exists() && !at("key.pem").exists() {
        return Ok(builder.with_no_client_auth());
    }
    let chain = CertificateDer::pem_file_iter(at("cert.pem"))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(in_file("cert.pem"))?;
    let key = PrivateKeyDer::from_pem_file(at("key.pem")).map_err(in_file("key.pem"))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| format!("cert.pem and key.pem: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_addresses_that_docker_host_takes() {
        let tcp = |host: &str, port| Endpoint::Tcp { host: host.to_owned(), port };
        for (address, expected) in [
            ("unix:///var/run/docker.sock", Endpoint::Unix("/var/run/docker.sock".into())),
            ("unix:///run/user/1000/podman/podman.sock", Endpoint::Unix("/run/user/1000/podman/podman.sock".into())),
            ("tcp://127.0.0.1:2375", tcp("127.0.0.1", 2375)),
            ("tcp://[::1]:2375/", tcp("::1", 2375)),
            ("http://docker_proxy:2375", tcp("docker_proxy", 2375)),
        ] {
            assert_eq!(Endpoint::parse(address, None).unwrap(), expected);
        }
        let folder = Path::new("/certs");
        assert_eq!(
            Endpoint::parse("tcp://build-1:2376", Some(folder)).unwrap(),
            Endpoint::Tls { host: "build-1".into(), port: 2376, certificates: folder.into() }
        );
        assert_eq!(Endpoint::parse("tcp://[::1]:2375", None).unwrap().to_string(), "tcp://[::1]:2375");
    }

    #[test]
    fn refuses_other_addresses_with_a_cure() {
        for address in [
            "",
            "docker.sock",
            "/var/run/docker.sock",
            "unix://docker.sock",
            "tcp://host",
            "tcp://:2375",
            "tcp://a:b",
            "tcp://a:70000",
            "tcp://a b:1",
            "tcp://a:1/path",
            "tcp://::1:2375",
            "tcp://[host]:1",
            "tcp://[::1:1",
        ] {
            assert!(matches!(Endpoint::parse(address, None), Err(EndpointError::Shape(_))), "{address}");
        }
        for address in ["ssh://me@host", "fd://", "npipe:////./pipe/docker_engine"] {
            assert!(matches!(Endpoint::parse(address, None), Err(EndpointError::Scheme(_))), "{address}");
        }
        assert!(matches!(Endpoint::parse("https://h:1", None), Err(EndpointError::NoCertificates(_))));
    }
}
