//! Making a server: keys, database, and the first admin.

use gate_protocol::principal::{Principal, PrincipalKind, Role};
use jiff::Timestamp;

use crate::folder::{Folder, FolderError};
use crate::identity::{Authorities, Token};
use crate::keys::{FolderLock, KeysError};
use crate::problem::Failure;
use crate::service::{Change, TokenWish};
use crate::settings::{DatabaseError, Settings};
use crate::state::Server;
use crate::store::StoreError;
use crate::store::server::{self, Names};

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
    /// What the settings say of the database can't be used.
    #[error("the settings of the database can't be used")]
    Database(#[from] DatabaseError),
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

impl From<FolderError> for InitialiseError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Keys(error) => Self::Keys(error),
            FolderError::Store(error) => Self::Store(error),
            FolderError::Database(error) => Self::Database(error),
        }
    }
}

/// Makes an empty server as `settings` say: keys in the data folder, tables in the database, and
/// the user `admin`, whose token (for the role admin, without end) is returned and shown nowhere
/// else.
///
/// # Errors
/// [`InitialiseError::Exists`] where there is a server already; each other
/// [`InitialiseError`] as its name says.
pub async fn initialise(settings: &Settings) -> Result<String, InitialiseError> {
    let made = Made::open(settings).await?;
    if !made.is_new {
        return Err(InitialiseError::Exists(settings.data_dir.clone()));
    }
    let mut change = made.begin().await?;
    let admin = user("admin", &[]);
    change.create_principal("server", &admin).await?;
    let token = token(&mut change, "admin", Role::Admin, None).await?;
    made.finish(change).await?;
    Ok(token)
}

/// A server that is being made, or was there.
pub(crate) struct Made {
    server: Server,
    is_new: bool,
    _lock: FolderLock,
}

impl Made {
    /// Opens the folder, and names a server that is not there yet.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, InitialiseError> {
        let data_dir = &settings.data_dir;
        let folder = Folder::open(settings)
            .await?
            .ok_or_else(|| InitialiseError::InUse(data_dir.clone()))?;
        let (is_new, names) = match folder.names.clone() {
            Some(names) => (false, names),
            None => (true, new_names()?),
        };
        let mut bare = Settings::new(data_dir, settings.public_url.clone());
        bare.database.clone_from(&settings.database);
        let (server, lock) = folder.into_server(bare, Authorities::default(), names)?;
        Ok(Self {
            server,
            is_new,
            _lock: lock,
        })
    }

    /// Begins the one change that makes the server: a crash leaves all or nothing.
    pub(crate) async fn begin(&self) -> Result<Change<'_>, InitialiseError> {
        let mut change = self.server.change().await?;
        if self.is_new {
            let now = change.now();
            let names = Names {
                keys: Some(self.server.keys.print()),
                ..(*self.server.names).clone()
            };
            server::name(change.connection(), &names, now).await?;
        }
        Ok(change)
    }

    /// Commits the change and closes the store.
    pub(crate) async fn finish(&self, change: Change<'_>) -> Result<(), InitialiseError> {
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
        keys: None,
    })
}

/// Returns a user of this name in these groups.
pub(crate) fn user(name: &str, groups: &[&str]) -> Principal {
    Principal {
        name: name.to_owned(),
        kind: PrincipalKind::User,
        owner: None,
        person: None,
        groups: groups.iter().map(ToString::to_string).collect(),
        disabled: false,
    }
}

/// Makes a token and returns it.
pub(crate) async fn token(
    change: &mut Change<'_>,
    name: &str,
    role: Role,
    expires_at: Option<Timestamp>,
) -> Result<String, InitialiseError> {
    let wish = TokenWish {
        principal: name,
        role,
        expires_at,
        tools: &[],
        note: None,
        parent: None,
    };
    let (_, token) = change.make_token("server", &wish).await?;
    Ok(Token::reveal(token))
}
