//! What a compiled policy was made of, and whether that is still so.
//!
//! A stamp names every file and folder that had a say, those that were not there too, and how each
//! of them was. It is held against what is there now before anything is decided by the policy: a
//! rule that was added, changed or taken away a moment ago makes the policy stale, and a stale one
//! decides nothing.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use gate_policy::Environment;
use gate_policy::encoding::{Decoder, Encoder};

use crate::place::VARIABLES;

/// Which gate wrote it: another one may read the same rules in another way.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long a file may be written to again at what looks like the same time, in nanoseconds: some
/// ticks of a slow clock.
const SETTLING_NS: u64 = 50_000_000;
/// The same where the file system keeps no parts of a second; some of those keep every other one.
const SETTLING_OF_SECONDS_NS: u64 = 2_050_000_000;

/// How a file or folder was.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// Nothing was there, not even a link.
    Absent,
    /// It was this one, with this content: what changes when it is written, replaced, or given to
    /// somebody else.
    Same([u64; 8]),
    /// It was this one, and these could write it; what is in it may change.
    Guarded([u64; 4]),
}

/// A file or folder that had a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    look: Look,
}

impl Source {
    /// Looks at a file, or at a folder whose list of names had a say.
    ///
    /// # Errors
    /// What `stat(2)` says, where that is not that nothing is there.
    pub fn content(path: &Path) -> std::io::Result<Self> {
        let look = match metadata(path)? {
            None => Look::Absent,
            Some(found) => Look::Same(whole(&found)),
        };
        Ok(Self {
            path: path.to_owned(),
            look,
        })
    }

    /// Looks at a folder only for who can write it.
    ///
    /// # Errors
    /// As [`Source::content`].
    pub fn guard(path: &Path) -> std::io::Result<Self> {
        let look = match metadata(path)? {
            None => Look::Absent,
            Some(found) => Look::Guarded(guard(&found)),
        };
        Ok(Self {
            path: path.to_owned(),
            look,
        })
    }

    /// Tells whether it is still so. `absent` are folders that are not there, to which this one is
    /// added: nothing is in them.
    fn holds<'s>(&'s self, absent: &mut Vec<&'s [u8]>) -> bool {
        let path = self.path.as_os_str().as_bytes();
        let is_in = |folder: &&[u8]| {
            let behind = path.strip_prefix(*folder);
            behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(b"/"))
        };
        if self.look == Look::Absent && absent.iter().any(is_in) {
            return true;
        }
        let Ok(found) = metadata(&self.path) else {
            return false;
        };
        match (&self.look, found) {
            (Look::Absent, None) => {
                absent.push(path);
                true
            }
            (Look::Same(before), Some(now)) => *before == whole(&now),
            (Look::Guarded(before), Some(now)) => *before == guard(&now),
            (Look::Absent | Look::Same(_) | Look::Guarded(_), _) => false,
        }
    }
}

/// Returns what is known of what stands at `path`; none where nothing does. A link that leads
/// nowhere is an error.
fn metadata(path: &Path) -> std::io::Result<Option<std::fs::Metadata>> {
    match path.symlink_metadata() {
        Ok(link) if link.is_symlink() => std::fs::metadata(path).map(Some),
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn whole(found: &std::fs::Metadata) -> [u64; 8] {
    let [dev, ino, uid, mode] = guard(found);
    let nanoseconds = |seconds: i64, part: i64| {
        let seconds = seconds.cast_unsigned().wrapping_mul(1_000_000_000);
        seconds.wrapping_add(part.cast_unsigned())
    };
    [
        dev,
        ino,
        uid,
        mode,
        found.len(),
        nanoseconds(found.mtime(), found.mtime_nsec()),
        nanoseconds(found.ctime(), found.ctime_nsec()),
        u64::from(found.gid()),
    ]
}

fn guard(found: &std::fs::Metadata) -> [u64; 4] {
    [
        found.dev(),
        found.ino(),
        u64::from(found.uid()),
        u64::from(found.mode()),
    ]
}

/// What a policy was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Every file and folder that had a say.
    pub sources: Vec<Source>,
    /// Until when it holds, in seconds since the epoch; none where no clock ends it.
    pub good_until: Option<u64>,
    /// Whether there are tool profiles beside those that are built in.
    pub has_profiles: bool,
    /// The value of each of [`VARIABLES`]; none where the policy is the machine's, for everybody.
    variables: Option<Vec<Option<OsString>>>,
}

impl Stamp {
    /// Makes the stamp of a caller's own policy, by the environment that its files were found by.
    #[must_use]
    pub fn of_caller(sources: Vec<Source>, env: &Environment) -> Self {
        Self {
            variables: Some(values(env)),
            ..Self::of_machine(sources)
        }
    }

    /// Makes the stamp of the machine's policy.
    #[must_use]
    pub fn of_machine(mut sources: Vec<Source>) -> Self {
        // A folder stands before what is in it, which is not there where the folder is not.
        sources.sort_by(|one, other| one.path.cmp(&other.path));
        Self {
            sources,
            good_until: None,
            has_profiles: false,
            variables: None,
        }
    }

    /// Tells whether the policy is the machine's.
    #[must_use]
    pub fn is_machines(&self) -> bool {
        self.variables.is_none()
    }

    /// Tells whether every file was written before the kernel's clock could give a later change the
    /// same time. `now_ns` is in nanoseconds since the epoch.
    #[must_use]
    pub fn is_settled(&self, now_ns: u64) -> bool {
        self.sources.iter().all(|source| match source.look {
            Look::Same([.., mtime, ctime, _]) => {
                let has_seconds = [mtime, ctime].iter().all(|at| at % 1_000_000_000 == 0);
                let settling = if has_seconds {
                    SETTLING_OF_SECONDS_NS
                } else {
                    SETTLING_NS
                };
                ctime.saturating_add(settling) < now_ns
            }
            Look::Absent | Look::Guarded(_) => true,
        })
    }

    /// Returns the stamp as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.text(VERSION);
        to.truth(self.has_profiles);
        to.long(self.good_until.unwrap_or(u64::MAX));
        to.truth(self.variables.is_some());
        to.list(
            self.variables.as_deref().unwrap_or_default(),
            |to, value| {
                to.truth(value.is_some());
                to.text(value.as_ref().map_or(&b""[..], |value| value.as_bytes()));
            },
        );
        to.list(&self.sources, |to, source| {
            to.text(source.path.as_os_str().as_bytes());
            let (kind, numbers): (u8, &[u64]) = match &source.look {
                Look::Absent => (0, &[]),
                Look::Same(numbers) => (1, numbers),
                Look::Guarded(numbers) => (2, numbers),
            };
            to.byte(kind);
            for number in numbers {
                to.long(*number);
            }
        });
        to.into_bytes()
    }

    /// Reads a stamp; none where it is damaged or another gate's.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        if from.text()? != VERSION {
            return None;
        }
        let has_profiles = from.truth()?;
        let good_until = Some(from.long()?).filter(|until| *until != u64::MAX);
        let is_callers = from.truth()?;
        let variables = from.list(|from| {
            let is_set = from.truth()?;
            let value = from.bytes()?;
            Some(is_set.then(|| OsString::from_vec(value.to_vec())))
        })?;
        let sources = from.list(|from| {
            let path = PathBuf::from(OsString::from_vec(from.bytes()?.to_vec()));
            let look = match from.byte()? {
                0 => Look::Absent,
                1 => Look::Same(numbers(from)?),
                2 => Look::Guarded(numbers(from)?),
                _ => return None,
            };
            Some(Source { path, look })
        })?;
        Some(Self {
            sources,
            good_until,
            has_profiles,
            variables: is_callers.then_some(variables),
        })
    }

    /// Tells whether everything is as it was when the policy was compiled. `now` is in seconds
    /// since the epoch, and asked for only where a clock ends it.
    pub fn holds(&self, env: &Environment, now: impl FnOnce() -> u64) -> bool {
        let is_for = |variables: &Vec<Option<OsString>>| *variables == values(env);
        let mut absent = Vec::new();
        self.variables.as_ref().is_none_or(is_for)
            && self.good_until.is_none_or(|until| now() < until)
            && self.sources.iter().all(|source| source.holds(&mut absent))
    }
}

fn numbers<const N: usize>(from: &mut Decoder<'_>) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = from.long()?;
    }
    Some(numbers)
}

fn values(env: &Environment) -> Vec<Option<OsString>> {
    let value = |name: &&str| env.get(name).map(ToOwned::to_owned);
    VARIABLES.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(home: &str) -> Environment {
        [("HOME", home), ("OTHER", "x")].into_iter().collect()
    }

    #[test]
    fn a_stamp_holds_until_anything_of_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        let missing = folder.path().join("config.toml");
        std::fs::write(&file, "one").unwrap();
        let look = || {
            let sources = vec![
                Source::content(&file).unwrap(),
                Source::content(&missing).unwrap(),
                Source::guard(folder.path()).unwrap(),
            ];
            let mut stamp = Stamp::of_caller(sources, &env("/home/ada"));
            stamp.good_until = Some(100);
            stamp
        };
        let stamp = look();
        let read = Stamp::decode(&stamp.encode()).unwrap();
        assert_eq!(read, stamp);
        assert!(read.holds(&env("/home/ada"), || 99));
        assert!(!read.holds(&env("/home/ada"), || 100));
        assert!(!read.holds(&env("/home/eve"), || 99));
        assert!(!read.holds(&Environment::default(), || 99));
        let holds = |stamp: &Stamp| stamp.holds(&env("/home/ada"), || 0);

        std::fs::write(&missing, "").unwrap();
        assert!(!holds(&read), "a file came");
        std::fs::remove_file(&missing).unwrap();
        assert!(holds(&read), "a guarded folder may have other names in it");
        std::os::unix::fs::symlink("/nowhere/at/all", &missing).unwrap();
        assert!(!holds(&read), "a link to nothing came");
        std::fs::remove_file(&missing).unwrap();

        std::fs::write(&file, "two").unwrap();
        assert!(!holds(&read), "a file was written");
        let before = look();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "two").unwrap();
        assert!(!holds(&before), "a file was replaced by an equal one");

        let before = look();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(folder.path(), open).unwrap();
        assert!(!holds(&before), "others can write the folder");
    }

    #[test]
    fn what_was_written_this_instant_is_not_settled() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = Stamp::of_machine(vec![Source::content(folder.path()).unwrap()]);
        let Look::Same([.., ctime, _]) = stamp.sources[0].look else {
            panic!("{stamp:?}");
        };
        assert!(!stamp.is_settled(ctime + 1));
        assert!(stamp.is_settled(ctime + SETTLING_NS + 1));
        assert!(stamp.is_machines() && stamp.holds(&env("/any"), || 0));
        // On a file system that keeps seconds, all of one second look the same.
        let mut of_seconds = stamp;
        let Look::Same(look) = &mut of_seconds.sources[0].look else {
            unreachable!("it is one");
        };
        let second = 1_700_000_000 * 1_000_000_000;
        [look[5], look[6]] = [second, second];
        assert!(!of_seconds.is_settled(second + 1_000_000_000));
        assert!(of_seconds.is_settled(second + SETTLING_OF_SECONDS_NS + 1));
    }

    #[test]
    fn no_beginning_of_a_stamp_is_one() {
        let sources = vec![Source::content(Path::new("/")).unwrap()];
        let bytes = Stamp::of_caller(sources, &env("/h")).encode();
        for end in 0..bytes.len() {
            assert_eq!(Stamp::decode(&bytes[..end]), None, "{end} bytes");
        }
    }
}
