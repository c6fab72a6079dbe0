//! The README and the pages of `docs/` say what gate does: their tables,
//! commands, examples and links are held against the program.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/server.rs"]
mod server;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gate_testkit::home::Home;
use serde_json::Value;
use server::{GATE, Live, Ran, run};

const DENY_ALL: &str = "[[rule]]\nid = \"t/all\"\neverything = true\ndecision = \"deny\"\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Every page that a person reads, by its path in the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    pages
}

/// The fenced blocks of a page: language and content, in order.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), is_open) {
            (Some(_), true) => is_open = false,
            (Some(language), false) => {
                blocks.push((language, String::new()));
                is_open = true;
            }
            (None, true) => {
                let (_, content) = blocks.last_mut().unwrap();
                content.push_str(line);
                content.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

/// The cells of each row of every table on a page.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| "));
    lines
        .map(|line| line.trim_end_matches(" |").split(" | ").collect())
        .collect()
}

fn gate(home: &Home, args: &[&str]) -> Ran {
    run(home.command(GATE).args(args))
}

#[track_caller]
fn assert_ends(home: &Home, args: &[&str], code: i32) {
    let ran = gate(home, args);
    assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
}

#[test]
fn the_readme_names_the_rust_that_the_manifest_needs() {
    let manifest = page("Cargo.toml");
    let needed = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap()
        .trim_matches('"');
    let told = format!("Rust {needed} or newer");
    assert!(page("README.md").contains(&told), "{told}");
}

#[test]
fn the_table_of_exit_codes_is_the_one_of_the_program() {
    let readme = page("README.md");
    let told: BTreeSet<u8> = rows(&readme)
        .iter()
        .filter_map(|cells| cells.first()?.parse().ok())
        .collect();
    let source = page("src/exit_code.rs");
    let real: BTreeSet<u8> = source
        .lines()
        .filter_map(|line| {
            line.strip_prefix("pub(crate) const ")?
                .split_once(": u8 = ")
        })
        .filter_map(|(_, number)| number.trim_end_matches(';').parse().ok())
        .collect();
    assert_eq!(told, real);
}

#[test]
fn commands_that_do_not_run_end_with_the_codes_of_the_table() {
    let home = Home::new().unwrap();
    assert_ends(&home, &["run"], 64);
    assert_ends(&home, &["run", "--", "there-is-no-such-tool"], 127);
    let tool = home.write("bin/a-file", "not a program").unwrap();
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o644)).unwrap();
    assert_ends(&home, &["run", "--", tool.to_str().unwrap()], 126);
    home.write("work/.gate.toml", DENY_ALL).unwrap();
    assert_ends(&home, &["run", "--", "git", "status"], 77);
    home.write("work/.gate.toml", "[[rule]]\n").unwrap();
    assert_ends(&home, &["run", "--", "git", "status"], 78);
    // What can't be recorded is not denied quietly, and is not run either.
    let full = Home::new().unwrap();
    full.write(".local/state/gate/spool", "no folder").unwrap();
    full.write("work/.gate.toml", DENY_ALL).unwrap();
    assert_ends(&full, &["run", "--", "git", "status"], 125);
}

#[test]
fn nobody_there_is_69_and_nobody_answering_is_75() {
    let live = Live::start();
    let home = Home::new().unwrap();
    let push = |url: &str, args: &[&str]| {
        let key = live.said("/server/grant_key");
        let text = format!("[keys]\n'{url}' = '{key}'\n");
        let config = home.write("config.toml", text).unwrap();
        let mut command = live.gate("agent", &["run", "--reason", "to see the code"]);
        command.args(args).args(["--", "git", "push", "origin"]);
        run(command.env("GATE_SERVER", url).env("GATE_CONFIG", config))
    };
    let asked = push(live.said("/url"), &["--no-wait"]);
    assert_eq!(asked.code, Some(75), "{asked:?}");
    // Port 9 is the discard service, which nobody runs.
    let alone = push("http://127.0.0.1:9", &["--timeout", "1s"]);
    assert_eq!(alone.code, Some(69), "{alone:?}");
}

/// Words of `gate …` in a span of code or after a prompt, up to the first that
/// is no subcommand: an option, `--`, a placeholder, a file.
fn subcommands(text: &str) -> BTreeSet<Vec<String>> {
    let is_subcommand =
        |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let spans = text.split('`').skip(1).step_by(2);
    let prompts = text.lines().filter_map(|line| line.strip_prefix("$ "));
    spans
        .chain(prompts)
        .filter_map(|span| span.strip_prefix("gate "))
        .map(|rest| rest.split(' ').take_while(is_subcommand).map(str::to_owned))
        .map(Iterator::collect)
        .filter(|words: &Vec<String>| !words.is_empty())
        .collect()
}

#[test]
fn every_command_that_a_page_names_exists() {
    let home = Home::new().unwrap();
    let mut named = BTreeSet::new();
    for page in pages() {
        // Pairs of backticks are found outside of fences only.
        let text = std::fs::read_to_string(page).unwrap();
        named.extend(subcommands(&text.replace("```", "")));
    }
    assert!(named.len() > 20, "{named:?}");
    for words in named {
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        let help = gate(&home, &args);
        assert_eq!(help.code, Some(0), "{args:?}: {help:?}");
        // The program's own help would mean that the words were not understood.
        let usage = format!("Usage: gate {}", words.first().unwrap());
        assert!(help.stdout.contains(&usage), "{args:?}: {help:?}");
    }
}

/// Reads `DECISION RULE COMMAND…`.
fn expectation(line: &str) -> (Vec<String>, Vec<String>) {
    let mut words = words(line).into_iter();
    (words.by_ref().take(2).collect(), words.collect())
}

/// Splits at blanks outside of quotes, and takes the quotes away.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for letter in line.chars() {
        if quote == Some(letter) {
            quote = None;
        } else if quote.is_none() && matches!(letter, '\'' | '"') {
            quote = Some(letter);
        } else if quote.is_none() && letter == ' ' {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_example_of_a_rule_is_sound_and_decides_as_it_says() {
    let text = page("docs/rules.md");
    let mut decided = 0;
    let mut home = Home::new().unwrap();
    let mut file = PathBuf::new();
    for (language, content) in blocks(&text) {
        match language {
            "toml" => {
                home = Home::new().unwrap();
                let is_project = content.starts_with("# .gate.toml\n");
                let name = if is_project {
                    ".gate.toml"
                } else {
                    "rules.toml"
                };
                file = home.write(&format!("work/{name}"), &content).unwrap();
                assert_ends(&home, &["rules", "check", file.to_str().unwrap()], 0);
            }
            "decisions" => {
                for line in content.lines() {
                    let (expected, words) = expectation(line);
                    let mut args = vec!["check", "--json"];
                    if !file.ends_with(".gate.toml") {
                        args.extend(["--rules", file.to_str().unwrap()]);
                    }
                    args.push("--");
                    args.extend(words.iter().map(String::as_str));
                    let answer: Value = serde_json::from_str(&gate(&home, &args).stdout).unwrap();
                    let found = [&answer["decision"], &answer["rule"]].map(|field| field.as_str());
                    assert_eq!(found.map(Option::unwrap), *expected, "{line}: {answer}");
                    decided += 1;
                }
            }
            other => assert_eq!(other, "console", "a block that no test looks at"),
        }
    }
    assert!(decided >= 15, "{decided}");
}

#[test]
fn the_rules_to_begin_with_are_sound() {
    let home = Home::new().unwrap();
    let file = root().join("examples/rules.toml");
    let checked = gate(&home, &["rules", "check", file.to_str().unwrap()]);
    assert_eq!(
        (checked.code, &*checked.stderr),
        (Some(0), ""),
        "{checked:?}"
    );
}

/// The fields that serde offers instead of one that does not exist.
fn offered(said: &str) -> BTreeSet<String> {
    let (_, list) = said.split_once("expected ").unwrap();
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// The keys of one table in an example.
fn keys(block: &str, table: &str) -> BTreeSet<String> {
    let mut current = String::new();
    let mut keys = BTreeSet::new();
    for line in block.lines() {
        let name = line.trim_start_matches('[').split(']').next();
        if line.starts_with('[') {
            name.unwrap().clone_into(&mut current);
        } else if let Some((key, _)) = line.split_once(" = ")
            && current == table
        {
            keys.insert(key.trim_start_matches("# ").to_owned());
        }
    }
    keys
}

fn block_with(text: &str, mark: &str) -> String {
    let found = blocks(text)
        .into_iter()
        .find(|(_, block)| block.contains(mark));
    found.unwrap().1
}

#[test]
fn the_configuration_of_the_readme_is_whole_and_taken() {
    let home = Home::new().unwrap();
    let block = block_with(&page("README.md"), "[approval]");
    let authorities = home.write("ca.pem", "").unwrap();
    let mended = block.replace("/etc/gate/ca.pem", authorities.to_str().unwrap());
    let check = |text: String| {
        home.write(".config/gate/config.toml", text).unwrap();
        gate(&home, &["check", "--", "git", "status"])
    };
    let without_demand = mended.replace("\"required\"", "\"optional\"");
    let taken = check(without_demand);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let demanded = check(mended);
    assert_eq!(demanded.code, Some(78), "{demanded:?}");
    assert!(
        demanded.stderr.contains("have not been fetched"),
        "{demanded:?}"
    );
    for table in ["server", "approval"] {
        let refused = check(format!("[{table}]\nno_such_key = 1\n"));
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert_eq!(offered(&refused.stderr), keys(&block, table), "{table}");
    }
    let tables: BTreeSet<String> = ["server", "keys", "approval"].map(str::to_owned).into();
    let refused = check("no_such_table = 1\n".to_owned());
    assert_eq!(offered(&refused.stderr), tables);
    for table in tables {
        assert!(block.contains(&format!("[{table}]")), "{table}");
    }
}

#[test]
fn the_page_of_the_log_names_every_type_of_record() {
    let words = page("crates/gate-protocol/tests/golden/words.json");
    let words: Value = serde_json::from_str(&words).unwrap();
    let log = page("docs/audit.md");
    let types = words["records"].as_array().unwrap().iter();
    let missing: Vec<&str> = types
        .map(|name| name.as_str().unwrap())
        .filter(|name| !log.contains(&format!("`{name}`")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_settings_of_the_server_are_whole_and_taken() {
    let home = Home::new().unwrap();
    let block = block_with(&page("docs/server.md"), "public_url");
    let serve = |text: &str| {
        let file = home.write("settings.toml", text).unwrap();
        let data = home.path().join("nothing-here");
        let args = ["server", "--listen", "127.0.0.1:0", "--config"];
        let mut command = home.command(GATE);
        command.args(args).arg(file).arg("--data").arg(data);
        run(&mut command)
    };
    // All is taken: what lacks is the certificate, and without TLS the server itself.
    let (plain, _) = block.split_once("[tls]").unwrap();
    for (text, lacking) in [(&*block, "fullchain.pem"), (plain, "gate server init")] {
        let taken = serve(text);
        assert_eq!(taken.code, Some(78), "{taken:?}");
        assert!(taken.stderr.contains(lacking), "{taken:?}");
    }
    let refused = serve("no_such_key = 1\n");
    let mut told = keys(&block, "");
    // Tables; what is in the last four is in docs/identity.md, docs/audit.md and docs/channels.md.
    let tables = [
        "approving",
        "standing_grants",
        "break_glass",
        "flood",
        "rate",
        "metrics",
        "log",
        "telemetry",
        "database",
        "tls",
        "outbound",
        "sign_in",
        "provider",
        "workload",
        "witness",
        "channel",
    ];
    told.extend(tables.map(str::to_owned));
    assert_eq!(offered(&refused.stderr), told);
}

#[test]
fn every_variable_of_the_readme_is_read_by_the_program() {
    let mut source = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                source.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let readme = page("README.md");
    let names: BTreeSet<&str> = rows(&readme)
        .iter()
        .filter_map(|cells| cells.first()?.strip_prefix('`')?.strip_suffix('`'))
        .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .collect();
    assert_eq!(names.len(), 8, "{names:?}");
    for name in names {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let file = target.split('#').next().unwrap();
            if !page.parent().unwrap().join(file).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}
