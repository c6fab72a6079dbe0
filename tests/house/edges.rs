//! Who may depend on whom.

use std::collections::BTreeSet;

use crate::tree::House;

/// The crates, and which of our crates each one needs. Only tests may need the testkit.
const EDGES: [(&str, &[&str]); 9] = [
    ("gate-policy", &[]),
    ("gate-exec", &[]),
    ("gate-protocol", &[]),
    ("gate-client", &["gate-protocol"]),
    ("gate-server", &["gate-policy", "gate-protocol"]),
    ("gate-shim", &["gate-exec", "gate-policy"]),
    ("gate-testkit", &[]),
    ("gate-oracle", &["gate-policy", "gate-testkit"]),
    (
        "gate",
        &[
            "gate-client",
            "gate-exec",
            "gate-policy",
            "gate-protocol",
            "gate-server",
            "gate-shim",
        ],
    ),
];

/// Outside crates that only some of ours may need.
const ASYNC: [(&str, &[&str]); 8] = [
    // The command waits on a runtime of one thread, and hosts the server.
    ("tokio", &["gate", "gate-client", "gate-server"]),
    ("reqwest", &["gate-client", "gate-server"]),
    ("hyper", &[]),
    ("axum", &["gate-server"]),
    ("axum-server", &["gate-server"]),
    ("sqlx", &["gate-server"]),
    // `gate mcp` speaks on its own standard input and output.
    ("rmcp", &["gate"]),
    ("async-std", &[]),
];

pub(crate) fn between_our_crates(house: &House) -> Vec<String> {
    let mut breaches = Vec::new();
    for member in &house.crates {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == member.name) else {
            breaches.push(format!("`{}` is not a crate of the design", member.name));
            continue;
        };
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let needed: BTreeSet<&str> = member
            .dependencies
            .iter()
            .map(String::as_str)
            .filter(|name| *name == "gate" || name.starts_with("gate-"))
            .collect();
        let (more, less) = (needed.difference(&allowed), allowed.difference(&needed));
        breaches.extend(more.map(|name| format!("`{}` must not need `{name}`", member.name)));
        breaches
            .extend(less.map(|name| format!("`{}` does not need `{name}` any more", member.name)));
    }
    for (name, _) in EDGES {
        if !house.crates.iter().any(|member| member.name == name) {
            breaches.push(format!("the crate `{name}` is missing"));
        }
    }
    breaches
}

pub(crate) fn of_async_crates(house: &House) -> Vec<String> {
    breaches_of(house, &ASYNC)
}

/// What reads a command line for people takes longer than a shim may.
pub(crate) fn of_command_lines(house: &House) -> Vec<String> {
    breaches_of(
        house,
        &[
            ("clap", &["gate"]),
            ("clap_builder", &[]),
            ("clap_derive", &[]),
            ("clap_lex", &[]),
            ("clap_mangen", &["gate"]),
        ],
    )
}

pub(crate) fn of_directories(house: &House) -> Vec<String> {
    breaches_of(
        house,
        &[("directories", &["gate"]), ("dirs", &[]), ("home", &[])],
    )
}

fn breaches_of(house: &House, rules: &[(&str, &[&str])]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (outside, allowed) in rules {
        for member in &house.crates {
            if member.dependencies.contains(*outside) && !allowed.contains(&member.name.as_str()) {
                breaches.push(format!("`{}` must not need `{outside}`", member.name));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Crate;

    fn house() -> House {
        let crates = EDGES.map(|(name, needs)| Crate {
            name: name.to_owned(),
            dependencies: needs.iter().map(|&need| need.to_owned()).collect(),
            manifest: String::new(),
        });
        House {
            crates: crates.into(),
            ..House::default()
        }
    }

    fn with(name: &str, dependency: &str) -> House {
        let mut house = house();
        for member in &mut house.crates {
            if member.name == name {
                member.dependencies.insert(dependency.to_owned());
            }
        }
        house
    }

    #[test]
    fn the_designed_edges_hold() {
        assert_eq!(between_our_crates(&house()), Vec::<String>::new());
        assert_eq!(
            of_async_crates(&with("gate-client", "reqwest")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_leaf_that_knows_another_crate_is_a_breach() {
        let breaches = between_our_crates(&with("gate-policy", "gate-exec"));
        assert_eq!(breaches, ["`gate-policy` must not need `gate-exec`"]);
        let breaches = between_our_crates(&with("gate", "gate-testkit"));
        assert_eq!(breaches, ["`gate` must not need `gate-testkit`"]);
    }

    #[test]
    fn an_edge_that_is_gone_and_an_unknown_crate_are_breaches() {
        let mut house = house();
        house.crates[4].dependencies.remove("gate-policy");
        house.crates.push(Crate {
            name: "gate-extra".to_owned(),
            ..Crate::default()
        });
        house.crates.remove(0);
        assert_eq!(
            between_our_crates(&house),
            [
                "`gate-server` does not need `gate-policy` any more",
                "`gate-extra` is not a crate of the design",
                "the crate `gate-policy` is missing",
            ]
        );
    }

    #[test]
    fn a_runtime_in_a_sync_crate_is_a_breach() {
        for (name, outside) in [
            ("gate-exec", "tokio"),
            ("gate", "reqwest"),
            ("gate-shim", "axum"),
            ("gate-testkit", "tokio"),
        ] {
            assert_eq!(
                of_async_crates(&with(name, outside)).len(),
                1,
                "{name} {outside}"
            );
        }
    }

    #[test]
    fn a_shim_that_reads_its_words_as_the_command_does_is_a_breach() {
        assert!(of_command_lines(&with("gate", "clap")).is_empty());
        for crate_of_the_shim in ["gate-shim", "gate-exec", "gate-policy"] {
            let breaches = of_command_lines(&with(crate_of_the_shim, "clap"));
            assert_eq!(breaches.len(), 1, "{crate_of_the_shim}");
        }
    }

    #[test]
    fn another_crate_that_looks_for_folders_is_a_breach() {
        assert!(of_directories(&with("gate", "directories")).is_empty());
        assert_eq!(of_directories(&with("gate-server", "directories")).len(), 1);
    }
}
