//! A signal that asks to give up, as a future.

use std::time::Duration;

use gate_exec::Cancel;

/// How often a signal is looked for. A person does not notice a tenth of a
/// second; watching the descriptor instead would need `unsafe` here.
const LOOK: Duration = Duration::from_millis(100);

/// Returns the signal soon after one has come.
pub(super) async fn cancelled(cancel: &Cancel) -> i32 {
    loop {
        if let Some(signal) = cancel.signal() {
            return signal;
        }
        tokio::time::sleep(LOOK).await;
    }
}
