//! The calls that ask for approval and approve.

use gate_protocol::review::{Answer, SubmitReview};
use serde_json::Value;

use crate::asked::submission;
use crate::light::{call, keyed};

/// Returns the call that asks for approval.
pub(crate) fn submit(token: &str, word: &str) -> String {
    let body = serde_json::to_string(&submission(word)).unwrap();
    keyed(&call("POST", "/v1/requests", token, &body))
}

/// Returns the call that approves a request.
pub(crate) fn approve(token: &str, request: &Value) -> String {
    let review = SubmitReview {
        answer: Answer::Approve,
        digest: request["digest"].as_str().unwrap().parse().unwrap(),
        comment: None,
    };
    let path = format!("/v1/requests/{}/reviews", request["id"].as_str().unwrap());
    let body = serde_json::to_string(&review).unwrap();
    call("POST", &path, token, &body)
}
