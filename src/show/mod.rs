//! How a request, the rules and an audit record are shown in a terminal.
//!
//! Everything that came from outside goes through `gate_protocol::inert` first,
//! nothing is cut off, and the left column of a sheet is ours alone: a value
//! that is too long for its line goes on under itself, so that no value can
//! imitate a label.

pub(crate) mod answer;
pub(crate) mod clock;
pub(crate) mod json;
pub(crate) mod record;
pub(crate) mod request;
mod request_parts;
pub(crate) mod rules;
pub(crate) mod screen;
pub(crate) mod sheet;
pub(crate) mod table;
pub(crate) mod tree;
mod wrap;

pub(crate) use answer::text as print;
