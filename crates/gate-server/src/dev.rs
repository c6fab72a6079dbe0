//! Making a server: an empty one with its first admin, or one to try things on.

use std::path::Path;

use gate_protocol::principal::{Principal, PrincipalKind, Role};
use jiff::Timestamp;

use crate::clock;
use crate::identity::Token;
use crate::keys::{self, Keys, KeysError};
use crate::problem::Failure;
use crate::service::Change;
use crate::settings::Settings;
use crate::state::Server;
use crate::store::server::{self, Names};
use crate::store::{Store, StoreError, principals, rules};

/// The rules of a server that somebody tries out.
const STARTER_RULES: &str = include_str!("dev/starter.toml");

/// Why a server was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitialiseError {
    /// There is one already.
    #[error("`{}` holds a server already", .0.display())]
    Exists(std::path::PathBuf),
    /// A server runs on the folder.
    #[error("a server runs on `{}`", .0.display())]
    InUse(std::path::PathBuf),
    /// The data folder or a key can't be used.
    #[error("the data folder can't be used")]
    Keys(#[from] KeysError),
    /// The database can't be used.
    #[error("the store can't be used")]
    Store(#[from] StoreError),
    /// The first entries were refused.
    #[error("the first entries were not made: {0}")]
    Entries(String),
    /// The operating system gave no random bytes.
    #[error("there are no random bytes")]
    Random(#[from] getrandom::Error),
}

impl From<Failure> for InitialiseError {
    fn from(failure: Failure) -> Self {
        Self::Entries(failure.detail().to_owned())
    }
}

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

/// Makes an empty server in `data_dir`: keys, database, and the user `admin`,
/// whose token (for the role admin, without end) is returned and shown nowhere else.
///
/// # Errors
/// [`InitialiseError::Exists`] where there is a server already; each other
/// [`InitialiseError`] as its name says.
pub async fn initialise(data_dir: &Path) -> Result<String, InitialiseError> {
    let made = Made::open(data_dir, "http://127.0.0.1").await?;
    if !made.is_new {
        return Err(InitialiseError::Exists(data_dir.to_owned()));
    }
    let mut change = made.begin().await?;
    let admin = user("admin", &[]);
    change.create_principal("server", &admin).await?;
    let token = token(&mut change, ("admin", Role::Admin), None).await?;
    made.finish(change).await?;
    Ok(token)
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
    let made = Made::open(data_dir, public_url).await?;
    let mut change = made.begin().await?;
    create_missing(&mut change).await?;
    if rules::version(change.connection()).await? == 0 {
        change
            .activate_rules("server", 1, STARTER_RULES.to_owned())
            .await?;
    }
    let end = Some(clock::after(change.now(), 30 * 24 * 3600));
    let setup = DevSetup {
        admin: token(&mut change, ("admin", Role::Admin), end).await?,
        auditor: token(&mut change, ("auditor", Role::Auditor), end).await?,
        alice_requester: token(&mut change, ("alice", Role::Requester), end).await?,
        alice_approver: token(&mut change, ("alice", Role::Approver), end).await?,
        bob_approver: token(&mut change, ("bob", Role::Approver), end).await?,
        agent: token(&mut change, ("demo-agent", Role::Requester), end).await?,
    };
    made.finish(change).await?;
    Ok(setup)
}

async fn create_missing(change: &mut Change<'_>) -> Result<(), InitialiseError> {
    let agent = Principal {
        name: "demo-agent".to_owned(),
        kind: PrincipalKind::Agent,
        owner: Some("alice".to_owned()),
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

/// A server that is being made, or was there.
struct Made {
    server: Server,
    is_new: bool,
    _lock: keys::FolderLock,
}

impl Made {
    async fn open(data_dir: &Path, public_url: &str) -> Result<Self, InitialiseError> {
        keys::prepare_dir(data_dir)?;
        let lock =
            keys::lock(data_dir)?.ok_or_else(|| InitialiseError::InUse(data_dir.to_owned()))?;
        let database = data_dir.join("gate.db");
        keys::prepare_file(&database)?;
        let store = Store::open(&database).await?;
        let mut reader = store.read().await?;
        let known = server::names(reader.connection()).await?;
        drop(reader);
        let is_new = known.is_none();
        let (names, keys) = if let Some(names) = known {
            let keys = Keys::open(data_dir, &names.audience, &names.log_origin)?;
            (names, keys)
        } else {
            let names = new_names()?;
            let keys = Keys::make(data_dir, &names.audience, &names.log_origin)?;
            (names, keys)
        };
        let settings = Settings::new(data_dir, public_url);
        Ok(Self {
            server: Server::new(store, settings, names, keys),
            is_new,
            _lock: lock,
        })
    }

    /// Begins the one change that makes the server: a crash leaves all or nothing.
    async fn begin(&self) -> Result<Change<'_>, InitialiseError> {
        let mut change = self.server.change().await?;
        if self.is_new {
            let now = change.now();
            server::name(change.connection(), &self.server.names, now).await?;
        }
        Ok(change)
    }

    async fn finish(&self, change: Change<'_>) -> Result<(), InitialiseError> {
        change.commit().await?;
        self.server.store.close().await;
        Ok(())
    }
}

/// A server is known by a name of its own, whatever its address is today.
fn new_names() -> Result<Names, getrandom::Error> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)?;
    let audience = format!("gate-{:08x}", u32::from_be_bytes(bytes));
    Ok(Names {
        log_origin: format!("{audience}/audit"),
        audience,
    })
}

fn user(name: &str, groups: &[&str]) -> Principal {
    Principal {
        name: name.to_owned(),
        kind: PrincipalKind::User,
        owner: None,
        groups: groups.iter().map(ToString::to_string).collect(),
        disabled: false,
    }
}

async fn token(
    change: &mut Change<'_>,
    whose: (&str, Role),
    expires_at: Option<Timestamp>,
) -> Result<String, InitialiseError> {
    let (_, token) = change.create_token("server", whose, expires_at).await?;
    Ok(Token::reveal(token))
}
