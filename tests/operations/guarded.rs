//! The database on a machine of its own: its name and chain are verified, and the server's role can add
//! to the log and change nothing in it.

use gate_testkit::real::Postgres;

use crate::namespace::isolated;
use crate::stage::{Ran, Stage, database, run};

/// The name of the database's machine. It is this one, but nothing says so.
const NAME: &str = "db.example.com";

/// Certificates of this authority's own, and a key with a certificate for a name.
struct Authority {
    pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut wanted = rcgen::CertificateParams::new(Vec::new()).unwrap();
        wanted.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = wanted.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: rcgen::Issuer::new(wanted, key),
        }
    }

    /// Lets the database speak TLS under this name, and nothing else over the network.
    fn equip(&self, postgres: &Postgres, name: &str) {
        let key = rcgen::KeyPair::generate().unwrap();
        let wanted = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = wanted.signed_by(&key, &self.issuer).unwrap();
        for (file, text) in [
            ("server.crt", certificate.pem()),
            ("server.key", key.serialize_pem()),
            (
                "pg_hba.conf",
                "hostssl all all 127.0.0.1/32 scram-sha-256\n".to_owned(),
            ),
        ] {
            // By the database itself: its folder is its user's.
            postgres
                .sql(&format!(
                    "COPY (SELECT encode('{text}'::text::bytea, 'base64'))
                     TO PROGRAM 'sed ''s/\\\\n//g'' | base64 -di > {file} && chmod 600 {file}'"
                ))
                .unwrap();
        }
        postgres.sql("ALTER SYSTEM SET ssl = on").unwrap();
        postgres.sql("SELECT pg_reload_conf()").unwrap();
        // The next connections are by the new settings, once the first process has read them.
        crate::stage::until("the database speaks TLS", || {
            let by_tls = "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl";
            (postgres.sql(by_tls).ok()?.trim() == "1").then_some(())
        });
    }
}

/// Makes a server on the database by its name, which only this command's own `/etc/hosts` has.
fn init(stage: &Stage, name: &str, settings: &str, ca: Option<&str>) -> Ran {
    let hosts = format!("127.0.0.1 {NAME}\n");
    let hosts = stage.home.write("etc/hosts", hosts).unwrap();
    let mut settings = settings.replace("@127.0.0.1:", &format!("@{NAME}:"));
    if let Some(ca) = ca {
        let file = stage.home.write(&format!("{name}.pem"), ca).unwrap();
        settings = format!("{settings}ca_file = '{}'\n", file.display());
    }
    let config = format!("{name}.toml");
    stage.settings(&config, &settings);
    let script = "exec \"$0\" server init --data \"$1\" --config \"$2\"";
    let mut init = isolated(&stage.home, hosts.parent().unwrap(), script);
    run(init.args([stage.path(name), stage.path(&config)]))
}

fn assert_refused(ran: &Ran, why: &str) {
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains(why), "{ran:?}");
}

#[test]
fn a_database_elsewhere_is_spoken_to_by_tls_that_is_verified_in_full() {
    let postgres = Postgres::start().unwrap();
    let (stage, _first) = Stage::new("");
    let settings = database(&stage, &postgres, "gate");
    let own = Authority::new();
    let plain = init(&stage, "plain", &settings, Some(&own.pem));
    assert_refused(&plain, "TLS");
    own.equip(&postgres, NAME);
    let public = init(&stage, "public", &settings, None);
    assert_refused(&public, "UnknownIssuer");
    let stranger = Authority::new();
    let stranger = init(&stage, "stranger", &settings, Some(&stranger.pem));
    assert_refused(&stranger, "BadSignature");
    // The same authority's word for another machine is not enough.
    own.equip(&postgres, "db2.example.com");
    let other = init(&stage, "other", &settings, Some(&own.pem));
    assert_refused(&other, "not valid for name");
    // The database lets nobody in but by TLS.
    own.equip(&postgres, NAME);
    let made = init(&stage, "trusting", &settings, Some(&own.pem));
    assert_eq!(made.code, Some(0), "{made:?}");
}

/// What docs/server.md says to run as the owner of the tables.
fn rights() -> String {
    let page = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/server.md"),
    )
    .unwrap();
    let (_, rest) = page.split_once("```sql\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn a_role_that_may_only_add_to_the_log_is_enough_to_serve() {
    let postgres = Postgres::start().unwrap();
    let (stage, _first) = Stage::new("");
    let settings = database(&stage, &postgres, "gate");
    stage.settings("owner.toml", &settings);
    let made = run(&mut stage.server(&["init", "--data", "served", "--config", "owner.toml"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let in_gate = |statements: &str, as_role: &str| {
        let mut psql = std::process::Command::new(gate_testkit::real::locate("psql").unwrap());
        psql.env_clear()
            .envs(postgres.environment())
            .env("PGDATABASE", "gate")
            .env("PGUSER", as_role)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statements]);
        run(&mut psql)
    };
    let role = "CREATE ROLE gate_server LOGIN PASSWORD 'correct-horse'";
    for statements in [role, &rights()] {
        let done = in_gate(statements, "postgres");
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let lesser = settings.replace("postgres://postgres@", "postgres://gate_server@");
    stage.settings("lesser.toml", &lesser);
    let server = stage.serve("served", "lesser.toml", &[]);
    let admin = made.stdout.trim();
    let gate = |args: &[&str]| {
        let mut gate = stage.home.command(crate::stage::GATE);
        gate.args(args)
            .env("GATE_SERVER", server.said("/url"))
            .env("GATE_TOKEN", admin);
        run(&mut gate)
    };
    let made = gate(&["admin", "principals", "create", "bob", "--kind", "user"]);
    assert_eq!(made.code, Some(0), "{made:?} {}", server.log());
    let verified = gate(&["audit", "verify", "--live"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    for change in [
        "UPDATE log_records SET record = record",
        "DELETE FROM log_records",
        "TRUNCATE log_records",
        "DELETE FROM log_checkpoints",
        "ALTER TABLE log_records DISABLE TRIGGER ALL",
        "CREATE TABLE own (a INT)",
    ] {
        let refused = in_gate(change, "gate_server");
        assert_eq!(refused.code, Some(1), "{change}: {refused:?}");
        let is_of_rights = ["permission denied", "must be owner"]
            .iter()
            .any(|why| refused.stderr.contains(why));
        assert!(is_of_rights, "{change}: {refused:?}");
    }
    server.stop();
}
