//! Operations that stand in a list instead of the subcommand tree: aws has
//! thousands. Each has a class, which is a node of the tree that no word names.

use super::search::Sentence;
use super::source::CLASSES;
use super::{CommandSpec, ToolSpec};
use crate::slots;

/// The class of a service itself.
const SERVICE: &str = "service";
/// What stands below each service.
const HELP: &str = "help";

impl ToolSpec {
    /// Returns the node of what a word names behind a path, where it is in the
    /// list: a service at first, then one of its operations.
    pub(crate) fn listed(
        &self,
        path: &[impl AsRef<str>],
        word: &[u8],
    ) -> Option<(u16, &CommandSpec)> {
        if self.operations.is_empty() {
            return None;
        }
        let word = std::str::from_utf8(word).ok()?;
        let class = match path {
            [] => {
                self.line(&Sentence::of([word, " "])?)?;
                SERVICE
            }
            [service] if word == HELP => {
                self.line(&Sentence::of([service.as_ref(), " "])?)?;
                let (classes, _) = self.child(0, CLASSES.as_bytes())?;
                let (services, _) = self.child(classes, SERVICE.as_bytes())?;
                return self.child(services, HELP.as_bytes());
            }
            [service] => {
                let key = Sentence::of([service.as_ref(), " ", word, " "])?;
                self.line(&key)?.get(key.bytes().len()..)?
            }
            _ => return None,
        };
        let (classes, _) = self.child(0, CLASSES.as_bytes())?;
        self.child(classes, class.as_bytes())
    }

    /// Returns the operations of a service that the list names.
    pub(crate) fn listed_operations(&self, service: &str) -> impl Iterator<Item = &str> {
        self.operations.lines().filter_map(move |line| {
            let behind = line.strip_prefix(service)?.strip_prefix(' ')?;
            behind.split(' ').next()
        })
    }

    /// Returns the line that starts with these words, each with the blank behind it.
    fn line(&self, key: &Sentence) -> Option<&str> {
        slots::find(&self.operation_places, key.bytes(), |begin| {
            let start = usize::try_from(*begin).ok()?.checked_sub(1)?;
            let rest = self.operations.get(start..)?;
            let is_it = rest.as_bytes().starts_with(key.bytes());
            let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
            Some((is_it, line))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::profile::find_builtin;

    #[test]
    fn every_operation_of_the_list_is_found_and_nothing_else() {
        let aws = find_builtin(b"aws").unwrap();
        let mut count = 0;
        for line in aws.operations.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [service, operation, class] = words[..] else {
                panic!("{line}")
            };
            let (_, node) = aws.listed(&[service], operation.as_bytes()).unwrap();
            assert_eq!(node.name, class, "{line}");
            count += 1;
        }
        assert!(count > 18_000);
        let first = aws.operations.split(' ').next().unwrap();
        assert!(aws.listed(&[""; 0], first.as_bytes()).is_some());
        for (service, operation) in [
            ("ec2", ""),
            ("ec2", "describe-instance"),
            ("ec2", "describe-instances ec2-read"),
            ("ec", "describe-instances"),
            ("", ""),
            ("zzz", "list"),
            ("\0", "read"),
        ] {
            assert!(
                aws.listed(&[service], operation.as_bytes()).is_none(),
                "{service} {operation}"
            );
        }
        assert!(aws.listed(&[""; 0], b"ec").is_none());
        assert!(aws.listed(&["ec2", "wait"], b"instance-running").is_none());
    }
}
