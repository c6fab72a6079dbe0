//! The TOML file of a channel that is about to be made, with its secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gate_protocol::channel::{ChannelFilter, ChannelSettings, ChannelSpec, CreateChannel};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, FailureKind};

/// How the file of a secret is named: `bot_token_file` has `bot_token`.
const FILE: &str = "_file";

/// Reads a channel and the files of its secrets, which are looked for beside it.
///
/// # Errors
/// A file can't be read, or has what no channel has.
pub(super) fn read(path: &Path) -> Result<CreateChannel, Failure> {
    let text = text_of(path)?;
    parse(&text, &|file| text_of(&beside(path, file))).map_err(|why| match why {
        Fault::Form(why) => Failure::new(
            FailureKind::Usage,
            format!("the channel in `{}`: {why}", path.display()),
        ),
        Fault::Secret(failure) => *failure,
    })
}

fn beside(path: &Path, file: &Path) -> PathBuf {
    path.parent()
        .map_or_else(|| file.to_owned(), |dir| dir.join(file))
}

fn text_of(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            FailureKind::Usage,
            format!("cannot read `{}`: {error}", path.display()),
        )
    })
}

enum Fault {
    Form(String),
    Secret(Box<Failure>),
}

/// Takes apart what belongs to every channel, the secrets, and what its kind needs. The fields stand
/// by themselves, or in the one `[[channel]]` that a file of settings would have.
fn parse(
    text: &str,
    secret_of: &dyn Fn(&Path) -> Result<String, Failure>,
) -> Result<CreateChannel, Fault> {
    let mut document: toml::Table =
        toml::from_str(text).map_err(|error| Fault::Form(error.to_string()))?;
    let table = match document.remove("channel") {
        None => document,
        Some(_) if !document.is_empty() => {
            let why = "has fields beside its `[[channel]]`; one channel is made at a time";
            return Err(Fault::Form(why.to_owned()));
        }
        Some(toml::Value::Table(table)) => table,
        Some(toml::Value::Array(mut tables)) if tables.len() == 1 => match tables.pop() {
            Some(toml::Value::Table(table)) => table,
            Some(_) | None => return Err(Fault::Form("`channel` is no table".to_owned())),
        },
        Some(_) => {
            let why = "has several `[[channel]]`; one channel is made at a time";
            return Err(Fault::Form(why.to_owned()));
        }
    };
    channel(table, text, secret_of)
}

fn channel(
    mut table: toml::Table,
    text: &str,
    secret_of: &dyn Fn(&Path) -> Result<String, Failure>,
) -> Result<CreateChannel, Fault> {
    let mut take = Taking {
        table: &mut table,
        text,
    };
    let name: String = take.field("name")?;
    if name.is_empty() {
        let why = "needs a `name`, and a `kind`, as a `[[channel]]` of the server's settings has";
        return Err(Fault::Form(why.to_owned()));
    }
    let filter = ChannelFilter {
        approvers: take.field("for")?,
        effects: take.field("effects")?,
        target: take.field("target")?,
    };
    let mut secrets = BTreeMap::new();
    let files: Vec<String> = take
        .table
        .keys()
        .filter(|key| key.ends_with(FILE))
        .cloned()
        .collect();
    for key in files {
        let file: PathBuf = take.field(&key)?;
        let secret = secret_of(&file).map_err(|failure| Fault::Secret(Box::new(failure)))?;
        let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
        secrets.insert(key.strip_suffix(FILE).unwrap_or(&key).to_owned(), secret);
    }
    let keys: Vec<String> = table.keys().cloned().collect();
    let settings = ChannelSettings::deserialize(toml::Value::Table(table)).map_err(|error| {
        let why = error.message();
        // What it names first is what is wrong; behind it stands what there could be.
        let named = keys
            .iter()
            .filter_map(|key| Some((why.find(&format!("`{key}`"))?, key)))
            .min();
        let field = named.map_or("kind", |(_, key)| key.as_str());
        Fault::Form(format!("{}{why}", place(text, field)))
    })?;
    Ok(CreateChannel {
        channel: ChannelSpec {
            name,
            filter,
            settings,
        },
        secrets,
    })
}

/// A table whose fields are taken out one by one, and the text that it was read from.
struct Taking<'t> {
    table: &'t mut toml::Table,
    text: &'t str,
}

impl Taking<'_> {
    fn field<T: DeserializeOwned + Default>(&mut self, key: &str) -> Result<T, Fault> {
        let Some(value) = self.table.remove(key) else {
            return Ok(T::default());
        };
        T::deserialize(value).map_err(|error| {
            let place = place(self.text, key);
            Fault::Form(format!("{place}`{key}`: {}", error.message()))
        })
    }
}

/// Says in which line a field stands; nothing where it is not found, as in a table of one line.
fn place(text: &str, key: &str) -> String {
    let is_it = |line: &str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let at = text.lines().position(is_it);
    at.map(|at| format!("line {}: ", at + 1))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_channel_and_its_secrets() {
        let text = "name = 'siem'\nkind = 'webhook'\nurl = 'https://x.example/'\n\
                    effects = ['destroy']\nsigning_secret_file = 'key'\n";
        let read = parse(text, &|file| Ok(format!("whsec_{}\n", file.display())));
        let Ok(wanted) = read else {
            panic!("it is a channel")
        };
        assert_eq!(wanted.channel.settings.kind(), "webhook");
        assert_eq!(wanted.channel.filter.effects, ["destroy"]);
        assert_eq!(wanted.secrets["signing_secret"], "whsec_key");
        for form in ["[[channel]]", "[channel]"] {
            let whole = format!("{form}\n{text}");
            let read = parse(&whole, &|_| Ok("whsec_key".to_owned()));
            let Ok(same) = read else {
                panic!("it is a channel as the settings have it")
            };
            assert_eq!(same, wanted);
        }
    }

    #[test]
    fn a_mistake_names_its_line() {
        for (wrong, word) in [
            ("\nname = 1", "line 2: `name`"),
            ("name = 'a'\nkind = 'pager'", "line 2: "),
            ("[", "line 1"),
            (
                "name = 'a'\n\nkind = 'webhook'\nurl = 'x'\nurn = 1",
                "line 5: ",
            ),
            ("kind = 'webhook'", "needs a `name`"),
            (
                "[[channel]]\nname = 'a'\n[[channel]]\nname = 'b'",
                "one channel",
            ),
            ("name = 'a'\n[[channel]]\nname = 'b'", "beside its"),
        ] {
            let Err(Fault::Form(why)) = parse(wrong, &|_| Ok(String::new())) else {
                panic!("{wrong}")
            };
            assert!(why.contains(word), "{wrong}: {why}");
        }
    }
}
