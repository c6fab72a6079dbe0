//! What tools other than kubectl are given: a saved plan, a script with what it
//! includes, a file inside of a parameter, a script of a shell.

use std::path::Path;

use gate_protocol::canonical::Digest;
use gate_protocol::invocation::BoundInput;

use crate::round::{self, Approver, Seen};
use crate::server::Live;
use crate::swapper::{Chance, Swapper, exchange};
use crate::{ROUNDS, WORKERS, on_each_numbered, said_of};

/// A command of a stand-in tool, which says what it reads.
struct Shape {
    words: &'static [&'static str],
    /// What the tool does, behind a function `say` that reads a file aloud.
    reads: &'static str,
    /// The files that are swapped, by their names below `one`, and what they hold.
    files: &'static [(&'static str, &'static str)],
}

const SAY: &str =
    "#!/bin/sh\nsay() {\n  while read -r line; do echo \"$1:$line\"; done < \"$2\"\n}\n";

/// One for each worker.
const SHAPES: [Shape; WORKERS] = [
    Shape {
        words: &["terraform", "apply", "../one/plan.tfplan"],
        reads: "say plan.tfplan \"$2\"\n",
        files: &[("plan.tfplan", "")],
    },
    Shape {
        words: &["psql", "-X", "-f", "../one/a.sql"],
        // An include that the copy does not have beside it is passed over, as by psql.
        reads: "say a.sql \"$3\"\nwhile read -r word name; do\n  \
                if [ \"$word\" = '\\ir' ] && [ -r \"${3%/*}/$name\" ]; then\n    \
                say \"${name##*/}\" \"${3%/*}/$name\"\n  fi\ndone < \"$3\"\n",
        files: &[("a.sql", "\\ir more/b.sql\n"), ("more/b.sql", "")],
    },
    Shape {
        words: &[
            "aws",
            "dynamodb",
            "put-item",
            "--table-name",
            "t",
            "--item",
            "file://../one/item.json",
        ],
        reads: "say item.json \"${6#file://}\"\n",
        files: &[("item.json", "")],
    },
    Shape {
        words: &["bash", "../one/deploy.sh"],
        reads: "say deploy.sh \"$1\"\n",
        files: &[("deploy.sh", "")],
    },
];

/// What is in the middle of being written may be empty, and then only read.
const ASKS: &str = "[[rule]]\nid = \"all\"\neverything = true\ndecision = \"require_approval\"\n";

/// Swaps one of the files, in one of several ways.
fn swap(home: &Path, shape: &Shape, chance: &mut Chance) {
    let at = usize::try_from(chance.below(shape.files.len() as u64)).unwrap();
    let (name, _) = shape.files.get(at).unwrap();
    let [one, other] = ["one", "other"].map(|place| home.join(place).join(name));
    match chance.below(4) {
        0 | 1 => exchange(&one, &other),
        2 => std::fs::write(one, chance.text()).unwrap(),
        _ => {
            let new = home.join("new");
            std::fs::write(&new, chance.text()).unwrap();
            std::fs::rename(&new, one).unwrap();
        }
    }
    // What was there at first comes back, so that it is not soon all alike.
    if chance.below(2) == 0 {
        lay_out(home, shape);
    }
}

/// Puts the files into both places, each in one step.
fn lay_out(home: &Path, shape: &Shape) {
    for place in ["one", "other"] {
        for (name, text) in shape.files {
            let path = home.join(place).join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let new = home.join("laid-out");
            std::fs::write(&new, format!("deploy {name} {place}\n{text}")).unwrap();
            std::fs::rename(&new, path).unwrap();
        }
    }
}

/// Holds what the tool says that it read against the request.
#[track_caller]
fn assert_is_what_was_approved(shape: &Shape, seen: &Seen) {
    for (at, (name, _)) in shape.files.iter().enumerate() {
        let name = name.rsplit('/').next().unwrap();
        let text = said_of(&seen.stdout, name);
        // A script that was swapped includes nothing.
        if at > 0 && text.is_empty() {
            continue;
        }
        let read = Digest::of_bytes(text.as_bytes());
        let mut inputs = seen.invocation.inputs.iter();
        let bound = inputs.find(|one| one.name.shown().ends_with(name)).unwrap();
        let read = BoundInput::hash_of(&read, bound.delivery);
        assert_eq!(read, bound.sha256, "{name}: {seen:?}");
    }
}

#[test]
fn no_swap_of_a_plan_a_script_an_include_or_a_parameter_changes_what_was_approved() {
    let live = Live::start();
    // Half as often as kubectl's, of whose kind they are: each tool so often.
    let each = ROUNDS / WORKERS / 2;
    let ran = on_each_numbered(&live, |agent, at, mut chance| {
        let home = agent.home.path().to_owned();
        let approver = Approver::new(&live);
        agent.rules("ask", ASKS);
        let shape = &SHAPES[at];
        let tool = shape.words[0];
        agent
            .home
            .script(tool, &format!("{SAY}{}", shape.reads))
            .unwrap();
        lay_out(&home, shape);
        let swapper = Swapper::start(chance.fork(), move |chance| swap(&home, shape, chance));
        let mut ran = 0;
        for _ in 0..each {
            let mut command = agent.gate_run(&[], shape.words);
            command.current_dir(agent.home.work());
            let Some(seen) = round::play(&approver, &mut command, chance.wait(3)) else {
                continue;
            };
            ran += 1;
            assert_is_what_was_approved(shape, &seen);
        }
        swapper.stop();
        assert!(ran > each / 4, "{tool}: {ran} of {each}");
        ran
    });
    assert!(ran > each * WORKERS / 2, "most of them run: {ran}");
}
