//! `gate admin channels`.

use gate_protocol::channel::{ChannelEntry, ChannelSource, DeliveryEntry, DeliveryState};
use gate_protocol::inert::inert;

use super::channel_file;
use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::cli::named::{one_of, parse_name};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::{self, Session};
use crate::show::answer;
use crate::show::clock;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::world::World;

/// Say where people hear of requests: Slack, Teams, mail, webhooks
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(super) struct Channels {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Create(Create),
    Delete(Delete),
    Test(Test),
    Deliveries(Deliveries),
    Retry(Retry),
}

/// List the channels, by name
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Show a channel as JSON, without its secrets
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Show {
    /// Its name.
    #[arg(value_parser = parse_name)]
    name: String,
}

/// Make a channel from a TOML file
///
/// The file has what a `[[channel]]` of the server's settings has. The files of
/// its secrets (`bot_token_file` and the like) are read here and sent to the
/// server, which keeps them encrypted. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Create {
    /// The file.
    #[arg(value_name = "FILE")]
    file: std::path::PathBuf,
}

/// Take a channel away, with what waits for it
///
/// One that is in the server's settings file is taken out there. Needs the
/// token of an admin.
#[derive(Debug, clap::Args)]
struct Delete {
    /// Its name.
    #[arg(value_parser = parse_name)]
    name: String,
}

/// Send a message that says it is a test, and print what the other side said
///
/// Ends with 69 where it was not taken. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Test {
    /// The channel's name.
    #[arg(value_parser = parse_name)]
    name: String,
}

/// List what a channel delivered, newest first
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Deliveries {
    /// The channel's name.
    #[arg(value_parser = parse_name)]
    name: String,
    /// Only those in this state.
    #[arg(long, value_name = "STATE", value_parser = one_of(DeliveryState::ALL, DeliveryState::as_str))]
    state: Option<DeliveryState>,
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Try a delivery again that was given up
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Retry {
    /// Its id, as `gate admin channels deliveries` shows it.
    id: String,
}

impl Channels {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let connect = || session::connect(world);
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        match &self.verb {
            Verb::List(list) => list.run(&connect()?, &screen),
            Verb::Show(Show { name }) => {
                let session = connect()?;
                answer::json(&change::ask(&session, session.client().channel(name))?)
            }
            Verb::Create(Create { file }) => {
                // A file with a mistake is said before anybody is asked for a token.
                let wanted = channel_file::read(file)?;
                let session = connect()?;
                let made = change::ask(&session, session.client().create_channel(&wanted))?;
                answer::line(&described(&made))
            }
            Verb::Delete(Delete { name }) => {
                let session = connect()?;
                change::ask(&session, session.client().delete_channel(name))?;
                answer::line(&format!("deleted {}", inert(name)))
            }
            Verb::Test(test) => test.run(&connect()?),
            Verb::Deliveries(deliveries) => deliveries.run(&connect()?, &screen),
            Verb::Retry(Retry { id }) => {
                let session = connect()?;
                change::ask(&session, session.client().retry_delivery(id))?;
                answer::line(&format!("{} is tried again", inert(id)))
            }
        }
    }
}

impl List {
    fn run(&self, session: &Session, screen: &Screen) -> Result<(), Failure> {
        let most = self.at_most.most();
        let channels = AtMost::taken(session.call(session.client().channels(most))?);
        if self.json {
            return answer::json(&channels);
        }
        if channels.is_empty() {
            report::line("no channels");
            return Ok(());
        }
        let mut table = Table::new(screen, &["NAME", "KIND", "MADE IN", "WAITING", "GIVEN UP"]);
        for entry in &channels {
            let tone = if entry.dead > 0 {
                Tone::Alarm
            } else {
                Tone::Plain
            };
            table.row(
                tone,
                vec![
                    inert(&entry.channel.name).into_owned(),
                    entry.channel.settings.kind().to_owned(),
                    source(entry.source).to_owned(),
                    entry.waiting.to_string(),
                    entry.dead.to_string(),
                ],
            );
        }
        answer::text(&table.finish())
    }
}

impl Test {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let tested = change::ask(session, session.client().test_channel(&self.name))?;
        let said = inert(&tested.answer).into_owned();
        if tested.delivered {
            return answer::line(&format!("taken: {said}"));
        }
        Err(Failure::new(
            FailureKind::Unreachable,
            format!("the test was not taken: {said}"),
        )
        .hint("`gate admin channels show` has the channel's settings; its secrets are not shown"))
    }
}

impl Deliveries {
    fn run(&self, session: &Session, screen: &Screen) -> Result<(), Failure> {
        let (client, most) = (session.client(), self.at_most.most());
        let listed = change::ask(session, client.deliveries(&self.name, self.state, most))?;
        let deliveries = AtMost::taken(listed);
        if self.json {
            return answer::json(&deliveries);
        }
        if deliveries.is_empty() {
            report::line("no deliveries");
            return Ok(());
        }
        answer::text(&table(screen, &deliveries))
    }
}

fn source(source: ChannelSource) -> &'static str {
    match source {
        ChannelSource::File => "file",
        ChannelSource::Api => "api",
    }
}

fn described(entry: &ChannelEntry) -> String {
    format!(
        "{} {} with {}",
        entry.channel.settings.kind(),
        inert(&entry.channel.name),
        inert(&entry.secrets.join(", "))
    )
}

fn table(screen: &Screen, deliveries: &[DeliveryEntry]) -> String {
    let headings = ["ID", "EVENT", "STATE", "TRIED", "MADE", "ANSWER"];
    let mut table = Table::new(screen, &headings);
    for delivery in deliveries {
        let tone = match delivery.state {
            DeliveryState::Dead => Tone::Alarm,
            DeliveryState::Delivered => Tone::Faint,
            DeliveryState::Waiting | DeliveryState::Sending => Tone::Plain,
        };
        table.row(
            tone,
            vec![
                inert(&delivery.id).into_owned(),
                inert(&delivery.event).into_owned(),
                delivery.state.as_str().to_owned(),
                delivery.attempts.to_string(),
                clock::local_and_relative(screen, delivery.created_at),
                inert(delivery.answer.as_deref().unwrap_or("-")).into_owned(),
            ],
        );
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_says_what_it_told_and_what_was_answered() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let delivery: DeliveryEntry = serde_json::from_value(serde_json::json!({
            "id": "1", "channel": "ops", "event": "request.pending", "version": 1,
            "state": "dead", "attempts": 20, "next_at": "2026-11-22T17:39:34Z",
            "created_at": "2026-11-20T17:39:34Z", "answer": "invalid_auth\u{1b}",
        }))
        .unwrap();
        assert_eq!(
            table(&screen, &[delivery]),
            "ID  EVENT            STATE  TRIED  MADE                                  ANSWER\n\
             1   request.pending  dead   20     2026-11-20 17:39:34 +00:00 (2 d ago)  invalid_auth\\u{1b}\n"
        );
    }
}
