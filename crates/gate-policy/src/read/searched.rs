//! A search of docker or podman for images: the daemon is sent the credentials
//! of the registry, so that it must be the one of this machine.

use crate::effect::Effect;
use crate::invocation::Invocation;

/// Where the daemon of this machine listens.
const SOCKETS: &[&str] = &["unix:///var/run/docker.sock", "unix:///run/docker.sock"];

/// Judges a search by the daemon that was found to be meant.
pub(super) fn judge(invocation: &mut Invocation) {
    let is_search = invocation
        .command
        .last()
        .is_some_and(|word| word == "search");
    if is_search && is_elsewhere(invocation) {
        let reason = "the daemon that is asked gets the credentials of the registry";
        invocation.add(Effect::Unknown, reason);
    }
}

/// Tells whether another daemon may be asked. A context of docker is of this
/// machine where its address is a socket.
fn is_elsewhere(invocation: &Invocation) -> bool {
    let field = |name: &str| invocation.target.get(name).map_or("", String::as_str);
    let (host, context) = (field("host"), field("context"));
    if !matches!(context, "" | "default") {
        return !host.starts_with("unix://");
    }
    !field("connection").is_empty() || (!host.is_empty() && !SOCKETS.contains(&host))
}
