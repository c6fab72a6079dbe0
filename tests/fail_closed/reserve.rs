//! What is set aside for the outcome of a run is that run's own, whatever other gates do to the queue
//! that they share with it.

use crate::namespace::own_script;
use crate::queue::{approving, in_namespace};
use crate::stage::{Machine, Server};

/// Leaves a line, waits until it may go on, and ends with 7.
const SLOW: &str = "echo \"$*\" >>\"$HOME/canary\"\n\
    until [ -e \"$HOME/go\" ]; do sleep 0.05; done\nexit 7\n";

/// Two runs are under way on a disk of four megabytes. Then other gates append more than a megabyte,
/// all of it is delivered, the queue is emptied, and the disk is filled; `$1` is the queue's folder.
const STORY: &str = r#"
mount -t tmpfs -o size=4m none "$1"
"$0" run --timeout 60s -- deployer first 2>"$HOME/first" & first=$!
"$0" run --timeout 60s -- deployer second 2>"$HOME/second" & second=$!
until [ "$(wc -l <"$HOME/canary")" = 2 ]; do sleep 0.05; done 2>/dev/null
long=$(dd if=/dev/zero bs=60000 count=1 2>/dev/null | tr '\0' '"')
for n in 1 2 3 4 5 6 7 8 9 10; do "$0" run -- kubectl get "$long"; done
wc -c <"$1/events.jsonl" >"$HOME/long"
"$0" audit flush
wc -c <"$1/events.jsonl" >"$HOME/short"
dd if=/dev/zero of="$1/fill" bs=4k 2>"$HOME/dd"
"$0" run --timeout 20s -- deployer third; echo $? >"$HOME/third"
: >"$HOME/go"
wait $first; echo $? >"$HOME/codes"
wait $second; echo $? >>"$HOME/codes"
cp "$1/events.jsonl" "$HOME/kept"
ls "$1" >"$HOME/left"
"#;

#[test]
fn the_outcomes_of_two_runs_are_kept_on_a_full_disk_after_others_emptied_the_queue() {
    let server = Server::start("");
    let proxy = approving(&server);
    let machine = Machine::of(&server, proxy.address);
    own_script(&machine.home, "kubectl", "");
    let ran = in_namespace(&machine, SLOW, STORY);
    let text = |name: &str| std::fs::read_to_string(machine.home.path().join(name)).unwrap();
    let size = |name: &str| text(name).trim().parse::<u64>().unwrap();
    assert!(size("long") > 1 << 20, "{}: {ran:?}", text("long"));
    assert!(size("short") < 1 << 12, "{}: {ran:?}", text("short"));
    assert!(text("dd").contains("No space left"), "{}", text("dd"));
    // What is left belongs to those that run: nobody else begins.
    assert_eq!(text("third"), "125\n", "{ran:?}");
    let mut started = machine.canary();
    started.sort();
    assert_eq!(started, ["first", "second"]);
    assert_eq!(text("codes"), "7\n7\n", "{ran:?}");
    let kept = text("kept");
    let finished = kept.lines().filter(|line| line.contains("run_finished"));
    let finished: Vec<&str> = finished.collect();
    assert_eq!(
        finished.len(),
        2,
        "{kept}{}{}",
        text("first"),
        text("second")
    );
    assert!(finished.iter().all(|line| line.contains("\"exit_code\":7")));
    assert!(!text("left").contains("reserve-"), "{}", text("left"));
}

/// As on a file system over the network: there the space is in a file of the run's own.
#[test]
fn where_no_space_can_be_set_aside_an_outcome_is_kept_on_a_full_disk_all_the_same() {
    let server = Server::start("");
    let proxy = approving(&server);
    let machine = Machine::of(&server, proxy.address);
    let filler = "echo \"$*\" >>\"$HOME/canary\"\n\
                  dd if=/dev/zero of=\"$SPOOL/fill\" bs=4k 2>\"$HOME/dd\"\nexit 7\n";
    let script = "mount -t tmpfs -o size=256k none \"$1\"; export SPOOL=\"$1\"\n\
        strace -f -qq -o \"$HOME/trace\" -e trace=fallocate -e inject=fallocate:error=EOPNOTSUPP \
        \"$0\" run --timeout 20s -- deployer now; code=$?\n\
        cp \"$1/events.jsonl\" \"$HOME/kept\"; exit $code";
    let ran = in_namespace(&machine, filler, script);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert_eq!(machine.canary(), ["now"]);
    let text = |name: &str| std::fs::read_to_string(machine.home.path().join(name)).unwrap();
    assert!(text("trace").contains("INJECTED"), "{}", text("trace"));
    assert!(text("dd").contains("No space left"), "{}", text("dd"));
    let kept = text("kept");
    let finished = kept.lines().filter(|line| line.contains("run_finished"));
    let finished: Vec<&str> = finished.collect();
    assert_eq!(finished.len(), 1, "{kept} {ran:?}");
    assert!(finished[0].contains("\"exit_code\":7"), "{kept}");
}
