//! Which requests a channel tells of.

use gate_protocol::channel::ChannelFilter;
use jiff::Timestamp;

use crate::lifecycle;
use crate::store::requests::Request;

/// Tells whether the channel tells of the request at `now`.
pub(crate) fn wants(filter: &ChannelFilter, request: &Request, now: Timestamp) -> bool {
    let is_or_empty = |wanted: &[String], has: &dyn Fn(&String) -> bool| {
        wanted.is_empty() || wanted.iter().any(has)
    };
    let state = &request.state;
    let waited = state.waited_for_people(now);
    let may_answer = |name: &String| {
        state.requirements.iter().any(|one| {
            one.approvers.is_empty()
                || one.approvers.contains(name)
                || lifecycle::joined(one, waited).contains(name)
        })
    };
    let target = &request.invocation.target;
    is_or_empty(&filter.approvers, &may_answer)
        && is_or_empty(&filter.effects, &|effect| {
            *effect == request.invocation.effect
        })
        && filter
            .target
            .iter()
            .all(|(name, value)| target.get(name) == Some(value))
}
