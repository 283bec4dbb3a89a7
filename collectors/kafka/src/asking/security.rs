//! How the profile's settings for TLS and SASL, which are librdkafka's, read for krafka.

use std::path::Path;
use std::sync::Arc;

use krafka::auth::{AuthConfig, OAuthBearerToken, TlsConfig};
use krafka::error::KrafkaError;
use openssl::ec::EcKey;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use rustls::ClientConfig;
use switchboard_model::FailureKind;

use super::nameless;
use crate::config::{Config, PropertyRefused, checked_properties};
use crate::failure::Failure;
use crate::token::TokenSource;

/// Where systems keep the certificates they trust; as librdkafka looks for them.
const SYSTEM_CERTIFICATES: &[&str] = &[
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/cacert.pem",
    "/etc/certs/ca-certificates.crt",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];
/// Certificates of one folder are read up to so many bytes.
const MOST_CERTIFICATE_BYTES: u64 = 8 << 20;

/// The security of a source.
#[derive(Debug)]
pub(super) struct Security {
    /// What krafka shows to brokers, and how it checks them.
    pub auth: AuthConfig,
    /// TLS that the door speaks in krafka's place.
    pub of_door: Option<Arc<ClientConfig>>,
}

/// The security of a source. What cannot be offered is refused; nothing is made less safe than the profile says.
pub(super) fn of(config: &Config) -> Result<Security, Failure> {
    let properties = checked_properties(&config.properties)?;
    let get = |name: &str| properties.iter().find(|(property, _)| *property == name).map(|(_, value)| *value);
    let protocol =
        get("security.protocol").unwrap_or(if config.username.is_some() || config.token.is_some() { "SASL_SSL" } else { "PLAINTEXT" }).to_ascii_uppercase();
    let is_tls = match protocol.as_str() {
        "PLAINTEXT" | "SASL_PLAINTEXT" => false,
        "SSL" | "SASL_SSL" => true,
        _ => return Err(refused("security.protocol", "it is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")),
    };
    let auth = if protocol.starts_with("SASL") { sasl(config, &get)? } else { AuthConfig::plaintext() };
    if !is_tls {
        return Ok(Security { auth, of_door: None });
    }
    let verifies = get("enable.ssl.certificate.verification").is_none_or(|value| !value.eq_ignore_ascii_case("false"));
    let names_hosts = get("ssl.endpoint.identification.algorithm").is_none_or(|value| !value.eq_ignore_ascii_case("none"));
    if names_hosts || !verifies {
        return Ok(Security { auth: auth.with_tls(tls(config, verifies, &get)?), of_door: None });
    }
    let Some(authorities) = authorities(&get)? else {
        return Err(refused("ssl.endpoint.identification.algorithm", "none needs the authority that signed the certificates, in ssl.ca.location"));
    };
    let of_door = nameless::config(&authorities, identity(config, &get)?).map_err(|why| refused("ssl.ca.location", &why))?;
    Ok(Security { auth, of_door: Some(of_door) })
}

fn sasl<'a>(config: &Config, get: &dyn Fn(&str) -> Option<&'a str>) -> Result<AuthConfig, Failure> {
    let mechanism = get("sasl.mechanism").or_else(|| get("sasl.mechanisms")).unwrap_or(if config.token.is_some() { "OAUTHBEARER" } else { "PLAIN" });
    let (username, password) = (config.username.clone().unwrap_or_default(), config.password.clone().unwrap_or_default());
    match mechanism {
        "PLAIN" => Ok(AuthConfig::sasl_plain(username, password)),
        "SCRAM-SHA-256" => Ok(AuthConfig::sasl_scram_sha256(username, password)),
        "SCRAM-SHA-512" => Ok(AuthConfig::sasl_scram_sha512(username, password)),
        "OAUTHBEARER" => {
            let source = config.token.clone().ok_or_else(|| Failure {
                kind: FailureKind::Authenticate,
                detail: "OAUTHBEARER needs a token".to_owned(),
                next_step: "Write token = { command = \"…\" } in the source's table".to_owned(),
            })?;
            Ok(AuthConfig::sasl_oauthbearer_provider(move || fetch_token(source.clone())))
        }
        _ => Err(refused("sasl.mechanism", "it is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER")),
    }
}

/// A token, fetched on a thread of its own: a command may take its time.
async fn fetch_token(source: TokenSource) -> krafka::Result<OAuthBearerToken> {
    match tokio::task::spawn_blocking(move || source.fetch()).await {
        Ok(Ok(token)) => Ok(OAuthBearerToken::new(token.value).with_lifetime_ms(token.good_until_ms)),
        Ok(Err(why)) => Err(KrafkaError::auth(format!("no token: {why}"))),
        Err(_) => Err(KrafkaError::auth("the token was not fetched to the end")),
    }
}

fn tls<'a>(config: &Config, verifies: bool, get: &dyn Fn(&str) -> Option<&'a str>) -> Result<TlsConfig, Failure> {
    let mut tls = if verifies { TlsConfig::new() } else { TlsConfig::insecure() };
    if verifies && let Some(pem) = authorities(get)? {
        tls = tls.with_ca_cert_pem(pem);
    }
    if let Some((certificate, key)) = identity(config, get)? {
        tls = tls.with_client_cert_pem(certificate, key);
    }
    Ok(tls)
}

/// A certificate and its key, as PEM.
type Identity = (Vec<u8>, Vec<u8>);

/// The client's certificate and key as PEM, converted where they lie in a store or are encrypted: by OpenSSL, which librdkafka brings.
fn identity<'a>(config: &Config, get: &dyn Fn(&str) -> Option<&'a str>) -> Result<Option<Identity>, Failure> {
    let password = config.key_password.as_deref().unwrap_or_default();
    if let Some(location) = get("ssl.keystore.location") {
        let store = std::fs::read(location).map_err(|error| refused("ssl.keystore.location", &format!("{location} cannot be read ({error})")))?;
        return opened(&store, password).map(Some).map_err(|why| refused("ssl.keystore.location", &format!("{location} cannot be opened ({why})")));
    }
    match (pem_of("ssl.certificate", get)?, pem_of("ssl.key", get)?) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let key = PKey::private_key_from_pem_passphrase(&key, password.as_bytes()).and_then(|key| pem_of_key(&key));
            key.map(|key| Some((certificate, key))).map_err(|error| refused("ssl.key", &format!("it cannot be opened ({error})")))
        }
        (Some(_), None) => Err(refused("ssl.certificate", "it comes without its key: name the key's file in ssl.key.location")),
        (None, Some(_)) => Err(refused("ssl.key", "it comes without its certificate: name that in ssl.certificate.location")),
    }
}

/// A private key as rustls takes it: one on a curve with its public part, which Java leaves out, and which OpenSSL then leaves out too.
fn pem_of_key(key: &PKey<Private>) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    match key.ec_key() {
        Ok(key) => PKey::from_ec_key(EcKey::from_private_components(key.group(), key.private_key(), key.public_key())?)?.private_key_to_pem_pkcs8(),
        Err(_) => key.private_key_to_pem_pkcs8(),
    }
}

/// Certificate, those above it, and key of a PKCS#12 store.
fn opened(store: &[u8], password: &str) -> Result<Identity, String> {
    let words = |error: openssl::error::ErrorStack| error.to_string();
    let store = Pkcs12::from_der(store).and_then(|store| store.parse2(password)).map_err(words)?;
    let (Some(certificate), Some(key)) = (store.cert, store.pkey) else { return Err("it holds no certificate with its key".to_owned()) };
    let mut certificates = certificate.to_pem().map_err(words)?;
    for above in store.ca.iter().flatten() {
        certificates.extend(above.to_pem().map_err(words)?);
    }
    Ok((certificates, pem_of_key(&key).map_err(words)?))
}

/// The certificates of the authorities that are trusted; `None` = those that came with the program.
fn authorities<'a>(get: &dyn Fn(&str) -> Option<&'a str>) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(pem) = get("ssl.ca.pem") {
        return Ok(Some(with_line_ends(pem)));
    }
    match get("ssl.ca.location") {
        Some(location) if location != "probe" => {
            let path = Path::new(location);
            let pem = if path.is_dir() { folder(path) } else { std::fs::read(path) };
            pem.map(Some).map_err(|error| refused("ssl.ca.location", &format!("{location} cannot be read ({error})")))
        }
        _ => Ok(SYSTEM_CERTIFICATES.iter().find_map(|path| std::fs::read(path).ok())),
    }
}

/// All certificates of a folder, in the order of their names.
fn folder(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    let (mut all, mut room) = (Vec::new(), MOST_CERTIFICATE_BYTES);
    for file in files {
        let size = file.metadata()?.len();
        let Some(left) = room.checked_sub(size) else { break };
        let text = std::fs::read(&file)?;
        if text.windows(11).any(|bytes| bytes == b"CERTIFICATE") {
            room = left;
            all.extend(text);
            all.push(b'\n');
        }
    }
    Ok(all)
}

/// A PEM text, from the profile or from a file that it names.
fn pem_of<'a>(what: &str, get: &dyn Fn(&str) -> Option<&'a str>) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(pem) = get(&format!("{what}.pem")) {
        return Ok(Some(with_line_ends(pem)));
    }
    let Some(location) = get(&format!("{what}.location")) else { return Ok(None) };
    std::fs::read(location).map(Some).map_err(|error| refused(&format!("{what}.location"), &format!("{location} cannot be read ({error})")))
}

/// Java writes a PEM in one line, with `\n` spelled out.
fn with_line_ends(pem: &str) -> Vec<u8> {
    pem.replace("\\n", "\n").into_bytes()
}

fn refused(property: &str, why: &str) -> Failure {
    PropertyRefused { property: property.to_owned(), reason: why.to_owned(), next_step: "Correct it in the profile".to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(properties: &[(&str, &str)], username: Option<&str>) -> Config {
        let mut config = Config::new("k", "localhost:9092");
        config.properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        config.username = username.map(str::to_owned);
        config.password = username.map(|_| "pw".to_owned());
        config
    }

    #[test]
    fn settings_of_librdkafka_are_read_as_they_are_meant() {
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>, &'static str);
        let cases: &[Case] = &[
            (&[], None, "PLAINTEXT None"),
            // Never a password in clear unless the profile says so.
            (&[], Some("joe"), "SASL_SSL Some(PLAIN)"),
            (&[("security.protocol", "SSL")], None, "SSL None"),
            (&[("security.protocol", "ssl")], None, "SSL None"),
            (&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "SCRAM-SHA-512")], Some("joe"), "SASL_PLAINTEXT Some(SCRAM-SHA-512)"),
            (&[("sasl.mechanisms", "SCRAM-SHA-256")], Some("joe"), "SASL_SSL Some(SCRAM-SHA-256)"),
        ];
        for (properties, username, expected) in cases {
            let auth = of(&config(properties, *username)).expect("accepted").auth;
            let protocol = match (auth.requires_tls(), auth.requires_sasl()) {
                (false, false) => "PLAINTEXT",
                (true, false) => "SSL",
                (false, true) => "SASL_PLAINTEXT",
                (true, true) => "SASL_SSL",
            };
            assert_eq!(format!("{protocol} {:?}", auth.sasl_mechanism().map(ToString::to_string)).replace('"', ""), *expected, "{properties:?}");
        }
    }

    #[test]
    fn verification_is_off_only_where_the_profile_says_so() {
        let verifies =
            |properties: &[(&str, &str)]| of(&config(properties, None)).map(|security| security.auth.tls_config().map(TlsConfig::verify_server_cert));
        assert_eq!(verifies(&[("security.protocol", "SSL")]), Ok(Some(true)));
        assert_eq!(verifies(&[("security.protocol", "SSL"), ("enable.ssl.certificate.verification", "false")]), Ok(Some(false)));
        let both = [("security.protocol", "SSL"), ("enable.ssl.certificate.verification", "false"), ("ssl.endpoint.identification.algorithm", "none")];
        assert_eq!(verifies(&both), Ok(Some(false)));
    }

    #[test]
    fn names_are_left_unchecked_where_the_profile_says_so_and_nothing_else_is() {
        let authority = String::from_utf8(nameless::tests::authority_pem()).expect("text");
        for (algorithm, is_of_door) in [("none", true), ("None", true), ("", true), ("https", false)] {
            let properties = [("security.protocol", "SASL_SSL"), ("ssl.endpoint.identification.algorithm", algorithm), ("ssl.ca.pem", authority.as_str())];
            let security = of(&config(&properties, Some("joe"))).expect("accepted");
            // Without the door nothing of it may go out in clear.
            assert_eq!((security.of_door.is_some(), security.auth.requires_tls()), (is_of_door, !is_of_door), "{algorithm}");
            assert!(security.auth.requires_sasl(), "{algorithm}");
        }
        let nobody = [("security.protocol", "SSL"), ("ssl.endpoint.identification.algorithm", "none"), ("ssl.ca.pem", "no PEM")];
        assert!(of(&config(&nobody, None)).expect_err("no authority").detail.contains("ssl.ca.location"));
    }

    #[test]
    fn what_cannot_be_had_is_refused_with_the_way_out() {
        for (properties, word) in [
            (vec![("security.protocol", "TLS")], "security.protocol"),
            (vec![("security.protocol", "SASL_SSL"), ("sasl.mechanism", "GSSAPI")], "sasl.mechanism"),
            (vec![("security.protocol", "SSL"), ("ssl.certificate.pem", "x")], "ssl.key"),
            (vec![("security.protocol", "SSL"), ("ssl.certificate.pem", "x"), ("ssl.key.pem", "y")], "ssl.key"),
            (vec![("security.protocol", "SASL_SSL"), ("sasl.mechanism", "OAUTHBEARER")], "token"),
        ] {
            let failure = of(&config(&properties, Some("joe"))).expect_err(word);
            assert!(failure.detail.contains(word) && !failure.next_step.is_empty(), "{failure:?}");
        }
    }

    #[test]
    fn a_store_and_an_encrypted_key_are_opened() {
        use openssl::asn1::Asn1Time;
        use openssl::hash::MessageDigest;
        use openssl::symm::Cipher;
        use openssl::x509::X509;
        let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("a curve");
        let key = PKey::from_ec_key(openssl::ec::EcKey::generate(&group).expect("a key")).expect("a key");
        let mut certificate = X509::builder().expect("a builder");
        certificate.set_pubkey(&key).expect("set");
        certificate.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("set");
        certificate.set_not_after(&Asn1Time::days_from_now(1).expect("a time")).expect("set");
        certificate.sign(&key, MessageDigest::sha256()).expect("signed");
        let certificate = certificate.build();
        let plain = key.private_key_to_pem_pkcs8().expect("PEM");
        let store = Pkcs12::builder().name("client").pkey(&key).cert(&certificate).build2("store-secret").expect("a store").to_der().expect("DER");
        let (found, found_key) = opened(&store, "store-secret").expect("opened");
        assert_eq!((found, found_key), (certificate.to_pem().expect("PEM"), plain.clone()));
        assert!(opened(&store, "wrong").is_err() && opened(b"no store", "").is_err());
        let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"key-secret").expect("PEM");
        let (encrypted, certificate) = (String::from_utf8(encrypted).expect("text"), String::from_utf8(certificate.to_pem().expect("PEM")).expect("text"));
        let mut config = config(&[("security.protocol", "SSL"), ("ssl.key.pem", &encrypted), ("ssl.certificate.pem", &certificate)], None);
        let refused = of(&config).expect_err("without its password");
        assert!(refused.detail.contains("ssl.key"), "{refused:?}");
        config.key_password = Some("key-secret".to_owned());
        let properties = checked_properties(&config.properties).expect("allowed");
        let get = |name: &str| properties.iter().find(|(property, _)| *property == name).map(|(_, value)| *value);
        assert_eq!(identity(&config, &get).expect("opened").expect("there").1, plain);
        assert!(of(&config).is_ok());
    }
}
