//! Every case runs bare and through gate, and the two must look the same to the tool and to whoever
//! started it: allowed and approved, by `gate run`, by a link in the tool's name, and in four shells
//! that call the tool by its name, in tmux where a case has a terminal. DESIGN.md, invariant 8: "The
//! tool sees what it would see without gate".
//!
//! Most cases are those of `gate-exec`. Each runs in a process of its own, without a terminal and
//! with a home of its own, against one real server with somebody who approves everything; that takes
//! a harness of its own, which speaks as libtest does. A word on the command line selects cases. Where
//! the way is a shell's, cases of one kind run in one process, with fewer exit codes and bytes: what a
//! shell adds does not depend on which.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::multiple_unsafe_ops_per_block,
    reason = "tests set up signals, descriptors and terminals as a caller would, and fail by panic"
)]

#[path = "contract/by_name.rs"]
mod by_name;
#[path = "../crates/gate-exec/tests/contract/mod.rs"]
mod contract;
#[path = "live/server.rs"]
mod server;
#[path = "contract/stage.rs"]
mod stage;
#[path = "contract/through_gate.rs"]
mod through_gate;
#[path = "contract/tmux.rs"]
mod tmux;

use std::ffi::OsString;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Instant;

use by_name::{NamedShell, SHELLS};
use contract::wrapper::{Wrapper, example};
use contract::{ending, inherited, pipes, signals, supervision, terminal};
use server::GATE;
use stage::{Answered, Programs, Stage};

type Case = fn(&Wrapper);
type NamedCase = (&'static str, Case);

macro_rules! cases {
    ($($module:ident: $($case:ident)+;)+) => {
        &[$($((concat!(stringify!($module), "::", stringify!($case)), $module::$case as Case)),+),+]
    };
}

/// What holds however gate is reached and whatever the rules say.
const ALWAYS: &[NamedCase] = cases! {
    ending: the_exit_code_is_the_tools death_by_a_signal_is_the_tools no_second_core_file_is_written;
    inherited: the_tool_sees_what_the_caller_set_up;
    pipes: a_closed_reader_ends_the_tool_by_sigpipe
        a_tool_that_closes_its_output_ends_the_readers_wait
        a_tool_that_closes_its_input_ends_the_writers_wait;
    signals: a_signal_to_the_process_reaches_the_tool_once
        a_signal_to_the_group_reaches_the_tool_once
        a_signal_from_within_the_group_reaches_the_tool_once
        a_signal_that_the_tool_sends_to_its_group_reaches_it_once
        a_queued_value_arrives_with_its_signal
        an_ignored_hangup_stays_ignored;
    terminal: the_tool_owns_the_terminal
        an_interrupt_key_reaches_the_tool_once
        a_resized_window_is_told_once
        a_tool_that_dies_of_the_interrupt_key_is_130_to_the_shell
        a_suspended_job_goes_on_with_fg
        a_suspended_pipeline_goes_on_with_fg
        a_background_reader_stops_until_it_is_in_the_foreground
        a_background_writer_stops_under_tostop
        each_ending_is_the_tools_at_a_terminal
        a_gigabyte_passes_at_a_terminal
        terminal_modes_stay_as_the_tool_left_them;
    through_gate: a_bare_name_is_found_and_stays_argv0
        a_name_that_is_nowhere_is_127
        exit_codes_that_are_gates_too_are_the_tools
        the_environment_arrives_in_order
        a_gigabyte_passes_both_ways_in_constant_memory
        the_tool_sees_the_same_at_a_terminal;
};

/// gate is gone when the tool runs.
const IF_ALLOWED: &[NamedCase] = cases! {
    inherited: arguments_arrive_byte_for_byte a_deleted_working_directory_stays_deleted;
    signals: an_alarm_set_before_goes_off_in_the_tool;
};

/// gate stays beside the tool.
const IF_APPROVED: &[NamedCase] = cases! {
    pipes: sixty_four_megabytes_pass_unchanged;
    supervision: a_process_and_its_group_signalled_together_count_once
        a_signal_that_the_tool_sends_to_its_parent_is_not_sent_back
        a_killed_gate_leaves_the_tool_alone_and_no_witness_behind
        a_tool_stopped_by_its_id_stops_gate_and_both_go_on
        a_group_stopped_and_gate_alone_continued_go_on_together
        many_signals_to_process_and_group_are_counted_exactly;
    through_gate: a_deleted_working_directory_is_not_asked_about
        arguments_that_can_be_shown_arrive_byte_for_byte;
};

/// gate stays beside the tool to record how it ends, and says nothing.
const IF_RECORDED: &[NamedCase] = cases! {
    inherited: arguments_arrive_byte_for_byte a_deleted_working_directory_stays_deleted;
    pipes: sixty_four_megabytes_pass_unchanged;
    supervision: a_process_and_its_group_signalled_together_count_once
        a_signal_that_the_tool_sends_to_its_parent_is_not_sent_back
        a_killed_gate_leaves_the_tool_alone_and_no_witness_behind
        a_tool_stopped_by_its_id_stops_gate_and_both_go_on
        a_group_stopped_and_gate_alone_continued_go_on_together
        many_signals_to_process_and_group_are_counted_exactly;
};

/// A shim finds its tool on PATH, so only here the tool may be named by any path.
const BY_RUN: &[NamedCase] = cases! {
    ending: a_missing_tool_is_127
        a_tool_that_cannot_run_is_126
        a_script_without_interpreter_line_runs_in_the_shell
        a_script_runs_under_its_own_path;
};

/// It has no home, without which there is no server to ask; `through_gate` has one that does.
const _: Case = inherited::the_environment_arrives_byte_for_byte;

/// Of what a shim allows, what the small program leaves to gate: a tool that is not there, a variable
/// that stands twice, a folder that is gone.
const LEFT_TO_GATE: [&str; 3] = [
    "a_name_that_is_nowhere_is_127",
    "the_environment_arrives_in_order",
    "a_deleted_working_directory_stays_deleted",
];

/// How a case reaches its tool.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// `gate run -- TOOL`.
    Run,
    /// A link to the small program in the tool's name.
    Shim,
    /// A link to gate itself, as where there is no small program.
    Whole,
    /// The name of a link to the small program, in a shell.
    ByName(&'static NamedShell),
}

impl Way {
    fn wrapper(self, programs: &Programs) -> Wrapper {
        let link = |link: PathBuf| -> Vec<OsString> {
            vec![programs.stage().into(), "as".into(), link.into()]
        };
        match self {
            Self::Run => Wrapper::new("gate", vec![GATE.into(), "run".into(), "--".into()]),
            Self::Shim => Wrapper::new("gate", link(programs.shim())),
            Self::Whole => {
                let mut wrapper = Wrapper::new("gate", link(programs.whole()));
                wrapper.is_brief = true;
                wrapper
            }
            Self::ByName(shell) => shell.wrapper(&programs.front(), &programs.empty()),
        }
    }

    /// Tells whether each case has a test of its own.
    fn is_apart(self) -> bool {
        matches!(self, Self::Run | Self::Shim)
    }

    /// Tells whether the small program is what stands before the tool.
    fn is_small(self) -> bool {
        matches!(self, Self::Shim | Self::ByName(_))
    }

    fn has(self, case: &str) -> bool {
        match self {
            Self::ByName(shell) => !shell.is_own(case),
            Self::Run | Self::Shim | Self::Whole => true,
        }
    }
}

/// Names, ways and answers, the slowest first, so that none of them is left to run alone.
fn modes() -> Vec<(String, Way, Answered)> {
    let direct = [
        ("shim_approved", Way::Shim, Answered::Approved),
        ("shim_recorded", Way::Shim, Answered::Recorded),
        ("run_approved", Way::Run, Answered::Approved),
        ("run_recorded", Way::Run, Answered::Recorded),
        ("shim_allowed", Way::Shim, Answered::Allowed),
        ("run_allowed", Way::Run, Answered::Allowed),
        ("whole_approved", Way::Whole, Answered::Approved),
        ("whole_allowed", Way::Whole, Answered::Allowed),
    ];
    let direct = direct.map(|(name, way, answered)| (name.to_owned(), way, answered));
    let by_name = SHELLS.iter().flat_map(|shell| {
        let name = shell.name;
        [
            (
                format!("{name}_approved"),
                Way::ByName(shell),
                Answered::Approved,
            ),
            (
                format!("{name}_allowed"),
                Way::ByName(shell),
                Answered::Allowed,
            ),
        ]
    });
    by_name.chain(direct).collect()
}

/// Cases in one mode that share a process: one, or all of one kind.
struct Test {
    name: String,
    way: Way,
    answered: Answered,
    cases: Vec<NamedCase>,
}

impl Test {
    fn all() -> Vec<Self> {
        let mut tests: Vec<Self> = Vec::new();
        for (mode, way, answered) in modes() {
            let of_answer = match answered {
                Answered::Allowed => IF_ALLOWED,
                Answered::Recorded => IF_RECORDED,
                Answered::Approved => IF_APPROVED,
            };
            let of_way = match way {
                Way::Run => BY_RUN,
                Way::Shim | Way::Whole | Way::ByName(_) => &[],
            };
            for case in [ALWAYS, of_answer, of_way].concat() {
                let kind = case.0.split("::").next().unwrap();
                let last = if way.is_apart() { case.0 } else { kind };
                let name = format!("{mode}::{last}");
                if !way.has(case.0) {
                    continue;
                }
                match tests.iter_mut().find(|test| test.name == name) {
                    Some(test) => test.cases.push(case),
                    None => tests.push(Self {
                        name,
                        way,
                        answered,
                        cases: vec![case],
                    }),
                }
            }
        }
        tests
    }

    /// Plays the cases in this process, which the stage has made for them alone.
    fn play(&self, programs: &Programs) {
        let mut wrapper = self.way.wrapper(programs);
        if self.answered == Answered::Approved {
            wrapper = wrapper.by_descriptor();
            wrapper.speaks = true;
        }
        through_gate::STAGE.set(programs.stage()).unwrap();
        let state = std::env::var_os("XDG_STATE_HOME").unwrap();
        let journal = Path::new(&state).join("gate/spool/allowed");
        for (name, case) in &self.cases {
            println!("{name}");
            if let Ok(journal) = std::fs::File::options().write(true).open(&journal) {
                journal.set_len(0).unwrap();
            }
            case(&wrapper);
            let entries = std::fs::read(&journal).map_or(0, |journal| journal.len());
            self.assert_decided(name, entries);
        }
    }

    /// What is allowed by a shim the small program lets run by itself, which its journal shows: gate
    /// takes no entry for granted, and writes none there.
    fn assert_decided(&self, case: &str, entries_bytes: usize) {
        if !self.way.is_small() || self.answered != Answered::Allowed {
            return;
        }
        let is_left = LEFT_TO_GATE.iter().any(|left| case.ends_with(left));
        let by_small = entries_bytes > 0;
        assert_ne!(by_small, is_left, "{case}: did its shim decide: {by_small}");
    }

    /// Plays the cases in a new process, with no terminal to inherit. What it says goes to a file: a
    /// tool that is left behind by a case that failed would keep a pipe open.
    fn run_on(&self, stage: &Stage) -> Result<(), String> {
        let probe = example("probe");
        let home = stage.home(self.answered, probe.parent().unwrap());
        let mut said = tempfile::tempfile().unwrap();
        let mut command: Command = home.command("setsid");
        let status = command
            .args(["--wait".into(), std::env::current_exe().unwrap()])
            .args(["--on-stage", &self.name])
            .arg(&stage.programs.folder)
            .env("RUST_BACKTRACE", "0")
            .stdout(said.try_clone().unwrap())
            .stderr(said.try_clone().unwrap())
            .status()
            .unwrap();
        let mut text = Vec::new();
        said.rewind().unwrap();
        said.read_to_end(&mut text).unwrap();
        let said = String::from_utf8_lossy(&text).into_owned();
        if status.success() {
            return Ok(());
        }
        Err(format!("{status}: {said}"))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut tests = Test::all();
    if let [on_stage, name, folder] = arguments.as_slice()
        && on_stage == "--on-stage"
    {
        let programs = Programs {
            folder: folder.into(),
        };
        let test = tests.iter().find(|test| test.name == *name).unwrap();
        test.play(&programs);
        return ExitCode::SUCCESS;
    }
    let all = tests.len();
    let words: Vec<&String> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let is_selected = |test: &Test| words.iter().any(|word| test.name.contains(word.as_str()));
    tests.retain(|test| words.is_empty() || is_selected(test));
    if arguments.iter().any(|word| word == "--list") {
        for test in &tests {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    run_all(tests, all)
}

fn run_all(tests: Vec<Test>, all: usize) -> ExitCode {
    let since = Instant::now();
    let (selected, filtered_out) = (tests.len(), all - tests.len());
    println!("\nrunning {selected} tests");
    let failed = if tests.is_empty() {
        0
    } else {
        fail_count(tests)
    };
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured; \
         {filtered_out} filtered out; finished in {:.2}s\n",
        selected - failed,
        since.elapsed().as_secs_f32()
    );
    ExitCode::from(u8::from(failed > 0))
}

/// Runs the tests, a few at once, and returns how many failed.
fn fail_count(mut tests: Vec<Test>) -> usize {
    // Built before any case needs it.
    example("probe");
    let stage = Stage::set();
    tests.reverse();
    let waiting = Mutex::new(tests);
    let failures = Mutex::new(Vec::new());
    // Most of the time a case waits for a signal, an answer or a key.
    let at_once = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop();
                    let Some(test) = next else { return };
                    let ended = test.run_on(&stage);
                    let verdict = if ended.is_ok() { "ok" } else { "FAILED" };
                    println!("test {} ... {verdict}", test.name);
                    if let Err(said) = ended {
                        failures.lock().unwrap().push((test.name, said));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    for (name, said) in &failures {
        println!("\n---- {name} ----\n{said}");
    }
    failures.len()
}
