//! The file that says which class each operation of a tool belongs to, as a
//! text that is searched by halving: a line `SERVICE OPERATION CLASS` for each.
//!
//! There are many thousands of them. As nodes of the tree each would cost the
//! loader a dozen addresses at every start.

use std::path::Path;

use crate::profile::source::Profile;

/// Returns the text as an expression.
pub(crate) fn constant(profile: &Profile) -> String {
    profile.operations.as_ref().map_or_else(
        || "Borrowed(\"\")".to_owned(),
        |name| {
            let name = name.get_ref();
            format!("Borrowed(include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}\")))")
        },
    )
}

/// Writes out the lines `SERVICE CLASS VERB:NOUN,NOUN VERB:NOUN` of a file.
pub(crate) fn expanded(profile: &Profile, source: &str) -> Result<String, String> {
    let mut lines = Vec::new();
    for line in source.lines() {
        let mut words = line.split(' ');
        let (Some(service), Some(class)) = (words.next(), words.next()) else {
            return Err(format!("`{line}` names no class"));
        };
        if !profile.command.iter().any(|known| {
            let known = known.class.as_ref();
            known.is_some_and(|known| known.get_ref() == class)
        }) {
            return Err(format!("there is no class `{class}`"));
        }
        for word in words {
            let (verb, nouns) = word.split_once(':').ok_or("a verb has no nouns")?;
            for noun in nouns.split(',') {
                let dash = if noun.is_empty() { "" } else { "-" };
                lines.push(format!("{service} {verb}{dash}{noun} {class}\n"));
            }
        }
    }
    lines.sort();
    Ok(lines.concat())
}

/// Returns where each line begins.
pub(crate) fn starts(lines: &str) -> Result<Vec<u32>, std::num::TryFromIntError> {
    let lines = lines.split_inclusive('\n');
    let starts = lines.scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some(start)
    });
    starts.map(u32::try_from).collect()
}

/// Returns where the file stands.
pub(crate) fn path(folder: &Path, profile: &Profile) -> Option<std::path::PathBuf> {
    let name = profile.operations.as_ref()?;
    Some(folder.join(name.get_ref()))
}
