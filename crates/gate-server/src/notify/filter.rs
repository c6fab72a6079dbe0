//! Which requests a channel tells of.

use gate_protocol::channel::ChannelFilter;
use jiff::Timestamp;

use crate::lifecycle;
use crate::service::line::Effects;
use crate::store::requests::Request;

/// Tells whether the channel tells of the request at `now`. What it can do is the client's word and
/// the server's own reading, whichever asks for more: a milder word keeps nobody from hearing.
pub(crate) fn wants(filter: &ChannelFilter, request: &Request, now: Timestamp) -> bool {
    // What is past the rules every channel hears of: those whom it goes past more than anybody, and
    // no word of the requester narrows it.
    if request.particulars.break_glass.is_some() {
        return true;
    }
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
    // Read only where it is asked for: it costs a reading of the words.
    let can_do_one = || {
        let listed = filter.effects.iter().map(String::as_str);
        filter.effects.is_empty() || Effects::of(&request.invocation).are_among(listed)
    };
    let target = &request.invocation.target;
    is_or_empty(&filter.approvers, &may_answer)
        && can_do_one()
        && filter
            .target
            .iter()
            .all(|(name, value)| target.get(name) == Some(value))
}
