//! The shell of the demo.

use std::os::unix::process::ExitStatusExt as _;

use super::place::{Place, cannot};
use super::scenario;
use super::serving::Serving;
use crate::failure::Failure;
use crate::report;

/// Opens the user's shell with the wrapped tools first on PATH, and returns
/// when it is left.
pub(super) fn open(place: &Place, serving: &Serving) -> Result<(), Failure> {
    let scenario = scenario::prepare(place)?;
    let login = serving.login_url()?;
    let as_bob = place.as_bob();
    report::line(&format!("approvals page, signed in as bob: {login}"));
    report::line(&format!(
        "in this shell you are `demo-agent`; `gate explain -- COMMAND` tells what decides about one; gate stands before {}",
        place.tools().join(", ")
    ));
    report::line(&format!(
        "this folder is a throwaway; try a read, and you won't notice gate: {}",
        scenario.read.join(" ")
    ));
    report::line(&format!(
        "try what changes something, and it waits for bob: {}",
        scenario.change.join(" ")
    ));
    report::line(&format!(
        "bob answers on the page, or in another terminal: {} requests list; `exit` ends the demo",
        as_bob.display()
    ));
    let shell = place.shell();
    let mut command = place.wrapped(shell, serving.agent());
    if shell.file_name().is_some_and(|name| name == "bash") {
        // bash reads the user's own file, which may put other folders first on
        // PATH; the demo's comes after it.
        let file = rc_file(place)?;
        command.arg("--rcfile").arg(file);
    }
    let tool_env = scenario.env.iter().map(|(name, value)| (name, value));
    command
        .env("GATE_REASON", "trying out gate")
        .current_dir(&scenario.folder)
        .envs(tool_env);
    // ^C belongs to the shell's commands; the demo waits until the shell is left.
    let ended = command
        .status()
        .map_err(|error| cannot("open a shell", error))?;
    if let Some(signal) = ended.signal() {
        report::line(&format!("the shell was ended by signal {signal}"));
    }
    report::line("the demo is over; its folder is removed");
    Ok(())
}

/// Writes what bash reads at its start: the shims come first, and only there.
fn rc_file(place: &Place) -> Result<std::path::PathBuf, Failure> {
    let folder = place
        .folder("shell")
        .map_err(|error| cannot("make a folder", error))?;
    let shims = place.shims();
    let shims = shims.display();
    let text = format!(
        "[ -f ~/.bashrc ] && . ~/.bashrc\n\
         PATH=\":$PATH:\"\nPATH=${{PATH//:'{shims}':/:}}\nPATH=${{PATH#:}}\nPATH=${{PATH%:}}\n\
         PATH='{shims}'\"${{PATH:+:$PATH}}\"\nhash -r\n"
    );
    let file = folder.join("bashrc");
    std::fs::write(&file, text).map_err(|error| cannot("write a file", error))?;
    Ok(file)
}
