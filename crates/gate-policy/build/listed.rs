//! Packs a list of commands into one text, and makes the rows that stand for
//! them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::effect::Effect;
use crate::profile::source::Listed;
use crate::profile::{CommandSpec, ListedSpec};

/// What a word can be, in the order of the alphabet, as rows are searched.
const KINDS: [(&str, Effect); 9] = [
    ("access", Effect::Access),
    ("destroy", Effect::Destroy),
    ("execute", Effect::Execute),
    ("group", Effect::Unknown),
    ("local", Effect::Local),
    ("read", Effect::Read),
    ("secret", Effect::Secret),
    ("unknown", Effect::Unknown),
    ("write", Effect::Write),
];

/// Returns the rows, behind all others: their parent is no row.
pub(crate) fn rows(groups: &[u16]) -> Vec<CommandSpec> {
    let row = |(name, effect): (&'static str, Effect)| {
        let is_group = name == "group";
        let groups = if is_group {
            Vec::new()
        } else {
            groups.to_vec()
        };
        CommandSpec {
            effect,
            groups: groups.into(),
            is_group,
            is_open: !is_group,
            ..CommandSpec::leading(u16::MAX, Cow::Borrowed(name), Cow::Borrowed("*"))
        }
    };
    KINDS.into_iter().map(row).collect()
}

/// Reads `EFFECT GROUP: VERB VERB` lines and writes a line for each group.
pub(crate) fn text_of(listed: &Listed, folder: &Path) -> Result<ListedSpec, String> {
    let file = folder.join(&listed.file);
    let content = std::fs::read_to_string(&file)
        .map_err(|problem| format!("{}: {problem}", file.display()))?;
    let mut groups: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in content.lines().filter(|line| !line.starts_with('#')) {
        let fail = || format!("{}: `{line}` is no line of a list", file.display());
        let (head, verbs) = line.split_once(':').ok_or_else(fail)?;
        let (effect, path) = head.split_once(' ').ok_or_else(fail)?;
        if !KINDS.iter().any(|(name, _)| *name == effect) || effect == "group" {
            return Err(fail());
        }
        let known = groups.entry(path.to_owned()).or_default();
        for verb in verbs.split_whitespace() {
            known.insert(verb.to_owned(), effect.to_owned());
        }
    }
    add_groups(&mut groups);
    let mut packed = String::new();
    for (path, words) in &groups {
        let words: Vec<String> = words
            .iter()
            .map(|(word, kind)| format!("{word}={kind}"))
            .collect();
        packed += &[path.as_str(), "\t", &words.join(" "), "\n"].concat();
    }
    let skipped: Vec<_> = listed.skipped.iter().cloned().map(Cow::Owned).collect();
    Ok(ListedSpec {
        text: packed.into(),
        skipped: skipped.into(),
    })
}

/// Names each group in the one above it. What a command is called can lead to
/// others too: the word is then a group.
fn add_groups(groups: &mut BTreeMap<String, BTreeMap<String, String>>) {
    let mut open: Vec<String> = groups.keys().cloned().collect();
    while let Some(path) = open.pop() {
        if path.is_empty() {
            continue;
        }
        let (above, word) = path.rsplit_once(' ').unwrap_or(("", &path));
        let is_new = !groups.contains_key(above);
        let words = groups.entry(above.to_owned()).or_default();
        words.insert(word.to_owned(), "group".to_owned());
        if is_new {
            open.push(above.to_owned());
        }
    }
}
