//! `gate hook list` tells of hooks that the agent itself does not call.

use crate::installed::{done, stage};

#[test]
fn a_hook_that_the_agents_own_settings_switch_off_is_listed_so() {
    for (agent, file, off, why) in [
        (
            "claude-code",
            ".claude/settings.json",
            "{\"disableAllHooks\": true}\n",
            "`disableAllHooks` is true",
        ),
        (
            "codex",
            ".codex/config.toml",
            "[features]\nhooks = false\n",
            "`features.hooks` is false",
        ),
        (
            "gemini",
            ".gemini/settings.json",
            "{\"hooksConfig\": {\"enabled\": false}}\n",
            "`hooksConfig.enabled` is false",
        ),
        (
            "gemini",
            ".gemini/settings.json",
            "{\"hooksConfig\": {\"disabled\": [\"gate\"]}}\n",
            "`hooksConfig.disabled` names it",
        ),
    ] {
        let stage = stage();
        done(&stage, &["install", agent]);
        let listed = done(&stage, &["list"]);
        assert!(!listed.contains("does not call"), "{listed}");
        done(&stage, &["remove", agent]);
        stage.home.write(file, off).unwrap();
        // The second one finds the hook in the file.
        for _ in 0..2 {
            let told = done(&stage, &["install", agent]);
            assert!(told.contains(&format!("as long as {why}")), "{told}");
        }
        let listed = done(&stage, &["list"]);
        let line = listed.lines().find(|line| line.contains("does not call"));
        let line = line.unwrap_or_else(|| panic!("{listed}"));
        assert!(line.starts_with(agent) && line.ends_with(why), "{line}");
    }
}
