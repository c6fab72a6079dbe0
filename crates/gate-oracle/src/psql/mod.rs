//! psql, as the superuser of a scratch database of which everything is summed up
//! before and after.

mod grammar;
pub mod statements;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_testkit::real::{Postgres, locate};

pub use grammar::case;
use grammar::given_alone;

use crate::play::Stage;
use crate::sandbox::Placed;
use crate::second::Second;
use crate::session::{END, Session};
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
    session: Session,
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
        let tool = if real.is_file() {
            real
        } else {
            locate("psql")?
        };
        let mut stage = Self {
            session: session(&tool, &server),
            tool,
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

    fn ask(&mut self, statements: &str) -> Outcome<String> {
        let question = format!("begin;\n{statements};\ncommit;\n\\echo {END}");
        self.session.ask(&question)
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
        let (mut seen, changed) = self.sandbox.watch(&self.tool, placed, said, &[0])?;
        seen.wrote(changed);
        seen.redirects.extend(self.second.redirect(said));
        if self.has_changed() {
            seen.mutations.push("the database has changed".to_owned());
            self.restore()?;
        }
        Ok(seen)
    }
}

/// Returns a psql of our own that a statement which fails ends.
fn session(tool: &Path, server: &Postgres) -> Session {
    let mut command = Command::new(tool);
    command
        .env_clear()
        .envs(server.environment())
        .env("PGDATABASE", "shop")
        .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"])
        .current_dir("/")
        .stderr(Stdio::null());
    Session::of(command)
}
