//! The API, called through the router as a client would, on a store of its own.

mod access;
mod bench;
mod claims;
mod events;
mod log;
mod polls;
mod reviews;
mod submissions;
mod web;
mod wire;
