//! The standby of the settings: whether history can be read from it, and how far it is.

use super::{Finding, chain};
use crate::history::{Standby, Unfit};
use crate::settings::Settings;
use crate::store::Store;

/// Looks at the standby; nothing where there is none.
pub(super) async fn examine(settings: &Settings, store: &Store) -> Option<Finding> {
    let name = "standby";
    let database = settings.database.as_ref()?;
    let standby = match database.standby() {
        Ok(standby) => Standby::new(standby?),
        Err(error) => {
            let mend = "mend [database.standby] in the settings";
            return Some(Finding::fail(name, chain(&error), mend));
        }
    };
    let found = standby.examine(store).await;
    standby.close().await;
    Some(match found {
        Ok(as_of) => {
            let (records, of) = (as_of.records, as_of.of);
            Finding::ok(name, format!("it has {records} of {of} records"))
        }
        Err(unfit) => {
            let said = format!("{unfit}; history is read from the database itself");
            Finding::warn(name, said, mend(&unfit))
        }
    })
}

const fn mend(unfit: &Unfit) -> &'static str {
    match unfit {
        Unfit::NoStandby | Unfit::Foreign | Unfit::Ahead => {
            "name a standby of the database under [database.standby], or take the table out"
        }
        Unfit::Lagging { .. } | Unfit::Unaware | Unfit::Short => {
            "look at the standby's replication (pg_stat_replication at the primary)"
        }
        Unfit::Unheld(_) => "look at the database itself: it is asked before the standby is read",
        Unfit::Unknown | Unfit::Down(_) => {
            "look whether the standby runs and can be reached from here, by the same user"
        }
    }
}
