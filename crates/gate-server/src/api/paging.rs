//! The one scheme by which lists come in pages: `cursor` and `limit` in the query,
//! `next` in the answer.

use gate_protocol::page::{Cursor, PAGE_DEFAULT, PAGE_LIMIT};
use serde::Deserialize;

use crate::problem::Failure;
use crate::service::Paging;

/// The query of a list that has nothing else to ask for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    cursor: Option<Cursor>,
    limit: Option<u64>,
}

impl PageQuery {
    /// Returns which part of `list` is wanted.
    pub(super) fn paging(&self, list: &str) -> Result<Paging, Failure> {
        paging(list, self.cursor.as_ref(), self.limit)
    }
}

/// Returns which part of `list` is wanted.
///
/// # Errors
/// 400 where the cursor is not this list's, or the limit is not one.
pub(super) fn paging(
    list: &str,
    cursor: Option<&Cursor>,
    limit: Option<u64>,
) -> Result<Paging, Failure> {
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_LIMIT).contains(&limit) {
        let detail = format!("`limit` must be from 1 to {PAGE_LIMIT}");
        return Err(Failure::bad_request(detail));
    }
    let after = cursor.map(|cursor| cursor.key(list).map_err(|_| Failure::wrong_cursor()));
    Ok(Paging::new(after.transpose()?, limit))
}
