//! Options whose values have names on the wire: help lists the names, and any
//! other word is refused with them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use gate_protocol::principal::is_name;

/// Returns a parser for one of `all` by its name.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(move |value| name(*value))).try_map(move |text| {
        let mut values = all.iter().copied();
        // clap has refused every other word already.
        values
            .find(|value| name(*value) == text)
            .ok_or("it is none of the names")
    })
}

/// Takes what can be the name of a principal, a group or a channel, and so one
/// part of a path.
///
/// # Errors
/// What a name looks like.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err("a name has 1 to 128 of a-z, 0-9, and `._@+-`, and is neither `.` nor `..`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::builder::TypedValueParser as _;
    use gate_protocol::principal::Role;

    use super::*;

    #[test]
    fn a_value_is_named_as_on_the_wire() {
        let command = clap::Command::new("x");
        let parse =
            |text: &str| one_of(Role::ALL, Role::as_str).parse_ref(&command, None, text.as_ref());
        assert_eq!(parse("approver").unwrap(), Role::Approver);
        for other in ["Approver", "", "king"] {
            let refused = parse(other).unwrap_err().to_string();
            assert!(refused.contains("auditor"), "{refused}");
        }
    }
}
