//! Commands: lists, pipes, compound commands, redirections.

use std::rc::Rc;

use super::parser::{Dialect, Parser, Problem};
use super::syntax::{
    AndOr, Assignment, Command, ForWords, Joint, Kind, List, Pipeline, Simple, Word,
};

/// The words that end a list where a command could stand.
const ENDS: &[&[u8]] = &[
    b"then", b"else", b"elif", b"fi", b"do", b"done", b"esac", b"}",
];
/// The words that start what is not in the grammar.
const FOREIGN: &[&[u8]] = &[
    b"coproc",
    b"repeat",
    b"foreach",
    b"always",
    b"noglob",
    b"nocorrect",
];

/// The other words that mean something where a command could stand, or behind
/// such a word.
const RESERVED: &[&[u8]] = &[
    b"if",
    b"while",
    b"until",
    b"for",
    b"select",
    b"case",
    b"in",
    b"function",
    b"{",
    b"!",
    b"[[",
    b"]]",
    b"time",
];

/// Tells whether a word as it is written means something to a shell itself.
pub(super) fn is_reserved(word: &[u8]) -> bool {
    [ENDS, FOREIGN, RESERVED]
        .iter()
        .any(|words| words.contains(&word))
}

impl Parser<'_> {
    /// Reads commands up to something that ends them.
    pub(super) fn list(&mut self) -> Result<List, Problem> {
        let mut list = Vec::new();
        loop {
            self.skip_lines()?;
            let is_end = match self.peek() {
                None | Some(b')') => true,
                Some(b';') => self.is_end_of_arm(),
                Some(_) => ENDS.contains(&self.plain_word()),
            };
            if is_end {
                return Ok(List(list));
            }
            let mut and_or = self.and_or()?;
            self.skip_blanks();
            match self.peek() {
                Some(b'&') => {
                    self.at += 1;
                    for (_, pipeline) in &mut and_or.pipelines {
                        pipeline.is_background = true;
                    }
                }
                Some(b';') if !self.is_end_of_arm() => self.at += 1,
                Some(b'\n') => self.take_line_end()?,
                _ => {
                    list.push(and_or);
                    return Ok(List(list));
                }
            }
            list.push(and_or);
        }
    }

    /// Tells whether `;;`, `;&` or `;;&` comes next.
    fn is_end_of_arm(&self) -> bool {
        self.starts_with(b";;") || self.starts_with(b";&")
    }

    /// Reads commands up to `)`, and takes it.
    pub(super) fn list_to_parenthesis(&mut self) -> Result<List, Problem> {
        let list = self.deeper(Self::list)?;
        self.skip_lines()?;
        if self.take(b")") {
            Ok(list)
        } else {
            Err("a parenthesis is not closed")
        }
    }

    fn and_or(&mut self) -> Result<AndOr, Problem> {
        let mut pipelines = vec![(Joint::First, self.pipeline()?)];
        loop {
            self.skip_blanks();
            let joint = if self.take(b"&&") {
                Joint::And
            } else if self.take(b"||") {
                Joint::Or
            } else {
                return Ok(AndOr { pipelines });
            };
            self.skip_lines()?;
            pipelines.push((joint, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, Problem> {
        loop {
            self.skip_blanks();
            if self.take_reserved(b"!") {
                continue;
            }
            if self.dialect == Dialect::Posix || !self.take_reserved(b"time") {
                break;
            }
            self.skip_blanks();
            self.take_reserved(b"-p");
        }
        let mut commands = vec![self.command()?];
        loop {
            self.skip_blanks();
            if self.starts_with(b"||") || !self.take(b"|") {
                break;
            }
            self.take(b"&");
            self.skip_lines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline {
            commands,
            is_background: false,
        })
    }

    fn command(&mut self) -> Result<Command, Problem> {
        self.skip_blanks();
        let word = self.plain_word();
        if FOREIGN.contains(&word) || ENDS.contains(&word) {
            return Err("a word stands where no command can start with it");
        }
        let Some(kind) = self.deeper(Self::compound)? else {
            return self.simple();
        };
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
        }
        if self.is_word_ahead() || self.peek() == Some(b'(') {
            return Err("a word stands behind a compound command");
        }
        Ok(Command { kind, redirects })
    }

    /// Reads a compound command, where one starts here.
    fn compound(&mut self) -> Result<Option<Kind>, Problem> {
        if self.peek() == Some(b'(') {
            if self.peek_at(1) == Some(b'(') {
                // Not every shell has it: some read it as a shell in a shell.
                let arithmetic = self.arithmetic(2);
                let arithmetic = arithmetic.filter(|_| self.dialect != Dialect::Posix);
                let arithmetic = arithmetic.ok_or("`((` is not understood")?;
                return Ok(Some(Kind::Arithmetic(arithmetic)));
            }
            self.at += 1;
            return Ok(Some(Kind::Subshell(self.list_to_parenthesis()?)));
        }
        let is_bash = self.dialect != Dialect::Posix;
        let kind = if self.take_reserved(b"{") {
            let list = self.list()?;
            self.expect_reserved(b"}", "`{` is not closed")?;
            Kind::Group(list)
        } else if self.take_reserved(b"if") {
            self.branches()?
        } else if self.take_reserved(b"while") || self.take_reserved(b"until") {
            let condition = self.list()?;
            let body = self.body()?;
            Kind::While(condition, body)
        } else if self.take_reserved(b"for") {
            self.for_loop()?
        } else if is_bash && self.take_reserved(b"select") {
            let Kind::For(name, words, body) = self.for_loop()? else {
                return Err("`select` is not understood");
            };
            let words = match words {
                ForWords::Given(words) | ForWords::Unknown(words) => words,
                ForWords::Positional => Vec::new(),
            };
            Kind::For(name, ForWords::Unknown(words), body)
        } else if self.take_reserved(b"case") {
            self.case()?
        } else if is_bash && self.take_reserved(b"function") {
            self.skip_blanks();
            let name = self.plain_word().to_vec();
            self.at += name.len();
            self.function(name)?
        } else if is_bash && self.take_reserved(b"[[") {
            self.test()?
        } else if let Some(name) = self.function_name() {
            self.function(name)?
        } else {
            return Ok(None);
        };
        Ok(Some(kind))
    }

    fn branches(&mut self) -> Result<Kind, Problem> {
        let mut lists = vec![self.list()?];
        self.expect_reserved(b"then", "`if` has no `then`")?;
        lists.push(self.list()?);
        loop {
            self.skip_lines()?;
            if self.take_reserved(b"elif") {
                lists.push(self.list()?);
                self.expect_reserved(b"then", "`elif` has no `then`")?;
            } else if !self.take_reserved(b"else") {
                break;
            }
            lists.push(self.list()?);
        }
        self.expect_reserved(b"fi", "`if` has no `fi`")?;
        Ok(Kind::If(lists))
    }

    fn body(&mut self) -> Result<List, Problem> {
        self.expect_reserved(b"do", "a loop has no `do`")?;
        let body = self.list()?;
        self.expect_reserved(b"done", "a loop has no `done`")?;
        Ok(body)
    }

    fn for_loop(&mut self) -> Result<Kind, Problem> {
        self.skip_blanks();
        if self.starts_with(b"((") {
            return self.counting_loop();
        }
        let name = self.name();
        if name.is_empty() {
            return Err("a loop has no variable");
        }
        self.skip_lines()?;
        let words = if self.take_reserved(b"in") {
            let mut words = Vec::new();
            loop {
                self.skip_blanks();
                if !self.is_word_ahead() {
                    break;
                }
                words.push(self.word()?);
            }
            ForWords::Given(words)
        } else {
            ForWords::Positional
        };
        self.skip_blanks();
        if self.peek() == Some(b';') {
            self.at += 1;
        }
        let body = self.body()?;
        Ok(Kind::For(name, words, body))
    }

    /// Reads `for ((A; B; C))` as `A` and a `while` whose condition is `B` and
    /// whose body ends in `C`.
    fn counting_loop(&mut self) -> Result<Kind, Problem> {
        let problem = "`for ((` is not understood";
        if self.dialect == Dialect::Posix {
            return Err(problem);
        }
        self.at += 2;
        let mut parts = Vec::new();
        for end in [&b";"[..], b";", b"))"] {
            let part = self.calculation(end).ok_or(problem)?;
            parts.push(of_one(Kind::Arithmetic(part)));
        }
        self.skip_blanks();
        self.take(b";");
        let mut body = self.body()?;
        let (Some(step), Some(condition), Some(first)) = (parts.pop(), parts.pop(), parts.pop())
        else {
            return Err(problem);
        };
        body.0.push(step);
        let turns = Kind::While(List(vec![condition]), body);
        Ok(Kind::Group(List(vec![first, of_one(turns)])))
    }

    fn case(&mut self) -> Result<Kind, Problem> {
        self.skip_blanks();
        let subject = self.word()?;
        self.expect_reserved(b"in", "`case` has no `in`")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines()?;
            if self.take_reserved(b"esac") {
                return Ok(Kind::Case(subject, arms));
            }
            self.take(b"(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                if !self.is_word_ahead() {
                    return Err("`case` has no pattern where one must stand");
                }
                patterns.push(self.word()?);
                self.skip_blanks();
                if !self.take(b"|") {
                    break;
                }
            }
            if !self.take(b")") {
                return Err("a pattern of `case` is not closed");
            }
            arms.push((patterns, self.list()?));
            self.skip_lines()?;
            let ends: [&[u8]; 3] = [b";;&", b";;", b";&"];
            if !ends.iter().any(|end| self.take(end)) && self.plain_word() != b"esac" {
                return Err("`case` is not closed");
            }
        }
    }

    /// Returns the name where `NAME ()` comes next, and takes both.
    fn function_name(&mut self) -> Option<Vec<u8>> {
        let name = self.plain_word();
        let mut at = self.at + name.len();
        while matches!(self.text.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        // `NAME=(` begins an array.
        let is_array = name.ends_with(b"=");
        let is_function = !name.is_empty() && !is_array && self.text.get(at) == Some(&b'(');
        is_function.then(|| name.to_vec()).inspect(|name| {
            self.at += name.len();
        })
    }

    fn function(&mut self, name: Vec<u8>) -> Result<Kind, Problem> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte);
        if name.is_empty() || !name.iter().all(is_plain) {
            return Err("a function has a name that is not understood");
        }
        self.skip_blanks();
        if self.take(b"(") {
            self.skip_blanks();
            if !self.take(b")") {
                return Err("`(` stands behind a word");
            }
        }
        self.skip_lines()?;
        let body = self.command()?;
        match body.kind {
            Kind::Simple(_) | Kind::Function(..) => Err("a function has no body"),
            Kind::Group(_)
            | Kind::Subshell(_)
            | Kind::If(_)
            | Kind::While(..)
            | Kind::For(..)
            | Kind::Case(..)
            | Kind::Test(_)
            | Kind::Arithmetic(_) => Ok(Kind::Function(name, Rc::new(body))),
        }
    }

    /// Reads `[[ … ]]`: only what its words run matters.
    fn test(&mut self) -> Result<Kind, Problem> {
        let mut words: Vec<Word> = Vec::new();
        loop {
            self.skip_lines()?;
            if self.take_reserved(b"]]") {
                return Ok(Kind::Test(words));
            }
            if self.starts_with(b"<(") || self.starts_with(b">(") {
                return Err("a process substitution stands inside of `[[`");
            }
            let signs: [&[u8]; 6] = [b"&&", b"|", b"(", b")", b"<", b">"];
            if signs.iter().any(|sign| self.take(sign)) {
                continue;
            }
            if !self.is_word_ahead() {
                return Err("`[[` is not understood");
            }
            words.push(self.word()?);
        }
    }

    fn simple(&mut self) -> Result<Command, Problem> {
        let mut simple = Simple::default();
        let mut redirects = Vec::new();
        let start = self.at;
        let mut end = start;
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            } else if !self.is_word_ahead() {
                break;
            } else if simple.words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                simple.assignments.push(assignment);
            } else {
                simple.words.push(self.word()?);
            }
            end = self.at;
        }
        if self.peek() == Some(b'(') {
            return Err("`(` stands behind a word");
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && redirects.is_empty() {
            return Err("no command stands where one must");
        }
        simple.range = start..end;
        let kind = Kind::Simple(simple);
        Ok(Command { kind, redirects })
    }

    fn assignment(&mut self) -> Result<Option<Assignment>, Problem> {
        let start = self.at;
        let name = self.name();
        let mut is_followed = true;
        if !name.is_empty() && self.peek() == Some(b'[') {
            return Err("an array is not understood");
        }
        if !name.is_empty() && self.starts_with(b"+=") {
            self.at += 1;
            is_followed = false;
        }
        if name.is_empty() || !self.take(b"=") {
            self.at = start;
            return Ok(None);
        }
        if self.take(b"(") {
            let mut others = Vec::new();
            loop {
                self.skip_lines()?;
                if self.take(b")") {
                    let value = None;
                    return Ok(Some(Assignment {
                        name,
                        value,
                        others,
                    }));
                }
                if !self.is_word_ahead() {
                    return Err("an array is not closed");
                }
                others.push(self.word()?);
            }
        }
        // `A=<(…)` is a word of its own behind an empty value.
        let is_substitution = matches!(self.peek(), Some(b'<' | b'>'));
        let value = if is_substitution {
            Word::default()
        } else {
            self.word()?
        };
        let (value, others) = if is_followed {
            (Some(value), Vec::new())
        } else {
            (None, vec![value])
        };
        Ok(Some(Assignment {
            name,
            value,
            others,
        }))
    }
}

/// Returns a list's part that is one command without redirections.
fn of_one(kind: Kind) -> AndOr {
    let redirects = Vec::new();
    let commands = vec![Command { kind, redirects }];
    let is_background = false;
    let pipeline = Pipeline {
        commands,
        is_background,
    };
    AndOr {
        pipelines: vec![(Joint::First, pipeline)],
    }
}
