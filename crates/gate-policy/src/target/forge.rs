//! What gh and glab do beside their command: they open a page with a browser
//! that a variable names, and glab offers to start jobs again.

use super::{forge_host, option};
use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::profile::ToolSpec;

/// Programs that only show a page.
const BROWSERS: &[&str] = &[
    "",
    "/usr/bin/firefox",
    "/usr/bin/xdg-open",
    "chromium",
    "firefox",
    "google-chrome",
    "open",
    "true",
    "wslview",
    "xdg-open",
];

pub(super) fn resolve(line: &CommandLine<'_>, spec: &ToolSpec, invocation: &mut Invocation) {
    judge_browser(line, invocation);
    forge_host::resolve(line, &spec.name, invocation);
    let words: Vec<&str> = invocation.command.iter().map(AsRef::as_ref).collect();
    let is_status = matches!(
        words.as_slice(),
        ["ci" | "pipe" | "pipeline", "status" | "stats"]
    );
    if is_status && line.stdin == Stdin::Terminal {
        let reason = "at a terminal it offers to start the pipeline again";
        invocation.add(Effect::Write, reason);
    }
}

/// Judges the variable that names the browser, where a page is opened.
fn judge_browser(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let browser = line.env.get("BROWSER").unwrap_or_default();
    if opens_page(invocation) && !browser.to_str().is_some_and(is_browser) {
        let browser = browser.to_string_lossy();
        let reason = format!("`BROWSER` is set: `{browser}` is started to show the page");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Tells whether a command opens a page.
pub(super) fn opens_page(invocation: &Invocation) -> bool {
    let first = invocation.command.first();
    first.is_some_and(|word| word == "browse") || option(invocation, "web").is_some()
}

/// Tells whether a program only shows a page.
pub(super) fn is_browser(program: &str) -> bool {
    BROWSERS.contains(&program)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::*;
    use crate::command_line::{Environment, NoFiles};

    #[test]
    fn only_at_a_terminal_does_the_status_of_a_pipeline_offer_more() {
        for (stdin, effect) in [
            (Stdin::Terminal, Effect::Write),
            (Stdin::Unread, Effect::Read),
            (Stdin::Absent, Effect::Read),
        ] {
            let invocation = crate::read_invocation(&CommandLine {
                argv: &["glab", "ci", "status"].map(OsString::from),
                env: &Environment::default(),
                cwd: Path::new("/w"),
                stdin,
                files: &NoFiles,
            });
            assert_eq!(invocation.effect, effect, "{stdin:?}");
        }
    }
}
