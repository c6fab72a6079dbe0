//! What one admin alone may not do, by the real server and command line; and what a start with other
//! settings leaves behind.

use std::process::Child;

use gate_testkit::home::Home;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::server::{GATE, Ran, run};
use crate::{start, stop};

/// A server with settings of its own, and its admin's token.
struct Own {
    home: Home,
    url: String,
    child: Option<Child>,
}

impl Own {
    fn start(settings: &str) -> (Self, String) {
        let home = Home::new().unwrap();
        let made = run(home
            .command(GATE)
            .args(["server", "init", "--data", "data"]));
        assert_eq!(made.code, Some(0), "{made:?}");
        let mut own = Self {
            home,
            url: String::new(),
            child: None,
        };
        own.start_again(settings);
        (own, made.stdout.trim().to_owned())
    }

    fn start_again(&mut self, settings: &str) {
        if let Some(child) = self.child.take() {
            assert_eq!(stop(child, Signal::SIGTERM), Some(0));
        }
        self.home.write("work/server.toml", settings).unwrap();
        let (child, ready) = start(&self.home, &["--config", "server.toml"]);
        ready["url"].as_str().unwrap().clone_into(&mut self.url);
        self.child = Some(child);
    }

    fn gate(&self, token: &str, args: &[&str]) -> Ran {
        run(self
            .home
            .command(GATE)
            .args(args)
            .env("GATE_SERVER", &self.url)
            .env("GATE_TOKEN", token))
    }

    fn done(&self, token: &str, args: &[&str]) -> String {
        let ran = self.gate(token, args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran.stdout.trim().to_owned()
    }

    /// Makes a user by an admin, with a token of a role.
    fn user(&self, by: &str, name: &str, role: &str) -> String {
        let create = ["admin", "principals", "create", name, "--kind", "user"];
        self.done(by, &[&create[..], &["--group", "approvers"]].concat());
        let token = ["admin", "tokens", "create", "--principal", name];
        self.done(by, &[&token[..], &["--role", role, "--ttl", "1h"]].concat())
    }

    /// Returns the bodies of the records of a type.
    fn records(&self, admin: &str, kind: &str) -> Vec<Value> {
        let log = self.done(admin, &["audit", "log", "--json", "--type", kind]);
        let records = log.lines().map(|line| serde_json::from_str(line).unwrap());
        records
            .map(|record: Value| record["body"].clone())
            .collect()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            stop(child, Signal::SIGTERM);
        }
    }
}

const TRUSTING: &str = "[approving]\ntrusted_admins = ['admin']\n";

#[test]
fn a_second_admin_confirms_whom_one_let_in() {
    let (own, admin) = Own::start(TRUSTING);
    let mallory = own.user(&admin, "mallory", "admin");
    let carol = own.user(&admin, "carol", "admin");
    own.user(&mallory, "pup", "approver");
    let changes = own.done(&carol, &["admin", "principals", "changes", "pup"]);
    assert!(changes.contains("created by mallory at 20"), "{changes}");
    assert!(changes.contains("counts from 20"), "{changes}");
    let confirm = ["admin", "principals", "confirm", "pup"];
    let herself = own.gate(&mallory, &confirm);
    assert_eq!(herself.code, Some(78), "{herself:?}");
    assert!(herself.stderr.contains("second person"), "{herself:?}");
    assert!(own.done(&carol, &confirm).contains("pup counts"));
    assert_eq!(own.records(&admin, "principal.confirmed")[0]["by"], "carol");
    assert!(
        own.done(&carol, &["admin", "principals", "changes", "carol"])
            .contains("counts")
    );
}

#[test]
fn a_second_admin_confirms_what_one_loosened() {
    let (own, admin) = Own::start(TRUSTING);
    let mallory = own.user(&admin, "mallory", "admin");
    let carol = own.user(&admin, "carol", "admin");
    let allow = "[[rule]]\nid = 'own/bot'\ntool = 'kubectl'\neffect = 'destroy'\n\
                 decision = 'allow'\n";
    own.home.write("work/rules.toml", allow).unwrap();
    let pushed = own.gate(&mallory, &["rules", "push", "rules.toml"]);
    assert_eq!(pushed.code, Some(75), "{pushed:?}");
    assert!(
        pushed.stderr.contains("looser: rule `own/bot`"),
        "{pushed:?}"
    );
    assert!(own.records(&admin, "rules.activated").is_empty());
    let proposal: Value =
        serde_json::from_str(&own.done(&carol, &["rules", "proposal", "--json"])).unwrap();
    let id = proposal["id"].as_str().unwrap();
    let confirm = ["rules", "proposal", "confirm", id];
    assert_eq!(own.gate(&mallory, &confirm).code, Some(78));
    let text = own.gate(&carol, &["rules", "proposal"]);
    assert!(text.stdout.contains("id = 'own/bot'"), "{text:?}");
    assert!(own.done(&carol, &confirm).contains("version 1"));
    let activated = own.records(&admin, "rules.activated");
    assert_eq!(activated[0]["confirmed_by"], "carol");
    let gone = own.gate(&carol, &["rules", "proposal"]);
    assert_eq!(gone.code, Some(64), "{gone:?}");
}

#[test]
fn a_start_with_other_settings_is_on_record_with_old_and_new() {
    let (mut own, admin) = Own::start("min_count = 2\n");
    let changed = |own: &Own| own.records(&admin, "settings.changed");
    own.start_again("min_count = 2\n");
    assert_eq!(changed(&own), Vec::<Value>::new());
    own.start_again("mode = 'observe'\n");
    let changed = changed(&own);
    assert_eq!(changed.len(), 1, "{changed:?}");
    let last = &changed[0];
    let of = |name: &str| {
        let mut all = last["changed"].as_array().unwrap().iter();
        all.find(|one| one["setting"] == name).unwrap().clone()
    };
    assert_eq!(of("min_count")["old"], 2);
    assert_eq!(of("min_count")["new"], 1);
    assert_eq!(of("mode")["old"], "enforce");
    assert_eq!(of("mode")["new"], "observe");
}

#[test]
fn a_trusted_admin_who_is_nobody_and_a_person_of_nobody_are_refused() {
    let (own, admin) = Own::start("");
    let slip = [
        "admin",
        "principals",
        "create",
        "alice-ops",
        "--kind",
        "user",
    ];
    let refused = own.gate(&admin, &[&slip[..], &["--person", "alcie"]].concat());
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(
        refused.stderr.contains("no user is an account of `alcie`"),
        "{refused:?}"
    );
    let settings = "[approving]\ntrusted_admins = ['admin', 'nobody-here']\n";
    own.home.write("work/other.toml", settings).unwrap();
    let mut own = own;
    assert_eq!(stop(own.child.take().unwrap(), Signal::SIGTERM), Some(0));
    let args = [
        "server",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "data",
        "--config",
        "other.toml",
    ];
    let refused = run(own.home.command(GATE).args(args));
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("`nobody-here`"), "{refused:?}");
}
