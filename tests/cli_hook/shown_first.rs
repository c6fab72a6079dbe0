//! A change of an agent's file is shown before it is made.

use std::fs;

use crate::installed::{FILES, done, stage};
use crate::stage::GATE;

/// A change that nobody can be shown is not made.
#[test]
fn a_change_is_shown_before_the_file_is_another() {
    for (agent, user, _, text) in FILES {
        let stage = stage();
        let path = stage.home.path().join(user);
        if !text.is_empty() {
            stage.home.write(user, text).unwrap();
        }
        let unseen = |verb: &str| {
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let mut command = stage.home.command(GATE);
            command.args(["hook", verb, agent]).stdout(full);
            assert_ne!(command.status().unwrap().code(), Some(0), "{verb} {agent}");
        };
        unseen("install");
        let left = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(left, text, "{agent}");
        let told = done(&stage, &["install", agent]);
        let shown = told.find("\n+ ").unwrap();
        assert!(shown < told.find("` is written").unwrap(), "{told}");
        let after = fs::read_to_string(&path).unwrap();
        unseen("remove");
        assert_eq!(fs::read_to_string(&path).unwrap(), after, "{agent}");
        let told = done(&stage, &["remove", agent]);
        let shown = told.find("\n- ").unwrap();
        let done = told
            .rfind("` is removed")
            .or_else(|| told.rfind("` is written"));
        assert!(shown < done.unwrap(), "{told}");
    }
}
