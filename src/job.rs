//! The token of a CI job, by the word of its own CI system: nothing is stored.
//!
//! Only where no token is given and none is kept. The audience is always the URL of
//! the server as it is configured here, whatever that server says.

use gate_client::{ClientError, ServerUrl, Token, github_job_token};
use gate_protocol::problem::ProblemCode;

use crate::failure::{Failure, FailureKind};
use crate::session;
use crate::world::World;

/// A token (JWT) that the CI system put into the environment: GitLab's `id_tokens`.
const TOKEN: &str = "GATE_ID_TOKEN";
/// A file that holds one: a projected service-account token of Kubernetes.
const TOKEN_FILE: &str = "GATE_ID_TOKEN_FILE";
/// Where GitHub Actions is asked for one, and with what.
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_BEARER: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// More than any token has.
const FILE_BYTES: u64 = 64 * 1024;

/// Returns a token of the server for the job that this is; none where nothing here
/// says which job it is.
///
/// # Errors
/// The CI system or the server does not answer, or the server does not know the job.
pub(crate) fn token(world: &World, server: &ServerUrl) -> Result<Option<Token>, Failure> {
    let Some(said) = said(world, server)? else {
        return Ok(None);
    };
    let key = session::known_key(world, server)?;
    let session = session::connect_proven(world, server, key)?;
    let exchange = session.client().exchange_workload_token(said.trim());
    let created = session.block_on(exchange).map_err(|error| {
        if let ClientError::Refused(problem) = &error
            && matches!(
                problem.code,
                ProblemCode::Unauthorized | ProblemCode::Forbidden
            )
        {
            let why = problem.detail.as_deref().unwrap_or(&problem.title);
            let why = gate_protocol::inert::inert(why);
            return bad(format!("`{server}` does not let this job in: {why}")).hint(
                "have it added under [[workload]] in the server's settings, or set GATE_TOKEN",
            );
        }
        session::from_client(error)
    })?;
    let token = created.token.parse();
    token.map(Some).map_err(|error: gate_client::TokenError| {
        bad(format!("what `{server}` gives this job is no token")).caused_by(error)
    })
}

/// Returns what the CI system says of the job.
fn said(world: &World, server: &ServerUrl) -> Result<Option<String>, Failure> {
    let given = |name: &str| world.env(name).filter(|text| !text.trim().is_empty());
    if let Some(token) = given(TOKEN) {
        return Ok(Some(token));
    }
    if let Some(path) = given(TOKEN_FILE) {
        return read(&path).map(Some);
    }
    let (Some(address), Some(bearer)) = (given(GITHUB_URL), given(GITHUB_BEARER)) else {
        return Ok(None);
    };
    let session = session::connect_anonymously(world, server)?;
    let ca = world.configuration()?.ca_certificates_pem();
    let asked = github_job_token(&address, &bearer, server, ca.as_deref());
    session.block_on(asked).map(Some).map_err(|error| {
        Failure::new(
            FailureKind::Unreachable,
            "GitHub Actions does not say which job this is",
        )
        .caused_by(error)
        .hint("give the job `permissions: id-token: write`, or set GATE_TOKEN")
    })
}

fn read(path: &str) -> Result<String, Failure> {
    use std::io::Read as _;
    let shown = gate_protocol::inert::inert(path).into_owned();
    let failed =
        |error: std::io::Error| bad(format!("cannot read {TOKEN_FILE} `{shown}`")).caused_by(error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}

fn bad(text: String) -> Failure {
    Failure::new(FailureKind::Configuration, text)
}
