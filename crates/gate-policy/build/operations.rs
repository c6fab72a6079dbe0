//! The file that says which class each operation of a tool belongs to, as a
//! text of a line `SERVICE OPERATION CLASS` for each, and a table of where each line begins.
//!
//! There are many thousands of them. As nodes of the tree each would cost the
//! loader a dozen addresses at every start.

use std::error::Error;
use std::path::Path;

use crate::filled::fill;
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

/// How many places the table of operations has: there are nearly 20,000 of them.
const PLACES: usize = 1 << 15;

/// Returns where lines begin, counted from 1, each at the place at which its operation is looked
/// for, and the first of each service where that is.
pub(crate) fn places(lines: &str) -> Result<Vec<u32>, Box<dyn Error>> {
    let mut places = vec![0; PLACES];
    let mut start = 0;
    let mut known = "";
    for line in lines.split_inclusive('\n') {
        let begin = u32::try_from(start)? + 1;
        let mut words = line.split_inclusive(' ');
        let (Some(service), Some(operation)) = (words.next(), words.next()) else {
            return Err(format!("`{line}` names no operation").into());
        };
        if service != known {
            fill(&mut places, service.as_bytes(), begin);
            known = service;
        }
        fill(&mut places, [service, operation].concat().as_bytes(), begin);
        start += line.len();
    }
    let free = places.iter().filter(|begin| **begin == 0).count();
    if free < PLACES / 4 {
        return Err("too many operations for their table: double it".into());
    }
    Ok(places)
}

/// Returns where the file stands.
pub(crate) fn path(folder: &Path, profile: &Profile) -> Option<std::path::PathBuf> {
    let name = profile.operations.as_ref()?;
    Some(folder.join(name.get_ref()))
}
