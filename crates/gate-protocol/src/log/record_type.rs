//! What kind of fact a record states.

use std::fmt;
use std::str::FromStr;

/// Text that can't name a kind of record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` can't name a record type: dotted words of a-z, 0-9 and _", .0.escape_default())]
pub struct ParseRecordTypeError(String);

/// A type that this version does not know, in valid spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnknownType(String);

/// Declares the known types once, with both directions of their spelling.
macro_rules! record_types {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// The type of an audit record.
        ///
        /// A log outlives the program that reads it, so types of other versions
        /// are kept as they are.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RecordType {
            $($(#[$doc])+ $name,)+
            /// A type of another version.
            Unknown(UnknownType),
        }

        impl RecordType {
            /// Every type that this version knows.
            pub const KNOWN: &[Self] = &[$(Self::$name),+];

            /// Returns the spelling, as `request.created`.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown(UnknownType(text)) => text,
                }
            }

            fn known(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

record_types! {
    /// A person is asked.
    RequestCreated = "request.created",
    /// The requester withdrew the request.
    RequestCancelled = "request.cancelled",
    /// Nobody answered in time, or nobody used the approval in time.
    RequestExpired = "request.expired",
    /// A review was refused, as the requester's own; the request stays as it is.
    RequestRejectedReview = "request.rejected_review",
    /// A review counted; `status` in the body is the request's status after it.
    DecisionRecorded = "decision.recorded",
    /// A review that counted does not count any more; `status` in the body is the
    /// request's status after it.
    DecisionVoided = "decision.voided",
    /// The server only observes, and approved what it would have asked about.
    RequestObserved = "request.observed",
    /// A second group may answer too, because nobody did in time.
    RequestEscalated = "request.escalated",
    /// Somebody asked past the rules' own approvers; follows `request.created`.
    BreakGlassAsked = "break_glass.asked",
    /// What was asked as break-glass was turned into a grant: it is to be reviewed.
    BreakGlassUsed = "break_glass.used",
    /// Somebody who had no part in it reviewed a break-glass afterwards.
    BreakGlassReviewed = "break_glass.reviewed",
    /// Somebody wants a standing grant; it holds once enough people confirm it.
    StandingGrantProposed = "standing_grant.proposed",
    /// A person confirmed a standing grant; `status` in the body is its status after it.
    StandingGrantConfirmed = "standing_grant.confirmed",
    /// Somebody wanted or confirmed a standing grant who has no say in it.
    StandingGrantRejected = "standing_grant.rejected",
    /// A standing grant approved a request.
    StandingGrantUsed = "standing_grant.used",
    /// A standing grant was taken back.
    StandingGrantRevoked = "standing_grant.revoked",
    /// A rule let a command through, with nobody asked.
    AllowRecorded = "allow.recorded",
    /// A command that a rule let through ended, or could not be started.
    AllowFinished = "allow.finished",
    /// A rule refused a command, with nobody asked.
    DenyRecorded = "deny.recorded",
    /// The approved request was turned into a grant.
    GrantClaimed = "grant.claimed",
    /// The client is about to start the tool.
    RunStarted = "run.started",
    /// The tool ended. Follows `run.started`, or comes late after `run.unknown`.
    RunFinished = "run.finished",
    /// A grant was held and the tool was not started.
    RunAbandoned = "run.abandoned",
    /// The outcome of a claimed request will not be known.
    RunUnknown = "run.unknown",
    /// A client reported of a run what can't be; it changed nothing.
    RunMisreported = "run.misreported",
    /// A person, an agent or a workload became known.
    PrincipalCreated = "principal.created",
    /// A principal may not act any more.
    PrincipalDisabled = "principal.disabled",
    /// A principal may act again.
    PrincipalEnabled = "principal.enabled",
    /// A principal's groups, or the person whose account it is, changed.
    PrincipalChanged = "principal.changed",
    /// A second admin confirmed what one did to an account: it counts from then on.
    PrincipalConfirmed = "principal.confirmed",
    /// An account elsewhere became a user's.
    IdentityLinked = "identity.linked",
    /// An account elsewhere is a user's no longer.
    IdentityUnlinked = "identity.unlinked",
    /// A link by which a user sets a password was made.
    InvitationCreated = "invitation.created",
    /// A user set a password.
    PasswordSet = "password.set",
    /// A terminal was let in from a browser.
    DeviceApproved = "device.approved",
    /// A terminal was not let in.
    DeviceDenied = "device.denied",
    /// A CI job was let in by the token of its own issuer.
    WorkloadAdmitted = "workload.admitted",
    /// Somebody was not signed in.
    SignInRefused = "sign_in.refused",
    /// A token of this server was made.
    TokenCreated = "token.created",
    /// A token of this server was taken back.
    TokenRevoked = "token.revoked",
    /// A link that signs somebody in was made.
    LoginCodeCreated = "login_code.created",
    /// A browser was signed in.
    SessionCreated = "session.created",
    /// A browser was signed out.
    SessionEnded = "session.ended",
    /// A channel was made.
    ChannelCreated = "channel.created",
    /// A channel was taken away.
    ChannelDeleted = "channel.deleted",
    /// The secrets of channels were encrypted anew, by another key.
    ChannelResealed = "channel.resealed",
    /// What was given up to deliver by a channel is tried again, as an admin wants.
    DeliveryRetried = "delivery.retried",
    /// A chat's callback was refused; it changed nothing.
    CallbackRefused = "callback.refused",
    /// A version of the rules came into force.
    RulesActivated = "rules.activated",
    /// The server began anew from a copy of its data: what was allowed and not claimed is void.
    ServerEpoch = "server.epoch",
    /// A key came in the place of one that the server signed by; the statement of the one before
    /// is in the body.
    LogKeyAdded = "log.key_added",
    /// What stood beside records was erased, by an admin.
    PayloadErased = "payload.erased",
    /// The bodies of the oldest records were dropped, after they were archived.
    LogPruned = "log.pruned",
    /// An admin wants rules that let more pass, which a second one must confirm.
    RulesProposed = "rules.proposed",
    /// Rules that waited for a second admin were taken back, or others came first.
    RulesWithdrawn = "rules.withdrawn",
    /// The server started with other settings than at the start before.
    SettingsChanged = "settings.changed",
    /// Events of a client are missing.
    ClientGap = "client.gap",
    /// Missing events of a client came late.
    ClientGapClosed = "client.gap_closed",
    /// A client began a new sequence.
    ClientEpochReset = "client.epoch_reset",
    /// A client's events do not continue what it delivered before.
    ClientFork = "client.fork",
}

/// The longest type, in bytes.
const MAX_TYPE_BYTES: usize = 64;

impl FromStr for RecordType {
    type Err = ParseRecordTypeError;

    fn from_str(text: &str) -> Result<Self, ParseRecordTypeError> {
        if let Some(known) = Self::known(text) {
            return Ok(known);
        }
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        if text.len() <= MAX_TYPE_BYTES && text.split('.').all(is_word) {
            Ok(Self::Unknown(UnknownType(text.to_owned())))
        } else {
            let shown = text.chars().take(MAX_TYPE_BYTES).collect();
            Err(ParseRecordTypeError(shown))
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_type_has_one_spelling() {
        for known in RecordType::KNOWN {
            assert_eq!(known.as_str().parse().as_ref(), Ok(known));
        }
        let mut spellings: Vec<&str> = RecordType::KNOWN.iter().map(RecordType::as_str).collect();
        spellings.sort_unstable();
        spellings.dedup();
        assert_eq!(spellings.len(), RecordType::KNOWN.len());
    }

    #[test]
    fn types_of_other_versions_are_kept() {
        let unknown: RecordType = "checkpoint.note".parse().unwrap();
        assert!(matches!(unknown, RecordType::Unknown(_)));
        assert_eq!(unknown.to_string(), "checkpoint.note");
        for wrong in ["", ".", "a.", "A.b", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(wrong.parse::<RecordType>().is_err(), "{wrong:?}");
        }
    }
}
