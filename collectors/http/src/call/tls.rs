//! What is agreed on with a server over TLS.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::{CallRefused, Tls, TlsCheck};

/// HTTP/2 as it is named while TLS is agreed on (RFC 9113, 3.2).
pub(super) const ALPN_HTTP2: &[u8] = b"h2";
/// HTTP/1.1 as it is named there (RFC 7301, 6).
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Speaks TLS with one server.
pub(super) struct Speaker {
    /// Begins to speak.
    pub connector: TlsConnector,
    /// The name that the server's certificate has to hold.
    pub name: ServerName<'static>,
}

impl Speaker {
    /// Reads the settings, and the certificates that the system trusts.
    pub fn new(host: &str, tls: &Tls) -> Result<Self, CallRefused> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| CallRefused::HostName { host: host.to_owned() })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = tls.root_certificates_pem.as_deref().map(|pem| certificates(pem).map_err(CallRefused::RootCertificates)).transpose()?;
        let verifier: Arc<dyn ServerCertVerifier> = match tls.check {
            TlsCheck::Off => Arc::new(Unchecked(Arc::clone(&provider))),
            TlsCheck::Full => Arc::new(match roots {
                Some(roots) => {
                    let made = Verifier::new_with_extra_roots(roots, Arc::clone(&provider));
                    made.map_err(|error| CallRefused::RootCertificates(error.to_string()))?
                }
                None => Verifier::new(Arc::clone(&provider)).map_err(|error| CallRefused::SystemCertificates(error.to_string()))?,
            }),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| CallRefused::SystemCertificates(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match tls.identity_pem.as_deref() {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let chain = certificates(pem).map_err(CallRefused::Identity)?;
                // What the reader says of a key that it cannot read holds nothing of the key.
                let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| CallRefused::Identity("it holds no private key that can be read".to_owned()))?;
                let made = builder.with_client_auth_cert(chain, key);
                made.map_err(|error| CallRefused::Identity(format!("its key does not fit it, or is of an unknown kind ({error})")))?
            }
        };
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| "it is no PEM".to_owned())?;
    if read.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(read) }
}

/// Takes any certificate. That its key is the server's is checked all the same, for without that nothing can be agreed on.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
