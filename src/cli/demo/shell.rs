//! The shell of the demo.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use super::place::{Place, cannot};
use super::serving::Serving;
use crate::failure::Failure;
use crate::report;

/// Opens the user's shell with the wrapped tools first on PATH, and returns
/// when it is left.
pub(super) fn open(place: &Place, serving: &Serving) -> Result<(), Failure> {
    let login = serving.login_url()?;
    let as_bob = place.as_bob();
    report::line(&format!("approvals page, signed in as bob: {login}"));
    report::line(&format!(
        "in this shell {} are wrapped, and you are `demo-agent`",
        place.tools().join(", ")
    ));
    report::line("try a read: `git log`, `terraform version`. It passes, and you won't notice");
    report::line("try what changes something: `git push`, `terraform apply`. It waits for bob");
    report::line(&format!(
        "bob answers on the page, or in another terminal: {} requests list",
        as_bob.display()
    ));
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let mut command = place.wrapped(&shell, serving.agent());
    if Path::new(&shell)
        .file_name()
        .is_some_and(|name| name == "bash")
    {
        // bash reads the user's own file, which may put other folders first on
        // PATH; the demo's comes after it.
        let file = rc_file(place, &command)?;
        command.arg("--rcfile").arg(file);
    }
    command.env("GATE_REASON", "trying out gate");
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

fn rc_file(place: &Place, command: &std::process::Command) -> Result<std::path::PathBuf, Failure> {
    let folder = place
        .folder("shell")
        .map_err(|error| cannot("make a folder", error))?;
    let path = command
        .get_envs()
        .find(|(name, _)| *name == "PATH")
        .and_then(|(_, value)| value);
    let first = path
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default();
    let shims = first.split(':').next().unwrap_or_default();
    let text = format!("[ -f ~/.bashrc ] && . ~/.bashrc\nPATH='{shims}':\"$PATH\"\nhash -r\n");
    let file = folder.join("bashrc");
    std::fs::write(&file, text).map_err(|error| cannot("write a file", error))?;
    Ok(file)
}
