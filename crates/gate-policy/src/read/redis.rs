//! The grammar of redis-cli: options are compared as a whole, the first word
//! that is none starts the command, and a server reads its name in any case.

use crate::invocation::WordRole;
use crate::profile::Arity;

use super::words::{Parsed, shown};

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    while let Some((_, word)) = parsed.next_word() {
        let flag = match word {
            [b'-', b'-', name @ ..] if name.len() > 1 => parsed.find_exact(name, true),
            [b'-', letter] => parsed.find_short(*letter, true),
            [b'-', ..] => None,
            _ => break,
        };
        let Some(flag) = flag else {
            parsed.give_up(format!("gate does not know `{}`", shown(word)));
            return;
        };
        if flag.arity != Arity::Many {
            parsed.take_flag(flag, None);
            continue;
        }
        let index = parsed.words.len();
        parsed.push_use(flag, true, None, (index, 0));
        parsed.mark(WordRole::Option, flag.name.clone());
        while let Some((index, value)) = parsed.next_word()
            && value.first() != Some(&b'-')
        {
            parsed.push_use(flag, true, Some(value), (index, 0));
            parsed.mark(WordRole::Value, flag.name.clone());
        }
    }
    // Behind `--eval` stand keys and arguments of the script.
    if parsed.uses.iter().any(|used| used.name == "eval") {
        parsed.take_rest(false);
    } else {
        read_command(parsed);
    }
}

/// Reads the words of a command, as those of a line of standard input.
pub(crate) fn read_command(parsed: &mut Parsed<'_>) {
    while let Some((_, word)) = parsed.next_word()
        && parsed.wants_command()
    {
        parsed.take_command(&word.to_ascii_lowercase());
    }
    parsed.take_rest(false);
}
