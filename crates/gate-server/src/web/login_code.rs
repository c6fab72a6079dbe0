//! Links that sign a browser in once.

use std::path::Path;

use gate_protocol::log::RecordType;
use gate_protocol::principal::{LoginCode, PrincipalKind};
use serde_json::json;

use crate::clock;
use crate::identity::{Secret, TokenHash};
use crate::problem::Failure;
use crate::serve::{self, ServeError};
use crate::settings::Settings;
use crate::state::Server;
use crate::store::principals;
use crate::store::web_session::{self, NewCode};

/// How long a code is good, in seconds.
const LIFE_SECONDS: u64 = 600;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginCodeError {
    /// The server's data can't be used, or a server runs on it.
    #[error("the server's data can't be used")]
    Open(#[from] ServeError),
    /// Nobody who could sign in has this name, or the store failed.
    #[error("the sign-in link was not made: {0}")]
    Refused(String),
}

/// Returns a link by which whoever opens it first, within 10 minutes, is signed
/// in as the user `principal` in the role approver, on the server in `data_dir`
/// that people reach at `public_url`. Only while no server runs on the folder;
/// a running one is asked with `POST /v1/login-codes`.
///
/// # Errors
/// [`LoginCodeError::Open`] where the folder holds no server or one runs on it;
/// [`LoginCodeError::Refused`] where `principal` is no user, or is disabled.
pub async fn create_login_code(
    data_dir: &Path,
    public_url: &str,
    principal: &str,
) -> Result<String, LoginCodeError> {
    let (server, _lock) = serve::open(Settings::new(data_dir, public_url)).await?;
    let made = server.create_login_code(principal, None).await;
    server.store.close().await;
    let code = made.map_err(|failure| LoginCodeError::Refused(failure.detail().to_owned()))?;
    Ok(code.url)
}

impl Server {
    /// Makes a link that signs `principal` in; it ends with the token that asked for it.
    pub(crate) async fn create_login_code(
        &self,
        principal: &str,
        token: Option<TokenHash>,
    ) -> Result<LoginCode, Failure> {
        let mut change = self.change().await?;
        principals::find(change.connection(), principal)
            .await?
            .filter(|found| found.kind == PrincipalKind::User && !found.disabled)
            .ok_or_else(|| Failure::bad_request("only a user who is not disabled can sign in"))?;
        let token = match token {
            Some(hash) => web_session::token_id(change.connection(), hash).await?,
            None => None,
        };
        let now = change.now();
        let secret = Secret::generate()?;
        web_session::forget(change.connection(), now).await?;
        let code = NewCode {
            hash: secret.hash(),
            principal,
            token: token.as_deref(),
            expires_at: clock::after(now, LIFE_SECONDS),
        };
        web_session::insert_code(change.connection(), &code).await?;
        let expires_at = code.expires_at;
        let body = json!({ "principal": principal, "token": token, "expires_at": expires_at });
        change.record(&RecordType::LoginCodeCreated, &body).await?;
        change.commit().await?;
        let public_url = &self.settings.public_url;
        Ok(LoginCode {
            url: format!("{public_url}/login?code={}", secret.reveal()),
            expires_at,
        })
    }

    /// Returns whom a code would sign in. Using it is another thing: a mail
    /// scanner or a preview opens links too.
    pub(super) async fn whose_code(&self, code: &Secret) -> Result<Option<String>, Failure> {
        let mut reader = self.store.read().await?;
        let found = web_session::find_code(reader.connection(), code.hash(), clock::now()).await?;
        Ok(found.map(|code| code.principal))
    }
}
