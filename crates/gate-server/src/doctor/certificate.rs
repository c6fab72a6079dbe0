//! The server's certificate: whether it is one, goes with its key, and how long it is good.

use jiff::{Timestamp, ToSpan as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Finding, chain};
use crate::clock;
use crate::serve::can_serve_by;
use crate::settings::Settings;

/// How long before its end somebody should renew it.
const SOON_DAYS: i64 = 14;

/// Looks at the certificate of the settings.
pub(super) fn examine(settings: &Settings) -> Finding {
    let name = "certificate";
    let Some(files) = &settings.tls else {
        return Finding::ok(name, "none; the server listens on loopback only");
    };
    if let Err(error) = can_serve_by(files) {
        let mend = "name a certificate in PEM with its own key under [tls]";
        return Finding::fail(name, chain(&error), mend);
    }
    let first = CertificateDer::pem_file_iter(&files.certificate)
        .ok()
        .and_then(|mut all| all.next()?.ok());
    let Some(end) = first.and_then(|one| not_after(&one)) else {
        let mend = "look at it with `openssl x509 -enddate`";
        return Finding::warn(name, "until when it is good can't be read", mend);
    };
    let now = clock::now();
    let mend = "renew it, and restart the server";
    if end <= now {
        return Finding::fail(name, format!("it ended at {end}"), mend);
    }
    let soon = now.checked_add((SOON_DAYS * 24).hours());
    if soon.is_ok_and(|soon| end <= soon) {
        return Finding::warn(name, format!("it ends at {end}"), mend);
    }
    Finding::ok(name, format!("good until {end}"))
}

/// Reads the end of a certificate's validity (RFC 5280, section 4.1): the second time in the fifth
/// part of what is signed, the version in front counted where it is there.
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, whole, _) = element(certificate)?;
    let (_, mut rest, _) = element(whole)?;
    // [0] is the version.
    if let (0xa0, _, behind) = element(rest)? {
        rest = behind;
    }
    for _ in ["serial number", "algorithm", "issuer"] {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, behind) = element(validity)?;
    let (tag, time, _) = element(behind)?;
    let text = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // UTCTime has two digits of the year: from 50 on those of the last century.
        0x17 if text.get(..2)? >= "50" => format!("19{text}"),
        0x17 => format!("20{text}"),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let iso = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    iso.parse().ok()
}

/// Splits DER into the tag and the content of its first element, and what is behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (length, mut rest) = rest.split_first()?;
    let mut size = usize::from(*length);
    if *length >= 0x80 {
        let digits = usize::from(length & 0x7f);
        let (bytes, behind) = rest.split_at_checked(digits).filter(|_| digits <= 4)?;
        size = bytes
            .iter()
            .fold(0, |size, byte| size << 8 | usize::from(*byte));
        rest = behind;
    }
    let (content, behind) = rest.split_at_checked(size)?;
    Some((*tag, content, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms_of_time() {
        for (year, expected) in [
            (2031, "2031-02-03T00:00:00Z"),
            (2051, "2051-02-03T00:00:00Z"),
        ] {
            let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            wanted.not_after = rcgen::date_time_ymd(year, 2, 3);
            let key = rcgen::KeyPair::generate().unwrap();
            let made = wanted.self_signed(&key).unwrap();
            assert_eq!(not_after(made.der()).unwrap().to_string(), expected);
        }
        assert_eq!(not_after(b"no certificate"), None);
    }
}
