//! The approval server: requests, reviews, claims, the audit log.
//!
//! [`serve_on`] takes a bound listener, [`Settings`] and a future that ends
//! when the server should stop; it runs on the caller's runtime. A request
//! goes through `api` (wire, roles, limits) to `service` (one transaction for
//! each change) to `lifecycle` (the pure state machine) and `store` (all SQL);
//! `audit` appends the record of the change in that same transaction, and
//! `waiters` wakes who waits for it.
#![forbid(unsafe_code)]

mod admission;
mod api;
mod audit;
pub mod backup;
mod clock;
mod cosigning;
mod dev;
pub mod doctor;
pub mod epoch;
mod expiry;
mod feed;
mod flood;
mod folder;
mod history;
mod identity;
mod initialise;
mod keys;
mod known_head;
mod lifecycle;
mod metrics;
mod notify;
mod openapi;
mod outbound;
mod problem;
mod readiness;
mod refusals;
mod refused_heads;
mod replicas;
pub mod rotation;
mod rules;
mod serve;
mod service;
pub mod settings;
mod state;
mod store;
mod subtrees;
mod telemetry;
mod waiters;
mod web;
pub mod witness;

#[cfg(test)]
mod tests;

pub use dev::{DevSetup, initialise_dev};
pub use initialise::{InitialiseError, initialise};
pub use openapi::document as openapi_document;
pub use serve::{ServeError, serve_on};
pub use settings::Settings;
pub use telemetry::CollectorError;
pub use web::{LoginCodeError, create_login_code};
