//! Things that may be done in one place only.

use crate::lexer::has_word;
use crate::tree::{House, Source};

pub(crate) fn of_unsafe(house: &House) -> Vec<String> {
    outside(
        house,
        |path| path.starts_with("crates/gate-exec/"),
        |source| {
            source.breaches("unsafe code outside gate-exec", |line| {
                has_word(line, "unsafe")
            })
        },
    )
}

pub(crate) fn of_stderr(house: &House) -> Vec<String> {
    outside(
        house,
        |path| !is_product(path) || path == "src/report.rs",
        |source| {
            source.breaches("only src/report.rs writes to stderr", |line| {
                line.contains("eprintln!") || line.contains("eprint!")
            })
        },
    )
}

/// A tool's own end by a signal is passed on where that end is known, in gate-exec.
pub(crate) fn of_exit(house: &House) -> Vec<String> {
    const PLACES: [&str; 3] = [
        "src/exit_code.rs",
        "crates/gate-exec/src/exit_reason.rs",
        // Behind a panic there is nothing to return to.
        "crates/gate-shim/src/lib.rs",
    ];
    let what = "only src/exit_code.rs ends the process";
    outside(
        house,
        |path| !is_product(path) || PLACES.contains(&path),
        |source| named_from(source, "process", &["exit", "abort"], what),
    )
}

/// The shim replaces itself too, for what is plainly allowed; it is a crate of its own.
pub(crate) fn of_execution(house: &House) -> Vec<String> {
    outside(
        house,
        |path| !is_command(path) || path == "src/permit.rs",
        |source| {
            let what = "only src/permit.rs runs a tool";
            let names = ["replace", "supervise", "*", "self"];
            let mut breaches = named_from(source, "gate_exec", &names, what);
            breaches.extend(source.breaches(what, |line| line.contains("gate_exec as ")));
            breaches
        },
    )
}

pub(crate) fn of_directories(house: &House) -> Vec<String> {
    outside(
        house,
        |path| !is_product(path) || path == "src/layout.rs",
        |source| {
            source.breaches("only src/layout.rs uses `directories`", |line| {
                has_word(line, "ProjectDirs")
                    || has_word(line, "BaseDirs")
                    || line.match_indices("directories::").any(|(start, _)| {
                        !line
                            .split_at(start)
                            .0
                            .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                    })
            })
        },
    )
}

pub(crate) fn of_the_server(house: &House) -> Vec<String> {
    let knows = |path: &str| {
        ["src/cli/server", "src/cli/demo", "src/cli/witness"]
            .iter()
            .any(|place| {
                let rest = path.strip_prefix(place);
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
    };
    outside(
        house,
        |path| !is_command(path) || knows(path),
        |source| {
            source.breaches(
                "only cli/server, cli/demo and cli/witness know the server",
                |line| has_word(line, "gate_server"),
            )
        },
    )
}

/// Paths stand in quotes, so the text is looked at and not the code; a comment may
/// name one.
pub(crate) fn of_the_api(house: &House) -> Vec<String> {
    let names_one = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.contains("\"/v1/") || code.contains("\"v1\", ")
    };
    outside(
        house,
        |path| !is_command(path),
        |source| {
            let lines = source.text.lines().enumerate();
            let what = "only gate-client knows the paths of the API";
            lines
                .filter(|(_, line)| names_one(line))
                .map(|(index, _)| format!("{}:{}: {what}", source.path, index + 1))
                .collect()
        },
    )
}

/// The breaches of every file for which `is_exempt` does not hold.
fn outside(
    house: &House,
    is_exempt: impl Fn(&str) -> bool,
    breaches: impl Fn(&Source) -> Vec<String>,
) -> Vec<String> {
    let judged = house
        .sources
        .iter()
        .filter(|source| !is_exempt(&source.path));
    judged.flat_map(breaches).collect()
}

/// True for the code of the command itself.
fn is_command(path: &str) -> bool {
    path.starts_with("src/")
}

/// True for code that reaches a user: not for tests, benches, examples and what only they use.
fn is_product(path: &str) -> bool {
    let in_crate = path
        .strip_prefix("crates/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(name, rest)| {
            !["gate-oracle", "gate-testkit"].contains(&name) && rest.starts_with("src/")
        });
    is_command(path) || in_crate
}

/// Breaches where one of `names` is named as `module::name`, also within braces over several lines.
fn named_from(source: &Source, module: &str, names: &[&str], what: &str) -> Vec<String> {
    let prefix = format!("{module}::");
    let mut breaches = Vec::new();
    for (start, _) in source.code.match_indices(&prefix) {
        let (before, from) = source.code.split_at(start);
        if before.ends_with(|character: char| character.is_alphanumeric() || character == '_') {
            continue;
        }
        let item_path = from.strip_prefix(&prefix).unwrap_or_default();
        let is_named = match item_path.strip_prefix('{') {
            Some(group) => {
                let group = group.split_once('}').map_or(group, |(inside, _)| inside);
                let mut items =
                    group.split(|character: char| character == ',' || character.is_whitespace());
                items.any(|item| names.contains(&first_segment(item)))
            }
            None => names.contains(&first_segment(item_path)),
        };
        if is_named {
            let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
            breaches.push(format!("{}:{line}: {what}", source.path));
        }
    }
    breaches
}

/// The name at the start of a path: `replace` of `replace::Error`.
fn first_segment(path: &str) -> &str {
    if path.starts_with('*') {
        return "*";
    }
    let end = path.find(|character: char| !(character.is_alphanumeric() || character == '_'));
    path.split_at(end.unwrap_or(path.len())).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(path: &str, text: &str) -> House {
        House {
            sources: vec![Source::new(path, text)],
            ..House::default()
        }
    }

    #[test]
    fn unsafe_code_outside_gate_exec_is_a_breach() {
        assert!(of_unsafe(&house("crates/gate-exec/src/a.rs", "unsafe {}")).is_empty());
        assert!(of_unsafe(&house("src/a.rs", "#![forbid(unsafe_code)] // unsafe")).is_empty());
        let breaches = of_unsafe(&house("benches/a.rs", "fn a() {\n    unsafe {}\n}"));
        assert_eq!(breaches, ["benches/a.rs:2: unsafe code outside gate-exec"]);
    }

    #[test]
    fn stderr_outside_report_is_a_breach() {
        assert!(of_stderr(&house("src/report.rs", "eprintln!()")).is_empty());
        assert!(of_stderr(&house("tests/a.rs", "eprintln!()")).is_empty());
        assert_eq!(of_stderr(&house("src/cli/a.rs", "eprint!()")).len(), 1);
        assert_eq!(
            of_stderr(&house("crates/gate-client/src/a.rs", "eprintln!()")).len(),
            1
        );
    }

    #[test]
    fn an_exit_elsewhere_is_a_breach() {
        assert!(of_exit(&house("src/exit_code.rs", "std::process::exit(1)")).is_empty());
        assert!(of_exit(&house("src/a.rs", "std::process::ExitCode::from(1)")).is_empty());
        for text in [
            "std::process::exit(1)",
            "use std::process::exit;",
            "use std::process::{\n    Command,\n    exit,\n};",
            "process::abort()",
        ] {
            assert_eq!(of_exit(&house("src/a.rs", text)).len(), 1, "{text}");
        }
        let breaches = of_exit(&house(
            "src/a.rs",
            "fn a() {}\n\nfn b() {\n    process::exit(1)\n}",
        ));
        assert_eq!(
            breaches,
            ["src/a.rs:4: only src/exit_code.rs ends the process"]
        );
    }

    #[test]
    fn running_a_tool_without_a_permit_is_a_breach() {
        assert!(of_execution(&house("src/permit.rs", "gate_exec::replace(a)")).is_empty());
        assert!(of_execution(&house("src/a.rs", "use gate_exec::{Tool, resolve};")).is_empty());
        assert!(
            of_execution(&house("crates/gate-shim/src/a.rs", "gate_exec::replace(a)")).is_empty()
        );
        for text in [
            "gate_exec::replace(a)",
            "gate_exec::supervise::run(a)",
            "use gate_exec::{Tool, supervise};",
            "use gate_exec::{replace::with};",
            "use gate_exec::*;",
            "use gate_exec as os;",
        ] {
            assert_eq!(of_execution(&house("src/a.rs", text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn folders_outside_layout_are_a_breach() {
        assert!(of_directories(&house("src/layout.rs", "directories::BaseDirs::new()")).is_empty());
        assert!(
            of_directories(&house(
                "src/a.rs",
                "layout::directories::all(); my_directories::a()"
            ))
            .is_empty()
        );
        assert_eq!(
            of_directories(&house("src/a.rs", "use directories::UserDirs;")).len(),
            1
        );
        assert_eq!(
            of_directories(&house("crates/gate-server/src/a.rs", "BaseDirs::new()")).len(),
            1
        );
    }

    #[test]
    fn the_server_known_elsewhere_is_a_breach() {
        assert!(of_the_server(&house("src/cli/server.rs", "gate_server::serve_on()")).is_empty());
        assert!(
            of_the_server(&house("src/cli/demo/scene.rs", "gate_server::serve_on()")).is_empty()
        );
        assert!(
            of_the_server(&house(
                "crates/gate-testkit/src/a.rs",
                "gate_server::serve_on()"
            ))
            .is_empty()
        );
        assert_eq!(
            of_the_server(&house("src/cli/server_list.rs", "gate_server::a()")).len(),
            1
        );
        assert_eq!(
            of_the_server(&house("src/main.rs", "use gate_server;")).len(),
            1
        );
    }
}
