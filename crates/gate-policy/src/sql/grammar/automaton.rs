//! bison's pushdown automaton (`yyparse` of bison 3.8, `yacc.c`), which leaves
//! the rules that it applied as a tree.

use std::mem;
use std::sync::Mutex;

use super::lexer::{Lexer, Problem, Token};
use super::symbols::{RULES, YYLAST, YYNNTS, YYNSTATES, YYNTOKENS, YYPACT_NINF, YYTABLE_NINF};

/// The numbers of all tables, one after the other, the lower byte first.
static TABLES: &[u8] = include_bytes!("../../../grammar/postgresql.tables");

mod place {
    use super::{RULES, YYLAST, YYNNTS, YYNSTATES, YYNTOKENS};

    const NODES: usize = YYNNTS as usize;
    const STATES: usize = YYNSTATES as usize;
    const CELLS: usize = YYLAST as usize + 1;
    pub(super) const TOKENS: usize = YYNTOKENS as usize;

    pub(super) const PACT: usize = 0;
    pub(super) const DEFACT: usize = PACT + STATES * 4;
    pub(super) const PGOTO: usize = DEFACT + STATES * 2;
    pub(super) const DEFGOTO: usize = PGOTO + NODES * 2;
    pub(super) const TABLE: usize = DEFGOTO + NODES * 2;
    pub(super) const CHECK: usize = TABLE + CELLS * 2;
    pub(super) const LEFT: usize = CHECK + CELLS * 2;
    pub(super) const LENGTH: usize = LEFT + RULES * 2;
    pub(super) const END: usize = LENGTH + RULES * 2;
}

const _: () = assert!(
    TABLES.len() == place::END,
    "the tables are of another grammar"
);

/// A table of numbers of so many bytes.
type Table<const BYTES: usize> = &'static [[u8; BYTES]];

const PACT: Table<4> = table(place::PACT, place::DEFACT);
const DEFACT: Table<2> = table(place::DEFACT, place::PGOTO);
const PGOTO: Table<2> = table(place::PGOTO, place::DEFGOTO);
const DEFGOTO: Table<2> = table(place::DEFGOTO, place::TABLE);
const TABLE: Table<2> = table(place::TABLE, place::CHECK);
const CHECK: Table<2> = table(place::CHECK, place::LEFT);
const LEFT: Table<2> = table(place::LEFT, place::LENGTH);
const LENGTH: Table<2> = table(place::LENGTH, place::END);

/// Returns the table between two places, so that its length is known where it is looked into.
const fn table<const BYTES: usize>(from: usize, to: usize) -> Table<BYTES> {
    let (before, _) = TABLES.split_at(to);
    let (_, table) = before.split_at(from);
    table.as_chunks().0
}

/// The use of one rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The number of the rule.
    pub(crate) rule: u16,
    /// The first node of those below it, which stand right before it.
    pub(crate) first: u32,
    /// The first of its tokens, and the one behind the last.
    pub(crate) tokens: (u32, u32),
}

/// The rules that make a text, each behind those that it is made of.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) tokens: Vec<Token>,
}

impl Tree {
    /// Returns the places of the nodes right below one, the last first.
    pub(crate) fn children(&self, place: usize) -> impl Iterator<Item = usize> {
        let first = self
            .nodes
            .get(place)
            .map_or(place, |node| node.first as usize);
        let mut end = place;
        std::iter::from_fn(move || {
            let child = end.checked_sub(1).filter(|child| *child >= first)?;
            end = self.nodes.get(child)?.first as usize;
            Some(child)
        })
    }
}

/// Where the automaton stands, and where what led it there begins.
#[derive(Clone, Copy)]
struct Frame {
    state: usize,
    first: u32,
    token: u32,
}

fn short(table: Table<2>, index: i32) -> i32 {
    let number = usize::try_from(index)
        .ok()
        .and_then(|index| table.get(index));
    match number {
        Some(bytes) => i32::from(i16::from_le_bytes(*bytes)),
        None => i32::MIN,
    }
}

fn pact(state: usize) -> i32 {
    let number = PACT.get(state);
    number.map_or(YYPACT_NINF, |bytes| i32::from_le_bytes(*bytes))
}

fn index(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The most nodes whose memory is kept for the next text.
const KEPT_NODES: usize = 4_096;

/// The memory of a text that was read before: most are short, and many follow each other. One for all
/// threads: one for each would have to be cleaned up behind each, which costs system calls to prepare.
static SPARE: Mutex<Run> = Mutex::new(Run::new());

/// Reads a text of statements, and gives `judge` its tree.
///
/// # Errors
/// Where the text stops being SQL.
pub(crate) fn parse<T>(text: &str, judge: impl FnOnce(&Tree) -> T) -> Result<T, Problem> {
    let spare = SPARE.try_lock();
    let mut run = spare.map_or_else(|_| Run::new(), |mut spare| mem::take(&mut *spare));
    let judged = run.read(text).map(|()| judge(&run.tree));
    if run.tree.nodes.capacity() <= KEPT_NODES {
        run.clear();
        if let Ok(mut spare) = SPARE.try_lock() {
            *spare = run;
        }
    }
    judged
}

/// bison's number of the end of the text.
pub(super) const END_OF_FILE: u16 = 0;

#[derive(Default)]
struct Run {
    tree: Tree,
    stack: Vec<Frame>,
}

impl Run {
    const fn new() -> Self {
        Self {
            tree: Tree {
                nodes: Vec::new(),
                tokens: Vec::new(),
            },
            stack: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.tree.nodes.clear();
        self.tree.tokens.clear();
        self.stack.clear();
    }

    fn read(&mut self, text: &str) -> Result<(), Problem> {
        self.stack.push(Frame {
            state: 0,
            first: 0,
            token: 0,
        });
        // The server's own longest tokens are words; a node or two stand for each.
        self.tree.tokens.reserve(text.len() / 4);
        self.tree.nodes.reserve(text.len());
        let mut lexer = Lexer::new(text);
        loop {
            let next = lexer.next_of_grammar()?;
            if !self.take(next).map_err(|()| Problem::at(next.start))? {
                return Ok(());
            }
        }
    }

    fn state(&self) -> usize {
        self.stack.last().map_or(0, |frame| frame.state)
    }

    /// Applies rules until the token is taken. Returns false when the text is
    /// whole.
    fn take(&mut self, next: Token) -> Result<bool, ()> {
        let mut state = self.state();
        loop {
            match action(state, next.kind) {
                Action::Shift(_) if next.kind == END_OF_FILE => return Ok(false),
                Action::Shift(state) => {
                    let frame = Frame {
                        state,
                        first: count(self.tree.nodes.len())?,
                        token: count(self.tree.tokens.len())?,
                    };
                    self.stack.push(frame);
                    self.tree.tokens.push(next);
                    return Ok(true);
                }
                Action::Reduce(rule) => state = self.reduce(rule)?,
                Action::Error => return Err(()),
            }
        }
    }

    /// Applies a rule; returns the state that follows.
    fn reduce(&mut self, rule: i32) -> Result<usize, ()> {
        let length = usize::try_from(short(LENGTH, rule)).map_err(drop)?;
        let base = self.stack.len().checked_sub(length).ok_or(())?;
        let end = count(self.tree.tokens.len())?;
        let nodes = count(self.tree.nodes.len())?;
        let begun = self.stack.get(base).copied();
        let (first, opening) = begun.map_or((nodes, end), |frame| (frame.first, frame.token));
        self.tree.nodes.push(Node {
            rule: u16::try_from(rule).map_err(drop)?,
            first,
            tokens: (opening, end),
        });
        self.stack.truncate(base);
        let left = short(LEFT, rule) - index(place::TOKENS);
        let below = index(self.state());
        let cell = short(PGOTO, left) + below;
        let state = if (0..=YYLAST).contains(&cell) && short(CHECK, cell) == below {
            short(TABLE, cell)
        } else {
            short(DEFGOTO, left)
        };
        let state = usize::try_from(state).map_err(drop)?;
        self.stack.push(Frame {
            state,
            first,
            token: opening,
        });
        Ok(state)
    }
}

fn count(number: usize) -> Result<u32, ()> {
    u32::try_from(number).map_err(drop)
}

enum Action {
    Shift(usize),
    Reduce(i32),
    Error,
}

fn action(state: usize, kind: u16) -> Action {
    let kind = i32::from(kind);
    let base = pact(state);
    let cell = base.saturating_add(kind);
    if base == YYPACT_NINF || !(0..=YYLAST).contains(&cell) || short(CHECK, cell) != kind {
        return match short(DEFACT, index(state)) {
            0 | i32::MIN => Action::Error,
            rule => Action::Reduce(rule),
        };
    }
    match short(TABLE, cell) {
        YYTABLE_NINF | 0 | i32::MIN => Action::Error,
        next if next < 0 => Action::Reduce(-next),
        next => usize::try_from(next).map_or(Action::Error, Action::Shift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_tree_or_a_place_where_it_ends() {
        for text in [
            "",
            ";",
            "select 1",
            "select 1; drop table t",
            "select (1 + 2)::int4",
        ] {
            let whole = parse(text, |tree| {
                let last = tree.nodes.last().unwrap();
                (last.first, last.tokens) == (0, (0, count(tree.tokens.len()).unwrap()))
            });
            assert_eq!(whole, Ok(true), "{text}");
        }
        let ends = |text| parse(text, |_| ()).unwrap_err().start;
        assert_eq!(ends("select from where"), 12);
        // What was read before it, and not to its end, is nothing to it.
        assert_eq!(ends("select 1 +"), 10);
        assert_eq!(parse("", |tree| tree.tokens.len()), Ok(0));
    }

    #[test]
    fn a_deep_text_needs_no_stack() {
        let depth = 100_000;
        let text = format!("select {}1{}", "(".repeat(depth), ")".repeat(depth));
        let run = std::thread::Builder::new()
            .stack_size(256 * 1024)
            .spawn(move || parse(&text, |tree| tree.nodes.len()));
        assert!(run.unwrap().join().unwrap().unwrap() > depth);
    }

    #[test]
    fn the_nodes_below_a_node_are_found() {
        let found = parse("select 1, 2", |tree| {
            let top = tree.nodes.len() - 1;
            let mut seen = vec![top];
            let mut at = 0;
            while let Some(place) = seen.get(at).copied() {
                seen.extend(tree.children(place));
                at += 1;
            }
            seen.sort_unstable();
            seen == (0..tree.nodes.len()).collect::<Vec<_>>()
        });
        assert_eq!(found, Ok(true));
    }
}
