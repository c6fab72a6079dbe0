//! Building the C programs, timing commands in turn, and what the times say.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Builds one of the C files beside this one.
pub(crate) fn compile(source: &str, flags: &[&str], program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/overhead")
        .join(source);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-O2", "-Wall", "-Werror"])
        .args(flags)
        .arg("-o")
        .args([program, &source])
        .status()
        .unwrap();
    assert!(status.success(), "cannot build {}", source.display());
}

/// A command to time, and the name under which its times are shown.
pub(crate) struct Timed {
    pub(crate) name: String,
    pub(crate) argv: Vec<OsString>,
}

impl Timed {
    pub(crate) fn new(name: &str, argv: &[&dyn AsRef<std::ffi::OsStr>]) -> Self {
        Self {
            name: name.to_owned(),
            argv: argv.iter().map(|word| word.as_ref().to_owned()).collect(),
        }
    }
}

/// The times of one command, in the order of the rounds.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) name: String,
    pub(crate) each: Vec<Duration>,
}

impl Times {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            each: Vec::new(),
        }
    }

    pub(crate) fn median(&self) -> f64 {
        quantile(self.each.iter().map(micros).collect(), 0.5)
    }

    /// The median of the ratios of each round to the same round of `other`.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.each.iter().zip(&other.each);
        quantile(
            pairs
                .map(|(own, other)| micros(own) / micros(other))
                .collect(),
            0.5,
        )
    }

    /// One row: microseconds, and ratios to direct and to a floor.
    pub(crate) fn row(&self, direct: &Self, floor: Option<&Self>) -> String {
        let p99 = quantile(self.each.iter().map(micros).collect(), 0.99);
        let floor = floor.map_or_else(String::new, |floor| format!("{:.2}", self.ratio_to(floor)));
        format!(
            "| {} | {:.0} | {p99:.0} | {:.2} | {floor} |",
            self.name,
            self.median(),
            self.ratio_to(direct)
        )
    }
}

fn micros(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The value below which this part of all values lies.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of at most thousands"
    )]
    let place = (last as f64 * part).round() as usize;
    values[place]
}

/// Times the commands in turn by `program`, which is `rounds.c`, started as `base` says.
pub(crate) fn in_turn(mut base: Command, rounds: usize, commands: &[Timed]) -> Vec<Times> {
    base.arg(rounds.to_string());
    for command in commands {
        base.arg("//").args(&command.argv);
    }
    let output = base.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let mut times: Vec<Times> = commands
        .iter()
        .map(|command| Times::new(&command.name))
        .collect();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        for (times, nanoseconds) in times.iter_mut().zip(line.split_whitespace()) {
            times
                .each
                .push(Duration::from_nanos(nanoseconds.parse().unwrap()));
        }
    }
    times
}

/// Finds a program as a shell would.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}
