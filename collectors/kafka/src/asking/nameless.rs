//! TLS with brokers whose certificates do not name their hosts (`ssl.endpoint.identification.algorithm` = none). krafka cannot be told
//! so: the door speaks it in krafka's place. Who signed a certificate, and how long it is good, is checked all the same.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What is agreed on with brokers: the authorities that are trusted, as PEM, and our certificate with its key, as PEM.
pub(super) fn config(authorities: &[u8], identity: Option<(Vec<u8>, Vec<u8>)>) -> Result<Arc<ClientConfig>, String> {
    let words = |error: Error| error.to_string();
    let certificates = |pem: &[u8]| -> Result<Vec<CertificateDer<'static>>, String> {
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| format!("it is no PEM: {error}"))
    };
    let mut roots = RootCertStore::empty();
    let (num_roots, _) = roots.add_parsable_certificates(certificates(authorities)?);
    if num_roots == 0 {
        return Err("it holds no certificate".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().map_err(|error| format!("it is not usable: {error}"))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(words)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyName(verifier)));
    let config = match identity {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| format!("the client's key is no PEM: {error}"))?;
            builder.with_client_auth_cert(certificates(&certificate)?, key).map_err(words)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Checks all of a certificate but the name in it.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: all else is known to be right by then.
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
        }
    }

    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};

    use openssl::asn1::Asn1Time;
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};
    use openssl::ssl::{SslAcceptor, SslMethod};
    use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
    use openssl::x509::{X509, X509NameBuilder};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// A certificate and its key.
    type Certified = (X509, PKey<Private>);

    fn certified(name: &str, signer: Option<&Certified>) -> Certified {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
        let mut subject = X509NameBuilder::new().expect("a builder");
        subject.append_entry_by_text("CN", name).expect("set");
        let subject = subject.build();
        let mut builder = X509::builder().expect("a builder");
        builder.set_version(2).expect("set");
        let serial = BigNum::from_u32(7).and_then(|number| number.to_asn1_integer()).expect("a number");
        builder.set_serial_number(&serial).expect("set");
        builder.set_subject_name(&subject).expect("set");
        let issuer = signer.map_or(&*subject, |(above, _)| above.subject_name());
        builder.set_issuer_name(issuer).expect("set");
        builder.set_pubkey(&key).expect("set");
        builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("set");
        builder.set_not_after(&Asn1Time::days_from_now(1).expect("a time")).expect("set");
        if signer.is_none() {
            builder.append_extension(BasicConstraints::new().critical().ca().build().expect("built")).expect("set");
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().build().expect("built")).expect("set");
        } else {
            let names = SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None)).expect("built");
            builder.append_extension(names).expect("set");
        }
        let signing = signer.map_or(&key, |(_, key)| key);
        builder.sign(signing, MessageDigest::sha256()).expect("signed");
        (builder.build(), key)
    }

    /// An authority, and its certificate as PEM.
    fn authority(name: &str) -> (Certified, Vec<u8>) {
        let authority = certified(name, None);
        let pem = authority.0.to_pem().expect("PEM");
        (authority, pem)
    }

    /// What a new authority is known by, as PEM.
    pub(in crate::asking) fn authority_pem() -> Vec<u8> {
        authority("an authority").1
    }

    /// Something that echoes over TLS under a name which is not its host's; with the authority that signed it.
    pub(in crate::asking) fn echo() -> (SocketAddr, Vec<u8>) {
        let (authority, pem) = authority("an authority");
        let (certificate, key) = certified("elsewhere.internal", Some(&authority));
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).expect("an acceptor");
        acceptor.set_private_key(&key).and_then(|()| acceptor.set_certificate(&certificate)).expect("set");
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(mut stream) = acceptor.accept(stream) else { continue };
                let mut bytes = [0; 4];
                while stream.read_exact(&mut bytes).and_then(|()| stream.write_all(&bytes)).is_ok() {}
            }
        });
        (address, pem)
    }

    #[tokio::test]
    async fn a_certificate_of_another_name_is_taken_and_one_of_another_authority_is_not() {
        let (address, pem) = echo();
        let connect = async |pem: &[u8]| {
            let outside = tokio::net::TcpStream::connect(address).await.expect("a connection");
            let name = ServerName::try_from("127.0.0.1").expect("an address");
            TlsConnector::from(config(pem, None).expect("usable")).connect(name, outside).await
        };
        let refused = connect(&authority_pem()).await.expect_err("nobody who is trusted signed it").to_string();
        assert!(refused.contains("certificate"), "{refused}");
        let mut stream = connect(&pem).await.expect("signed");
        stream.write_all(b"ping").await.expect("sent");
        let mut back = [0; 4];
        stream.read_exact(&mut back).await.expect("echoed");
        assert_eq!(&back, b"ping");
    }

    #[test]
    fn what_is_no_certificate_and_no_key_is_told() {
        let (_, pem) = authority("an authority");
        assert!(config(b"", None).expect_err("nothing").contains("no certificate"));
        assert!(config(&pem, Some((pem.clone(), b"no key".to_vec()))).expect_err("no key").contains("key"));
    }
}
