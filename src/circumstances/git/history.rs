//! What one side has and the other has not: commits, and the files that differ.

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use super::Repository;
use super::commit::Commit;
use super::object::{Kind, Objects, bytes, hex};

/// How many objects are read for one answer.
const MOST_OBJECTS: u32 = 5_000;
/// How many files are listed.
const MOST_FILES: usize = 500;
/// How deep folders are followed.
const DEPTH: u32 = 64;

const OURS: u8 = 1;
const THEIRS: u8 = 2;

/// The type of an entry of a tree that is a tree itself.
const FOLDER: &[u8] = b"40000";

/// What tells two commits apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Between {
    /// The commits that only the first has, the newest first: the start of each name, and its
    /// first line.
    pub(crate) ours: Vec<String>,
    /// The commits that only the second has.
    pub(crate) theirs: Vec<String>,
    /// The files that differ, each behind `A`, `M` or `D`.
    pub(crate) files: Vec<String>,
    /// Whether all of it was found.
    pub(crate) is_all: bool,
}

/// Returns what `ours` has that none of `theirs` has, and the reverse. The files are those that
/// differ between `ours` and the first of `theirs`. Commits are given in hex.
pub(super) fn between(repository: &Repository, ours: &str, theirs: &[String]) -> Option<Between> {
    let objects = Objects::of(repository, MOST_OBJECTS);
    let start = bytes(ours)?;
    let others: Vec<Vec<u8>> = theirs.iter().filter_map(|name| bytes(name)).collect();
    let mut walk = Walk::of(&objects);
    walk.meet(start.clone(), OURS)?;
    for other in &others {
        walk.is_all &= walk.meet(other.clone(), THEIRS).is_some();
    }
    walk.go();
    walk.settle();
    let mut between = Between {
        ours: walk.only(OURS),
        theirs: walk.only(THEIRS),
        files: Vec::new(),
        is_all: walk.is_all,
    };
    let tree = |walk: &Walk<'_>, name: &Vec<u8>| Some(walk.commits.get(name)?.tree.clone());
    let new = tree(&walk, &start);
    let old = others.first().and_then(|other| tree(&walk, other));
    if let (Some(new), Some(old)) = (new, old) {
        let mut changes = Changes {
            objects: &objects,
            files: &mut between.files,
        };
        between.is_all &= changes.trees(Some(&old), Some(&new), "", DEPTH).is_some();
    }
    Some(between)
}

/// A walk through history from both sides at once, the newest first.
struct Walk<'o> {
    objects: &'o Objects,
    commits: HashMap<Vec<u8>, Commit>,
    sides: HashMap<Vec<u8>, u8>,
    waiting: BinaryHeap<(i64, Vec<u8>)>,
    /// In the order in which they were met.
    order: Vec<Vec<u8>>,
    is_all: bool,
}

impl<'o> Walk<'o> {
    fn of(objects: &'o Objects) -> Self {
        Self {
            objects,
            commits: HashMap::new(),
            sides: HashMap::new(),
            waiting: BinaryHeap::new(),
            order: Vec::new(),
            is_all: true,
        }
    }

    /// Notes that a side has the commit, and looks at its parents later where that is news.
    fn meet(&mut self, name: Vec<u8>, sides: u8) -> Option<()> {
        let known = self.sides.get(&name).copied().unwrap_or(0);
        if known | sides == known {
            return Some(());
        }
        if !self.commits.contains_key(&name) {
            let commit = Commit::read(self.objects, &name)?;
            self.commits.insert(name.clone(), commit);
            self.order.push(name.clone());
        }
        let time = self.commits.get(&name)?.time;
        self.sides.insert(name.clone(), known | sides);
        self.waiting.push((time, name));
        Some(())
    }

    fn go(&mut self) {
        let is_common = |sides: &HashMap<Vec<u8>, u8>, name: &Vec<u8>| {
            sides.get(name).is_some_and(|sides| *sides == OURS | THEIRS)
        };
        while let Some((_, name)) = self.waiting.pop() {
            let sides = self.sides.get(&name).copied().unwrap_or(0);
            let parents = self.commits.get(&name).map(|one| one.parents.clone());
            for parent in parents.unwrap_or_default() {
                self.is_all &= self.meet(parent, sides).is_some();
            }
            let mut waiting = self.waiting.iter();
            if waiting.all(|(_, name)| is_common(&self.sides, name)) {
                return;
            }
        }
    }

    /// Gives what both have to all that is behind it. Commits of one second, or of a wrong clock,
    /// are met before it is known that both have them.
    fn settle(&mut self) {
        let is_common = |(_, sides): &(&Vec<u8>, &u8)| **sides == OURS | THEIRS;
        let common = self.sides.iter().filter(is_common);
        let mut left: Vec<Vec<u8>> = common.map(|(name, _)| name.clone()).collect();
        while let Some(name) = left.pop() {
            let Some(commit) = self.commits.get(&name) else {
                continue;
            };
            for parent in &commit.parents {
                if let Some(sides) = self.sides.get_mut(parent)
                    && *sides != OURS | THEIRS
                {
                    *sides = OURS | THEIRS;
                    left.push(parent.clone());
                }
            }
        }
    }

    fn only(&self, side: u8) -> Vec<String> {
        let mut found: Vec<_> = self
            .order
            .iter()
            .filter(|name| self.sides.get(*name) == Some(&side))
            .filter_map(|name| Some((self.commits.get(name)?, name)))
            .collect();
        found.sort_by_key(|(commit, _)| std::cmp::Reverse(commit.time));
        found
            .iter()
            .map(|(commit, name)| {
                let name: String = hex(name).chars().take(10).collect();
                format!("{name} {}", commit.subject)
            })
            .collect()
    }
}

/// The files in which two trees differ.
struct Changes<'a> {
    objects: &'a Objects,
    files: &'a mut Vec<String>,
}

type Entries = BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)>;

impl Changes<'_> {
    fn trees(
        &mut self,
        old: Option<&Vec<u8>>,
        new: Option<&Vec<u8>>,
        folder: &str,
        depth: u32,
    ) -> Option<()> {
        if old == new {
            return Some(());
        }
        let depth = depth.checked_sub(1)?;
        let (old, new) = (self.entries(old)?, self.entries(new)?);
        let mut names: Vec<&Vec<u8>> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (before, after) = (old.get(name), new.get(name));
            if before == after {
                continue;
            }
            let path = format!("{folder}{}", String::from_utf8_lossy(name));
            let tree = |entry: Option<&(Vec<u8>, Vec<u8>)>| {
                let is_tree = |entry: &&(Vec<u8>, Vec<u8>)| entry.0 == FOLDER;
                entry.filter(is_tree).map(|entry| entry.1.clone())
            };
            let file =
                |entry: Option<&(Vec<u8>, Vec<u8>)>| entry.is_some_and(|entry| entry.0 != FOLDER);
            let mark = match (file(before), file(after)) {
                (true, true) => Some('M'),
                (true, false) => Some('D'),
                (false, true) => Some('A'),
                (false, false) => None,
            };
            if let Some(mark) = mark {
                if self.files.len() >= MOST_FILES {
                    return None;
                }
                self.files.push(format!("{mark} {path}"));
            }
            let (before, after) = (tree(before), tree(after));
            if before.is_some() || after.is_some() {
                self.trees(before.as_ref(), after.as_ref(), &format!("{path}/"), depth)?;
            }
        }
        Some(())
    }

    /// Returns type and object of each entry by its name.
    fn entries(&self, tree: Option<&Vec<u8>>) -> Option<Entries> {
        let mut entries = Entries::new();
        let Some(tree) = tree else {
            return Some(entries);
        };
        let body = self.objects.read(tree, Kind::Tree)?;
        let mut rest = body.as_slice();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (head, after) = rest.split_at_checked(end)?;
            let space = head.iter().position(|byte| *byte == b' ')?;
            let (mode, name) = head.split_at_checked(space)?;
            let (object, after) = after.get(1..)?.split_at_checked(tree.len())?;
            rest = after;
            let entry = (mode.to_vec(), object.to_vec());
            entries.insert(name.get(1..)?.to_vec(), entry);
        }
        Some(entries)
    }
}
