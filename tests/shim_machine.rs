//! A machine whose owner has rules in `/etc/gate`, and shims that decide by what root compiled of
//! them: in a root folder of its own, so that nothing of this machine is touched.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/namespace.rs"]
#[expect(
    dead_code,
    reason = "the tests of doctor and layers use the rest of it"
)]
mod namespace;

use std::fs;
use std::path::{Path, PathBuf};

use gate_testkit::home::Home;
use namespace::isolated;

const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// What the owner says: some reads are denied, and what is allowed is recorded or not.
const RULES: &str = "
[[rule]]
id = \"no-logs\"
tool = \"kubectl\"
command = \"logs\"
decision = \"deny\"

[[rule]]
id = \"ours\"
tool = \"kubectl\"
command = \"top\"
decision = \"allow\"
";

/// What each script begins with. `short` holds that the shim itself ran the command, `long` that it
/// left it to gate, which is played by a program that only says so.
const BEFORE: &str = r#"
set -e
policy=/var/lib/gate-shims/policy
journal=$XDG_STATE_HOME/gate/spool/allowed
export PATH="$HOME/shims:$PATH"
kubectl() { "$HOME/shims/kubectl" "$@"; }
said() { wanted=$1; shift; said=$("$@" 2>&1) || true
  case $said in "$wanted"*) ;; *) echo "$*: not $wanted but $said"; exit 1 ;; esac; }
short() { said "the tool: " "$@"; }
long() { said "left to gate: " "$@"; }
# What was written this very moment is not compiled.
compile() { for try in 1 2 3 4 5 6 7 8 9; do
    "$0" rules compile >"$HOME/said" 2>&1 && return; sleep 0.1; done; cat "$HOME/said"; exit 1; }
compile
"#;

/// A home with a shim, a tool and what plays gate for the shim.
struct Stage {
    home: Home,
    etc: PathBuf,
}

impl Stage {
    fn with(config: &str) -> Self {
        let home = Home::new().unwrap();
        for folder in ["shims", "programs", "etc/gate/rules.d"] {
            fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        let etc = home.path().join("etc");
        fs::write(etc.join("gate/config.toml"), config).unwrap();
        fs::write(etc.join("gate/rules.d/ours.toml"), RULES).unwrap();
        let shim = home.path().join("programs/gate-shim");
        fs::copy(Path::new(GATE).with_file_name("gate-shim"), &shim).unwrap();
        std::os::unix::fs::symlink(&shim, home.path().join("shims/kubectl")).unwrap();
        let stage = Self { home, etc };
        namespace::own_script(&stage.home, "kubectl", "echo \"the tool: $*\"\n");
        namespace::own_script(&stage.home, "played", "echo \"left to gate: $*\"\n");
        let played = stage.home.bin().join("played");
        fs::rename(played, stage.home.path().join("programs/gate")).unwrap();
        stage
    }

    /// Runs a script there, as root of its own.
    #[track_caller]
    fn plays(&self, script: &str) {
        let script = format!("{BEFORE}{script}");
        let output = isolated(&self.home, &self.etc, &script).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn shims_decide_by_what_root_compiled_and_only_as_long_as_it_is_so() {
    Stage::with("").plays(
        r#"
[ "$(stat -c %a $policy)" = 644 ]
# Whoever allows something by gate has a journal from then on.
long kubectl get pods
"$0" run -- kubectl get pods >/dev/null
[ -f "$journal" ] && [ ! -s "$journal" ]
short kubectl get pods
short kubectl top pods
[ -s "$journal" ]
long kubectl logs web
long kubectl delete pod web
echo '[[rule]]
id = "no-get"
tool = "kubectl"
command = "get"
decision = "deny"' >/etc/gate/rules.d/more.toml
long kubectl get pods
long kubectl top pods
compile
long kubectl get pods
short kubectl top pods
chmod 777 /etc/gate
long kubectl top pods
chmod 755 /etc/gate
chmod 666 $policy
long kubectl top pods
chmod 644 $policy
short kubectl top pods
# One of somebody else's; nobody but root can make one.
if chown 65534 $policy 2>/dev/null; then
  long kubectl top pods
else
  # This is root of nobody but itself.
  ! grep -q '^ *0 *0 ' /proc/self/uid_map
fi
"#,
    );
}

#[test]
fn who_may_have_settings_or_rules_of_their_own_takes_the_longer_way() {
    Stage::with("").plays(
        r#"
"$0" run -- kubectl get pods >/dev/null
short kubectl get pods
long env GATE_SERVER=https://gate.example kubectl get pods
long env GATE_CONFIG=/etc/hostname kubectl get pods
# Without a home and a folder of settings gate looks for one elsewhere.
long env -u HOME -u XDG_CONFIG_HOME "$HOME/shims/kubectl" get pods
long env HOME=relative XDG_CONFIG_HOME= "$HOME/shims/kubectl" get pods
long env HOME= XDG_CONFIG_HOME=relative "$HOME/shims/kubectl" get pods
short env -u HOME "$HOME/shims/kubectl" get pods
mkdir "$XDG_CONFIG_HOME/gate"
long kubectl get pods
rmdir "$XDG_CONFIG_HOME/gate"
mkdir "$XDG_STATE_HOME/gate/rules"
long kubectl get pods
rmdir "$XDG_STATE_HOME/gate/rules"
short kubectl get pods
# They lie on a disk that is not there.
rmdir "$XDG_CONFIG_HOME"
short kubectl get pods
ln -s /not/mounted "$XDG_CONFIG_HOME"
long kubectl get pods
rm "$XDG_CONFIG_HOME"
echo >"$HOME/.gate.toml"
long kubectl get pods
rm "$HOME/.gate.toml"
short kubectl get pods
"#,
    );
}

#[test]
fn a_policy_at_the_callers_own_place_does_not_count_for_the_machine() {
    Stage::with("").plays(
        r#"
"$0" run -- kubectl get pods >/dev/null
short kubectl get pods
mv $policy "$XDG_STATE_HOME/gate/policy"
long kubectl get pods
mv "$XDG_STATE_HOME/gate/policy" $policy
short kubectl get pods
"#,
    );
}

#[test]
fn a_record_that_others_could_take_away_is_left_to_gate() {
    Stage::with("").plays(
        r#"
"$0" run -- kubectl get pods >/dev/null
short kubectl get pods
for folder in "$XDG_STATE_HOME/gate" "$XDG_STATE_HOME/gate/spool"; do
  chmod 777 "$folder"
  long kubectl get pods
  chmod 700 "$folder"
  short kubectl get pods
done
chmod 666 "$journal"
long kubectl get pods
chmod 600 "$journal"
short kubectl get pods
if chown 65534 "$journal" 2>/dev/null; then long kubectl get pods; fi
"#,
    );
}

#[test]
fn where_the_servers_rules_are_required_root_compiles_none() {
    let stage = Stage::with("[server]\nrules = \"required\"\n");
    let script = r#"
if said=$("$0" rules compile 2>&1); then echo "$said"; exit 1; fi
case $said in *"requires the server's rules"*) ;; *) echo "$said"; exit 1 ;; esac
[ ! -e /var/lib/gate-shims/policy ]
"#;
    let output = isolated(&stage.home, &stage.etc, script).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // What was compiled before they were required is not in force any more.
    Stage::with("").plays(
        r#"
"$0" run -- kubectl get pods >/dev/null
short kubectl get pods
printf '[server]\nrules = "required"\n' >/etc/gate/config.toml
long kubectl get pods
"#,
    );
}

#[test]
fn a_limit_on_the_length_of_files_kills_neither_the_shim_nor_gate() {
    Stage::with("").plays(
        r#"
"$0" run -- kubectl get pods >/dev/null
short kubectl top pods
limited() { bash -c 'ulimit -f 0; exec "$@"' limited "$@"; }
long limited "$HOME/shims/kubectl" top pods
# What the baseline allows runs without its record, with a word of it.
said "gate: warning: this decision is not recorded" limited "$0" run -- kubectl get pods
# What somebody's rule allows does not.
limited "$0" run -- kubectl top pods 2>&1 | grep -q 'File too large' || exit 1
limited "$0" run -- kubectl top pods && exit 1 || [ $? = 125 ]
"#,
    );
}
