//! A certificate made here, for who has none: kept in a file, so that whoever was told to trust it need be told once.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::rand_core::{OsRng, RngCore};
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CertificateBuilder, Profile};
use x509_cert::der::asn1::{Ia5String, OctetString};
use x509_cert::der::{DecodePem, EncodePem};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;

/// How long one is valid: no longer than every browser takes.
const VALID: Duration = Duration::from_secs(820 * 86_400);
/// One that is valid for less than this is made anew.
const LEFT: Duration = Duration::from_secs(30 * 86_400);

/// The file with our own certificate and its key (PEM), made where there is none, or where it is about to expire.
pub(super) fn certificate() -> Result<PathBuf, String> {
    let folder = folder().ok_or("there is no folder to keep a certificate in: HOME is not set")?;
    certificate_in(&folder)
}

fn certificate_in(folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join("self.pem");
    if fs::read(&path).is_ok_and(|pem| is_good(&pem)) {
        return Ok(path);
    }
    let failed = |error: io::Error| format!("cannot keep a certificate in {}: {error}", path.display());
    let pem = make().map_err(|error| format!("cannot make a certificate: {error}"))?;
    fs::create_dir_all(folder).map_err(failed)?;
    // Under another name until it is whole: another process may make one at the same time.
    let unfinished = folder.join(format!("self.{}.tmp", std::process::id()));
    let written = write_secret(&unfinished, pem.as_bytes()).and_then(|()| fs::rename(&unfinished, &path));
    written.map_err(failed)?;
    Ok(path)
}

fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let settings = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")));
    settings.or_else(|| named("APPDATA")).map(|folder| folder.join("brooklet"))
}

/// Whether there is a certificate at its start that is valid for a while yet.
fn is_good(pem: &[u8]) -> bool {
    const END: &[u8] = b"-----END CERTIFICATE-----\n";
    let end = pem.windows(END.len()).position(|window| window == END);
    let certificate = end.and_then(|end| Certificate::from_pem(&pem[..end + END.len()]).ok());
    certificate.is_some_and(|certificate| {
        let Validity { not_before, not_after } = certificate.tbs_certificate.validity;
        let now = SystemTime::now();
        not_before.to_system_time() <= now && not_after.to_system_time() >= now + LEFT
    })
}

fn make() -> Result<String, Box<dyn std::error::Error>> {
    let key = SigningKey::random(&mut OsRng);
    let mut serial = [0; 16];
    OsRng.fill_bytes(&mut serial);
    serial[0] &= 0x7F; // RFC 5280 §4.1.2.2: positive
    let public = SubjectPublicKeyInfoOwned::from_key(*key.verifying_key())?;
    let subject = Name::from_str("CN=brooklet")?;
    let mut builder = CertificateBuilder::new(
        // Signed by itself.
        Profile::Leaf {
            issuer: subject.clone(),
            enable_key_agreement: false,
            enable_key_encipherment: false,
        },
        SerialNumber::new(&serial)?,
        Validity::from_now(VALID)?,
        subject,
        public,
        &key,
    )?;
    builder.add_extension(&SubjectAltName(names()?))?;
    let certificate = builder.build::<DerSignature>()?;
    let key = p256::SecretKey::from(&key).to_pkcs8_pem(LineEnding::LF)?;
    Ok(format!("{}{}", certificate.to_pem(LineEnding::LF)?, key.as_str()))
}

/// By what this machine may be called.
fn names() -> Result<Vec<GeneralName>, Box<dyn std::error::Error>> {
    let mut names = vec![GeneralName::DnsName(Ia5String::new("localhost")?)];
    let host =
        fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.map(|host| host.trim().to_string()).filter(|host| host.is_ascii() && !host.is_empty());
    if let Some(host) = host.filter(|host| host != "localhost") {
        names.push(GeneralName::DnsName(Ia5String::new(&host)?));
        names.push(GeneralName::DnsName(Ia5String::new(&format!("{host}.local"))?));
    }
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    // The address by which it would reach others (nothing is sent for that), which is the one that others reach it by.
    let outwards = UdpSocket::bind(("0.0.0.0", 0)).and_then(|socket| {
        socket.connect(("192.0.2.1", 9))?;
        socket.local_addr()
    });
    addresses.extend(outwards.map(|address| address.ip()).ok().filter(|address| !address.is_loopback()));
    for address in addresses {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        names.push(GeneralName::IpAddress(OctetString::new(bytes)?));
    }
    Ok(names)
}

/// Writes a file that nobody else may read.
fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("brooklet");
        let path = certificate_in(&inner).unwrap();
        let first = fs::read(&path).unwrap();
        assert!(is_good(&first));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(certificate_in(&inner).unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::write(&path, b"-----BEGIN CERTIFICATE-----\nno\n").unwrap();
        certificate_in(&inner).unwrap();
        assert!(is_good(&fs::read(&path).unwrap()));
    }
}
