//! psql, as the superuser of a scratch database of which everything is summed up
//! before and after.

mod grammar;
pub mod statements;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gate_testkit::real::{Postgres, locate};

pub use grammar::case;
use grammar::given_alone;

use crate::play::Stage;
use crate::sandbox::Placed;
use crate::second::Second;
use crate::{Case, Outcome, Said, Sandbox, Seen};

const SEED: &str = include_str!("seed.sql");
const CHECKSUM: &str = include_str!("checksum.sql");
/// What moves with every write, and what can move without it: sequences, the
/// server's files, its statistics and settings.
const MOVES: &str = "select concat_ws(',', txid_snapshot_xmax(txid_current_snapshot()), \
    (select last_value::text || is_called::text from s), \
    (select string_agg(concat_ws(':', schemaname, sequencename, last_value), ',') from pg_sequences), \
    (select count(*) from pg_ls_dir('.')), \
    (select stats_reset from pg_stat_database where datname = current_database()), \
    (select count(*) from pg_replication_slots), \
    (select string_agg(name || setting, ',') from pg_file_settings), \
    (select count(*) from pg_db_role_setting), (select count(*) from pg_database))";

/// A psql with its own server, and a port that stands for another one.
#[derive(Debug)]
pub struct Psql {
    tool: PathBuf,
    // It is dropped before the server that it speaks to.
    session: Option<Session>,
    server: Postgres,
    second: Second,
    sandbox: Sandbox,
    sum: String,
    moves: String,
}

impl Psql {
    /// Starts the server and fills it.
    ///
    /// # Errors
    /// There is no server, or it does not work.
    pub fn new() -> Outcome<Self> {
        let server = Postgres::start()?;
        let second = Second::start()?;
        let mut sandbox = Sandbox::new()?;
        sandbox.name("bport", second.port.to_string());
        for (name, value) in server.environment() {
            sandbox.give(name, &value.to_string_lossy());
        }
        sandbox.give("PGDATABASE", "shop");
        sandbox.give("PGCONNECT_TIMEOUT", "3");
        sandbox.canary("canary");
        let attack = "\\! canary\ninsert into t values (99, 'rc');\n";
        sandbox.keep("home/.psqlrc", attack);
        sandbox.keep("cwd/.psqlrc", attack);
        sandbox.keep("cwd/rc.sql", attack);
        sandbox.keep("cwd/inner.sql", "delete from t;\n");
        sandbox.keep("cwd/read.sql", "select 1;\n");
        sandbox.keep("cwd/var.sql", ":q;\n");
        sandbox.keep("cwd/rows.txt", "50\tfifty\n");
        sandbox.keep("cwd/kept.txt", "kept");
        let service = |name: &str| {
            format!(
                "[{name}]\nhost=127.0.0.1\nport={}\ndbname=shop\n",
                second.port
            )
        };
        sandbox.keep("home/.pg_service.conf", service("second"));
        sandbox.keep("cwd/services", service("third"));
        sandbox.keep("cwd/pg_service.conf", service("third"));
        // Debian's `psql` chooses among versions first, in Perl; this is the one that it starts.
        let real = PathBuf::from("/usr/lib/postgresql/15/bin/psql");
        let mut stage = Self {
            tool: if real.is_file() {
                real
            } else {
                locate("psql")?
            },
            session: None,
            server,
            second,
            sandbox,
            sum: String::new(),
            moves: String::new(),
        };
        stage.fill()?;
        Ok(stage)
    }

    fn fill(&mut self) -> Outcome<()> {
        // A server that vacuums by itself would look like one that was written to.
        self.server.sql("alter system set autovacuum = off")?;
        self.server.sql("select pg_reload_conf()")?;
        self.server.sql("create database shop")?;
        self.seed()
    }

    /// Takes everything out of the database and fills it.
    fn seed(&mut self) -> Outcome<()> {
        self.ask(SEED)?;
        self.sum = self.ask(CHECKSUM)?;
        self.moves = self.ask(MOVES)?;
        Ok(())
    }

    /// Asks the database in a session that stays open; where that is broken, in a new one.
    fn ask(&mut self, statements: &str) -> Outcome<String> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.tool, &self.server)?,
        };
        let answer = session.ask(statements)?;
        self.session = Some(session);
        Ok(answer)
    }

    /// Fills the database anew; where that fails, the whole server.
    fn restore(&mut self) -> Outcome<()> {
        // The settings of the server's file are not the database's.
        let has_settings = self.moves.contains("work_mem") || !self.moves.contains("autovacuumoff");
        if has_settings || self.seed().is_err() {
            *self = Self::new()?;
        }
        Ok(())
    }

    /// Tells whether anything in the server is not as it was.
    fn has_changed(&mut self) -> bool {
        // Where the database does not answer any more, it is not as it was either.
        let Ok(moves) = self.ask(MOVES) else {
            return true;
        };
        if moves == self.moves {
            return false;
        }
        self.moves = moves;
        self.ask(CHECKSUM).ok().as_ref() != Some(&self.sum)
    }
}

impl Stage for Psql {
    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        let mut seen = Seen {
            is_done: self.sandbox.run(&self.tool, placed, said, &[0])?,
            ..Seen::default()
        };
        let (changed, started) = self.sandbox.changes()?;
        seen.programs = started
            .into_iter()
            .map(|name| format!("started: {name}"))
            .collect();
        seen.mutations = changed
            .into_iter()
            .map(|path| format!("wrote: {path}"))
            .collect();
        let named = said.target.get("port").map(String::as_str);
        if self.second.take() > 0 && named != Some(&self.second.port.to_string()) {
            seen.redirects
                .push(format!("redirect: to port {}", self.second.port));
        }
        if self.has_changed() {
            seen.mutations.push("the database has changed".to_owned());
            self.restore()?;
        }
        Ok(seen)
    }
}

/// A psql of our own that stays connected, because a start for each question
/// would cost more than all the rest.
#[derive(Debug)]
struct Session {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Stands behind each answer.
const END: &str = "end-of-this-answer";

impl Session {
    fn open(tool: &Path, server: &Postgres) -> Outcome<Self> {
        let mut child = Command::new(tool)
            .env_clear()
            .envs(server.environment())
            .env("PGDATABASE", "shop")
            .env("TMPDIR", std::env::temp_dir())
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let questions = child.stdin.take().ok_or("no pipe")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// A statement that fails ends psql, and so the answer.
    fn ask(&mut self, statements: &str) -> Outcome<String> {
        writeln!(
            self.questions,
            "begin;\n{statements};\ncommit;\n\\echo {END}"
        )?;
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 {
                return Err(format!("the database does not answer: {answer}").into());
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
