//! `gate audit`: the server's log, shown, verified and exported; and the
//! delivery of what this machine has not reported yet.

mod archive;
mod erase;
mod export;
mod flush;
mod forward;
mod kept;
mod log;
mod open;
mod proof;
mod receipts;
pub(super) mod records;
mod verify;
mod wanted;

pub(super) use wanted::parse_time;

use crate::failure::Failure;
use crate::world::World;

/// See, verify and export the audit log
#[derive(Debug, clap::Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Log(log::Log),
    Open(open::Open),
    Verify(verify::Verify),
    Export(export::Export),
    Forward(forward::Forward),
    Proof(proof::Proof),
    Receipts(receipts::ShowReceipts),
    Archive(archive::Archive),
    Erase(erase::Erase),
    Flush(flush::Flush),
}

impl Audit {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Log(log) => log.run(world),
            Verb::Open(open) => open.run(world),
            Verb::Verify(verify) => verify.run(world),
            Verb::Export(export) => export.run(world),
            Verb::Forward(forward) => forward.run(world),
            Verb::Proof(proof) => proof.run(world),
            Verb::Receipts(receipts) => receipts.run(world),
            Verb::Archive(archive) => archive.run(world),
            Verb::Erase(erase) => erase.run(world),
            Verb::Flush(flush) => flush.run(world),
        }
    }
}
