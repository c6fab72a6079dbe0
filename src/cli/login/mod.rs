//! `gate login`.

use std::io::{IsTerminal as _, Read as _};

use gate_client::{ServerUrl, Token, TokenError};
use gate_protocol::inert::inert;
use gate_protocol::principal::Whoami;
use gate_protocol::server::ServerIdentity;
use gate_protocol::signed_note::{Algorithm, VerifierKey};
use zeroize::Zeroizing;

use crate::config::{self, Configuration, Source, Sourced};
use crate::credential::Place;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;
use crate::{credential, prompt, report, session, successors};

mod by_browser;

/// The most bytes that are read as a token: more than any token has.
const TOKEN_BYTES: u64 = 4096;

/// Log in to an approval server
///
/// Pins the server's key, and shows a code to type into the server's page in a
/// browser; what this terminal gets may ask for approvals and never give one. Who
/// answers signs in to that page and stays there: see --approver. The token is
/// kept in the system keyring, or where there is none in the kernel's, or in a file
/// that only you can read. A token that you have can be given at the terminal
/// (--paste) or on stdin; never as an argument, which every user of the machine
/// could see.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The server, as `https://gate.example.com`; the configured one by default.
    #[arg(long, value_name = "URL")]
    server: Option<ServerUrl>,
    /// The key that the server signs with, as its owner gave it to you.
    #[arg(long, value_name = "VKEY")]
    server_key: Option<VerifierKey>,
    #[command(flatten)]
    way: Way,
    /// Say where approvers sign in; nothing is kept on this machine.
    #[arg(long)]
    approver: bool,
}

/// How the token comes; by a browser, if nothing is said and somebody can read the code.
#[derive(Debug, clap::Args)]
struct Way {
    /// Read the token from stdin.
    #[arg(long, conflicts_with_all = ["paste", "approver"])]
    token_stdin: bool,
    /// Ask for a token at the terminal, and not for a browser.
    #[arg(long, conflicts_with = "approver")]
    paste: bool,
    /// Show the code and wait for the browser also where there is no terminal: somebody
    /// reads what is printed here.
    #[arg(long, conflicts_with_all = ["token_stdin", "paste", "approver"])]
    browser: bool,
}

impl Login {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        self.refuse_without_reader()?;
        let configuration = world.configuration()?;
        let server = choose_server(configuration, self.server.as_ref())?;
        let session = session::connect_anonymously(world, &server)?;
        let identity = session.call(session.client().server_identity())?;
        let key = self.trusted_key(world, &server, &identity)?;
        if self.approver {
            return approvers_go_there(&server);
        }
        let by_browser = identity.device_sign_in && !self.way.token_stdin && !self.way.paste;
        let token = if by_browser {
            let session = session::connect_proven(world, &server, Some(key.clone()))?;
            by_browser::obtain(&session)?
        } else {
            self.obtain_token(&server)?
        };
        let session = session::connect_with(world, (&server, key.clone()), token.clone())?;
        let whoami = session.call(session.client().whoami())?;
        let place = credential::store(world, &server, &token)?;
        if !is_fixed(configuration) {
            config::remember_server(&world.layout, &server, &key.to_string())?;
        }
        report::line(&format!("logged in to {server} as {}", described(&whoami)));
        let end = match place {
            // Source: persistent-keyring(7), with the kernel's default of three days.
            Place::Keyutils => ", until reboot or three days without use",
            Place::Environment | Place::SecretService | Place::File(_) => "",
        };
        report::line(&format!("the token is in {place}{end}"));
        if world.env_os("GATE_TOKEN").is_some() {
            report::line("warning: GATE_TOKEN is set and is used instead, as long as it is");
        }
        Ok(())
    }

    /// Refuses to wait for somebody who can't be there, before anything is asked.
    fn refuse_without_reader(&self) -> Result<(), Failure> {
        let has_reader = if self.way.paste {
            prompt::is_possible()
        } else {
            self.way.token_stdin
                || self.approver
                || self.way.browser
                || std::io::stderr().is_terminal()
        };
        if has_reader {
            return Ok(());
        }
        Err(
            usage("there is no terminal at which somebody could read a code or type a token").hint(
                "give a token that you have on stdin: gate login --token-stdin < FILE; in CI set \
                     GATE_TOKEN, or let the job name itself (docs/ci.md); where somebody reads \
                     what is printed here: gate login --browser",
            ),
        )
    }

    /// Returns the server's key, once it is sure whose it is.
    fn trusted_key(
        &self,
        world: &World,
        server: &ServerUrl,
        identity: &ServerIdentity,
    ) -> Result<VerifierKey, Failure> {
        let configuration = world.configuration()?;
        let goes_on =
            |known: &VerifierKey| successors::has_succeeded(world, server, identity, known);
        let shown = inert(&identity.grant_key);
        let key = identity
            .grant_key
            .parse::<VerifierKey>()
            .ok()
            .filter(|key| key.algorithm() == Algorithm::Ed25519)
            .ok_or_else(|| {
                let text = format!("what `{server}` shows as its key is none: `{shown}`");
                Failure::new(FailureKind::Unreachable, text)
            })?;
        let pinned = pinned_key(configuration, server);
        if let Some(given) = &self.server_key {
            refuse_other(server, given, &key, "--server-key")?;
        }
        match pinned {
            // What somebody else pinned, nobody changes here.
            Some(pinned) if pinned.value != key && goes_on(&pinned.value) => {}
            Some(pinned) if !matches!(pinned.source, Source::Login(_)) => {
                refuse_other(server, &pinned.value, &key, &pinned.source.to_string())?;
            }
            Some(pinned) if self.server_key.is_none() => {
                refuse_other(server, &pinned.value, &key, "an earlier login")?;
            }
            None if self.server_key.is_none() => confirm_first_use(server, identity, &key)?,
            // The key was given now, which is as good as a login before.
            Some(_) | None => {}
        }
        Ok(key)
    }

    fn obtain_token(&self, server: &ServerUrl) -> Result<Token, Failure> {
        let text = if self.way.token_stdin {
            read_token()?
        } else if prompt::is_possible() {
            prompt::secret(&format!("token for {server}"))?
        } else {
            return Err(usage("there is no terminal to ask for the token at")
                .hint("give it on stdin: gate login --token-stdin < FILE"));
        };
        let token = text.trim_end_matches(['\r', '\n']).parse();
        token.map_err(|error: TokenError| usage("this is not a token").caused_by(error))
    }
}

/// Tells approvers where to go. A token that approves is worth most where commands
/// run, so none is made for a terminal: a browser has the person in front of it.
fn approvers_go_there(server: &ServerUrl) -> Result<(), Failure> {
    report::line("who answers does so in the browser, signed in there:");
    answer::line(&format!("{server}/login"))
}

/// Returns the server to log in to: the one given or the configured one. Where
/// something stronger than an earlier login names one, only that one is taken,
/// because gate would not ask another.
fn choose_server(
    configuration: &Configuration,
    given: Option<&ServerUrl>,
) -> Result<ServerUrl, Failure> {
    let named = configuration.named_server();
    let (server, named) = match (given, named) {
        (None, None) => {
            return Err(usage("which server?").hint("name it: gate login --server URL"));
        }
        (None, Some(named)) => (&named.value, Some(named)),
        (Some(given), named) => (given, named),
    };
    if let Some(named) = named
        && !matches!(named.source, Source::Login(_))
        && named.value != *server
    {
        let text = format!(
            "{} names the server {}, and only that one is asked",
            named.source, named.value
        );
        return Err(Failure::new(FailureKind::Configuration, text)
            .hint("log in to that one, or have it changed there"));
    }
    if is_fixed(configuration) && configuration.pinned_key().is_none() {
        let text = format!("the machine's configuration names {server} and pins no key for it");
        return Err(Failure::new(FailureKind::Configuration, text).hint(format!(
            "its owner must add the key there, under [keys], for '{server}'"
        )));
    }
    Ok(server.clone())
}

/// Tells whether the machine's owner named the server: then nothing that is
/// remembered here would count.
fn is_fixed(configuration: &Configuration) -> bool {
    let named = configuration.named_server();
    named.is_some_and(|server| matches!(server.source, Source::Machine(_)))
}

/// Returns the key pinned for `server`, which may not be the configured one.
fn pinned_key<'a>(
    configuration: &'a Configuration,
    server: &ServerUrl,
) -> Option<&'a Sourced<VerifierKey>> {
    let is_configured = configuration
        .named_server()
        .is_some_and(|named| named.value == *server);
    configuration.pinned_key().filter(|_| is_configured)
}

fn refuse_other(
    server: &ServerUrl,
    expected: &VerifierKey,
    found: &VerifierKey,
    from: &str,
) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    let text = format!("`{server}` has the key `{found}`, and not `{expected}`, which {from} says");
    Err(Failure::new(FailureKind::Configuration, text).hint(
        "nothing was sent to it; ask its owner whether the key was changed, or who stands in between",
    ))
}

/// Lets a person compare the key of a server that was never seen here.
fn confirm_first_use(
    server: &ServerUrl,
    identity: &ServerIdentity,
    key: &VerifierKey,
) -> Result<(), Failure> {
    let unknown = format!("the key of `{server}` is not known here");
    if !prompt::is_possible() {
        return Err(usage(&format!("{unknown}, and there is no terminal to ask at")).hint(format!(
            "it shows `{key}`; if that is what its owner gave you, say so with --server-key '{key}'"
        )));
    }
    report::line(&format!("{unknown}; from now on only this one will do"));
    report::line(&format!("  server  {}", inert(&identity.audience)));
    report::line(&format!("  key     {key}"));
    if prompt::confirm("is this the key that its owner gave you?")? {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Configuration,
        "the server's key was not confirmed",
    )
    .hint("nothing was sent to it and nothing was stored"))
}

/// Reads the token from stdin, up to its end or the most that a token can have.
fn read_token() -> Result<Zeroizing<String>, Failure> {
    if std::io::stdin().is_terminal() {
        return Err(usage(
            "--token-stdin reads the token from a file or a pipe, not from a terminal",
        )
        .hint("leave it out to be asked without an echo"));
    }
    let mut text = Zeroizing::new(String::new());
    match std::io::stdin()
        .lock()
        .take(TOKEN_BYTES)
        .read_to_string(&mut text)
    {
        Ok(_) => Ok(text),
        Err(error) => Err(usage("cannot read the token from stdin").caused_by(error)),
    }
}

/// Returns who a token speaks for, in one line.
pub(super) fn described(whoami: &Whoami) -> String {
    let principal = &whoami.principal;
    let kind = principal.kind.as_str();
    let of = match &principal.owner {
        Some(owner) => format!("{kind} of {}", inert(owner)),
        None => kind.to_owned(),
    };
    format!(
        "{} ({of}, {})",
        inert(&principal.name),
        whoami.role.as_str()
    )
}

fn usage(text: &str) -> Failure {
    Failure::new(FailureKind::Usage, text)
}
