//! What people answered to the requests of this user on this machine: a short memory that
//! `gate rules suggest` reads without asking a server.
//!
//! It decides nothing and proves nothing: the server's log is the record. A line is the request as
//! the server told it, so what is masked there is masked here.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use gate_protocol::request::{ApprovalRequest, ApprovalStatus};

use crate::durable;
use crate::progress::{About, Voice};
use crate::world::World;

/// When the file is as long as this, in bytes, it takes the place of the older one.
const FILE_LIMIT_BYTES: u64 = 4 << 20;

/// Keeps a request that people have answered. That it can't be kept is told and stops nothing: the
/// server has the answer.
pub(crate) fn keep(world: &World, request: &ApprovalRequest, voice: Voice) {
    if !matches!(
        request.status,
        ApprovalStatus::Approved | ApprovalStatus::Denied
    ) {
        return;
    }
    let Ok([file, older]) = world.layout.answers() else {
        return;
    };
    if let Err(error) = append(&file, &older, request) {
        let why = format!("warning: `gate rules suggest` will not know of this answer: {error}");
        voice.note(About::Record, &[why]);
    }
}

fn append(file: &Path, older: &Path, request: &ApprovalRequest) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        durable::make_folder(folder)?;
    }
    if file
        .metadata()
        .is_ok_and(|known| known.len() >= FILE_LIMIT_BYTES)
    {
        std::fs::rename(file, older)?;
    }
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    let mut options = OpenOptions::new();
    // One write of a whole line, so that lines of two gates don't mix.
    durable::open_private(options.append(true).create(true), file)?.write_all(&line)
}
