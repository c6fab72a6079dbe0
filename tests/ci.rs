//! gate in the jobs of CI systems: what their pages show, and the examples for GitHub Actions and
//! GitLab, run as their runners run them, against a real server.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/agent.rs"]
#[expect(dead_code, reason = "no coding agent is at work in these tests")]
mod agent;
#[path = "ci/documents.rs"]
mod documents;
#[path = "ci/github.rs"]
mod github;
#[path = "ci/gitlab.rs"]
mod gitlab;
#[path = "ci/inputs.rs"]
mod inputs;
#[path = "ci/machine.rs"]
mod machine;
#[path = "identity/rig.rs"]
#[expect(dead_code, reason = "the server here is a process of its own")]
mod rig;
#[path = "live/server.rs"]
mod server;
#[path = "ci/summary.rs"]
mod summary;
#[path = "ci/workload.rs"]
mod workload;
