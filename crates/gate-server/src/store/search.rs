//! Finding requests again: by who asked, what for, on what, and in which words.

use gate_protocol::canonical::Digest;
use gate_protocol::id::RequestId;
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;

use super::columns::{count, integer, parse};
use super::requests::{Listed, Request, find};
use super::sql::{Query, query};
use super::{Connection, StoreError};

/// What a request must be to be found; what is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) status: Option<ApprovalStatus>,
    /// What was asked about, to the letter.
    pub(crate) digest: Option<Digest>,
    /// The very requester.
    pub(crate) requester: Option<String>,
    /// The requester's name, or its owner's.
    pub(crate) principal: String,
    pub(crate) tool: String,
    /// The subcommand path, where only one is wanted.
    pub(crate) command: Option<Vec<String>>,
    pub(crate) effect: String,
    /// A part of a field of the target.
    pub(crate) target: String,
    /// Words, each of which stands in the command, the reason, the requester's
    /// name or the id; letters of ASCII in either case.
    pub(crate) text: String,
    /// `user:NAME` and `group:NAME`, one of which a requirement may name; what fits can be more
    /// than that. None asks for nothing.
    pub(crate) approvers: Vec<String>,
    /// Asked at this time or later.
    pub(crate) from: Option<Timestamp>,
    /// Asked before this time.
    pub(crate) to: Option<Timestamp>,
    /// Older than this one.
    pub(crate) before: Option<RequestId>,
    /// The most of one page.
    pub(crate) limit: u64,
    /// A page ends once what is stored of its requests has this many bytes.
    pub(crate) limit_bytes: u64,
}

impl Wanted {
    /// Tells whether nothing is asked for but the newest.
    pub(crate) fn is_everything(&self) -> bool {
        let limits = Self {
            limit: self.limit,
            limit_bytes: self.limit_bytes,
            ..Self::default()
        };
        *self == limits
    }
}

impl Wanted {
    /// Tells whether something is wanted for which every request is read.
    pub(crate) fn is_search(&self) -> bool {
        let texts = [
            &self.principal,
            &self.tool,
            &self.effect,
            &self.target,
            &self.text,
        ];
        let times = [self.from, self.to];
        self.command.is_some()
            || texts.into_iter().any(|text| !text.is_empty())
            || times.iter().any(Option::is_some)
    }
}

/// What is looked at for a word: the command without the marks of its form.
const TEXT: &str = "lower(replace(json_extract(invocation, '$.argv'), '{\"text\":', '')
    || ' ' || coalesce(reason, '') || ' ' || requester || ' ' || id)";

/// Returns a page of the requests that are wanted, newest first.
pub(crate) async fn search(
    connection: &mut Connection,
    wanted: &Wanted,
) -> Result<Listed, StoreError> {
    let rows = statement(wanted).fetch_all(&mut *connection).await?;
    let (mut requests, mut bytes): (Vec<Request>, u64) = (Vec::new(), 0);
    let mut has_more = false;
    for row in &rows {
        if requests.len() as u64 == wanted.limit || bytes > wanted.limit_bytes {
            has_more = true;
            break;
        }
        bytes = bytes.saturating_add(count(row, "bytes")?);
        let id: RequestId = parse(row, "id")?;
        requests.extend(find(connection, id).await?);
    }
    Ok(Listed { requests, has_more })
}

fn statement(wanted: &Wanted) -> Query {
    let mut query = query(
        "SELECT id, CAST(octet_length(invocation) + octet_length(circumstances)
           + octet_length(terms) + coalesce(octet_length(reason), 0) AS BIGINT) AS bytes
         FROM requests WHERE true",
    );
    if let Some(status) = wanted.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(digest) = wanted.digest {
        query.push(" AND digest = ").push_bind(digest.to_string());
    }
    if let Some(requester) = &wanted.requester {
        query.push(" AND requester = ").push_bind(requester.clone());
    }
    if !wanted.principal.is_empty() {
        query
            .push(" AND (requester = ")
            .push_bind(wanted.principal.clone());
        query.push(" OR requester_owner = ");
        query.push_bind(wanted.principal.clone()).push(")");
    }
    if !wanted.tool.is_empty() {
        query.push(" AND json_extract(invocation, '$.tool.name') = ");
        query.push_bind(wanted.tool.clone());
    }
    if let Some(command) = &wanted.command {
        let command = serde_json::Value::from(command.clone()).to_string();
        query.push(" AND json_extract(invocation, '$.command') = ");
        query.push_bind(command);
    }
    if !wanted.effect.is_empty() {
        query.push(" AND json_extract(invocation, '$.effect') = ");
        query.push_bind(wanted.effect.clone());
    }
    if !wanted.target.is_empty() {
        query.push(
            " AND EXISTS (SELECT 1 FROM json_each(invocation, '$.target') AS field
             WHERE instr(lower(field.value), ",
        );
        query
            .push_bind(wanted.target.to_ascii_lowercase())
            .push(") > 0)");
    }
    for word in wanted.text.split_whitespace() {
        query.push(" AND instr(").push(TEXT).push(", ");
        query.push_bind(word.to_ascii_lowercase()).push(") > 0");
    }
    push_approvers(&mut query, &wanted.approvers);
    push_times(&mut query, wanted);
    if let Some(before) = wanted.before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC LIMIT ");
    query.push_bind(integer(wanted.limit.saturating_add(1)));
    query
}

fn push_approvers(query: &mut Query, approvers: &[String]) {
    if !approvers.is_empty() {
        // Empty stands for everybody.
        query.push(" AND (instr(terms, '\"approvers\":[]') > 0");
        for approver in approvers {
            let text = serde_json::Value::from(approver.as_str()).to_string();
            query
                .push(" OR instr(terms, ")
                .push_bind(text)
                .push(") > 0");
        }
        query.push(")");
    }
}

fn push_times(query: &mut Query, wanted: &Wanted) {
    if let Some(from) = wanted.from {
        query
            .push(" AND created_at >= ")
            .push_bind(from.as_millisecond());
    }
    if let Some(to) = wanted.to {
        query
            .push(" AND created_at < ")
            .push_bind(to.as_millisecond());
    }
}
