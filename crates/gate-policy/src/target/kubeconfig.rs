//! What one kubeconfig says, and what several say together. Source: client-go,
//! `tools/clientcmd/loader.go`: of a name that stands in several files the
//! first counts, and of `current-context` the first that is not empty.

use std::path::PathBuf;

use super::yaml::{self, Node};

/// The files in force, one after the other.
#[derive(Debug, Default)]
pub(super) struct Kubeconfig {
    pub(super) current_context: String,
    contexts: Entries,
    clusters: Entries,
    users: Entries,
}

/// Named entries of one kind.
type Entries = Vec<(String, Found)>;

/// What the files say of one name.
#[derive(Debug)]
struct Found {
    node: Node,
    /// Whether a later file says something else. Versions of kubectl disagree
    /// on how much of that counts.
    is_disputed: bool,
}

/// Entries that a kubeconfig can have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Context,
    Cluster,
    User,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Context, Self::Cluster, Self::User];

    /// Returns the key of the list and the key of the entry itself.
    const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Context => ("contexts", "context"),
            Self::Cluster => ("clusters", "cluster"),
            Self::User => ("users", "user"),
        }
    }
}

/// What a name stands for in all files.
#[derive(Debug)]
pub(super) enum Entry<'k> {
    Known(&'k Node),
    Disputed,
    Missing,
}

impl Kubeconfig {
    /// Adds the next file.
    ///
    /// # Errors
    /// Why it is not understood.
    pub(super) fn add(&mut self, content: &[u8]) -> Result<(), String> {
        let file = yaml::read(content)?;
        if !matches!(file, Node::Mapping(_)) {
            return Err("it is no mapping".to_owned());
        }
        if self.current_context.is_empty() {
            file.text("current-context")?
                .clone_into(&mut self.current_context);
        }
        for kind in Kind::ALL {
            let (list, own) = kind.keys();
            let mut seen = Vec::new();
            for item in file.sequence(list)? {
                let name = item.text("name")?;
                if seen.contains(&name) {
                    return Err(format!("`{list}` has `{name}` twice"));
                }
                seen.push(name);
                let empty = Node::Mapping(Vec::new());
                let node = match item.get(own) {
                    Some(node @ Node::Mapping(_)) => node.clone(),
                    Some(Node::Text(text)) if text.is_empty() => empty,
                    None => empty,
                    Some(Node::Text(_) | Node::Sequence(_)) => {
                        return Err(format!("`{own}` of `{name}` is no mapping"));
                    }
                };
                self.take(kind, name, node);
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: Kind, name: &str, node: Node) {
        let entries = match kind {
            Kind::Context => &mut self.contexts,
            Kind::Cluster => &mut self.clusters,
            Kind::User => &mut self.users,
        };
        match entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, found)) => found.is_disputed |= found.node != node,
            None => entries.push((
                name.to_owned(),
                Found {
                    node,
                    is_disputed: false,
                },
            )),
        }
    }

    /// Returns what a name stands for.
    pub(super) fn entry(&self, kind: Kind, name: &str) -> Entry<'_> {
        let entries = match kind {
            Kind::Context => &self.contexts,
            Kind::Cluster => &self.clusters,
            Kind::User => &self.users,
        };
        match entries.iter().find(|(known, _)| known == name) {
            None => Entry::Missing,
            Some((_, found)) if found.is_disputed => Entry::Disputed,
            Some((_, found)) => Entry::Known(&found.node),
        }
    }
}

/// Returns the files of a list as client-go takes them: each once, and no
/// empty name.
pub(super) fn files_of_list(list: &[u8]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for name in list.split(|byte| *byte == b':') {
        let path = crate::read::path_of(name);
        if !name.is_empty() && !files.contains(&path) {
            files.push(path);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "current-context: dev\ncontexts:\n- {name: dev, context: {cluster: a}}\n";

    fn server<'k>(kubeconfig: &'k Kubeconfig, name: &str) -> Option<&'k str> {
        match kubeconfig.entry(Kind::Cluster, name) {
            Entry::Known(node) => node.text("server").ok(),
            Entry::Disputed | Entry::Missing => None,
        }
    }

    #[test]
    fn the_first_file_that_says_something_counts() {
        let mut all = Kubeconfig::default();
        all.add(b"").unwrap();
        all.add(FIRST.as_bytes()).unwrap();
        all.add(b"current-context: prod\nclusters:\n- {name: a, cluster: {server: s}}\n")
            .unwrap();
        assert_eq!(all.current_context, "dev");
        assert_eq!(server(&all, "a"), Some("s"));
        assert!(matches!(all.entry(Kind::User, "a"), Entry::Missing));
    }

    #[test]
    fn a_name_with_two_meanings_has_none() {
        let mut all = Kubeconfig::default();
        all.add(b"clusters:\n- {name: a, cluster: {server: s}}\n- {name: b}\n")
            .unwrap();
        all.add(b"clusters:\n- {name: a, cluster: {server: t}}\n- {name: b}\n")
            .unwrap();
        assert!(matches!(all.entry(Kind::Cluster, "a"), Entry::Disputed));
        assert!(matches!(all.entry(Kind::Cluster, "b"), Entry::Known(_)));
        let twice = b"clusters:\n- {name: a}\n- {name: a}\n";
        assert!(Kubeconfig::default().add(twice).is_err());
        assert!(Kubeconfig::default().add(b"[]").is_err());
        assert!(Kubeconfig::default().add(b"clusters: {a: b}").is_err());
    }

    #[test]
    fn a_list_names_each_file_once() {
        let files = files_of_list(b"/a::b:/a:");
        assert_eq!(files, [PathBuf::from("/a"), PathBuf::from("b")]);
    }
}
