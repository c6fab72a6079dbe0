//! A server to try things on: people, an agent, rules, and a token for each.

use std::path::Path;

use gate_protocol::principal::{Principal, PrincipalKind, Role};

use crate::clock;
use crate::initialise::{InitialiseError, Made, token, user};
use crate::service::Change;
use crate::settings::Settings;
use crate::store::{principals, rules};

/// The rules of a server that somebody tries out.
const STARTER_RULES: &str = include_str!("dev/starter.toml");

/// Who there is on a server to try things on, each with a fresh token.
///
/// `alice` and `bob` are users in the group `approvers`; `demo-agent` is an
/// agent that alice owns, so alice can't approve what it asks for and bob can.
#[derive(Clone)]
pub struct DevSetup {
    /// The user `admin` as admin.
    pub admin: String,
    /// The user `auditor` as auditor.
    pub auditor: String,
    /// The user `alice` as requester.
    pub alice_requester: String,
    /// The user `alice` as approver.
    pub alice_approver: String,
    /// The user `bob` as approver.
    pub bob_approver: String,
    /// The agent `demo-agent` as requester.
    pub agent: String,
}

impl std::fmt::Debug for DevSetup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DevSetup").finish_non_exhaustive()
    }
}

/// Makes a server to try things on, or takes the one that is in `data_dir`, and
/// hands out fresh tokens that live for 30 days.
///
/// # Errors
/// Each [`InitialiseError`] as its name says, except [`InitialiseError::Exists`].
pub async fn initialise_dev(
    data_dir: &Path,
    public_url: &str,
) -> Result<DevSetup, InitialiseError> {
    make_for_trial(&Settings::new(data_dir, public_url)).await
}

/// The same, wherever the settings have the database.
pub(crate) async fn make_for_trial(settings: &Settings) -> Result<DevSetup, InitialiseError> {
    let made = Made::open(settings).await?;
    let mut change = made.begin().await?;
    create_missing(&mut change).await?;
    if rules::version(change.connection()).await? == 0 {
        change
            .activate_rules(("server", None), 1, STARTER_RULES.to_owned())
            .await?;
    }
    let end = Some(clock::after(change.now(), 30 * 24 * 3600));
    let setup = DevSetup {
        admin: token(&mut change, "admin", Role::Admin, end).await?,
        auditor: token(&mut change, "auditor", Role::Auditor, end).await?,
        alice_requester: token(&mut change, "alice", Role::Requester, end).await?,
        alice_approver: token(&mut change, "alice", Role::Approver, end).await?,
        bob_approver: token(&mut change, "bob", Role::Approver, end).await?,
        agent: token(&mut change, "demo-agent", Role::Requester, end).await?,
    };
    made.finish(change).await?;
    Ok(setup)
}

async fn create_missing(change: &mut Change<'_>) -> Result<(), InitialiseError> {
    let agent = Principal {
        name: "demo-agent".to_owned(),
        kind: PrincipalKind::Agent,
        owner: Some("alice".to_owned()),
        person: None,
        groups: Vec::new(),
        disabled: false,
    };
    let everybody = [
        user("admin", &[]),
        user("auditor", &[]),
        user("alice", &["approvers"]),
        user("bob", &["approvers"]),
        agent,
    ];
    for principal in &everybody {
        let found = principals::find(change.connection(), &principal.name).await?;
        if found.is_none() {
            change.create_principal("server", principal).await?;
        }
    }
    Ok(())
}
