//! `gate admin accounts`.

use gate_protocol::account::{AccountEntry, AccountName, LinkAccount};
use gate_protocol::inert::inert;

use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// List, link and unlink accounts at a provider of people or in a chat
///
/// An account is known by its issuer and subject, never by a name or an address.
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(super) struct Accounts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(List),
    Link(Link),
    Unlink(Unlink),
}

/// List accounts and whose they are
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct List {
    /// Only those of this user.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Make an account a user's
///
/// Whoever signs in with it is that user from then on. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Link {
    #[command(flatten)]
    account: Account,
    /// The user.
    #[arg(long, value_name = "NAME")]
    principal: String,
}

/// End a link
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Unlink {
    #[command(flatten)]
    account: Account,
}

/// Which account.
#[derive(Debug, clap::Args)]
struct Account {
    /// Who vouches for it: oidc; an account in a chat is linked by whose it is, on the page.
    #[arg(long, value_name = "PROVIDER", default_value = "oidc")]
    provider: String,
    /// The issuer, workspace or directory.
    #[arg(long, alias = "tenant", value_name = "ISSUER")]
    issuer: String,
    /// The account there, by the provider's own id.
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
}

impl Account {
    fn name(&self) -> AccountName {
        AccountName {
            provider: self.provider.clone(),
            tenant: self.issuer.clone(),
            subject: self.subject.clone(),
        }
    }
}

impl Accounts {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        match &self.verb {
            Verb::List(list) => list.run(&session),
            Verb::Link(Link { account, principal }) => {
                let wanted = LinkAccount {
                    account: account.name(),
                    principal: principal.clone(),
                };
                let linked = change::ask(&session, session.client().link_account(&wanted))?;
                answer::line(&described(&linked))
            }
            Verb::Unlink(Unlink { account }) => {
                let name = account.name();
                change::ask(&session, session.client().unlink_account(&name))?;
                answer::line(&format!("unlinked {}", inert(&name.subject)))
            }
        }
    }
}

impl List {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let (principal, most) = (self.principal.as_deref(), self.at_most.most());
        let accounts = AtMost::taken(session.call(session.client().accounts(principal, most))?);
        if self.json {
            return answer::json(&accounts);
        }
        accounts
            .iter()
            .try_for_each(|account| answer::line(&described(account)))
    }
}

fn described(entry: &AccountEntry) -> String {
    let account = &entry.account;
    format!(
        "{} is {} at {} ({}), linked by {}",
        inert(&account.subject),
        inert(&entry.principal),
        inert(&account.tenant),
        inert(&account.provider),
        inert(&entry.linked_by),
    )
}
