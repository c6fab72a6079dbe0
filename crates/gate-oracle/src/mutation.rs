//! Statements that are made of those that are written down.

use crate::Dice;

/// The statements of one database, and what it can be done to them.
pub(crate) struct Statements {
    /// Reads of every day, one on a line.
    pub(crate) ordinary: &'static str,
    /// The others.
    pub(crate) others: &'static str,
    /// Ways to put one into another, or to write it in another way.
    pub(crate) ways: &'static [&'static [Way]],
}

/// A way to write a statement, with another one at hand. `{text}` and `{other}` stand for the two.
pub(crate) enum Way {
    /// As this text.
    As(&'static str),
    /// With one text for another, wherever it stands.
    Every(&'static str, &'static str),
    /// With one text for another, where it stands first.
    First(&'static str, &'static str),
    /// As the first does, and with a text behind it.
    FirstAndEnd(&'static str, &'static str, &'static str),
    /// Before the other one, with one of these between them.
    Between(&'static [&'static str]),
    /// In capital letters.
    Capitals,
}

use Way::{As, Capitals, Every, First};

/// What every SQL has, in the order in which the databases try it; what is their own stands between.
pub(crate) const WITH: &[Way] = &[As("with w as ({text}) select 1 from w")];
pub(crate) const INSIDE: &[Way] = &[
    As("select * from ({text}) as w"),
    As("select 1 where exists ({text})"),
    As("explain {text}"),
];
pub(crate) const BESIDE: &[Way] = &[
    As("begin; {text}; commit"),
    As("{text}; {other}"),
    As("{other};{text}"),
    As("{text} union all {other}"),
];
pub(crate) const WRITTEN: &[Way] = &[
    As("values (({text}))"),
    First("1", "({other})"),
    Every(" ", "/**/"),
    Every(" ", "\n\t"),
    Capitals,
    As("/* {other} */ {text} -- {other}"),
];
/// What is there beside it where a quote of either kind is a text.
pub(crate) const QUOTED: &[Way] = &[Every("'", "\""), First("'", "'';")];

/// Ways to write a statement that say the same in every SQL.
const DISGUISES: [Way; 5] = [
    As("/* select */ {text}"),
    As("select 1; {text}"),
    As("-- select 1\n{text}"),
    Every(" ", "\n"),
    As("begin; {text}; commit"),
];

/// Writes a statement in another way that says the same, in one of these too, or leaves it as it is.
pub(crate) fn disguised(dice: &mut Dice, text: &str, own: &[Way]) -> String {
    let mut ways = DISGUISES.iter().chain(own);
    let number = dice.below(DISGUISES.len() + own.len() + 2);
    let way = ways.nth(number);
    way.map_or_else(|| text.to_owned(), |way| way.written(dice, text, ""))
}

impl Statements {
    /// Returns a statement that was made of those that are written down.
    pub(crate) fn mutated(&self, dice: &mut Dice) -> String {
        let mut text = self.line(dice).to_owned();
        for _ in 0..=dice.below(3) {
            text = if dice.chance(60) {
                self.changed(dice, &text)
            } else {
                self.wrapped(dice, &text)
            };
        }
        text
    }

    fn line(&self, dice: &mut Dice) -> &'static str {
        // What starts from a read ends more often as something that gate calls one.
        let text = if dice.chance(65) {
            self.ordinary
        } else {
            self.others
        };
        dice.line(text)
    }

    /// Changes single words.
    fn changed(&self, dice: &mut Dice, text: &str) -> String {
        let mut words: Vec<&str> = text.split(' ').collect();
        let at = dice.below(words.len());
        let other: Vec<&str> = self.line(dice).split(' ').collect();
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

    /// Puts a statement into another one, or writes it in another way.
    fn wrapped(&self, dice: &mut Dice, text: &str) -> String {
        let other = self.line(dice);
        let ways: Vec<&Way> = self.ways.iter().copied().flatten().collect();
        let number = dice.below(ways.len());
        let way = ways.get(number);
        way.map_or_else(String::new, |way| way.written(dice, text, other))
    }
}

impl Way {
    fn written(&self, dice: &mut Dice, text: &str, other: &str) -> String {
        match self {
            As(shape) => shape.replace("{text}", text).replace("{other}", other),
            Every(old, new) => text.replace(old, new),
            First(old, new) => text.replacen(old, &new.replace("{other}", other), 1),
            Self::FirstAndEnd(old, new, end) => text.replacen(old, new, 1) + end,
            Self::Between(signs) => format!("{text}{}{other}", dice.pick(signs)),
            Capitals => text.to_uppercase(),
        }
    }
}

fn without_a_letter(dice: &mut Dice, text: &str) -> String {
    let at = dice.below(text.chars().count());
    let letters = text.chars().enumerate();
    letters
        .filter(|(index, _)| *index != at)
        .map(|(_, letter)| letter)
        .collect()
}
