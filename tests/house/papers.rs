//! What the manifests and the page about dependencies must say.

use std::collections::BTreeSet;

use toml::Table;

use crate::tree::House;

/// Each outside dependency of the workspace has one row in `docs/dependencies.md`, and no other has.
pub(crate) fn dependencies_are_explained(house: &House) -> Vec<String> {
    let used = match workspace_dependencies(&house.manifest) {
        Ok(used) => used,
        Err(breach) => return vec![breach],
    };
    let rows: Vec<&str> = house
        .dependencies_page
        .lines()
        .filter_map(row_name)
        .collect();
    let mut breaches = Vec::new();
    for name in &used {
        match rows.iter().filter(|row| *row == name).count() {
            1 => {}
            0 => breaches.push(format!(
                "docs/dependencies.md does not say why `{name}` is here"
            )),
            _ => breaches.push(format!(
                "docs/dependencies.md has several rows for `{name}`"
            )),
        }
    }
    for row in rows {
        if !used.contains(row) {
            breaches.push(format!(
                "docs/dependencies.md explains `{row}`, which is not here"
            ));
        }
    }
    breaches
}

/// Versions and lints stand in the root manifest alone.
pub(crate) fn crates_inherit(house: &House) -> Vec<String> {
    let mut breaches = Vec::new();
    for member in &house.crates {
        let name = &member.name;
        let Ok(manifest) = member.manifest.parse::<Table>() else {
            breaches.push(format!("the manifest of `{name}` cannot be read"));
            continue;
        };
        let is_inherited = |value: &toml::Value| {
            value.get("workspace").and_then(toml::Value::as_bool) == Some(true)
        };
        if !manifest.get("lints").is_some_and(is_inherited) {
            breaches.push(format!(
                "`{name}` does not take its lints from the workspace"
            ));
        }
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = manifest.get(kind).and_then(toml::Value::as_table);
            for (dependency, value) in dependencies.into_iter().flatten() {
                if !is_inherited(value) {
                    breaches.push(format!("`{name}` names its own version of `{dependency}`"));
                }
            }
        }
    }
    breaches
}

/// The outside crates of `[workspace.dependencies]`; ours stand there with a path.
fn workspace_dependencies(manifest: &str) -> Result<BTreeSet<String>, String> {
    let unreadable = || "the root manifest has no [workspace.dependencies]".to_owned();
    let manifest: Table = manifest.parse().map_err(|_| unreadable())?;
    let dependencies = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(toml::Value::as_table)
        .ok_or_else(unreadable)?;
    let outside = dependencies
        .iter()
        .filter(|(_, value)| value.get("path").is_none());
    Ok(outside.map(|(name, _)| name.clone()).collect())
}

/// The name in the first cell of a row: ``| `serde` | why | off |``. A row with an empty reason is none.
fn row_name(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("| `")?.split_once("` |")?;
    let reason = rest.split('|').next()?;
    (!reason.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Crate;

    const MANIFEST: &str =
        "[workspace.dependencies]\nserde = \"1\"\ngate-exec = { path = \"a\" }\n";

    fn page(text: &str) -> House {
        House {
            manifest: MANIFEST.to_owned(),
            dependencies_page: text.to_owned(),
            ..House::default()
        }
    }

    fn member(manifest: &str) -> House {
        House {
            crates: vec![Crate {
                name: "gate-a".to_owned(),
                manifest: manifest.to_owned(),
                ..Crate::default()
            }],
            ..House::default()
        }
    }

    #[test]
    fn a_dependency_without_a_reason_is_a_breach() {
        assert!(dependencies_are_explained(&page("| `serde` | JSON | none |")).is_empty());
        for text in [
            "",
            "| `serde` |  | none |",
            "| `serde` | a | |\n| `serde` | b | |",
        ] {
            assert_eq!(dependencies_are_explained(&page(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_reason_without_a_dependency_is_a_breach() {
        let breaches =
            dependencies_are_explained(&page("| `serde` | JSON | |\n| `gone` | why | |"));
        assert_eq!(
            breaches,
            ["docs/dependencies.md explains `gone`, which is not here"]
        );
        assert_eq!(dependencies_are_explained(&House::default()).len(), 1);
    }

    #[test]
    fn a_crate_with_a_version_or_lints_of_its_own_is_a_breach() {
        let inherits = "[dependencies]\nserde.workspace = true\n[lints]\nworkspace = true\n";
        assert!(crates_inherit(&member(inherits)).is_empty());
        assert_eq!(crates_inherit(&member("")).len(), 1);
        let own = inherits.replace("serde.workspace = true", "serde = \"1\"");
        assert_eq!(
            crates_inherit(&member(&own)),
            ["`gate-a` names its own version of `serde`"]
        );
        assert_eq!(crates_inherit(&member("[")).len(), 1);
    }
}
