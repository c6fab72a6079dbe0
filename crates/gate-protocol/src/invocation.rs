//! What the digest binds: everything that decides what runs, and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, Digest, to_canonical_bytes};
use crate::masked::{MaskedText, Segment};
use crate::preview::Preview;
use crate::runner_key::RunnerKey;

/// The domain that separates a request's digest from every other hash.
pub const REQUEST_DOMAIN: &str = "gate/request/v1";

/// One invocation, resolved, with secrets masked and inputs hashed. The
/// approver is shown these fields and the digest is computed from these fields,
/// so what was shown is what is bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundInvocation {
    /// The version of this form: 1.
    pub v: u32,
    /// The real binary.
    pub tool: BoundTool,
    /// Every word, `argv[0]` first.
    pub argv: Vec<MaskedText>,
    /// The working directory, as the kernel names it.
    pub cwd: MaskedText,
    /// The subcommand path as the tool reads it.
    pub command: Vec<String>,
    /// What it can do, as `destroy`.
    pub effect: String,
    /// What it acts on, as `namespace` → `prod`.
    pub target: BTreeMap<String, String>,
    /// The environment that decides what runs, sorted by name.
    pub environment: Vec<BoundVariable>,
    /// The files and the stdin that decide what happens.
    pub inputs: Vec<BoundInput>,
    /// What it would do, where the client could read that without starting anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// The key that alone can claim the approval.
    pub runner_key: RunnerKey,
}

/// The real binary behind the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundTool {
    /// The name that was asked for.
    pub name: String,
    /// The canonical path of the file.
    pub path: MaskedText,
    /// SHA-256 of the file's content.
    pub sha256: Digest,
    /// The size of the file in bytes.
    pub size_bytes: u64,
}

/// One environment variable that matters to the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundVariable {
    /// The variable's name.
    pub name: String,
    /// What gate does with it.
    pub treatment: Treatment,
    /// The value that the tool will see; none where it will see none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<MaskedText>,
    /// Why, in words for the approver.
    pub why: String,
}

/// What gate does with an environment variable before the tool sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Handed on as it is; a change after approval stops the run.
    Bound,
    /// Given this value, whatever the caller had.
    Set,
    /// Taken away.
    Stripped,
}

/// One file, or the stdin, whose content decides what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundInput {
    /// What it is to the tool, as `manifest` or `plan`.
    pub role: String,
    /// The name as written on the command line; `stdin` for the standard input.
    pub name: MaskedText,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// The size of the content in bytes.
    pub size_bytes: u64,
    /// How the approved bytes reach the tool.
    pub delivery: Delivery,
    /// The content for people, with its secrets masked: all of it, or nothing
    /// where it is no text, is long, or is of a kind that is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// How the approved bytes of an input reach the tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The operand is rewritten to a sealed copy in memory.
    Snapshot,
    /// The standard input is replaced by a sealed copy in memory.
    Stdin,
    /// The operand is rewritten to a private copy under the same name, which is
    /// hashed again right before the start.
    Copy,
    /// Left where it is and hashed again right before the start: a change is
    /// caught up to then, and not in the instants after.
    Rechecked,
}

impl BoundInput {
    /// Returns the hash that stands for a file whose content has the plain SHA-256 `content`, where
    /// the input is delivered so. A file that a tool reads where it is, or from a private copy, is
    /// hashed as a folder of one: `f`, an empty name and the content's hash, each behind its length
    /// in eight bytes, the most significant first.
    #[must_use]
    pub fn hash_of(content: &Digest, delivery: Delivery) -> Digest {
        match delivery {
            Delivery::Snapshot | Delivery::Stdin => *content,
            Delivery::Copy | Delivery::Rechecked => {
                let content = content.as_bytes();
                let length = |part: &[u8]| (part.len() as u64).to_be_bytes();
                Digest::of_parts(&[&length(b"f"), b"f", &length(b""), &length(content), content])
            }
        }
    }
}

/// The longest [`BoundInput::content`], in bytes.
pub const CONTENT_LIMIT_BYTES: usize = 64 << 10;
/// The most that the contents of one request have together, in bytes.
pub const CONTENTS_LIMIT_BYTES: usize = 256 << 10;

/// The kind of what is masked because nothing is known of it.
const UNLISTED: &str = "variable";

impl BoundVariable {
    /// Tells whether it is bound only because the tool could read it: nothing
    /// is known of it, and its whole value is masked. Many of these are shown
    /// by their names in one line, so that they don't hide the others.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        let value = self.value.as_ref().map(|value| value.0.as_slice());
        self.treatment == Treatment::Bound
            && matches!(value, Some([Segment::Secret(secret)]) if secret.kind == UNLISTED)
    }
}

impl BoundInvocation {
    /// The only version of the form that is known.
    pub const VERSION: u32 = 1;

    /// Returns the digest that a request, a review and a grant name.
    ///
    /// # Errors
    /// [`CanonicalError`] where a number has no canonical form.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(REQUEST_DOMAIN, &to_canonical_bytes(self)?))
    }

    /// Returns the command line as a person is shown it: inert, secrets masked.
    #[must_use]
    pub fn shown_command(&self) -> String {
        let words: Vec<String> = self.argv.iter().map(MaskedText::shown_word).collect();
        words.join(" ")
    }

    /// Returns how many secrets are masked in what leaves the machine. Variables
    /// that are masked because nothing is known of them are not counted.
    pub fn secrets_masked(&self) -> usize {
        let variables = self.environment.iter().filter(|v| !v.is_unlisted());
        let variables = variables.filter_map(|v| v.value.as_ref());
        let names = self.inputs.iter().map(|input| &input.name);
        self.argv
            .iter()
            .chain(variables)
            .chain(names)
            .map(MaskedText::secrets)
            .sum()
    }
}
