//! The pages, called through the router as a browser would.

mod answers;
mod browser;
mod chain;
mod editing;
mod everywhere;
mod exceptional;
mod inbox;
mod inertness;
mod pages;
mod sign_in;

pub(super) use browser::{Browser, OWN, location};
