//! mysql and mariadb, as the superuser of a scratch server of which everything is
//! summed up before and after.

mod grammar;

use std::fs;
use std::process::{Command, Stdio};

use gate_testkit::real::MariaDb;

pub use grammar::case;

use crate::play::Stage;
use crate::sandbox::Placed;
use crate::second::Second;
use crate::session::{END, Session};
use crate::{Case, Outcome, Said, Sandbox, Seen};

const SEED: &str = include_str!("seed.sql");
const SUM: &str = include_str!("sum.sql");
const KEEP: &str = include_str!("keep.sql");
const RESTORE: &str = include_str!("restore.sql");
/// What we do ourselves does not move the log of changes.
const OPENING: &str =
    "set sql_log_bin = 0; set group_concat_max_len = 1000000; select connection_id();";
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
    session: Session,
    /// What the server calls the session.
    id: u64,
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
            session: session(&server),
            id: 0,
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

    /// Asks the server in a session of which nothing moves the log of changes.
    fn ask(&mut self, statements: &str) -> Outcome<String> {
        let question = |statements: &str| format!("{statements}\nselect '{END}';");
        if !self.session.is_open() {
            let id = self.session.ask(&question(OPENING))?;
            self.id = id.trim().parse()?;
        }
        self.session.ask(&question(statements))
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
        self.session.close();
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
        case.placed(&[("{session}", &self.id.to_string())])
    }

    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        let client = self.server.client();
        let (mut seen, changed) = self.sandbox.watch(client, placed, said, &[0])?;
        seen.wrote(changed);
        seen.redirects.extend(self.second.redirect(said));
        if self.has_changed() {
            seen.mutations.push("the server has changed".to_owned());
            self.restore()?;
        }
        Ok(seen)
    }
}

/// Returns a client of our own that a statement which fails ends.
fn session(server: &MariaDb) -> Session {
    let mut command = Command::new(server.client());
    command
        .env_clear()
        .args(["--no-defaults", "-u", "root", "-N", "-B", "--unbuffered"])
        .arg("-S")
        .arg(server.socket())
        .current_dir("/")
        .stderr(Stdio::null());
    Session::of(command)
}
