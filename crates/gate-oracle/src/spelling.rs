//! The many spellings of one flag.

use crate::{Case, Dice, Kind};

/// A flag of a command: its long name, its letter or nothing, its value or nothing.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    pub(crate) long: &'static str,
    pub(crate) short: &'static str,
    pub(crate) value: Option<String>,
}

/// Returns a flag with a value.
pub(crate) fn valued(long: &'static str, short: &'static str, value: &str) -> Flag {
    Flag {
        long,
        short,
        value: Some(value.to_owned()),
    }
}

/// Returns a switch.
pub(crate) fn switch(long: &'static str, short: &'static str) -> Flag {
    Flag {
        long,
        short,
        value: None,
    }
}

impl Flag {
    /// Spells it in one of the ways that pflag reads.
    pub(crate) fn pflag(&self, dice: &mut Dice) -> Vec<String> {
        let (long, short) = (self.long, self.short);
        let Some(value) = &self.value else {
            return match dice.below(4) {
                0 => vec![format!("--{long}=true")],
                1 if !short.is_empty() => vec![format!("-{short}")],
                _ => vec![format!("--{long}")],
            };
        };
        match dice.below(if short.is_empty() { 2 } else { 5 }) {
            0 => vec![format!("--{long}"), value.clone()],
            1 => vec![format!("--{long}={value}")],
            2 => vec![format!("-{short}"), value.clone()],
            3 => vec![format!("-{short}{value}")],
            _ => vec![format!("-{short}={value}")],
        }
    }
}

/// Turns a line into words; what stands in single quotes keeps its spaces.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut is_open, mut is_quoted) = (false, false);
    for letter in line.chars() {
        if letter == '\'' {
            is_quoted = !is_quoted;
        } else if letter.is_whitespace() && !is_quoted {
            is_open = false;
            continue;
        }
        if !is_open {
            words.push(String::new());
            is_open = true;
        }
        if letter != '\'' {
            words
                .last_mut()
                .into_iter()
                .for_each(|word| word.push(letter));
        }
    }
    words
}

/// Turns a line as a shell would read it, variables first, into a command.
pub(crate) fn command(kind: Kind, shape: &'static str, tool: &str, line: &str) -> Case {
    let mut case = Case::new(kind, shape, vec![tool.to_owned()]);
    for word in words(line) {
        let is_first = case.argv.len() == 1;
        match word.split_once('=') {
            Some((name, value)) if is_first && is_variable(name) => {
                case.env.insert(name.to_owned(), value.to_owned());
            }
            _ => case.argv.push(word),
        }
    }
    case
}

/// Adds up to two of these switches.
pub(crate) fn switched(dice: &mut Dice, mut case: Case, switches: &[&str]) -> Case {
    for _ in 0..dice.below(3) {
        case.argv.push(dice.pick(switches).to_owned());
    }
    case
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_shell_reads_it() {
        let case = command(Kind::Attack, "x", "psql", "A='b c' D= -c 'select 1' x=y");
        assert_eq!(case.argv, ["psql", "-c", "select 1", "x=y"]);
        let env: Vec<_> = case
            .env
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(env, [("A", "b c"), ("D", "")]);
        assert_eq!(words("a '' 'b'c"), ["a", "", "bc"]);
    }

    #[test]
    fn a_flag_is_spelled_in_every_way() {
        let mut dice = Dice::of(1, 1);
        let mut seen: Vec<String> = (0..200)
            .map(|_| valued("output", "o", "x").pflag(&mut dice).join(" "))
            .collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["--output x", "--output=x", "-o x", "-o=x", "-ox"]);
    }
}
