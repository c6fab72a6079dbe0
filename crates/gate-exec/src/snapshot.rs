//! Bytes that cannot change any more: what is hashed and shown is what the tool reads.
//!
//! Hashing a file and then letting the tool open it again is a race that the writer wins. A
//! snapshot is a copy in memory, sealed by the kernel against every later write, handed to the
//! tool as `/proc/self/fd/N`. Source: `memfd_create(2)`, "File sealing".

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Fingerprint;
use crate::resolve::Quoted;

/// Snapshots stand at or above this number, where no shell script puts a descriptor of its own.
const LOWEST_DESCRIPTOR: i32 = 100;

const CHUNK_BYTES: usize = 64 * 1024;

/// Why an input cannot be snapshotted.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be opened or read.
    #[error("cannot read input {}", Quoted(.path.as_os_str()))]
    Unreadable {
        /// The input as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no regular file: its bytes could not be read twice.
    #[error("input {} is a {kind}, not a regular file", Quoted(.path.as_os_str()))]
    NotRegular {
        /// The input as it was named.
        path: PathBuf,
        /// What it is instead: directory, pipe, socket, device.
        kind: &'static str,
    },
    /// Standard input is a terminal, which has no end to wait for.
    #[error("standard input is a terminal")]
    Terminal,
    /// It holds more bytes than allowed.
    #[error("input {} is larger than {cap_bytes} bytes", Quoted(.path.as_os_str()))]
    TooLarge {
        /// The input as it was named.
        path: PathBuf,
        /// The limit in bytes.
        cap_bytes: u64,
    },
    /// Somebody wrote to it while it was read.
    #[error("input {} changed while it was read", Quoted(.path.as_os_str()))]
    Changed {
        /// The input as it was named.
        path: PathBuf,
    },
    /// The kernel gave no memory for the copy.
    #[error("cannot keep a copy of an input in memory")]
    NoMemory {
        /// What the system said.
        source: io::Error,
    },
}

impl SnapshotError {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name a file that you can read",
            Self::NotRegular { .. } | Self::Terminal => {
                "write the input to a regular file first and name that file"
            }
            Self::TooLarge { .. } => "split the input into smaller files",
            Self::Changed { .. } => "let the writer finish, then run the command again",
            Self::NoMemory { .. } => "free memory, or raise the limits of this session",
        }
    }
}

/// An immutable copy of an input. The kernel refuses every write, by anybody, for its lifetime.
#[derive(Debug)]
pub struct Snapshot {
    file: File,
    size_bytes: u64,
    source: Option<Fingerprint>,
}

impl Snapshot {
    /// Opens `path` once, following symbolic links once, and copies what stands there.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`], [`SnapshotError::NotRegular`],
    /// [`SnapshotError::TooLarge`], [`SnapshotError::Changed`], [`SnapshotError::NoMemory`].
    pub fn of_path(path: &Path, cap_bytes: u64) -> Result<Self, SnapshotError> {
        let unreadable = |source| SnapshotError::Unreadable {
            path: path.to_owned(),
            source,
        };
        // Looked at before it is opened: opening a device or a FIFO has effects of its own. What
        // was opened is looked at again in `of_file`, so losing the race only costs the error.
        let kind = std::fs::metadata(path).map_err(unreadable)?.file_type();
        require_regular(path, kind)?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
            .open(path)
            .map_err(unreadable)?;
        Self::of_file(&file, path, cap_bytes)
    }

    /// Copies an open regular file from its start; `path` is its name in errors.
    ///
    /// # Errors
    /// As [`Snapshot::of_path`].
    pub fn of_file(file: &File, path: &Path, cap_bytes: u64) -> Result<Self, SnapshotError> {
        let unreadable = |source| SnapshotError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let metadata = file.metadata().map_err(unreadable)?;
        require_regular(path, metadata.file_type())?;
        let before = Fingerprint::from_metadata(&metadata);
        let too_large = || SnapshotError::TooLarge {
            path: path.to_owned(),
            cap_bytes,
        };
        if before.size > cap_bytes {
            return Err(too_large());
        }
        let mut copy = Copy::new()?;
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        loop {
            let read = match file.read_at(&mut chunk, copy.size_bytes) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            copy.append(chunk.get(..read).unwrap_or_default())?;
            if copy.size_bytes > cap_bytes {
                return Err(too_large());
            }
        }
        let after = Fingerprint::of_file(file).map_err(unreadable)?;
        if after.changed_since(&before) || copy.size_bytes != before.size {
            return Err(SnapshotError::Changed {
                path: path.to_owned(),
            });
        }
        copy.seal(Some(before))
    }

    /// Reads standard input to its end.
    ///
    /// # Errors
    /// [`SnapshotError::Terminal`] for a terminal; [`SnapshotError::TooLarge`] past `cap_bytes`,
    /// what was read is then lost; [`SnapshotError::Unreadable`], [`SnapshotError::NoMemory`].
    pub fn of_stdin(cap_bytes: u64) -> Result<Self, SnapshotError> {
        let stdin = io::stdin();
        if crate::terminal::is_terminal(&stdin) {
            return Err(SnapshotError::Terminal);
        }
        Self::of_stream(stdin.as_fd(), Path::new("/dev/stdin"), cap_bytes)
    }

    /// Reads a pipe, socket or file from where it stands to its end, waiting for its writer.
    ///
    /// # Errors
    /// [`SnapshotError::TooLarge`], [`SnapshotError::Unreadable`], [`SnapshotError::NoMemory`].
    pub fn of_stream(
        stream: BorrowedFd<'_>,
        path: &Path,
        cap_bytes: u64,
    ) -> Result<Self, SnapshotError> {
        let unreadable = |source| SnapshotError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut reader = File::from(stream.try_clone_to_owned().map_err(unreadable)?);
        let mut copy = Copy::new()?;
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => return copy.seal(None),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_until_readable(stream).map_err(unreadable)?;
                    continue;
                }
                Err(error) => return Err(unreadable(error)),
            };
            copy.append(chunk.get(..read).unwrap_or_default())?;
            if copy.size_bytes > cap_bytes {
                return Err(SnapshotError::TooLarge {
                    path: path.to_owned(),
                    cap_bytes,
                });
            }
        }
    }

    /// Returns the number of bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns what the copied file was; nothing for bytes and streams.
    pub fn source(&self) -> Option<&Fingerprint> {
        self.source.as_ref()
    }

    /// Returns a reader of all bytes from the start, independent of the tool's own offset.
    pub fn reader(&self) -> SnapshotReader<'_> {
        SnapshotReader {
            snapshot: self,
            offset: 0,
        }
    }

    /// Returns another descriptor of it to hand to the tool ([`crate::Command::fds`]), which can
    /// open it as `/proc/self/fd/NUMBER`. Its number is above those that programs expect to be
    /// free.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        duplicate_high(self.file.as_fd())
    }

    /// Gives the descriptor away, to be handed to the tool. It keeps its number.
    pub fn into_fd(self) -> OwnedFd {
        OwnedFd::from(self.file)
    }
}

impl AsFd for Snapshot {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Reads a [`Snapshot`] without moving any offset that somebody else sees.
#[derive(Debug)]
pub struct SnapshotReader<'a> {
    snapshot: &'a Snapshot,
    offset: u64,
}

impl Read for SnapshotReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.snapshot.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// Duplicates a descriptor to a number that no program expects for its own, to be handed to the
/// tool ([`crate::Command::fds`]).
///
/// # Errors
/// The system has no descriptor left.
pub fn duplicate_high(descriptor: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let number = descriptor.as_raw_fd();
    // SAFETY: duplicating an open descriptor; the result is checked.
    let high = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR) };
    if high < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(high) })
}

/// A snapshot in the making: still writable, and nobody else has it.
struct Copy {
    file: File,
    size_bytes: u64,
}

impl Copy {
    fn new() -> Result<Self, SnapshotError> {
        let failed = |source| SnapshotError::NoMemory { source };
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a C string and the flags are the kernel's.
        let descriptor = unsafe { libc::memfd_create(c"gate-input".as_ptr(), flags) };
        if descriptor < 0 {
            return Err(failed(io::Error::last_os_error()));
        }
        // SAFETY: the kernel just made this descriptor, and nobody else owns it.
        let low = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let owned = duplicate_high(low.as_fd()).unwrap_or(low);
        Ok(Self {
            file: File::from(owned),
            size_bytes: 0,
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.file
            .write_all(bytes)
            .map_err(|source| SnapshotError::NoMemory { source })?;
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    fn seal(mut self, source: Option<Fingerprint>) -> Result<Snapshot, SnapshotError> {
        let failed = |source| SnapshotError::NoMemory { source };
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let seals =
            libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
        // SAFETY: sealing an open memfd that this value owns; the argument is a number.
        let result = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
        if result < 0 {
            return Err(failed(io::Error::last_os_error()));
        }
        Ok(Snapshot {
            file: self.file,
            size_bytes: self.size_bytes,
            source,
        })
    }
}

fn require_regular(path: &Path, kind: std::fs::FileType) -> Result<(), SnapshotError> {
    let kind = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    };
    Err(SnapshotError::NotRegular {
        path: path.to_owned(),
        kind,
    })
}

/// Waits for a stream that somebody made non-blocking; its flags are not ours to change.
fn wait_until_readable(stream: BorrowedFd<'_>) -> io::Result<()> {
    let mut poll = libc::pollfd {
        fd: stream.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one valid `pollfd` on a borrowed, open descriptor.
    let result = unsafe { libc::poll(&raw mut poll, 1, -1) };
    let error = io::Error::last_os_error();
    if result < 0 && error.kind() != io::ErrorKind::Interrupted {
        return Err(error);
    }
    Ok(())
}
