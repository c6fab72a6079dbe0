//! Where a request stands, in words, and how its run ended.

use gate_protocol::event::RunOutcome;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::span;
use jiff::Timestamp;

use super::plain::Plain;

/// The longest reason for which something did not run, in characters.
const WHY_LIMIT: usize = 600;

/// Returns where a request stands.
pub(crate) fn standing(
    status: ApprovalStatus,
    expires_at: Timestamp,
    run: Option<&RunOutcome>,
) -> String {
    match status {
        ApprovalStatus::Pending => format!("Waits for an answer until {}", utc(expires_at)),
        ApprovalStatus::Approved => format!("Approved, to be run until {}", utc(expires_at)),
        ApprovalStatus::Denied => "Denied; it does not run".to_owned(),
        ApprovalStatus::Expired => "Expired; it did not run".to_owned(),
        ApprovalStatus::Cancelled => "Taken back by its requester; it did not run".to_owned(),
        ApprovalStatus::Claimed => "Approved; it is about to run".to_owned(),
        ApprovalStatus::Started => "Approved; it runs".to_owned(),
        ApprovalStatus::Finished => match run {
            Some(run) => format!("Approved; it {}", ended(run)),
            None => "Approved; it ended".to_owned(),
        },
        ApprovalStatus::Unknown => match run {
            Some(run) => format!(
                "Approved; no word of its end came in time: it {}",
                ended(run)
            ),
            None => "Approved; no word of its end came, it may have run".to_owned(),
        },
    }
}

/// Says how a run ended, behind "it".
fn ended(run: &RunOutcome) -> String {
    if let Some(why) = &run.not_run {
        let mut why = Plain::of(why);
        why.keep(WHY_LIMIT);
        return format!("did not run: {why}");
    }
    let end = match (run.exit_code, run.signal) {
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        (Some(code), None) => format!("exited with {code}"),
        (None, None) => "ended, not known how".to_owned(),
    };
    let took = span::milliseconds(run.duration_ms);
    format!("{end} after {took}, as its client reported")
}

/// Returns a time as people read it.
fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(exit_code: Option<u8>, signal: Option<u32>, not_run: Option<&str>) -> RunOutcome {
        RunOutcome {
            exit_code,
            signal,
            not_run: not_run.map(str::to_owned),
            duration_ms: 1_500,
            user_ms: 0,
            system_ms: 0,
            max_rss_bytes: 0,
        }
    }

    #[test]
    fn the_end_of_a_run_is_said_as_its_client_reported_it() {
        let said = |status, run: &RunOutcome| standing(status, Timestamp::UNIX_EPOCH, Some(run));
        let finished = |run: &RunOutcome| said(ApprovalStatus::Finished, run);
        assert_eq!(
            finished(&run(Some(0), None, None)),
            "Approved; it exited with 0 after 1.500 s, as its client reported"
        );
        assert_eq!(
            finished(&run(None, Some(9), None)),
            "Approved; it was ended by signal 9 after 1.500 s, as its client reported"
        );
        assert_eq!(
            finished(&run(None, None, Some("no\u{202e} such\nfile"))),
            "Approved; it did not run: no\\u{202e} such\\nfile"
        );
        let late = said(ApprovalStatus::Unknown, &run(Some(1), None, None));
        assert!(late.contains("came in time: it exited with 1"), "{late}");
    }
}
