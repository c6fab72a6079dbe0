//! `gate server migrate-store`: from a file of `SQLite` to a `PostgreSQL` database, and copies of that.

use std::process::Stdio;

use gate_testkit::real::Postgres;

use crate::stage::{Ran, Stage, database, run, until};

fn migrate(stage: &Stage, config: &str) -> Ran {
    run(&mut stage.server(&[
        "migrate-store",
        "--data",
        "first",
        "--config",
        config,
        "--wait",
        "1s",
    ]))
}

#[test]
fn a_server_moves_to_postgres_with_its_whole_log_while_it_serves() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("");
    let shared = database(&stage, &postgres, "gate");
    stage.settings("shared.toml", &shared);
    let approved = stage.ask(&first, "approved");
    stage.approve(&first, &approved);
    let kept = stage.gate(&first, "auditor", &["audit", "verify", "--live"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");

    // A server that does not stop is not waited for for ever.
    let impatient = migrate(&stage, "shared.toml");
    assert_eq!(impatient.code, Some(78), "{impatient:?}");
    assert!(impatient.stderr.contains("still runs"), "{impatient:?}");
    let told = stage.path("moving.log");
    let mut moving = stage.server(&[
        "migrate-store",
        "--data",
        "first",
        "--config",
        "shared.toml",
    ]);
    moving
        .stderr(std::fs::File::create(&told).unwrap())
        .stdout(Stdio::piped());
    let moving = moving.spawn().unwrap();
    until("the log is copied", || {
        let told = std::fs::read_to_string(&told).unwrap();
        told.contains("records of the log are copied").then_some(())
    });
    // It serves on, and what it writes now moves with the rest.
    stage.push(&first, "late");
    let pending = stage.ask(&first, "pending");
    let before = stage.told(&first, "auditor", &["audit", "log", "--json"]);
    let url = first.said("/url").to_owned();
    first.stop();
    let moved = moving.wait_with_output().unwrap();
    let said = std::fs::read_to_string(&told).unwrap();
    assert!(moved.status.success(), "{moved:?} {said}");
    assert!(stage.path("first/gate.db.moved").exists() && !stage.path("first/gate.db").exists());

    let second = stage.serve(
        "first",
        "shared.toml",
        &["--listen", url.trim_start_matches("http://")],
    );
    assert_eq!(stage.status(&second, &pending), "pending");
    let after = stage.told(&second, "auditor", &["audit", "log", "--json"]);
    assert!(
        after.starts_with(&before),
        "the log goes on from the same records"
    );
    let goes_on = stage.gate(&second, "auditor", &["audit", "verify", "--live"]);
    assert_eq!(goes_on.code, Some(0), "{goes_on:?}");
    assert!(goes_on.stdout.contains("goes on: from"), "{goes_on:?}");
    stage.assert_log_verifies(&second);
    // Nothing was lost: what was approved before runs, once.
    let ran = stage.gate(&second, "agent", &["run", "--", "deployer", "approved"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(stage.status(&second, &approved), "finished");
    drop(second);
    // Nobody starts on what is left of the file.
    let refused = run(&mut stage.server(&["--data", "first", "--listen", "127.0.0.1:0"]));
    assert_eq!(refused.code, Some(78), "{refused:?}");
}

/// The bodies of the oldest records are in an archive; their leaves move with the rest.
#[test]
fn a_log_whose_beginning_is_archived_moves_and_verifies_as_before() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("keep_records_days = 0");
    let done = stage.ask(&first, "done");
    let denied = stage.gate(&first, "bob_approver", &["deny", &done]);
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let kept = stage.gate(&first, "auditor", &["audit", "verify", "--live"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let folder = stage.path("archive");
    let folder = folder.to_str().unwrap();
    let archive = ["audit", "archive", "--before", "2999-01-01", folder];
    stage.told(&first, "auditor", &archive);
    stage.told(&first, "admin", &["audit", "archive", "--prune", folder]);
    let before = stage.told(&first, "auditor", &["audit", "log", "--json"]);
    assert!(!before.contains("\"seq\":0,"), "{before}");
    first.stop();
    let shared = database(&stage, &postgres, "gate");
    stage.settings("shared.toml", &shared);
    let moved = migrate(&stage, "shared.toml");
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let second = stage.serve("first", "shared.toml", &[]);
    let after = stage.told(&second, "auditor", &["audit", "log", "--json"]);
    assert!(after.starts_with(&before), "{after}");
    // From the first record that is there, and for who never saw the log before.
    let fresh = stage.gate(&second, "auditor", &["audit", "verify", "--live"]);
    assert_eq!(fresh.code, Some(0), "{fresh:?}");
    let archived = stage.gate(&second, "auditor", &["audit", "verify", folder]);
    assert_eq!(archived.code, Some(0), "{archived:?}");
}

/// docs/operations.md, "From `SQLite` to PostgreSQL": "both databases would grant the same approval".
#[test]
fn where_the_file_can_not_be_put_aside_nothing_is_in_the_database() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("");
    let id = stage.ask(&first, "once");
    stage.approve(&first, &id);
    first.stop();
    let shared = database(&stage, &postgres, "gate");
    stage.settings("shared.toml", &shared);
    let aside = stage.path("first/gate.db.moved");
    std::fs::create_dir(&aside).unwrap();
    let refused = migrate(&stage, "shared.toml");
    assert_eq!(refused.code, Some(125), "{refused:?}");
    // The server goes on with its file.
    let again = stage.serve("first", "server.toml", &[]);
    assert_eq!(stage.status(&again, &id), "approved");
    again.stop();
    std::fs::remove_dir(&aside).unwrap();
    let moved = migrate(&stage, "shared.toml");
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let second = stage.serve("first", "shared.toml", &[]);
    assert_eq!(stage.status(&second, &id), "approved");
}

/// docs/operations.md: a failover may have lost the last commits.
#[test]
fn after_a_failover_what_was_approved_is_void_at_the_server_that_runs() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("");
    first.stop();
    stage.settings("shared.toml", &database(&stage, &postgres, "gate"));
    let moved = migrate(&stage, "shared.toml");
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let server = stage.serve("first", "shared.toml", &[]);
    let approved = stage.ask(&server, "approved");
    stage.approve(&server, &approved);
    let mut epoch = vec![
        "new-epoch",
        "--data",
        "first",
        "--reason",
        "db2 lagged",
        "--config",
    ];
    epoch.push("shared.toml");
    let begun = run(&mut stage.server(&epoch));
    assert_eq!(begun.code, Some(0), "{begun:?}");
    assert!(
        begun.stdout.starts_with("epoch 2; void: 1 approvals"),
        "{begun:?}"
    );
    assert_eq!(stage.status(&server, &approved), "expired");
    let epochs = stage.records(&server, "server.epoch");
    assert_eq!(epochs[0]["reason"], "db2 lagged");
    let refused = stage.gate(
        &server,
        "agent",
        &["run", "--no-wait", "--", "deployer", "approved"],
    );
    assert_eq!(refused.code, Some(75), "{refused:?}");
    assert!(!stage.path("canary").exists());
    stage.assert_log_verifies(&server);
    *epoch.last_mut().unwrap() = "server.toml";
    let unshared = run(&mut stage.server(&epoch));
    assert_eq!(unshared.code, Some(78), "{unshared:?}");
}

#[test]
fn a_database_with_anything_in_it_is_refused_with_what_to_do() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("");
    first.stop();
    stage.settings("shared.toml", &database(&stage, &postgres, "gate"));
    let made = run(&mut stage.server(&["init", "--data", "other", "--config", "shared.toml"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let refused = migrate(&stage, "shared.toml");
    assert_eq!(refused.code, Some(78), "{refused:?}");
    for word in ["is not empty", "CREATE DATABASE"] {
        assert!(refused.stderr.contains(word), "{refused:?}");
    }
    let unnamed = migrate(&stage, "server.toml");
    assert_eq!(unnamed.code, Some(78), "{unnamed:?}");
    assert!(unnamed.stderr.contains("[database]"), "{unnamed:?}");
    // The file is as it was.
    drop(stage.serve("first", "server.toml", &[]));
}

#[test]
fn a_copy_of_postgres_becomes_a_server_on_a_file_and_moves_back() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("");
    let asked = stage.ask(&first, "asked");
    first.stop();
    stage.settings("shared.toml", &database(&stage, &postgres, "gate"));
    let moved = migrate(&stage, "shared.toml");
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let second = stage.serve("first", "shared.toml", &[]);
    stage.push(&second, "b");
    let copied = run(&mut stage.server(&[
        "backup",
        "--data",
        "first",
        "--config",
        "shared.toml",
        "--out",
        "copy",
        "--with-keys",
    ]));
    assert_eq!(copied.code, Some(0), "{copied:?}");
    drop(second);
    let restored = run(&mut stage.server(&["restore", "copy", "--data", "third"]));
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let third = stage.serve("third", "server.toml", &[]);
    assert_eq!(stage.status(&third, &asked), "pending");
    stage.assert_log_verifies(&third);
    third.stop();
    stage.settings("again.toml", &database(&stage, &postgres, "again"));
    let again =
        run(&mut stage.server(&["migrate-store", "--data", "third", "--config", "again.toml"]));
    assert_eq!(again.code, Some(0), "{again:?}");
    let fourth = stage.serve("third", "again.toml", &[]);
    assert_eq!(stage.status(&fourth, &asked), "pending");
    stage.assert_log_verifies(&fourth);
}
