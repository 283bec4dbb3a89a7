//! TLS as a profile asks for it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::{Tls, TlsCheck};

/// Makes what TLS is spoken by, or says what of the settings cannot be used.
pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match tls.check {
        TlsCheck::Off => Arc::new(Unchecked(Arc::clone(&provider))),
        TlsCheck::Full => {
            let roots = certificates(tls.root_certificates_pem.as_deref().unwrap_or_default()).map_err(|error| format!("its root certificates {error}"))?;
            if tls.root_certificates_pem.is_some() && roots.is_empty() {
                return Err("its root certificates hold none in PEM".to_owned());
            }
            let provider = Arc::clone(&provider);
            let verifier = if roots.is_empty() { Verifier::new(provider) } else { Verifier::new_with_extra_roots(roots, provider) };
            Arc::new(verifier.map_err(|error| format!("its root certificates cannot be used: {error}"))?)
        }
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match &tls.identity_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let chain = certificates(pem).map_err(|error| format!("our certificate {error}"))?;
            if chain.is_empty() {
                return Err("our certificate is missing: write it before its key, both in PEM".to_owned());
            }
            // Not repeated is what is wrong with a key: it may repeat the key.
            let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| "the key of our certificate is missing, or no PEM".to_owned())?;
            builder.with_client_auth_cert(chain, key).map_err(|error| format!("our certificate cannot be used: {error}"))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| format!("cannot be read: {error}"))
}

/// Takes any certificate, and still has its owner prove that it is theirs.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
