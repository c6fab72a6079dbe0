//! The one canonical JSON form (RFC 8785) of everything that is hashed or signed.
