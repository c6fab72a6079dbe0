//! mysql and mariadb, as the superuser of a scratch server of which everything is
//! summed up before and after.

mod grammar;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gate_testkit::real::MariaDb;

pub use grammar::case;

use crate::play::Stage;
use crate::sandbox::Placed;
use crate::second::Second;
use crate::{Case, Outcome, Said, Sandbox, Seen};

const SEED: &str = include_str!("seed.sql");
const SUM: &str = include_str!("sum.sql");
const KEEP: &str = include_str!("keep.sql");
const RESTORE: &str = include_str!("restore.sql");
/// Where the log of changes ends: it moves with all that is written.
const POSITION: &str = "show master status;";
/// Databases that are there from the start.
const OWN: [&str; 6] = [
    "information_schema",
    "kept",
    "mysql",
    "performance_schema",
    "shop",
    "sys",
];

/// A client with its own server, and a port that stands for another one.
#[derive(Debug)]
pub struct MySql {
    // It is dropped before the server that it speaks to.
    session: Option<Session>,
    server: MariaDb,
    second: Second,
    sandbox: Sandbox,
    sum: String,
    position: String,
}

impl MySql {
    /// Starts the server and fills it.
    ///
    /// # Errors
    /// There is no server, or it does not work.
    pub fn new() -> Outcome<Self> {
        let server = MariaDb::start()?;
        let second = Second::start()?;
        let mut sandbox = Sandbox::new()?;
        sandbox.name("bport", second.port.to_string());
        sandbox.name("nl", "\n".to_owned());
        sandbox.give("MYSQL_UNIX_PORT", &server.socket().display().to_string());
        sandbox.canary("canary");
        sandbox.keep("home/.my.cnf", "[client]\nuser=root\n");
        let attack = "[client]\nuser=root\ninit-command=delete from shop.u\n";
        sandbox.keep("cwd/.my.cnf", attack);
        sandbox.keep("cwd/my.cnf", attack);
        sandbox.keep("cwd/evil.cnf", attack);
        sandbox.keep("cwd/conf/evil.cnf", attack);
        sandbox.keep("cwd/tee.cnf", "[mysql]\nuser=root\ntee=out.txt\n");
        let host = format!("[client]\nhost=127.0.0.1\nport={}\n", second.port);
        sandbox.keep("cwd/host.cnf", host);
        sandbox.keep("cwd/inner.sql", "delete from shop.u;\n");
        sandbox.keep("cwd/outer.sql", "source inner.sql\n");
        sandbox.keep("cwd/read.sql", "select 1;\n");
        sandbox.keep("cwd/rows.txt", "50\tfifty\n");
        sandbox.keep("cwd/kept.txt", "kept");
        let mut stage = Self {
            session: None,
            server,
            second,
            sandbox,
            sum: String::new(),
            position: String::new(),
        };
        stage.ask(KEEP)?;
        stage.ask(SEED)?;
        stage.sum = stage.ask(SUM)?;
        stage.position = stage.position()?;
        Ok(stage)
    }

    /// Asks the server in a session that stays open; where that is broken, in a new one.
    fn ask(&mut self, statements: &str) -> Outcome<String> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.server)?,
        };
        let answer = session.ask(statements)?;
        self.session = Some(session);
        Ok(answer)
    }

    /// Returns where the log of changes ends, and which files the server has.
    fn position(&mut self) -> Outcome<String> {
        let end = self.ask(POSITION)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(self.server.data())? {
            names.push(entry?.file_name().display().to_string());
        }
        names.sort();
        Ok(end + &names.join(","))
    }

    /// Tells whether anything in the server is not as it was.
    fn has_changed(&mut self) -> bool {
        // Where the server does not answer any more, it is not as it was either.
        let now = self.position();
        let sum = self.ask(SUM);
        now.ok().as_ref() != Some(&self.position) || sum.ok().as_ref() != Some(&self.sum)
    }

    /// Makes everything as it was; where that fails, with another server.
    fn restore(&mut self) -> Outcome<()> {
        if self.is_restored().is_ok_and(|is_restored| is_restored) {
            return Ok(());
        }
        *self = Self::new()?;
        Ok(())
    }

    fn is_restored(&mut self) -> Outcome<bool> {
        // Nothing that was open in it is to remain.
        self.session = None;
        let databases = self.ask("select schema_name from information_schema.schemata;")?;
        for name in databases.lines().filter(|name| !OWN.contains(name)) {
            self.ask(&format!("drop database `{name}`;"))?;
        }
        self.ask(RESTORE)?;
        self.ask(SEED)?;
        self.position = self.position()?;
        Ok(self.ask(SUM)? == self.sum)
    }
}

impl Stage for MySql {
    fn named(&self, case: Case) -> Case {
        let id = self.session.as_ref().map_or(0, |session| session.id);
        case.placed(&[("{session}", &id.to_string())])
    }

    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        let mut seen = Seen {
            is_done: self.sandbox.run(self.server.client(), placed, said, &[0])?,
            ..Seen::default()
        };
        let (changed, started) = self.sandbox.changes()?;
        let started = started.into_iter();
        seen.programs = started.map(|name| format!("started: {name}")).collect();
        let changed = changed.into_iter();
        seen.mutations = changed.map(|path| format!("wrote: {path}")).collect();
        let named = said.target.get("port").map(String::as_str);
        if self.second.take() > 0 && named != Some(&self.second.port.to_string()) {
            seen.redirects
                .push(format!("redirect: to port {}", self.second.port));
        }
        if self.has_changed() {
            seen.mutations.push("the server has changed".to_owned());
            self.restore()?;
        }
        Ok(seen)
    }
}

/// A client of our own that stays connected, because a start for each question
/// would cost more than all the rest.
#[derive(Debug)]
struct Session {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    id: u64,
}

/// Stands behind each answer.
const END: &str = "end-of-this-answer";

impl Session {
    fn open(server: &MariaDb) -> Outcome<Self> {
        let mut child = Command::new(server.client())
            .env_clear()
            .env("TMPDIR", std::env::temp_dir())
            .args([
                "--no-defaults",
                "-u",
                "root",
                "-N",
                "-B",
                "--unbuffered",
                "-S",
            ])
            .arg(server.socket())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let questions = child.stdin.take().ok_or("no pipe")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut session = Self {
            child,
            questions,
            answers,
            id: 0,
        };
        // What we do ourselves does not move the log of changes.
        session.ask("set sql_log_bin = 0; set group_concat_max_len = 1000000;")?;
        session.id = session.ask("select connection_id();")?.trim().parse()?;
        Ok(session)
    }

    /// A statement that fails ends the client, and so the answer.
    fn ask(&mut self, statements: &str) -> Outcome<String> {
        writeln!(self.questions, "{statements}\nselect '{END}';")?;
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 {
                return Err(format!("the server does not answer: {answer}").into());
            }
            if line.trim_end() == END {
                return Ok(answer);
            }
            answer.push_str(&line);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It fails only where the process has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
