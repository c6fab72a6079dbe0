//! The database, the keys that go with it, and what the log in it says of itself.

use std::time::Duration;

use gate_protocol::canonical::Digest;
use gate_protocol::log::{AuditRecord, SignedCheckpoint};
use jiff::Timestamp;

use super::{Finding, chain, standby, witnesses};
use crate::clock;
use crate::keys::Keys;
use crate::settings::Settings;
use crate::store::server::Names;
use crate::store::standing::{self, Standing};
use crate::store::{Connection, Store, StoreError, log, log_proofs, server};

/// How long a look at the database may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many records at the log's end are verified.
const TAIL: u64 = 1_000;
/// How far the clocks may be apart, in milliseconds.
const APART_MS: i64 = 1_000;
/// How long the newest head may be unsigned while records come, beside the settings' own pause.
const LATE_MS: i64 = 120_000;

/// Looks at the database and what is in it.
pub(super) async fn examine(settings: &Settings) -> Vec<Finding> {
    let store = match tokio::time::timeout(PATIENCE, open(settings)).await {
        Ok(Ok(store)) => store,
        Ok(Err(finding)) => return vec![*finding],
        Err(_) => {
            let mend = "look whether the database runs and can be reached from here";
            return vec![Finding::fail("database", "it does not answer", mend)];
        }
    };
    let mut findings = Vec::new();
    if let Err(error) = look(settings, &store, &mut findings).await {
        let mend = "look at the database's own log";
        findings.push(Finding::fail("database", chain(&error), mend));
    }
    findings.extend(standby::examine(settings, &store).await);
    store.close().await;
    findings
}

async fn open(settings: &Settings) -> Result<Store, Box<Finding>> {
    let opened = if let Some(database) = &settings.database {
        match database.options() {
            Ok(options) => Store::connect_beside(options).await,
            Err(error) => {
                let mend = "mend [database] in the settings";
                return Err(Box::new(Finding::fail("database", chain(&error), mend)));
            }
        }
    } else {
        let file = settings.data_dir.join("gate.db");
        if !file.exists() {
            let said = format!("`{}` is not there", file.display());
            let mend = "make the server with `gate server init`, or name its folder with \
                            --data and its settings with --config";
            return Err(Box::new(Finding::fail("database", said, mend)));
        }
        Store::open_beside(&file).await
    };
    opened.map_err(|error| {
        let mend = "look whether the database runs, and whether its settings are right";
        Box::new(Finding::fail("database", chain(&error), mend))
    })
}

async fn look(
    settings: &Settings,
    store: &Store,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let mut reader = store.read().await?;
    let connection = reader.connection();
    let found = server::migration(connection).await?;
    if let Some(finding) = migrated(found) {
        findings.push(finding);
        return Ok(());
    }
    let kind = if store.is_shared() {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    let said = format!("{kind}, with the tables of this version (migration {found})");
    findings.push(Finding::ok("database", said));
    let Some(names) = server::names(connection).await? else {
        let mend = "make the server with `gate server init`";
        findings.push(Finding::fail(
            "keys",
            "the database has no server in it",
            mend,
        ));
        return Ok(());
    };
    findings.extend(durability(connection).await?);
    findings.push(clocks(connection).await?);
    let keys = keys(settings, &names, findings);
    let standing = standing::now(connection).await?;
    findings.push(tail(connection, keys.as_ref()).await?);
    findings.push(signed(settings, &standing));
    findings.extend(witnesses::examine(settings, &standing));
    findings.extend(channels(connection, settings, &standing).await?);
    Ok(())
}

fn migrated(found: i64) -> Option<Finding> {
    let known = Store::MIGRATION;
    if found > known {
        let said = format!("it has the tables of a newer gate (migration {found})");
        return Some(Finding::fail("database", said, "use that version of gate"));
    }
    if found < known {
        let said = format!("it has the tables of an older gate (migration {found} of {known})");
        let mend = "start the server once: it brings them up to date";
        return Some(Finding::warn("database", said, mend));
    }
    None
}

/// Says by which of its settings a crash of its machine can destroy the database.
async fn durability(connection: &mut Connection) -> Result<Option<Finding>, StoreError> {
    let perils = server::perils(connection).await?;
    let finding = |perils: &[&str]| {
        let said = format!(
            "it has {}: a crash of its machine can destroy it",
            perils.join(" and ")
        );
        let mend = "set it to on in the database's configuration: approvals, claims and the log \
                    are only as safe as that";
        Finding::fail("durability", said, mend)
    };
    Ok((!perils.is_empty()).then(|| finding(&perils)))
}

/// Holds this machine's clock against the database's, and against the last record.
async fn clocks(connection: &mut Connection) -> Result<Finding, StoreError> {
    let mend = "set the clocks by NTP: deadlines are judged by them";
    if let Some(theirs) = server::clock_ms(connection).await? {
        // This machine's own: the server goes by the database's.
        let apart = Timestamp::now().as_millisecond() - theirs;
        if apart.abs() > APART_MS {
            let said =
                format!("this machine is {apart} ms before the database, whose clock counts");
            return Ok(Finding::warn("clock", said, mend));
        }
    }
    let size = log::head(connection).await?.tree.size();
    let last = log::page(connection, size.saturating_sub(1), 1).await?;
    let last = last
        .first()
        .and_then(|one| AuditRecord::parse(one.as_bytes()).ok());
    if let Some(last) = last
        && last.at().as_millisecond() > clock::now().as_millisecond() + APART_MS
    {
        let said = format!(
            "the last record is of {}, which is still to come",
            last.at()
        );
        return Ok(Finding::fail("clock", said, mend));
    }
    Ok(Finding::ok(
        "clock",
        "it agrees with the database and the log",
    ))
}

fn keys(settings: &Settings, names: &Names, findings: &mut Vec<Finding>) -> Option<Keys> {
    let mend = "put the server's own keys back from where they are kept";
    match Keys::open(&settings.data_dir, &names.audience, &names.log_origin) {
        Ok(keys) if names.keys.is_none_or(|known| known == keys.print()) => {
            let said = format!("those of {}", names.audience);
            findings.push(Finding::ok("keys", said));
            Some(keys)
        }
        Ok(_) => {
            let said = "they are not those that the database names";
            findings.push(Finding::fail("keys", said, mend));
            None
        }
        Err(error) => {
            findings.push(Finding::fail("keys", chain(&error), mend));
            None
        }
    }
}

/// Verifies the end of the log: the form and the chain of its last records, and the newest
/// checkpoint's signature and root.
async fn tail(connection: &mut Connection, keys: Option<&Keys>) -> Result<Finding, StoreError> {
    let name = "log";
    let mend = "run `gate audit verify --live`, which names the first bad record";
    let head = log::head(connection).await?;
    let size = head.tree.size();
    let first = log::pruned(connection).await?;
    let from = size.saturating_sub(TAIL).max(first);
    let (mut next, mut before): (u64, Option<Digest>) = (from, None);
    while next < size {
        let page = log::page(connection, next, TAIL).await?;
        if page.is_empty() {
            return Ok(Finding::fail(
                name,
                format!("record {next} is missing"),
                mend,
            ));
        }
        for text in &page {
            let record = AuditRecord::parse(text.as_bytes());
            let Some(record) = record.ok().filter(|record| record.seq() == next) else {
                return Ok(Finding::fail(name, format!("record {next} is none"), mend));
            };
            if before.is_some_and(|before| before != record.prev()) {
                let said = format!("record {next} does not follow the one before it");
                return Ok(Finding::fail(name, said, mend));
            }
            before = Some(record.hash());
            next += 1;
        }
    }
    if before != head.prev {
        return Ok(Finding::fail(
            name,
            "its end is not the one that was kept",
            mend,
        ));
    }
    if let (Some(keys), Some((_, note))) = (keys, log_proofs::newest(connection).await?) {
        let signed = SignedCheckpoint::verify(note.as_bytes(), &keys.log.verifier(), &[]);
        let leaves = match &signed {
            Ok(signed) => log_proofs::leaves(connection, 0..signed.checkpoint.size).await?,
            Err(error) => return Ok(Finding::fail(name, chain(error), mend)),
        };
        let root = gate_protocol::log::root(leaves);
        if signed.is_ok_and(|signed| signed.checkpoint.root != root) {
            let said = "the newest checkpoint was signed for other records";
            return Ok(Finding::fail(name, said, mend));
        }
    }
    let said = format!("{size} records; the last {} are sound", size - from);
    Ok(Finding::ok(name, said))
}

fn signed(settings: &Settings, standing: &Standing) -> Finding {
    let name = "checkpoint";
    let mend = "look in the server's log why it does not sign; does it run?";
    let Some((size, at)) = standing.checkpoint else {
        return Finding::warn(name, "the log's head was never signed", mend);
    };
    let pause = i64::try_from(settings.leases.checkpoint.as_millis()).unwrap_or(i64::MAX);
    if size < standing.log_size && age_ms(at) > pause.saturating_add(LATE_MS) {
        let said = format!(
            "{} records are not signed for, since {at}",
            standing.log_size - size
        );
        return Finding::warn(name, said, mend);
    }
    Finding::ok(name, format!("over {size} records, of {at}"))
}

fn age_ms(at: Timestamp) -> i64 {
    clock::now().as_millisecond() - at.as_millisecond()
}

async fn channels(
    connection: &mut Connection,
    settings: &Settings,
    standing: &Standing,
) -> Result<Vec<Finding>, StoreError> {
    let delivered = standing::last_delivered(connection).await?;
    let mut names: Vec<String> = settings
        .channels
        .iter()
        .map(|channel| channel.spec.name.clone())
        .collect();
    names.extend(
        standing
            .deliveries
            .iter()
            .map(|(channel, _, _)| channel.clone()),
    );
    names.sort();
    names.dedup();
    let dead = |name: &str| {
        let mut all = standing.deliveries.iter();
        all.find(|(channel, state, _)| channel == name && state == "dead")
            .map_or(0, |(_, _, number)| *number)
    };
    let finding = |channel: &String| {
        let name = format!("channel {channel}");
        let last = delivered.iter().find(|(one, _)| one == channel);
        let last = last.map_or("nothing was delivered yet".to_owned(), |(_, at)| {
            format!("delivered last at {at}")
        });
        match dead(channel) {
            0 => Finding::ok(&name, last),
            number => Finding::warn(
                &name,
                format!("{last}; {number} deliveries were given up"),
                format!("see why with `gate admin channels deliveries {channel}`"),
            ),
        }
    };
    Ok(names.iter().map(finding).collect())
}
