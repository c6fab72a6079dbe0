//! The options of an address: what stands behind its `?`.
//!
//! Source: the connection string options of the manual of `MongoDB` 8.

use crate::effect::Effect;
use crate::invocation::Invocation;

/// Options that only say where, as whom and how patiently, in lower case, as
/// their names have no case.
const PLAIN: &[&str] = &[
    "appname",
    "authmechanism",
    "authsource",
    "compressors",
    "connecttimeoutms",
    "directconnection",
    "heartbeatfrequencyms",
    "journal",
    "loadbalanced",
    "localthresholdms",
    "maxconnecting",
    "maxidletimems",
    "maxpoolsize",
    "maxstalenessseconds",
    "minpoolsize",
    "readconcernlevel",
    "readpreference",
    "readpreferencetags",
    "replicaset",
    "retryreads",
    "retrywrites",
    "serverselectiontimeoutms",
    "sockettimeoutms",
    "srvmaxhosts",
    "uuidrepresentation",
    "w",
    "waitqueuetimeoutms",
    "wtimeoutms",
    "zlibcompressionlevel",
];

/// Judges the options of an address: others lead elsewhere, or trust whoever
/// answers. A `?` in front of them, as in a password, is taken for their start.
pub(super) fn judge_options(address: &[u8], invocation: &mut Invocation) {
    let mut parts = address.splitn(2, |byte| *byte == b'?');
    let options = parts.nth(1).unwrap_or_default();
    for option in options.split(|byte| matches!(byte, b'&' | b';')) {
        if !option.is_empty() && !is_plain(option) {
            // It is not shown: it can be a part of a password.
            let reason = "the address has an option that can lead elsewhere";
            invocation.add(Effect::Unknown, reason);
        }
    }
}

fn is_plain(option: &[u8]) -> bool {
    let option = option.to_ascii_lowercase();
    if matches!(option.as_slice(), b"tls=true" | b"ssl=true") {
        return true;
    }
    // The others show the password, or start a browser.
    let sound: [&[u8]; 3] = [b"scram-sha-", b"mongodb-x509", b"mongodb-aws"];
    if let Some(how) = option.strip_prefix(b"authmechanism=") {
        return sound.iter().any(|one| how.starts_with(one));
    }
    let name = option.split(|byte| *byte == b'=').next();
    PLAIN.iter().any(|plain| name == Some(plain.as_bytes()))
}
