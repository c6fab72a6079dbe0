//! What a power cut would take: a process that is killed leaves what it wrote to the kernel, so only
//! the order of its calls to the system shows what is on the disk by when.

use std::collections::BTreeSet;
use std::path::Path;

use crate::disk::traced;
use crate::scene::Scene;
use crate::story::{Confirmed, approving};

/// One call of a trace by `strace -f -y`.
struct Call<'a> {
    name: &'a str,
    rest: &'a str,
}

impl<'a> Call<'a> {
    /// Reads one that succeeded.
    fn of(line: &'a str) -> Option<Self> {
        let (_, call) = line.split_once(' ')?;
        let (name, rest) = call.trim_start().split_once('(')?;
        let failed = rest.contains(") = -1 ");
        (!failed).then_some(Self { name, rest })
    }

    /// Returns the file of its descriptor.
    fn file(&self) -> Option<&'a str> {
        let (_, from) = self.rest.split_once('<')?;
        Some(from.split_once('>')?.0)
    }

    /// Returns the paths that are its arguments.
    fn paths(&self) -> Vec<&'a str> {
        self.rest.split('"').skip(1).step_by(2).collect()
    }
}

/// What is not on the disk yet: files that were written to, and folders that got another name in them.
#[derive(Default)]
struct Unsynced(BTreeSet<String>);

impl Unsynced {
    fn take(&mut self, call: &Call<'_>) {
        match call.name {
            "write" | "pwrite64" | "writev" => self.0.extend(call.file().map(str::to_owned)),
            "fsync" | "fdatasync" => {
                self.0.remove(call.file().unwrap_or_default());
            }
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                let [from, to] = call.paths()[..] else {
                    unreachable!("{} {}", call.name, call.rest);
                };
                assert!(!self.0.contains(from), "`{from}` is named `{to}` unsynced");
                let folder = Path::new(to).parent().unwrap();
                self.0.insert(folder.to_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
}

/// Holds that all that is to outlive a power cut is on the disk when the tool is started.
fn assert_in_order(seen: &str, spool: &Path, word: &str) {
    let mut unsynced = Unsynced::default();
    let mut synced = BTreeSet::new();
    for call in seen.lines().filter_map(Call::of) {
        let words = call.paths();
        if call.name == "execve" && words.contains(&word) && !words.contains(&"run") {
            let state = spool.parent().unwrap();
            // What proves something to others later, or is looked at to be quick, can be lost.
            let counts = |path: &&String| {
                let path = Path::new(path);
                let name = path.file_name().unwrap_or_default().to_str().unwrap();
                path.starts_with(state)
                    && ![
                        "position",
                        "receipts.jsonl",
                        "proofs.jsonl",
                        "answers.jsonl",
                    ]
                    .contains(&name)
            };
            let left: Vec<&String> = unsynced.0.iter().filter(counts).collect();
            assert_eq!(left, [""; 0], "{word}: {seen}");
            let queue = spool.join("events.jsonl");
            assert!(synced.contains(queue.to_str().unwrap()), "{word}: {seen}");
            return;
        }
        if call.name == "fdatasync" {
            synced.extend(call.file().map(str::to_owned));
        }
        unsynced.take(&call);
    }
    unreachable!("{word} was not started: {seen}");
}

#[test]
fn when_the_tool_starts_its_record_and_the_names_of_its_files_are_on_the_disk() {
    let scene = Scene::with("");
    let script = approving(scene.server.bob(), Confirmed::default());
    scene.proxy.set(script);
    let calls =
        "trace=write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,execve";
    // The first makes the queue, the second goes on with it.
    for word in ["first", "second"] {
        let (ran, seen) = traced(&scene, word, &["-y", "-s", "200", "-e", calls]);
        assert_eq!((ran.code, scene.runs(word)), (Some(0), 1), "{ran:?}");
        assert_in_order(&seen, &scene.machine.spool(), word);
    }
}
