//! What the settings of a project make cargo start. Source: the cargo book,
//! "Configuration".
//!
//! cargo reads `.cargo/config.toml` of the working directory, of each folder
//! above it and of its own home, and asks the compiler that they name what it
//! is and knows also where it builds nothing. The compiler gets the flags in
//! force then, and loads what they name. Before that, rustup takes the toolchain that
//! `rust-toolchain.toml` names.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{content, home_file, refuse_file};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;

/// Subcommands that start nothing and log in nowhere.
const WITHOUT_SETTINGS: &[&str] = &["", "help", "version"];
/// Tables that name no program, no server and no folder of packages.
const HARMLESS: &[&str] = &[
    "cache",
    "cargo-new",
    "future-incompat-report",
    "profile",
    "term",
];
/// Settings of `build` that name no program.
const OF_BUILD: &[&str] = &[
    "build-dir",
    "dep-info-basedir",
    "incremental",
    "jobs",
    "pipelining",
    "rustdocflags",
    "target",
    "target-dir",
];
/// Settings of `net` that name no program.
const OF_NET: &[&str] = &["offline", "retry"];
/// Settings of a target that cargo uses only where it builds.
const OF_TARGET: &[&str] = &["ar", "linker", "rustdocflags"];
/// What flags of the compiler start with that neither load nor write a file by themselves, with
/// the letters that stand before others in one word. `--print=cfg=PATH` writes one.
const PLAIN_FLAGS: &[&str] = &[
    "-A",
    "-C",
    "-D",
    "-F",
    "-L",
    "-O",
    "-V",
    "-W",
    "-Z",
    "-g",
    "-h",
    "-l",
    "-v",
    "--allow",
    "--cap-lints",
    "--cfg",
    "--check-cfg",
    "--codegen",
    "--deny",
    "--edition",
    "--forbid",
    "--remap-path-prefix",
    "--target",
    "--warn",
];
/// Unstable flags of the compiler, behind `-Z`, that name nothing which it would load.
const HARMLESS_UNSTABLE: &[&str] = &[
    "fmt-debug",
    "location-detail",
    "macro-backtrace",
    "next-solver",
    "panic-abort-tests",
    "polonius",
    "proc-macro-backtrace",
    "randomize-layout",
    "sanitizer",
    "share-generics",
    "threads",
];
/// Programs that are what they are called.
const PROGRAMS: &[&str] = &["", "rustc", "rustdoc", "sccache"];

/// Reads the settings in force for a command that would not ask otherwise.
pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    if invocation.effects.strictest() > Effect::Local {
        return;
    }
    judge_toolchain(line, invocation);
    let first = invocation.command.first().cloned().unwrap_or_default();
    if WITHOUT_SETTINGS.contains(&&*first) {
        return;
    }
    judge_flags(line, invocation);
    if first == "clean" {
        judge_cleaned(line, invocation);
    }
    for path in settings_files(line) {
        judge_settings(line, &path, &first, invocation);
    }
}

/// Returns where settings can stand. Both names count: cargo takes the older one where there
/// are two.
fn settings_files(line: &CommandLine<'_>) -> Vec<PathBuf> {
    let above = line.cwd.ancestors().map(|folder| folder.join(".cargo"));
    let mut folders: Vec<PathBuf> = above.collect();
    let named = line.env.get("CARGO_HOME").filter(|name| !name.is_empty());
    let home = named.map_or_else(|| home_file(line, ".cargo"), |name| line.cwd.join(name));
    if !folders.contains(&home) {
        folders.push(home);
    }
    let files = folders.iter().flat_map(|folder| {
        let files = ["config.toml", "config"];
        files.map(|file| folder.join(file))
    });
    files.collect()
}

fn judge_settings(line: &CommandLine<'_>, path: &Path, command: &str, invocation: &mut Invocation) {
    let Some(text) = content(line, path, "cargo settings", invocation) else {
        return;
    };
    let text = std::str::from_utf8(&text).ok();
    let Some(settings) = text.and_then(|text| text.parse::<Table>().ok()) else {
        return refuse_file(path, "cargo settings", "it is no TOML", invocation);
    };
    if let Some(name) = first_odd(&settings, command) {
        let path = path.to_string_lossy();
        let reason =
            format!("`{name}` of `{path}` can make cargo start a program or lead it elsewhere");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// `cargo clean` removes the folder that these name, whatever stands in it.
const CLEANED: &[&str] = &["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];

fn judge_cleaned(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for name in CLEANED {
        let folder = line.env.get(name).unwrap_or_default();
        if !folder.is_empty() && !is_own_target(&folder.to_string_lossy()) {
            let reason = format!("`clean` removes the folder that `{name}` names");
            invocation.add(Effect::Destroy, &reason);
        }
    }
}

/// Tells whether a folder is the one that cargo takes by itself.
fn is_own_target(folder: &str) -> bool {
    matches!(folder.trim_end_matches('/'), "target" | "./target")
}

/// Judges the flags that variables give the compiler.
fn judge_flags(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for (name, border) in [("RUSTFLAGS", ' '), ("CARGO_ENCODED_RUSTFLAGS", '\u{1f}')] {
        let flags = line.env.get(name).unwrap_or_default().to_string_lossy();
        if can_load(flags.split(border)) {
            let reason = format!("`{name}` can make the compiler load a library or read a file");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

/// Tells whether flags can make the compiler load something when it is only asked what it knows:
/// it writes a file that `--print` names, opens the library of `-Z codegen-backend`, hands `-C llvm-args` to LLVM and takes more
/// flags from an `@file`. It starts no linker then.
fn can_load<'w>(words: impl Iterator<Item = &'w str>) -> bool {
    let mut is_unstable = false;
    for word in words.map(str::trim).filter(|word| !word.is_empty()) {
        // Letters that take no value can stand before it in one word: `-gZ`.
        let short = word.strip_prefix('-').unwrap_or_default();
        let short = short.trim_start_matches(['g', 'O', 'v', 'V', 'h']);
        let unstable = if is_unstable {
            Some(word)
        } else {
            short.strip_prefix('Z')
        };
        is_unstable = unstable == Some("");
        let option = unstable.unwrap_or_default().replace('_', "-");
        let (option, _) = option.split_once('=').unwrap_or((&option, ""));
        let is_plain =
            !word.starts_with('-') || PLAIN_FLAGS.iter().any(|flag| word.starts_with(flag));
        if !(option.is_empty() || HARMLESS_UNSTABLE.contains(&option))
            || !is_plain
            || word.starts_with('@')
            || word.replace('_', "-").contains("llvm-args")
        {
            return true;
        }
    }
    false
}

/// Tells the same of flags in settings: words, or a text of them.
fn can_value_load(flags: &Value) -> bool {
    if let Some(text) = flags.as_str() {
        return can_load(text.split(' '));
    }
    let words = flags.as_array().into_iter().flatten().map(Value::as_str);
    let words: Option<Vec<&str>> = words.collect();
    !flags.is_array() || words.is_none_or(|words| can_load(words.into_iter()))
}

/// Judges the file that names the toolchain: with a path, cargo itself comes
/// from there. Source: the rustup book, "Overrides".
fn judge_toolchain(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for folder in line.cwd.ancestors() {
        for name in ["rust-toolchain", "rust-toolchain.toml"] {
            let path = folder.join(name);
            let Some(text) = content(line, &path, "toolchain file", invocation) else {
                continue;
            };
            if !names_channel(&text) {
                let problem = "it can name a folder that cargo comes from";
                refuse_file(&path, "toolchain file", problem, invocation);
            }
        }
    }
}

/// Tells whether a toolchain is named by its channel: alone in the file, or in
/// a table without a path.
fn names_channel(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let is_channel = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    match text.parse::<Table>() {
        Ok(file) => match file.get("toolchain") {
            Some(Value::Table(table)) => !table.contains_key("path"),
            _ => file.is_empty(),
        },
        Err(_) => text.trim().chars().all(is_channel),
    }
}

/// Returns the first setting that is not plainly harmless to a command.
fn first_odd<'s>(settings: &'s Table, command: &str) -> Option<&'s str> {
    let mut all = settings.iter();
    let found = all.find(|(name, value)| !is_harmless(name, value, command));
    found.map(|(name, _)| name.as_str())
}

fn is_harmless(name: &str, value: &Value, command: &str) -> bool {
    let Value::Table(table) = value else {
        return false;
    };
    let holds_only = |known: &[&str]| table.keys().all(|key| known.contains(&key.as_str()));
    let are_flags = |key: &str, value: &Value| key == "rustflags" && !can_value_load(value);
    match name {
        // An alias stands for no command that cargo has itself.
        "alias" => !table.contains_key(command),
        "build" => table.iter().all(|(key, value)| {
            let is_program = matches!(key.as_str(), "rustc" | "rustc-wrapper" | "rustdoc")
                && value.as_str().is_some_and(|name| PROGRAMS.contains(&name));
            is_program
                || are_flags(key, value)
                || (OF_BUILD.contains(&key.as_str()) && !is_cleaned(key, value, command))
        }),
        "net" => holds_only(OF_NET),
        "target" => table.values().all(|target| {
            let table = target.as_table();
            table.is_some_and(|table| {
                let mut all = table.iter();
                all.all(|(key, value)| OF_TARGET.contains(&key.as_str()) || are_flags(key, value))
            })
        }),
        _ => HARMLESS.contains(&name),
    }
}

/// Tells whether a setting names a folder elsewhere that `clean` removes.
fn is_cleaned(key: &str, value: &Value, command: &str) -> bool {
    command == "clean"
        && matches!(key, "build-dir" | "target-dir")
        && !value.as_str().is_some_and(is_own_target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_start_nothing_are_harmless() {
        for (text, odd) in [
            (
                "[build]\njobs = 2\ntarget-dir = \"t\"\nrustc-wrapper = \"sccache\"",
                None,
            ),
            ("[alias]\nxtask = \"run\"\n[term]\ncolor = \"never\"", None),
            (
                "[build]\nrustflags = [\"-C\", \"link-arg=-fuse-ld=mold\", \"-Zthreads=8\"]",
                None,
            ),
            (
                "[target.x]\nlinker = \"clang\"\nrustflags = \"-D warnings\"",
                None,
            ),
            (
                "[build]\nrustflags = \"-gZ codegen_backend=x\"",
                Some("build"),
            ),
            ("[build]\nrustflags = [1]", Some("build")),
            ("[target.x]\nrustflags = [\"@f\"]", Some("target")),
            ("[net]\nretry = 2\n[profile.dev]\ndebug = 0", None),
            ("[alias]\ntree = \"run\"", Some("alias")),
            ("[build]\nrustc = \"./x\"", Some("build")),
            ("build.rustc-wrapper = \"./x\"", Some("build")),
            ("[target.x]\nrunner = \"./x\"", Some("target")),
            ("[env]\nLD_PRELOAD = \"x\"", Some("env")),
            ("paths = [\"x\"]", Some("paths")),
            ("include = [\"x\"]", Some("include")),
            (
                "[registry]\nglobal-credential-providers = [\"./x\"]",
                Some("registry"),
            ),
        ] {
            let settings: Table = text.parse().unwrap();
            assert_eq!(first_odd(&settings, "tree"), odd, "{text}");
        }
    }

    #[test]
    fn flags_that_make_the_compiler_load_something_are_told() {
        for (flags, loads) in [
            ("", false),
            ("-C target-cpu=native -Clinker=clang --cfg Z", false),
            ("-Z threads=8 -Zshare-generics=y -g", false),
            ("-Zcodegen-backend=./x.so", true),
            ("-Z codegen_backend=./x.so", true),
            ("-OgZcodegen-backend=./x.so", true),
            ("-Zunknown", true),
            ("-C llvm-args=-x", true),
            ("--codegen=llvm_args=-x", true),
            ("@flags", true),
        ] {
            assert_eq!(can_load(flags.split(' ')), loads, "{flags}");
        }
    }

    #[test]
    fn a_toolchain_is_named_by_its_channel() {
        for (text, is_channel) in [
            ("1.90.0\n", true),
            ("nightly-2026-01-01", true),
            ("[toolchain]\nchannel = \"stable\"\n", true),
            ("", true),
            ("[toolchain]\npath = \"./x\"\n", false),
            ("toolchain = 1\n", false),
            ("/tmp/x", false),
        ] {
            assert_eq!(names_channel(text.as_bytes()), is_channel, "{text}");
        }
    }
}
