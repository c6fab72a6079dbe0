//! Which commands a hook has something to say about.

use crate::stage::Stage;

/// Commands that look harmless to a filter by text, or stand where it does not look; each of them
/// destroys, or runs what nobody has read.
const HARMFUL: [&str; 13] = [
    // A flag before the verb.
    "kubectl -n x delete ns p",
    "kubectl --context=dev delete ns p",
    "terraform -chdir=prod destroy",
    "aws --profile p ec2 terminate-instances --instance-ids i-1",
    // A flag that only looks like a rehearsal.
    "kubectl delete ns p --dry-run=none",
    "aws ec2 terminate-instances --instance-ids i-1 --dry-run --no-dry-run",
    // Another name of the same tool, other cases of the same word.
    "tofu destroy",
    "psql -c 'DrOp/**/TABLE\"t\"'",
    // What stands in a file, or comes from elsewhere.
    "psql -f drop.sql",
    "kubectl delete -f -",
    "kubectl apply -k .",
    "git push --force origin main",
    "helm uninstall x",
];

/// The places in which a shell runs a command, `@` for the command.
const PLACES: [&str; 20] = [
    "@",
    "true && @",
    "false || @",
    "ls; @",
    "ls\n@\n",
    "@ | tee log.txt",
    "cat x | @",
    "AWS_PROFILE=x FOO=1 @",
    "if true; then @; fi",
    "for i in 1 2; do @; done",
    "(cd sub; @)",
    "{ @; } > out.txt 2>&1",
    "echo \"$(@)\"",
    "echo `@`",
    "x=$(@); echo $x",
    "@ &",
    "! @",
    "f() { @; }; f",
    "timeout 60 @",
    "env A=1 nohup @",
];

/// Ordinary work of an agent, of which a hook says nothing.
const ORDINARY: [&str; 40] = [
    "ls -la",
    "git status && git diff HEAD~1 | head -50",
    "git add -A && git commit -m \"$(cat <<'EOF'\nwhat and why\nEOF\n)\"",
    "git checkout -b fix && git stash",
    "rg -n foo src | head",
    "find . -name '*.rs' | xargs wc -l",
    "echo hi > out.txt",
    "mkdir -p a/b && touch a/b/c && rm -rf a",
    "cargo test --all 2>&1 | tail -20",
    "npm ci && npm run build",
    "python3 -m pytest -q tests/",
    "source venv/bin/activate && pytest",
    "export FOO=bar; make test",
    "for f in *.py; do python \"$f\"; done",
    "sed -i 's/a/b/' foo.txt",
    "awk '{print $1}' foo.txt",
    "curl -s https://example.com | jq .",
    "cat > foo.py <<'EOF'\nprint(1)\nEOF",
    "docker build -t x . && docker ps",
    "./gradlew build",
    "bash scripts/x.sh",
    "chmod +x foo.sh && ./foo.sh",
    "sleep 1 & wait",
    "ps aux | grep node",
    "env | grep PATH",
    "which kubectl",
    "grep -rn 'kubectl delete' docs",
    "echo 'terraform destroy' >> notes.md",
    "uv run ruff check .",
    "node -e 'console.log(1)'",
    "kubectl get pods -A -o wide",
    "set -euo pipefail; kubectl get ns x >/dev/null 2>&1 || echo no",
    "for ns in a b; do kubectl -n $ns get pods; done",
    "kubectl get pods -o json | jq '.items[].metadata.name'",
    "kubectl delete ns p --dry-run=client",
    "terraform fmt -check && terraform version",
    "aws sts get-caller-identity --profile p",
    "psql -X -c 'select 1'",
    "gh pr list",
    "helm list",
];

#[test]
fn what_destroys_is_stopped_wherever_it_stands_in_a_script() {
    let stage = Stage::new();
    stage
        .home
        .write("work/drop.sql", "drop table t;\n")
        .unwrap();
    for command in HARMFUL {
        for place in PLACES {
            let script = place.replace('@', command);
            assert!(stage.says_no(&script).is_some(), "{script}");
        }
        let quoted = command.replace('\'', r"'\''");
        for shell in [
            "bash -c",
            "sh -lc",
            "eval",
            "env bash -c",
            "bash -c 'true'; sh -c",
        ] {
            let script = format!("{shell} '{quoted}'");
            assert!(stage.says_no(&script).is_some(), "{script}");
        }
    }
}

#[test]
fn ordinary_work_is_left_to_the_agent() {
    let stage = Stage::new();
    for command in ORDINARY {
        assert_eq!(stage.says_no(command), None, "{command}");
    }
}

#[test]
fn what_is_not_understood_is_stopped_where_it_could_hide_such_a_tool() {
    let stage = Stage::new();
    let many = "true;".repeat(400) + "k'u'bectl delete ns p";
    for script in [
        "$(echo kubectl) delete ns p",
        "alias k=kubectl; k delete ns p",
        "eval \"$(cat kubectl.sh)\"",
        "echo kubectl delete ns p | sh",
        "kubectl delete ns p )",
        "kubectl $VERB ns p",
        "xargs -a names kubectl delete ns",
        "PATH=/tmp/x:$PATH kubectl get pods",
        "$(cat tool) delete ns p",
        "bash <(echo kubectl delete ns p)",
        "/tmp/x/kubectl get pods",
        "env - kubectl delete ns p",
        "nice -5 kubectl delete ns p",
        "git -c alias.x='!kubectl delete ns p' x",
        "aws-vault exec prod -- terraform destroy",
        "$'\\x6bubectl' delete ns p",
        "$'\\153ubectl' delete ns p",
        &many,
    ] {
        assert!(stage.says_no(script).is_some(), "{script}");
    }
}

#[test]
fn a_script_that_can_not_be_read_is_stopped_by_what_rules_are_about_and_by_what_lasts() {
    let unread = [
        "coproc cat; @",
        "echo ${!x@}; @",
        "@ )",
        "cat <<$x\nEOF\n@",
        "i\\\nf true; then @; fi",
        "bash -c 'coproc cat; @'",
    ];
    let stage = Stage::new();
    for place in unread {
        for command in [
            "git push --force origin main",
            "cargo publish",
            "npm publish",
        ] {
            let script = place.replace('@', command);
            assert!(stage.says_no(&script).is_some(), "{script}");
        }
        let script = place.replace('@', "rm -rf x");
        assert_eq!(stage.says_no(&script), None, "{script}");
    }
    stage.rules("[[rule]]\nid = \"no-rm\"\ntool = \"rm\"\ndecision = \"deny\"\n");
    for place in unread.into_iter().chain(["echo a\\\nb; @", "r\\\nm -rf x"]) {
        let script = place.replace('@', "rm -rf x");
        assert!(stage.says_no(&script).is_some(), "{script}");
        let script = place.replace('@', "ls").replace("r\\\nm", "l\\\ns");
        assert_eq!(stage.says_no(&script), None, "{script}");
    }
    stage.rules("[[rule]]\nid = \"none\"\neffect = \"unknown\"\ndecision = \"deny\"\n");
    let told = stage.says_no("coproc cat").unwrap();
    assert!(told.contains("denied by rule `none`"), "{told}");
}

#[test]
fn a_name_in_two_lines_is_one_name() {
    let stage = Stage::new();
    for script in [
        "kube\\\nctl delete ns p",
        "terra\\\nform destroy",
        "bash -c 'kube\\\nctl delete ns p'",
        "coproc kube\\\nctl delete ns p",
        "git pu\\\nsh --force origin main",
    ] {
        assert!(stage.says_no(script).is_some(), "{script}");
    }
    for script in [
        "kube\\\nctl get pods",
        "cargo te\\\nst",
        "make # kube\\\nctl",
    ] {
        assert_eq!(stage.says_no(script), None, "{script}");
    }
}

#[test]
fn what_plainly_starts_such_a_tool_is_stopped() {
    let stage = Stage::new();
    let command = "kubectl delete ns p";
    for place in [
        "fish -c '@'",
        "rbash -c '@'",
        "npx @",
        "npm exec -- @",
        "yarn exec @",
        "git bisect run @",
        "git submodule foreach '@'",
        "tmux new -d '@'",
        "screen -dm @",
        "xvfb-run @",
        "parallel ::: '@'",
        "/lib64/ld-linux-x86-64.so.2 /usr/bin/@",
        "hyperfine 'cd x && @'",
    ] {
        let script = place.replace('@', command);
        assert!(stage.says_no(&script).is_some(), "{script}");
        let script = place.replace('@', "pytest -q");
        assert_eq!(stage.says_no(&script), None, "{script}");
    }
}

#[test]
fn what_is_taken_elsewhere_is_stopped_by_what_it_does_there() {
    let stage = Stage::new();
    for command in [
        "docker exec db psql -c 'drop table t'",
        "docker run --rm tools kubectl delete ns p",
        "podman exec x bash -c 'aws s3 rm s3://b --recursive'",
        "ssh host kubectl delete ns p",
        "kubectl exec web -- psql -c 'drop table t'",
    ] {
        let told = stage.says_no(command).unwrap_or_default();
        assert_eq!(told.matches("\n- ").count(), 1, "{command}: {told}");
        let tool = command.split(' ').next().unwrap();
        assert!(
            told.contains("right before it, everything else as it"),
            "{told}"
        );
        assert!(
            told.contains(&format!("- `{tool} ")),
            "the command that takes it there: {told}"
        );
    }
    for command in [
        "docker exec db psql -c 'select 1'",
        "docker run --rm x pytest",
    ] {
        assert_eq!(stage.says_no(command), None, "{command}");
    }
}

#[test]
fn strict_speaks_for_every_command_that_asks() {
    let stage = Stage::new();
    for command in ["python3 foo.py", "make", "rm -rf x", "echo hi > out.txt"] {
        assert_eq!(stage.says_no(command), None, "{command}");
        assert!(
            stage.says_no_with(&["--strict"], command).is_some(),
            "{command}"
        );
    }
    assert_eq!(stage.says_no_with(&["--strict"], "ls && git status"), None);
    let told = stage
        .says_no_with(&["--strict"], "echo hi > out.txt")
        .unwrap();
    assert!(told.contains("writes to the file `out.txt`"), "{told}");
    assert!(
        told.contains("It is the shell itself that does it"),
        "{told}"
    );
}

#[test]
fn what_is_told_is_inert_bounded_and_without_secrets() {
    let stage = Stage::new();
    let secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";
    let told = stage
        .says_no(&format!("kubectl delete ns p --token={secret} $'\\e[2J'"))
        .unwrap();
    assert!(!told.contains(secret) && !told.contains('\u{1b}'), "{told}");
    let long = format!("kubectl delete ns {}", "p".repeat(50_000));
    assert!(stage.says_no(&long).unwrap().len() < 3000);
    let many = "kubectl delete ns p\n".repeat(40);
    let told = stage.says_no(&many).unwrap();
    assert!(
        told.contains("- and 35 more") && told.len() < 5000,
        "{told}"
    );
}
