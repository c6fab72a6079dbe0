//! The API, called through the router as a client would, on a store of its own.

mod access;
mod approving;
mod archive;
mod bench;
mod channels;
mod claims;
mod clients_word;
mod erasure;
mod events;
mod exceptional;
mod flood;
mod identity;
mod judges;
mod log;
mod paging;
mod polls;
mod postgres;
mod puppets;
mod rates;
mod replicas;
mod reviews;
mod self_approval;
mod submissions;
mod tags;
mod web;
mod wire;
