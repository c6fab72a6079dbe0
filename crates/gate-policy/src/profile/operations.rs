//! Operations that stand in a list instead of the subcommand tree: aws has
//! thousands. Each has a class, which is a node of the tree that no word names.

use std::cmp::Ordering;

use super::search::compare_start;
use super::source::CLASSES;
use super::{CommandSpec, ToolSpec};

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
                self.lines(word).next()?;
                SERVICE
            }
            [service] if word == HELP => {
                self.lines(service.as_ref()).next()?;
                let (classes, _) = self.child(0, CLASSES.as_bytes())?;
                let (services, _) = self.child(classes, SERVICE.as_bytes())?;
                return self.child(services, HELP.as_bytes());
            }
            [service] => {
                let key = [service.as_ref(), " ", word, " "];
                let line = self.rest_from(&key)?.lines().next()?;
                let (order, class) = compare_start(line, key);
                (order == Ordering::Equal).then_some(class)?
            }
            _ => return None,
        };
        let (classes, _) = self.child(0, CLASSES.as_bytes())?;
        self.child(classes, class.as_bytes())
    }

    /// Returns the operations of a service that the list names.
    pub(crate) fn listed_operations(&self, service: &str) -> impl Iterator<Item = &str> {
        self.lines(service)
            .filter_map(|line| line.split(' ').nth(1))
    }

    fn lines(&self, service: &str) -> impl Iterator<Item = &str> {
        let key = [service, " "];
        let below = self.rest_from(&key).unwrap_or_default().lines();
        below.take_while(move |line| compare_start(line, key).0 == Ordering::Equal)
    }

    /// Returns the list from the first line on that does not come before a key.
    fn rest_from(&self, key: &[&str]) -> Option<&str> {
        let rest = |start: &u32| self.operations.get(*start as usize..);
        let is_before = |start: &u32| {
            let order = rest(start).map(|rest| compare_start(rest, key.iter().copied()).0);
            order == Some(Ordering::Less)
        };
        let first = self.operation_starts.partition_point(is_before);
        self.operation_starts.get(first).and_then(rest)
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
