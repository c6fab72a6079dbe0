//! A rule about a host holds in whatever spelling a command names it.

use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    CommandLine, Decision, Environment, Layer, MapFiles, Occasion, PolicyBuilder, Stdin,
    read_invocation,
};

const RULES: &str = r#"
[[rule]]
id = "name"
tool = ["psql", "mysql", "redis-cli", "mongosh", "ssh"]
target = { host = "DB.shop.example" }
decision = "deny"

[[rule]]
id = "pattern"
tool = ["kubectl", "helm"]
target = { server = "https://*.Shop.example*" }
decision = "deny"

[[rule]]
id = "address"
tool = "psql"
target = { host = "127.0.0.1" }
decision = "deny"

[[rule]]
id = "repository"
tool = "git"
target = { url = "*GIT.shop.example*" }
decision = "deny"
"#;

fn decision(words: &[&str]) -> Decision {
    let mut builder = PolicyBuilder::new();
    let read = builder.layer(Layer::Machine, "rules.toml", RULES);
    assert_eq!(read, Ok(()));
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let cwd = Path::new("/srv/app");
    let invocation = read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd,
        stdin: Stdin::Absent,
        files: &MapFiles::new(
            cwd,
            [
                (".git/config", Vec::new()),
                (".git/HEAD", b"ref: refs/heads/main\n".to_vec()),
            ],
        ),
    });
    let occasion = Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH);
    builder
        .build()
        .evaluate(&invocation, cwd, &occasion)
        .decision
}

#[test]
fn another_spelling_of_a_host_gets_around_no_rule() {
    for words in [
        &["psql", "-h", "db.shop.example", "-c", "select 1"][..],
        &["psql", "-h", "DB.SHOP.EXAMPLE", "-c", "select 1"],
        &["psql", "-h", "db.shop.example.", "-c", "select 1"],
        &["psql", "--host=Db.Shop.Example.", "-c", "select 1"],
        &["psql", "postgres://u@DB.Shop.example./d", "-c", "select 1"],
        &["psql", "host=DB.SHOP.EXAMPLE dbname=d", "-c", "select 1"],
        &["psql", "-h", "127.1", "-c", "select 1"],
        &["psql", "-h", "0x7f000001", "-c", "select 1"],
        &["mysql", "-h", "DB.SHOP.EXAMPLE.", "-e", "select 1"],
        &["redis-cli", "-h", "DB.SHOP.EXAMPLE", "get", "k"],
        &[
            "redis-cli",
            "-u",
            "redis://DB.shop.example:6379/0",
            "get",
            "k",
        ],
        &[
            "mongosh",
            "mongodb://DB.SHOP.EXAMPLE/d",
            "--eval",
            "db.t.find()",
        ],
        &["ssh", "DB.SHOP.EXAMPLE.", "uptime"],
        &[
            "kubectl",
            "--server=https://API.SHOP.EXAMPLE:6443",
            "get",
            "pods",
        ],
        &[
            "kubectl",
            "-s",
            "https://api.shop.example.:6443",
            "get",
            "pods",
        ],
        &["git", "push", "https://GIT.shop.EXAMPLE/o/r", "main"],
        &["git", "push", "git@Git.Shop.Example:o/r", "main"],
    ] {
        assert_eq!(decision(words), Decision::Deny, "{words:?}");
    }
    assert_eq!(
        decision(&["psql", "-h", "other.example", "-c", "select 1"]),
        Decision::Allow
    );
}
