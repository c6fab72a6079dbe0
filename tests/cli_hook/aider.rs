//! The setting that stands in the place of a hook for aider.

use std::fs;

use crate::installed::{comes_and_goes, done, refused, scopes, stage};

/// aider has no hooks, and one setting by which it offers no shell command of the model's.
#[test]
fn what_is_put_in_for_aider_is_a_setting_and_is_taken_out_to_the_last_byte() {
    let stage = stage();
    let file = ".aider.conf.yml";
    for (scope, path) in scopes(&stage, (file, file)) {
        for before in [None, Some("# mine\nmodel: x\nread:\n  - a.md"), Some("")] {
            comes_and_goes(&stage, ("aider", scope), &path, before);
        }
        let install = [&["install", "aider"], scope].concat();
        for option in ["--strict", "--shims"] {
            let told = refused(&stage, &[&install[..], &[option]].concat());
            assert!(told.contains("aider has no hooks"), "{told}");
        }
        let told = done(&stage, &install);
        assert!(told.contains("aider has no hooks: it offers no"), "{told}");
        let listed = done(&stage, &["list"]);
        let line = listed
            .lines()
            .find(|line| line.contains(path.to_str().unwrap()));
        let is_set = "has no hooks; gate has set `suggest-shell-commands: false`";
        assert!(line.unwrap().ends_with(is_set), "{listed}");
        done(&stage, &[&["remove", "aider"], scope].concat());
        let mine = "model: x\nsuggest-shell-commands: true\n";
        fs::write(&path, mine).unwrap();
        let told = refused(&stage, &install);
        assert!(
            told.contains(".aider.conf.yml:2` is left as it is"),
            "{told}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
    }
}
