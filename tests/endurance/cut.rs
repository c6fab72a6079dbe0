//! A network of two machines that is cut in two while one waits for the other: namespaces with a link
//! between them that is taken down. Packets go nowhere, and no program is told.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::namespace::{isolated, own_script};
use crate::stage::{Machine, Server, TOOL, run};

/// Plays it all in the namespaces. `$0` is gate; on the server's side is its address, which the
/// link has nothing to do with, and the runner's side knows the way there.
const PLAY: &str = r#"
set -eu
gate=$0
export HOME
cd "$HOME"
mkfifo here go ready
ip link set lo up
ip addr add 10.9.0.1/32 dev lo
ip link add gate0 type veth peer name gate1
ip addr add 10.9.1.1/24 dev gate0
ip link set gate0 up

GATE_SERVER=https://10.9.0.1:4443
export GATE_SERVER
"$gate" server --json --listen 10.9.0.1:4443 --data "$HOME/server" --config "$HOME/server.toml" >ready 2>server.log &
server=$!
trap 'kill $server' EXIT
read -r line <ready

GATE_TOKEN=$AGENT unshare -n sh -c '
  echo here >here
  read -r line <go
  ip link set lo up
  ip addr add 10.9.1.2/24 dev gate1
  ip link set gate1 up
  ip route add default via 10.9.1.1
  exec "$0" run --json --timeout 100s -- deployer now' "$gate" 2>events &
runner=$!
read -r line <here
ip link set gate1 netns $runner
echo go >go

until grep -q '"submitted"' events; do sleep 0.05; done
id=$(sed -n 's/.*"request":"\([^"]*\)".*/\1/p' events | head -n 1)
ip link set gate0 down
export GATE_TOKEN=$BOB
digest=$("$gate" requests show "$id" --json | grep -o '[0-9a-f]\{64\}' | head -n 1)
"$gate" approve "$id" --yes --digest "$digest" >approved 2>&1
sleep 2
test ! -e canary
echo 'nothing ran while the network was cut' >told
ip link set gate0 up
wait $runner
GATE_TOKEN=$AGENT
"$gate" audit flush >>told
GATE_TOKEN=$AUDITOR
"$gate" audit log --json >log
"$gate" audit verify --live --key "$LOG_KEY" >>told
"#;

/// Gives the machine a copy of the server's folder, a certificate, and trust in both.
fn furnish(server: &Server, machine: &Machine) {
    let home = &machine.home;
    let copied = Command::new("cp")
        .arg("-a")
        .args([&server.data(), &home.path().join("server")])
        .status();
    assert!(copied.unwrap().success());
    let made = rcgen::generate_simple_self_signed(vec!["10.9.0.1".to_owned()]).unwrap();
    let certificate = home.write("cert.pem", made.cert.pem()).unwrap();
    let key = home
        .write("key.pem", made.signing_key.serialize_pem())
        .unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let settings = format!(
        "[tls]\ncertificate = '{}'\nkey = '{}'\n",
        certificate.display(),
        key.display()
    );
    home.write("server.toml", settings).unwrap();
    let trusted = format!(
        "[server]\nurl = 'https://10.9.0.1:4443'\nca_file = '{}'\n\
         [keys]\n'https://10.9.0.1:4443' = '{}'\n",
        certificate.display(),
        server.said("/server/grant_key")
    );
    home.write(".config/gate/config.toml", trusted).unwrap();
}

#[test]
fn a_network_that_is_cut_in_two_is_waited_out_and_the_answer_comes_through() {
    let mut server = Server::start("");
    let machine = Machine::of(&server, server.address);
    server.kill();
    furnish(&server, &machine);
    own_script(&machine.home, "deployer", TOOL);
    let script = format!(
        "exec unshare -n sh -c '{}' \"$0\"",
        PLAY.replace('\'', r"'\''")
    );
    let mut play = isolated(&machine.home, Path::new("/etc"), &script);
    play.env("AGENT", server.token("agent"))
        .env("BOB", server.token("bob_approver"))
        .env("AUDITOR", server.token("auditor"))
        .env("LOG_KEY", server.said("/server/log_key"));
    let ran = run(&mut play);
    let read = |name: &str| crate::stage::text_of(&machine.home.path().join(name));
    let all = || {
        format!(
            "{ran:?}\n{}\n{}\n{}",
            read("events"),
            read("server.log"),
            read("approved")
        )
    };
    assert_eq!(ran.code, Some(0), "{}", all());
    assert_eq!(machine.canary(), ["now"], "{}", all());
    assert!(read("told").starts_with("nothing ran while"), "{}", all());
    let log = read("log");
    for kind in [
        "decision.recorded",
        "grant.claimed",
        "run.started",
        "run.finished",
    ] {
        assert_eq!(log.matches(kind).count(), 1, "{kind}: {log}");
    }
}
