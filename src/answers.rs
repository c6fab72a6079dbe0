//! What people were asked from this machine by this user, and answered: a short memory that
//! `gate rules suggest` reads without asking a server.
//!
//! It decides nothing and proves nothing: the server's log is the record. A line is the request as
//! the server told it, so what is masked there is masked here. A request is kept when it is asked
//! too: a run that does not wait for the answer never hears of a denial, and a memory of answers
//! alone would know approvals, which are fetched, better than denials.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::time::Duration;

use gate_protocol::request::ApprovalRequest;

use crate::durable;
use crate::layout::KeptFiles;
use crate::progress::{About, Voice};
use crate::world::World;

/// How long another gate that writes is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps a request as it stands now. That it can't be kept is told and stops nothing: the server
/// has it.
pub(crate) fn keep(world: &World, request: &ApprovalRequest, voice: Voice) {
    let kept = world
        .layout
        .answers()
        .map_err(|failure| failure.to_string())
        .and_then(|files| append(&files, request).map_err(|error| error.to_string()));
    if let Err(why) = kept {
        let told = format!(
            "warning: `gate rules suggest` will not know of request {}: {why}",
            request.id
        );
        voice.note(About::Record, &[told]);
    }
}

fn append(files: &KeptFiles, request: &ApprovalRequest) -> io::Result<()> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    append_lines(files, &line, PATIENCE)
}

/// Appends lines to files that are turned when the newer one is long, and waits no longer than
/// `patience` for another gate that writes.
///
/// # Errors
/// They can't be written whole.
pub(crate) fn append_lines(files: &KeptFiles, lines: &[u8], patience: Duration) -> io::Result<()> {
    if let Some(folder) = files.file.parent() {
        durable::make_folder(folder)?;
    }
    // Of two gates that find the file long, the second would put a new file in the older one's place.
    let _turn = durable::lock(&files.lock, patience)?;
    let is_long = |known: std::fs::Metadata| known.len() >= files.limit_bytes;
    if files.file.metadata().is_ok_and(is_long) {
        std::fs::rename(&files.file, &files.older)?;
    }
    let mut options = OpenOptions::new();
    let mut file = durable::open_private(options.append(true).create(true), &files.file)?;
    let length = file.metadata()?.len();
    let written = file.write_all(lines);
    if written.is_err() {
        // Half a line would spoil the one that follows; that it stays fails no worse.
        drop(file.set_len(length));
    }
    written
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn many_at_once_move_a_long_file_once_and_lose_no_line() {
        const WRITERS: usize = 8;
        for round in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join("state").join(name);
            let files = KeptFiles {
                file: path("file"),
                older: path("older"),
                lock: path("lock"),
                limit_bytes: 4 << 20,
            };
            append_lines(&files, b"old\n", PATIENCE).unwrap();
            let grown = OpenOptions::new().write(true).open(&files.file).unwrap();
            grown.set_len(files.limit_bytes).unwrap();
            let start = Barrier::new(WRITERS);
            std::thread::scope(|scope| {
                for _ in 0..WRITERS {
                    scope.spawn(|| {
                        start.wait();
                        append_lines(&files, b"new\n", PATIENCE).unwrap();
                    });
                }
            });
            let older = fs::read(&files.older).unwrap();
            assert!(older.starts_with(b"old\n"), "round {round}");
            let new = fs::read_to_string(&files.file).unwrap();
            assert_eq!(new, "new\n".repeat(WRITERS), "round {round}");
        }
    }
}
