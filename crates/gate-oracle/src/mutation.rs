//! Changes to the words of a statement.

use crate::Dice;

/// Changes single words; where another statement is needed, it is one of `line`.
pub(crate) fn changed(dice: &mut Dice, text: &str, line: fn(&mut Dice) -> &'static str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let at = dice.below(words.len());
    let other: Vec<&str> = line(dice).split(' ').collect();
    match dice.below(9) {
        0 => drop(words.remove(at)),
        1 => words.insert(at, words.get(at).copied().unwrap_or_default()),
        2 => words.swap(at, 0),
        3 | 4 => words.insert(at, dice.pick(&other)),
        5 => {
            words.truncate(at);
            words.extend(other.iter().skip(dice.below(other.len())));
        }
        6 => return without_a_letter(dice, text),
        _ => {
            if let Some(word) = words.get_mut(at) {
                *word = dice.pick(&other);
            }
        }
    }
    words.join(" ")
}

fn without_a_letter(dice: &mut Dice, text: &str) -> String {
    let at = dice.below(text.chars().count());
    let letters = text.chars().enumerate();
    letters
        .filter(|(index, _)| *index != at)
        .map(|(_, letter)| letter)
        .collect()
}
