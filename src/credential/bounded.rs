//! Work that may never come back, as a call over a D-Bus that is dead.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;

use super::Wait;
use crate::progress::About;

/// After this long the person is told what is being waited for.
pub(super) const UNTOLD: Duration = Duration::from_secs(2);

/// Runs `work` on a thread of its own, and waits for it no longer than the limit.
/// `None` where it took longer or did not end by itself; the thread is then
/// left behind.
///
/// All signals are blocked in that thread, and so in every thread that a
/// library starts from it and keeps: a signal to gate must reach the thread
/// that supervises the tool.
pub(super) fn within<T: Send + 'static>(
    Wait { limit, voice }: Wait,
    waits_for: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = sync_channel(1);
    thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || {
            // Without the mask the work would be a risk to the tool's signals.
            if SigSet::all().thread_block().is_ok() {
                // Nobody listens any more when it took too long.
                drop(done.send(work()));
            }
        })
        .ok()?;
    match result.recv_timeout(UNTOLD.min(limit)) {
        Ok(result) => return Some(result),
        Err(RecvTimeoutError::Disconnected) => return None,
        Err(RecvTimeoutError::Timeout) if limit <= UNTOLD => return None,
        Err(RecvTimeoutError::Timeout) => {}
    }
    let waiting = format!("waiting for {waits_for}, which may be asking to be unlocked");
    voice.note(About::Keyring, &[waiting]);
    result.recv_timeout(limit.saturating_sub(UNTOLD)).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::progress::Voice;

    fn wait(limit: Duration) -> Wait {
        Wait {
            limit,
            voice: Voice::Human,
        }
    }

    #[test]
    fn what_never_comes_back_is_given_up_in_time() {
        let begun = Instant::now();
        let (keep, forever) = std::sync::mpsc::channel::<()>();
        let result = within(wait(Duration::from_millis(50)), "a test", move || {
            forever.recv()
        });
        assert!(result.is_none());
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(keep);
    }

    #[test]
    fn the_work_is_done_with_every_signal_blocked() {
        let mask = within(
            wait(Duration::from_secs(5)),
            "a test",
            SigSet::thread_get_mask,
        );
        let mask = mask.unwrap().unwrap();
        assert!(mask.contains(nix::sys::signal::Signal::SIGTERM));
        assert!(
            !SigSet::thread_get_mask()
                .unwrap()
                .contains(nix::sys::signal::Signal::SIGTERM)
        );
    }
}
