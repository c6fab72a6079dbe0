//! The smallest gate: finds a tool and runs it, so that tests can compare a wrapped run with a bare
//! one. `wrap replace|supervise [--by-descriptor] [--argv0=NAME] TOOL ARGUMENT…`

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use gate_exec::{
    Command, Exclusions, ExecBy, InitialState, SuperviseEvents, inherited_environment, replace,
    resolve, supervise,
};

struct Silent;

impl SuperviseEvents for Silent {
    fn started(&mut self, _pid: u32) {}
}

struct Failure {
    exit_code: u8,
    text: String,
}

fn main() {
    let failure = run().err().unwrap_or(Failure {
        exit_code: 64,
        text: "replaced".to_owned(),
    });
    report(&failure.text);
    gate_exec::ExitReason::Code(failure.exit_code).exit_process()
}

#[expect(clippy::print_stderr, reason = "an example speaks for itself")]
fn report(text: &str) {
    eprintln!("gate: {text}");
}

fn run() -> Result<(), Failure> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.len() < 2 {
        return Err(usage());
    }
    let mode = arguments.remove(0);
    let mut exec_by = ExecBy::Path;
    let mut argv0 = None;
    while let Some(option) = arguments
        .first()
        .filter(|first| first.as_bytes().starts_with(b"--"))
    {
        if option == "--by-descriptor" {
            exec_by = ExecBy::Descriptor;
        } else if let Some(name) = option.as_bytes().strip_prefix(b"--argv0=") {
            argv0 = Some(OsString::from_vec(name.to_vec()));
        } else {
            return Err(usage());
        }
        arguments.remove(0);
    }
    let name = arguments.first().cloned().ok_or_else(usage)?;
    if let (Some(argv0), Some(first)) = (argv0, arguments.first_mut()) {
        *first = argv0;
    }
    let exclusions = Exclusions::of_this_program().map_err(|error| Failure {
        exit_code: 125,
        text: error.to_string(),
    })?;
    let path = std::env::var_os("PATH");
    let tool = resolve(&name, path.as_deref(), &exclusions).map_err(|error| Failure {
        exit_code: error.exit_code(),
        text: format!("{error}: {}", error.hint()),
    })?;
    let argv = arguments
        .into_iter()
        .filter_map(|argument| CString::new(argument.into_vec()).ok())
        .collect();
    let mut command = Command::new(tool, argv, inherited_environment());
    command.exec_by = exec_by;
    let initial = InitialState::captured();
    let failed = |error: gate_exec::ExecError| Failure {
        exit_code: error.exit_code(),
        text: format!("{error}: {}", error.hint()),
    };
    if mode == "replace" {
        replace(&command, &initial).map_err(failed)?;
    }
    let outcome = supervise(&command, &initial, &mut Silent).map_err(failed)?;
    outcome.reason.exit_process()
}

fn usage() -> Failure {
    Failure {
        exit_code: 64,
        text: "usage: wrap replace|supervise [--by-descriptor] [--argv0=NAME] TOOL ARGUMENT…"
            .to_owned(),
    }
}
