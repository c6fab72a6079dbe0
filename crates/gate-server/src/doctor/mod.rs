//! What is right and what is not about a server's ground: its folder, keys, database, certificate,
//! log, channels and witnesses, each with what to do. The server may run.

mod certificate;
mod data;
mod ground;
mod standby;
mod witnesses;

use serde::Serialize;

use crate::settings::Settings;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It serves, and should be seen to.
    Warn,
    /// The server does not serve so, or should not.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found.
    pub said: String,
    /// What to do; nothing, where it is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    fn ok(name: &str, said: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            state: State::Ok,
            said: said.into(),
            mend: None,
        }
    }

    fn warn(name: &str, said: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Warn,
            mend: Some(mend.into()),
            ..Self::ok(name, said)
        }
    }

    fn fail(name: &str, said: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(name, said, mend)
        }
    }
}

/// Returns an error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

/// Looks at everything of the server of these settings.
pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = ground::folder(&settings.data_dir);
    findings.extend(ground::room(&settings.data_dir));
    findings.extend(data::examine(settings).await);
    findings.push(certificate::examine(settings));
    findings.push(ground::descriptors(settings));
    findings
}
