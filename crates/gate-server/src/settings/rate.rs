//! How fast and how much at once one may call.

use serde::Deserialize;

use super::SettingsError;

/// A bucket: so much at once, and so much a minute after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How much can be taken at once.
    pub burst: u32,
    /// How much comes in a minute.
    pub per_minute: u32,
}

/// How fast and how much at once one may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For each caller, in units: a look is one, a change ten and more for what it sends.
    pub caller: Rate,
    /// For each address of whom nobody knows who calls; of IPv6, for each /64.
    pub address: Rate,
    /// How many polls of one caller wait at the same time.
    pub waits: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            caller: Rate {
                burst: 2_000,
                per_minute: 6_000,
            },
            address: Rate {
                burst: 1_000,
                per_minute: 1_200,
            },
            waits: 100,
        }
    }
}

/// The TOML form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateFile {
    caller_burst: Option<u32>,
    caller_per_minute: Option<u32>,
    address_burst: Option<u32>,
    address_per_minute: Option<u32>,
    waits: Option<u32>,
}

impl Rates {
    /// Returns these with what the file says.
    pub(super) fn read(mut self, file: &RateFile) -> Self {
        let fields = [
            (&mut self.caller.burst, file.caller_burst),
            (&mut self.caller.per_minute, file.caller_per_minute),
            (&mut self.address.burst, file.address_burst),
            (&mut self.address.per_minute, file.address_per_minute),
            (&mut self.waits, file.waits),
        ];
        for (field, value) in fields {
            *field = value.unwrap_or(*field);
        }
        self
    }

    /// Refuses what would let nobody in.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let all = [
            self.caller.burst,
            self.caller.per_minute,
            self.address.burst,
            self.address.per_minute,
            self.waits,
        ];
        if all.contains(&0) {
            let (field, why) = ("rate", "must let at least 1 call of each kind through");
            return Err(SettingsError::Value { field, why });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn a_file_changes_what_it_names_and_can_shut_nobody_out() {
        let read = |text| Settings::new("data", "http://127.0.0.1:1").with_toml(text);
        let rates = read("[rate]\nwaits = 7\ncaller_burst = 8")
            .unwrap()
            .limits
            .rates;
        assert_eq!((rates.waits, rates.caller.burst), (7, 8));
        assert_eq!(rates.caller.per_minute, 6_000);
        for text in [
            "[rate]\nwaits = 0",
            "[rate]\naddress_burst = 0",
            "[rate]\nwait = 1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
