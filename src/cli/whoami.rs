//! `gate whoami`.

use gate_protocol::inert::inert;
use gate_protocol::principal::Whoami as Answer;
use serde::Serialize;

use super::login::described;
use crate::failure::Failure;
use crate::session;
use crate::show::answer;
use crate::show::clock;
use crate::show::screen::Screen;
use crate::show::sheet::Sheet;
use crate::world::World;

/// Show who the server takes you for
#[derive(Debug, clap::Args)]
pub(crate) struct Whoami {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The answer for programs.
#[derive(Serialize)]
struct Json<'a> {
    server: String,
    principal: &'a gate_protocol::principal::Principal,
    role: gate_protocol::principal::Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<jiff::Timestamp>,
}

impl Whoami {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let whoami = session.call(session.client().whoami())?;
        let server = session.client().server().to_string();
        if self.json {
            return answer::json(&Json {
                server,
                principal: &whoami.principal,
                role: whoami.role,
                expires_at: whoami.expires_at,
            });
        }
        let screen = Screen::of_stdout(world.env_os("NO_COLOR").is_some());
        answer::text(&sheet(&screen, &server, &whoami))
    }
}

fn sheet(screen: &Screen, server: &str, whoami: &Answer) -> String {
    let mut sheet = Sheet::new(screen);
    sheet.field("you are", &described(whoami));
    sheet.field("server", server);
    if !whoami.principal.groups.is_empty() {
        let groups: Vec<_> = whoami
            .principal
            .groups
            .iter()
            .map(|name| inert(name))
            .collect();
        sheet.field("groups", &groups.join(", "));
    }
    match whoami.expires_at {
        Some(at) => sheet.field("token ends", &clock::local_and_relative(screen, at)),
        None => sheet.field("token ends", "never"),
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_told_whose_it_is_and_when_its_token_ends() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let whoami: Answer = serde_json::from_value(serde_json::json!({
            "principal": {
                "name": "bot\u{1b}[2J", "kind": "agent", "owner": "alice",
                "groups": ["deploy", "x\u{202e}"], "disabled": false
            },
            "role": "requester",
            "expires_at": "2026-11-24T17:39:34Z"
        }))
        .unwrap();
        assert_eq!(
            sheet(&screen, "https://gate.example.com", &whoami),
            "you are     bot\\u{1b}[2J (agent of alice, requester)\n\
             server      https://gate.example.com\n\
             groups      deploy, x\\u{202e}\n\
             token ends  2026-11-24 17:39:34 +00:00 (in 2 d)\n"
        );
    }
}
