//! The one canonical JSON form (RFC 8785) of everything that is hashed or
//! signed: requests, grants, rule bundles and audit records.
//!
//! The form is narrowed to what all JSON libraries agree on. Numbers are
//! integers below 2^53 in size, so that no reader rounds them; floats, bigger
//! integers, U+0000 and nesting beyond [`MAX_DEPTH`] have no canonical form
//! and are refused on the way out as on the way in.

mod digest;
mod strict;
#[cfg(test)]
mod tests;
mod writer;

pub use digest::{Digest, ParseDigestError};
pub use strict::{StrictError, from_strict_slice, is_canonical, parse_strict};
pub use writer::{CanonicalError, to_canonical_bytes};

/// The largest integer that has a canonical form, 2^53 − 1; its negative is
/// the smallest. Source: RFC 7493 section 2.2.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// How deep arrays and objects may nest; a bare scalar has depth 0.
pub const MAX_DEPTH: usize = 64;
