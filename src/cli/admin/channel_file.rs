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

/// Takes apart what belongs to every channel, the secrets, and what its kind needs.
fn parse(
    text: &str,
    secret_of: &dyn Fn(&Path) -> Result<String, Failure>,
) -> Result<CreateChannel, Fault> {
    let mut table: toml::Table =
        toml::from_str(text).map_err(|error| Fault::Form(error.to_string()))?;
    let name: String = take(&mut table, "name")?;
    let filter = ChannelFilter {
        approvers: take(&mut table, "for")?,
        effects: take(&mut table, "effects")?,
        target: take(&mut table, "target")?,
    };
    let mut secrets = BTreeMap::new();
    let files: Vec<String> = table
        .keys()
        .filter(|key| key.ends_with(FILE))
        .cloned()
        .collect();
    for key in files {
        let file: PathBuf = take(&mut table, &key)?;
        let secret = secret_of(&file).map_err(|failure| Fault::Secret(Box::new(failure)))?;
        let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
        secrets.insert(key.strip_suffix(FILE).unwrap_or(&key).to_owned(), secret);
    }
    let settings = ChannelSettings::deserialize(toml::Value::Table(table))
        .map_err(|error| Fault::Form(error.message().to_owned()))?;
    Ok(CreateChannel {
        channel: ChannelSpec {
            name,
            filter,
            settings,
        },
        secrets,
    })
}

fn take<T: DeserializeOwned + Default>(table: &mut toml::Table, key: &str) -> Result<T, Fault> {
    let Some(value) = table.remove(key) else {
        return Ok(T::default());
    };
    T::deserialize(value).map_err(|error| Fault::Form(format!("`{key}`: {}", error.message())))
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
        for wrong in [
            "name = 1",
            "kind = 'pager'",
            "[",
            "kind = 'webhook'\nurl = 1",
        ] {
            assert!(parse(wrong, &|_| Ok(String::new())).is_err(), "{wrong}");
        }
    }
}
