//! The server's settings file, with errors that name the place.

use std::path::Path;

use gate_protocol::inert::inert;
use gate_server::Settings;
use gate_server::settings::SettingsError;

use crate::config::mistake::Faulty;
use crate::failure::{Failure, FailureKind};

/// Returns `settings` with what the file says.
///
/// # Errors
/// The file can't be read, is not TOML, or says what can't be served by.
pub(super) fn read(settings: Settings, path: &Path) -> Result<Settings, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let shown = inert(&path.to_string_lossy()).into_owned();
        Failure::new(
            FailureKind::Configuration,
            format!("cannot read the settings `{shown}`"),
        )
        .caused_by(error)
    })?;
    settings
        .with_toml(&text)
        .map_err(|error| mistake(path, &text, &error))
}

/// Returns the mistake with its place, its field and what to write.
fn mistake(path: &Path, text: &str, error: &SettingsError) -> Failure {
    let faulty = Faulty {
        path,
        text,
        hint: "the server does not start until it is mended",
    };
    match error {
        SettingsError::Form(error) => faulty.form(error),
        SettingsError::Value { field, why } => faulty.field(field, why),
        SettingsError::Channel { channel, why } => {
            faulty.field("channel", &format!("the one named `{channel}`: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let settings = Settings::new("data", "http://127.0.0.1:1");
        let error = settings.with_toml(text).unwrap_err();
        mistake(Path::new("/etc/gate/server.toml"), text, &error).to_string()
    }

    #[test]
    fn a_mistake_names_file_line_and_field() {
        let cases = [
            (
                "min_count = 1\nmin_cuont = 2\n",
                "/etc/gate/server.toml:2:1: ",
                "min_cuont",
            ),
            (
                "\n  min_count = 0\n",
                "/etc/gate/server.toml:2:3: ",
                "min_count",
            ),
            (
                "min_count = 'two'\n",
                "/etc/gate/server.toml:1:13: ",
                "field `min_count`: it is string \"two\"; write a whole number",
            ),
            (
                "public_url = 'ftp://x'\n",
                "/etc/gate/server.toml:1:1: ",
                "http://",
            ),
        ];
        for (text, place, word) in cases {
            let words = refusal(text);
            assert!(words.starts_with(place) && words.contains(word), "{words}");
        }
    }
}
