//! bash's own interface, where more is to be seen than a terminal shows.

use std::path::Path;

use gate_testkit::real::locate;

use crate::server::run;
use crate::stage::Stage;

/// Sets the stage as readline would, and prints what it would get.
const DRIVER: &str = r#"
eval "$(gate completions bash)"
complete() { builtin complete "$@"; }
tab() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=${COMP_TYPE-9} COMP_KEY=9
  COMP_POINT=${#COMP_LINE} COMPREPLY=()
  _gate gate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
  printf '%s\n' "${COMPREPLY[@]}"
}
"#;

fn offered(stage: &Stage, before: &str, tab: &str) -> Vec<String> {
    let ran = run(&mut stage.bash(&format!("{DRIVER}\n{before}\n{tab}")));
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(0), ""),
        "{tab}: {ran:?}"
    );
    let lines = ran.stdout.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn a_value_behind_an_equals_sign_is_completed_where_bash_breaks_words_there_and_where_not() {
    let stage = Stage::new();
    // readline replaces only what stands behind the sign.
    for tab in [
        "tab gate requests list --status = expi",
        "tab gate requests list --status expi",
    ] {
        assert_eq!(offered(&stage, "", tab), ["expired"], "{tab}");
    }
    let all = offered(&stage, "", "tab gate requests list --status =");
    assert!(
        all.len() > 5 && all.contains(&"pending".to_owned()),
        "{all:?}"
    );
    let whole = offered(&stage, "", "tab gate requests list --status=expi");
    assert_eq!(whole, ["--status=expired"]);
}

#[test]
fn what_a_word_is_stands_beside_it_only_where_bash_lists() {
    let stage = Stage::new();
    let (pending, denied) = (stage.pending.id.to_string(), stage.denied.id.to_string());
    let inserted = offered(&stage, "", "tab gate requests show ''");
    assert_eq!(inserted, [pending.as_str(), &denied]);
    let listed = offered(
        &stage,
        "COMP_TYPE=63 COLUMNS=200",
        "tab gate requests show ''",
    );
    for (line, id, said) in [(0, &pending, "pending"), (1, &denied, "denied")] {
        let line = &listed[line];
        assert!(line.starts_with(id.as_str()), "{listed:?}");
        assert!(
            line.contains(said) && line.contains("demo-agent"),
            "{listed:?}"
        );
    }
    let narrow = offered(
        &stage,
        "COMP_TYPE=63 COLUMNS=50",
        "tab gate requests show ''",
    );
    assert!(narrow.iter().all(|line| line.len() < 50), "{narrow:?}");
    assert!(!stage.home.work().join("canary").exists());
}

#[test]
fn the_wrapped_command_is_completed_as_bash_would_complete_it_alone() {
    let stage = Stage::new();
    let function = "_own() { COMPREPLY=(\"$1|$2|$3\" \"$COMP_CWORD|$COMP_LINE|$COMP_POINT\" \
                    \"${COMP_WORDS[*]}\"); }\ncomplete -o nospace -F _own shipctl";
    let line = "tab gate run --reason 'a b' --no-wait -- shipctl --to moon la";
    assert_eq!(
        offered(&stage, function, line),
        [
            "shipctl|la|moon",
            "3|shipctl --to moon la|20",
            "shipctl --to moon la",
        ]
    );
    // By a path too.
    let path = "tab gate check -- /opt/bin/shipctl la";
    assert_eq!(
        offered(&stage, function, path)[0],
        "/opt/bin/shipctl|la|/opt/bin/shipctl"
    );
    let words = "complete -W 'launch land' shipctl";
    assert_eq!(
        offered(&stage, words, "tab gate run -- shipctl lau"),
        ["launch"]
    );
    // A program that completes is told the line by its environment, as terraform is.
    stage
        .home
        .script(
            "completer",
            "#!/bin/sh\necho \"$COMP_LINE|$COMP_POINT\"\necho \"$1|$2|$3\"\n",
        )
        .unwrap();
    let program = "complete -C completer shipctl";
    assert_eq!(
        offered(&stage, program, "tab gate run -- shipctl launch mo"),
        ["shipctl launch mo|17", "shipctl|mo|launch",]
    );
}

#[test]
fn programs_are_offered_and_nothing_that_only_the_shell_knows() {
    let stage = Stage::new();
    let own = "shipit() { :; }; alias shipthat=true";
    let names = offered(&stage, own, "tab gate run -- ship");
    assert_eq!(names, ["shipctl"]);
    assert!(offered(&stage, "", "tab gate run -- compge").is_empty());
}

#[test]
fn nothing_on_the_line_and_nothing_in_an_answer_is_evaluated() {
    let stage = Stage::new();
    for word in [
        "'$(touch canary)'",
        "'`touch canary`'",
        "';touch canary;'",
        "'\"$(touch canary)'",
    ] {
        for place in [
            "tab gate",
            "tab gate approve",
            "tab gate run --",
            "tab gate run -- shipctl",
        ] {
            offered(
                &stage,
                "complete -W 'a b' shipctl",
                &format!("{place} {word}"),
            );
            assert!(!stage.home.work().join("canary").exists(), "{place} {word}");
        }
    }
    // A file of that name in the folder where somebody works is not run either.
    stage
        .home
        .write("work/gate", "#!/bin/sh\ntouch canary\n")
        .unwrap();
    let gate = stage.home.work().join("gate");
    std::fs::set_permissions(&gate, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let names = offered(&stage, "", "tab ./gate appr");
    assert_eq!(names, ["approve"]);
    assert!(!stage.home.work().join("canary").exists());
}

#[test]
fn what_bash_completion_loads_when_it_is_needed_is_loaded_for_a_wrapped_command_too() {
    let stage = Stage::new();
    let loader = "/usr/share/bash-completion/bash_completion";
    assert!(Path::new(loader).exists(), "install bash-completion");
    let before = format!("shopt -s extglob progcomp\n. {loader}");
    let names = offered(&stage, &before, "tab gate run -- git checko");
    assert_eq!(names, ["checkout "], "git's own, as it completes alone");
    // kubectl's, by what it prints itself.
    let kubectl = locate("kubectl").unwrap();
    stage.home.link("kubectl", &kubectl).unwrap();
    let before = format!("{before}\n. <(kubectl completion bash)");
    for (line, expected) in [
        ("tab gate run -- kubectl api-r", "api-resources"),
        ("tab gate run -- kubectl config use-c", "use-context"),
    ] {
        // It says what it thinks of not being asked by readline.
        let line = format!("{line} 2>/dev/null");
        assert_eq!(offered(&stage, &before, &line), [expected], "{line}");
    }
}
