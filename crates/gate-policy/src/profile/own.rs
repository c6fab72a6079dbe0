//! Profiles that are not built in: those of a machine's owner and of a user.

use serde::Serialize;

use super::{ToolSpec, find_builtin, load};
use crate::command_line::CommandLine;
use crate::invocation::Invocation;
use crate::read;
use crate::rules::{Layer, RuleError};

/// The profiles in force beside those that are built in.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    own: Vec<OwnProfile>,
}

/// One profile that is not built in.
#[derive(Clone, Debug)]
pub(crate) struct OwnProfile {
    pub(crate) used: UsedProfile,
    pub(crate) tool: ToolSpec,
    text: String,
}

/// The profile that a command was read by, where it is not built in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedProfile {
    /// Whose it is.
    pub layer: Layer,
    /// Its file.
    pub source: String,
}

/// A profile in force that is not built in, for showing.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileSummary<'a> {
    /// The tool and its other names.
    pub tools: Vec<&'a str>,
    /// Whose it is.
    pub layer: Layer,
    /// Its file.
    pub source: &'a str,
}

/// Those that are built in, and no other.
static BUILT_IN: Profiles = Profiles { own: Vec::new() };

impl Profiles {
    /// Returns those that are built in, and no other.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Tells whether a text is meant to be a profile, and not rules.
    #[must_use]
    pub fn is_profile(text: &str) -> bool {
        load::is_meant(text)
    }

    /// Adds the profile of one text. The owner's come first, as one tool has one profile.
    ///
    /// # Errors
    /// The mistakes of the text, in its order, the first hundred of them; the profile is not added
    /// then.
    pub fn add(
        &mut self,
        layer: Layer,
        source_name: &str,
        text: &str,
    ) -> Result<(), Vec<RuleError>> {
        let tool = load::load(layer, source_name, text)?;
        let names = || std::iter::once(&tool.name).chain(tool.aliases.iter());
        let taken = names().find_map(|name| Some((name, self.find(name.as_bytes())?)));
        if let Some((name, other)) = taken {
            let at = text.find("name").unwrap_or(0);
            let (line, column) = crate::rules::position(text, at);
            return Err(vec![RuleError {
                source_name: source_name.to_owned(),
                line,
                column,
                field: "name".to_owned(),
                problem: format!("`{name}` has a profile in {} already", other.used.source),
                mend: "leave one of the two".to_owned(),
            }]);
        }
        self.own.push(OwnProfile {
            used: UsedProfile {
                layer,
                source: source_name.to_owned(),
            },
            tool,
            text: text.to_owned(),
        });
        Ok(())
    }

    /// Reads a command line as its tool would, also by these profiles.
    ///
    /// It never fails: what can't be read has the effect
    /// [`Effect::Unknown`](crate::Effect::Unknown) and its reasons say why.
    pub fn read_invocation(&self, line: &CommandLine<'_>) -> Invocation {
        read::read_by(self, line)
    }

    /// Returns each profile that is not built in.
    pub fn own(&self) -> impl Iterator<Item = ProfileSummary<'_>> {
        self.own.iter().map(|own| ProfileSummary {
            tools: own.names().collect(),
            layer: own.used.layer,
            source: &own.used.source,
        })
    }

    /// Returns the text that a profile was made of.
    pub fn text_of(&self, used: &UsedProfile) -> Option<&str> {
        let mut own = self.own.iter();
        own.find(|own| own.used == *used).map(|own| &*own.text)
    }

    /// Returns the profile of a tool that is not built in.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&OwnProfile> {
        let mut own = self.own.iter();
        own.find(|own| own.names().any(|known| known.as_bytes() == name))
    }

    /// Returns the tables by which rules of a layer are checked: what whoever may only tighten
    /// says of a tool counts for their own rules alone.
    pub(crate) fn known_to(&self, layer: Layer, name: &[u8]) -> Option<&ToolSpec> {
        if let Some(built_in) = find_builtin(name) {
            return Some(built_in);
        }
        let own = self.find(name)?;
        (layer.only_tightens() || own.is_owners()).then_some(&own.tool)
    }

    /// Returns all tables by which rules of a layer are checked.
    pub(crate) fn all_known_to(&self, layer: Layer) -> impl Iterator<Item = &ToolSpec> {
        let own = self.own.iter();
        let own = own.filter(move |own| layer.only_tightens() || own.is_owners());
        super::builtin()
            .iter()
            .copied()
            .chain(own.map(|own| &own.tool))
    }
}

impl OwnProfile {
    /// Tells whether it is the owner's, and so decides what a command does.
    pub(crate) fn is_owners(&self) -> bool {
        !self.used.layer.only_tightens()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.tool.aliases.iter().map(AsRef::as_ref);
        std::iter::once(self.tool.name.as_ref()).chain(aliases)
    }
}
