//! Reads the audit log of kube-apiserver: what reached the cluster, as whom, and what came of it.

use serde_json::Value;

use super::RealError;

/// One request that reached the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// What was asked: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// The user name that the server saw.
    pub user: String,
    /// The path and query of the request.
    pub uri: String,
    /// The HTTP status of the answer; nothing while there is none.
    pub code: Option<u16>,
    /// The client's own name, as `kubectl/v1.32.4 …`.
    pub user_agent: String,
    /// True when the request asked the server to change nothing.
    pub dry_run: bool,
}

/// Reads a log, one event for each request in the order of arrival. The requests of the system's own
/// parts and of the user `without` are left out.
pub(super) fn read_events(log: &str, without: &str) -> Result<Vec<AuditEvent>, RealError> {
    let mut events: Vec<(String, AuditEvent)> = Vec::new();
    // The last line may be half written.
    let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
    for line in complete.lines() {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| RealError::unreadable("the cluster's audit log", error))?;
        let event = event_of(&value);
        if event.user.starts_with("system:") || event.user == without {
            continue;
        }
        // A request is written when it arrives, before it is acted on, and again when it is answered.
        let id = text(&value, "/auditID");
        match events.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = event,
            None => events.push((id, event)),
        }
    }
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

fn event_of(value: &Value) -> AuditEvent {
    let uri = text(value, "/requestURI");
    // `delete` carries it in the body, the others in the query.
    let in_body = value
        .pointer("/requestObject/dryRun")
        .and_then(Value::as_array)
        .is_some_and(|values| !values.is_empty());
    AuditEvent {
        verb: text(value, "/verb"),
        user: text(value, "/user/username"),
        code: value
            .pointer("/responseStatus/code")
            .and_then(Value::as_u64)
            .and_then(|code| u16::try_from(code).ok()),
        user_agent: text(value, "/userAgent"),
        dry_run: in_body || uri.contains("dryRun=All"),
        uri,
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::read_events;

    #[test]
    fn a_request_is_one_event_from_its_arrival_to_its_answer() {
        let log = concat!(
            r#"{"auditID":"1","stage":"RequestReceived","verb":"delete","requestURI":"/a","user":{"username":"dev"}}"#,
            "\n",
            r#"{"auditID":"2","stage":"RequestReceived","verb":"get","requestURI":"/b","user":{"username":"system:apiserver"}}"#,
            "\n",
            r#"{"auditID":"3","stage":"RequestReceived","verb":"create","requestURI":"/c?dryRun=All","user":{"username":"dev"}}"#,
            "\n",
            r#"{"auditID":"4","stage":"RequestReceived","verb":"get","requestURI":"/d","user":{"username":"us"}}"#,
            "\n",
            r#"{"auditID":"1","stage":"ResponseComplete","verb":"delete","requestURI":"/a","user":{"username":"dev"},"requestObject":{"dryRun":["All"]},"responseStatus":{"code":200}}"#,
            "\n",
            r#"{"auditID":"5","stage":"Requ"#,
        );
        let events = read_events(log, "us").unwrap();
        let seen: Vec<_> = events
            .iter()
            .map(|event| (event.verb.as_str(), event.code, event.dry_run))
            .collect();
        assert_eq!(seen, [("delete", Some(200), true), ("create", None, true)]);
    }
}
