//! Which requests a channel tells of.

use gate_protocol::channel::ChannelFilter;

use crate::store::requests::Request;

/// Tells whether the channel tells of the request.
pub(crate) fn wants(filter: &ChannelFilter, request: &Request) -> bool {
    let is_or_empty = |wanted: &[String], has: &dyn Fn(&String) -> bool| {
        wanted.is_empty() || wanted.iter().any(has)
    };
    let requirements = &request.state.requirements;
    let may_answer = |name: &String| {
        requirements
            .iter()
            .any(|one| one.approvers.is_empty() || one.approvers.contains(name))
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
