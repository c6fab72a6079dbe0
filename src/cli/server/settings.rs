//! The server's settings file, with errors that name the place.

use std::path::Path;

use gate_protocol::inert::inert;
use gate_server::Settings;
use gate_server::settings::SettingsError;

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

/// Returns the mistake as `file:line:column: what is wrong`.
fn mistake(path: &Path, text: &str, error: &SettingsError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "SettingsError is non-exhaustive"
    )]
    let (at, words) = match error {
        SettingsError::Form(error) => (
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        ),
        SettingsError::Value { field, why } => {
            (offset_of(text, field), format!("field `{field}` {why}"))
        }
        other => (0, other.to_string()),
    };
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let mut lines = before.rsplit(|byte| *byte == b'\n');
    let column = lines.next().map_or(0, <[u8]>::len) + 1;
    let line = lines.count() + 1;
    let shown = inert(&path.to_string_lossy()).into_owned();
    let words = inert(words.trim_end()).into_owned();
    Failure::new(
        FailureKind::Configuration,
        format!("{shown}:{line}:{column}: {words}"),
    )
    .hint("the server does not start until it is mended")
}

/// Returns where a field of the top level begins, in bytes.
fn offset_of(text: &str, field: &str) -> usize {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let name = line.split('=').next().unwrap_or_default().trim();
        if name == field {
            return offset + line.find(field).unwrap_or(0);
        }
        offset += line.len();
    }
    0
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
                "expected u32",
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
