//! What is erased of the rows that pages and answers are made from: the words for it take the place
//! of what stood there.

use gate_protocol::id::RequestId;

use super::columns::text;
use super::requests::Request;
use super::sql::query;
use super::{Connection, StoreError};

/// Puts the words in the place of what can be erased of a request.
pub(crate) async fn request(
    connection: &mut Connection,
    mut request: Request,
    words: &str,
) -> Result<(), StoreError> {
    let circumstances = &mut request.circumstances;
    words.clone_into(&mut circumstances.host);
    words.clone_into(&mut circumstances.os_user);
    if let Some(actor) = circumstances.ci.as_mut().and_then(|ci| ci.actor.as_mut()) {
        words.clone_into(actor);
    }
    for input in &mut request.invocation.inputs {
        input.content = None;
    }
    // Named as on the wire, as the places of a record are.
    let invocation = serde_json::to_value(&request.invocation);
    let mut invocation = invocation.map_err(|_| StoreError::Unreadable { what: "invocation" })?;
    if let Some(members) = invocation.as_object_mut() {
        members.remove("preview");
    }
    let said = "what was said of it, where it came from and the text of its inputs are gone";
    request
        .particulars
        .warnings
        .push(format!("{said}: {words}"));
    query(
        "UPDATE requests SET reason = CASE WHEN reason IS NULL THEN NULL ELSE ? END,
           circumstances = ?, invocation = ?, particulars = ?, version = version + 1 WHERE id = ?",
    )
    .bind(words)
    .bind(text(&request.circumstances, "circumstances")?)
    .bind(invocation.to_string())
    .bind(text(&request.particulars, "particulars")?)
    .bind(request.id.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts the words in the place of one review's comment.
pub(crate) async fn comment(
    connection: &mut Connection,
    (request, reviewer): (&str, &str),
    words: &str,
) -> Result<(), StoreError> {
    query(
        "UPDATE reviews SET comment = ?
         WHERE request = ? AND reviewer = ? AND comment IS NOT NULL",
    )
    .bind(words)
    .bind(request)
    .bind(reviewer)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts the words in the place of each review's comment.
pub(crate) async fn comments(
    connection: &mut Connection,
    request: RequestId,
    words: &str,
) -> Result<(), StoreError> {
    query("UPDATE reviews SET comment = ? WHERE request = ? AND comment IS NOT NULL")
        .bind(words)
        .bind(request.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Puts the words in the place of the comment of a break-glass's review.
pub(crate) async fn break_glass(
    connection: &mut Connection,
    mut request: Request,
    words: &str,
) -> Result<(), StoreError> {
    let Some(what) = request.particulars.break_glass.as_mut() else {
        return Ok(());
    };
    what.comment = what.comment.as_ref().map(|_| words.to_owned());
    super::requests::put_particulars(connection, &request).await
}

/// Puts the words in the place of the reason of a standing grant.
pub(crate) async fn standing_grant(
    connection: &mut Connection,
    id: &str,
    words: &str,
) -> Result<(), StoreError> {
    query("UPDATE standing_grants SET reason = ? WHERE id = ?")
        .bind(words)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
