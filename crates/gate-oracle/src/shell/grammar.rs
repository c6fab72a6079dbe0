//! The scripts that a shell is given, and the ways in which it is given one.

use crate::{Case, Dice, Kind};

const COMMANDS: &str = include_str!("commands.txt");
const ORDINARY: &str = include_str!("ordinary.txt");
const SHAPES: &str = include_str!("shapes.txt");

/// Stands for a line end in the lists.
const LINE_END: &str = "¶";
/// What stands before a letter where something is to be put in.
const HOLE: char = '§';
/// What mutations put in. No `/`: a script stays in its folder.
const SIGNS: &[&str] = &[
    "'", "\"", "\\", "`", "$", "(", ")", "{", "}", "[", "]", ";", "&", "|", "<", ">", "#", "!",
    "*", "?", "~", "=", "\n", " ", "@", ":", "-", "$(", "${", "\\\n", "<<", "%", "+", "1", "x",
];

/// Returns every ordinary script, one a line of the list.
pub fn ordinary() -> impl Iterator<Item = Case> {
    ORDINARY.lines().map(|line| {
        let text = line.replace(LINE_END, "\n");
        let argv = ["bash", "-c", &text].map(str::to_owned).to_vec();
        Case::new(Kind::Read, "ordinary", argv)
    })
}

/// Returns every shape once, with plain commands in it, as bash is given it.
pub fn every_shape() -> impl Iterator<Item = Case> {
    SHAPES.lines().enumerate().map(|(number, line)| {
        let mut writer = Writer::new(Dice::of(1, number));
        let text = writer.fill(line, 2);
        let argv = ["bash".to_owned(), "-c".to_owned(), text].to_vec();
        Case::new(Kind::Attack, "every shape", argv)
    })
}

/// Returns one script of a run: each shape once, then scripts of many shapes,
/// handed to a shell in one of many ways.
pub fn case(seed: u64, number: usize) -> Case {
    every_shape()
        .nth(number)
        .unwrap_or_else(|| mixed(&mut Dice::of(seed, number)))
}

fn mixed(dice: &mut Dice) -> Case {
    let mut writer = Writer::new(dice.clone());
    if dice.chance(8) {
        let text = dice.line(ORDINARY).replace(LINE_END, "\n");
        return handed(dice, Kind::Read, "ordinary", &text);
    }
    let mut text = writer.script();
    let mut shape = "shaped";
    if dice.chance(35) {
        shape = "mutated";
        for _ in 0..=dice.below(3) {
            text = mutated(dice, &text);
        }
    }
    handed(dice, Kind::Attack, shape, &text)
}

/// Hands a script to a shell.
fn handed(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let words = |before: &[&str], behind: &[&str]| {
        let before = before.iter().map(|word| (*word).to_owned());
        let behind = behind.iter().map(|word| (*word).to_owned());
        before.chain(Some(text.to_owned())).chain(behind).collect()
    };
    let file = |argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Case::new(kind, shape, argv).with_file("given.sh", &format!("{text}\n"))
    };
    let argv = match dice.below(16) {
        0 | 1 => words(&["sh", "-c"], &[]),
        2 => words(&["dash", "-c"], &[]),
        3 => words(&["bash", "-ec"], &[]),
        4 => words(&["bash", "-c"], &["x", "delete", "ns", "p"]),
        5 => words(&["env", "A=b", "bash", "-c"], &[]),
        6 => words(&["timeout", "3", "sh", "-c"], &["x", "delete ns"]),
        7 => words(
            &["find", ".", "-maxdepth", "0", "-exec", "bash", "-c"],
            &[";"],
        ),
        8 => return file(&["bash", "given.sh"]),
        9 => return file(&["sh", "./given.sh", "delete", "ns"]),
        10 => {
            let argv = vec!["bash".to_owned()];
            return Case::new(kind, shape, argv).with_stdin(&format!("{text}\n"));
        }
        11 => {
            let argv = ["sh", "-s", "delete"].map(str::to_owned).to_vec();
            return Case::new(kind, shape, argv).with_stdin(text);
        }
        _ => words(&["bash", "-c"], &[]),
    };
    let case = Case::new(kind, shape, argv);
    match dice.below(12) {
        0 => case.with_env("v", "delete"),
        1 => case.with_env("v", "get pods"),
        2 => case.with_stdin("delete ns p\n"),
        3 => case.with_stdin("drop table t;\n"),
        _ => case,
    }
}

/// Changes one place of a text.
fn mutated(dice: &mut Dice, text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = dice.below(letters.len() + 1);
    let (before, behind) = letters.split_at(at.min(letters.len()));
    let text = |letters: &[char]| letters.iter().collect::<String>();
    let rest = behind.get(1..).unwrap_or_default();
    match (dice.below(5), behind.first()) {
        (0, Some(_)) => text(before) + &text(rest),
        (1, Some(letter)) if !matches!(letter, '.' | '/') => {
            format!("{}{letter}{letter}{}", text(before), text(rest))
        }
        (2, Some(letter)) if *letter != '/' => {
            format!("{}{}{}", text(before), dice.pick(SIGNS), text(rest))
        }
        _ => format!("{}{}{}", text(before), dice.pick(SIGNS), text(behind)),
    }
}

/// Writes scripts from the shapes.
struct Writer {
    dice: Dice,
    /// What has to stand in front of the whole script.
    prelude: String,
}

impl Writer {
    fn new(dice: Dice) -> Self {
        Self {
            dice,
            prelude: String::new(),
        }
    }

    fn script(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.dice.below(2) {
            let shape = self.dice.line(SHAPES);
            if !text.is_empty() {
                text.push_str(self.dice.pick(&["; ", "\n", " && ", " || ", " | ", " & "]));
            }
            text.push_str(&self.fill(shape, 0));
        }
        let between = self.dice.pick(&["\n", "; "]);
        if self.prelude.is_empty() {
            text
        } else {
            let prelude = self.prelude.trim_end_matches("; ");
            format!("{prelude}{between}{text}")
        }
    }

    /// Fills the holes of a shape; from some depth on with plain commands.
    fn fill(&mut self, shape: &str, depth: usize) -> String {
        let shape = shape.replace(LINE_END, "\n");
        let mut parts = shape.split(HOLE);
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let mut letters = part.chars();
            let kind = letters.next().unwrap_or_default();
            let inside = if kind == 's' {
                self.command(depth < 2)
            } else {
                self.list(depth)
            };
            text.push_str(&match kind {
                'q' => quoted(&inside),
                'd' => escaped(&inside, "\\\"$`"),
                'b' => escaped(&inside, "\\$`"),
                _ => inside,
            });
            text.push_str(letters.as_str());
        }
        text
    }

    fn list(&mut self, depth: usize) -> String {
        if depth < 2 && self.dice.chance(35) {
            let shape = self.dice.line(SHAPES);
            // A here-document needs a line end behind it.
            if !shape.contains("<<") || shape.contains("<<<") {
                return self.fill(shape, depth + 1);
            }
        }
        self.command(depth < 2)
    }

    fn command(&mut self, spells: bool) -> String {
        let line = self.dice.line(COMMANDS);
        let words = line.split(' ').map(|word| word.replace('␠', " "));
        let words: Vec<String> = words.map(|word| self.word(&word, spells)).collect();
        words.join(" ")
    }

    /// Spells a word in one of the ways that a shell reads so.
    fn word(&mut self, word: &str, spells: bool) -> String {
        let has_blank = word.contains(' ');
        if !spells || self.dice.chance(75) {
            return if has_blank {
                quoted(word)
            } else {
                word.to_owned()
            };
        }
        let middle = word.len() / 2;
        let (one, other) = word.split_at_checked(middle).unwrap_or((word, ""));
        match self.dice.below(22) {
            0 => quoted(word),
            1 => format!("\"{word}\""),
            2 => word.chars().flat_map(|letter| ['\\', letter]).collect(),
            3 => format!("'{one}'\"{other}\""),
            4 => format!("\"{one}\"'{other}'''"),
            5 => format!("$'{}'", word.replace('e', "\\x65")),
            6 => format!("$'{one}''{other}'"),
            7 => format!("\"$(echo '{word}')\""),
            8 => format!("\"`echo '{word}'`\""),
            9 => format!("\"${{undefined:-{word}}}\""),
            10 => format!("${{undefined:-'{word}'}}"),
            11 => format!("\"${{undefined-{word}}}\""),
            12 => format!("\"{one}\\\n{other}\""),
            13 => format!("'{one}'\\\n'{other}'"),
            14 if word.len() > 2 && !has_blank => format!("{one}?{}", other.get(1..).unwrap_or("")),
            15 if !has_blank => format!("{one}{{{other},x}}"),
            16 => self.variable(word, "\"$", "\""),
            17 => self.variable(word, "\"${", "}\""),
            18 => self.variable(word, "$", ""),
            19 => self.variable(word, "\"${", ":-x}\""),
            20 => self.variable(&format!("x{word}"), "\"${", "#x}\""),
            _ => format!("'{word}'"),
        }
    }

    /// Puts a word into a variable in front of the script.
    fn variable(&mut self, word: &str, before: &str, behind: &str) -> String {
        let name = self.dice.pick(&["w1", "w2", "w3", "w4", "w5", "w6"]);
        let export = self.dice.pick(&["", "", "export ", "readonly "]);
        let assignment = format!("{export}{name}={}; ", quoted(word));
        self.prelude.push_str(&assignment);
        format!("{before}{name}{behind}")
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn escaped(text: &str, signs: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if signs.contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
