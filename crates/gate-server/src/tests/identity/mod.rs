//! Who people and machines are: providers, issuers, passwords, terminals.

mod accounts;
mod classes;
mod devices;
mod hostile;
mod passwords;
mod patience;
mod program;
mod provider;
mod workloads;
