//! The real components that tests act on: a Kubernetes API server, Postgres, `MariaDB`, an AWS emulator, git,
//! terraform, a keyring. Each owns its temporary folder, its ports and the ids of its processes, waits
//! with a deadline and is gone when dropped. Where the component keeps a record of its own (an audit
//! log, a statement log, a state file), that record is offered as an oracle that gate cannot influence.

mod aws;
mod command;
mod daemon;
mod error;
mod git;
mod group;
mod kube_audit;
mod kube_pki;
mod kubernetes;
mod locate;
mod mariadb;
mod postgres;
mod secrets;
mod terraform;

pub use aws::Moto;
pub use command::{Completed, run, run_with_input};
pub use daemon::Daemon;
pub use error::RealError;
pub use git::{BareRepository, Checkout};
pub use group::run_group;
pub use kube_audit::AuditEvent;
pub use kubernetes::KubeCluster;
pub use locate::{locate, testbed};
pub use mariadb::MariaDb;
pub use postgres::Postgres;
pub use secrets::{SecretService, kernel_session};
pub use terraform::TerraformProject;

/// Environment variables that point a client at a component.
pub type Environment = Vec<(&'static str, std::ffi::OsString)>;
