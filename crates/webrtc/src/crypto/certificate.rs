//! The self-signed certificate that DTLS shows. Peers know it by its fingerprint alone, which signalling carries.

use std::str::FromStr;
use std::time::Duration;

use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};
use str0m::config::DtlsCert;
use x509_cert::builder::{Builder, CertificateBuilder, Profile};
use x509_cert::der::asn1::GeneralizedTime;
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

use super::random;
use crate::{Error, Result};

const DAY: Duration = Duration::from_secs(86_400);
/// Clocks differ: it is valid since a day ago.
const VALID: Duration = Duration::from_secs(365 * 86_400);

/// A key and its certificate, for any number of sessions. Cloning shares nothing secret further than this process.
#[derive(Clone)]
pub struct Certificate(pub(crate) DtlsCert);

impl Certificate {
    /// Makes one on the curve P-256, valid for a year. `now` is the time since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] where the system gives no random numbers, or `now` is no date.
    pub fn generate(now: Duration) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Error::Crypto(format!("no certificate: {error}"));
        let key = loop {
            // One in 2^32 is no key of this curve.
            if let Ok(key) = SigningKey::from_slice(&random::<32>()?) {
                break key;
            }
        };
        // Firefox refuses two of one number, also from different programs.
        let mut number = random::<16>()?;
        number[0] = number[0] & 0x7F | 0x40;
        let moment = |since: Duration| -> Result<Time> {
            let date = DateTime::from_unix_duration(since).map_err(|error| failed(&error))?;
            Ok(Time::GeneralTime(GeneralizedTime::from_date_time(date)))
        };
        let name = Name::from_str("CN=brooklet").map_err(|error| failed(&error))?;
        let public = key.verifying_key().to_public_key_der().map_err(|error| failed(&error))?;
        let public =
            SubjectPublicKeyInfoOwned::from_der(public.as_bytes()).map_err(|error| failed(&error))?;
        let serial = SerialNumber::new(&number).map_err(|error| failed(&error))?;
        let validity =
            Validity { not_before: moment(now.saturating_sub(DAY))?, not_after: moment(now + VALID)? };
        let profile = Profile::Leaf {
            issuer: name.clone(),
            enable_key_agreement: false,
            enable_key_encipherment: false,
        };
        let builder = CertificateBuilder::new(profile, serial, validity, name, public, &key);
        let made = builder.and_then(|builder| builder.build::<DerSignature>());
        let certificate = made.map_err(|error| failed(&error))?.to_der().map_err(|error| failed(&error))?;
        let private_key = key.to_pkcs8_der().map_err(|error| failed(&error))?.as_bytes().to_vec();
        Ok(Self(DtlsCert { certificate, private_key }))
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_says_when_it_is_valid() {
        let make = || Certificate::generate(Duration::from_secs(1_800_000_000)).unwrap().0;
        let (one, two) = (make(), make());
        let [one, two] = [one, two].map(|cert| x509_cert::Certificate::from_der(&cert.certificate).unwrap());
        assert_ne!(one.tbs_certificate.serial_number, two.tbs_certificate.serial_number);
        let Validity { not_before, not_after } = one.tbs_certificate.validity;
        assert_eq!(not_before.to_unix_duration().as_secs(), 1_800_000_000 - 86_400);
        assert_eq!(not_after.to_unix_duration().as_secs(), 1_800_000_000 + 365 * 86_400);
    }
}
