//! The objects that manifests of Kubernetes name: kind, namespace and name.
//!
//! The top of each document is read where it is written plainly, as nearly all are. Of what is not
//! (an anchor, a key that stands twice, a template) it is said that gate does not read it.

use gate_policy::{Input, InputKind};
use serde_json::Value;

use super::{Found, Seen, counted, folder, named};

/// What an input is to kubectl where it holds objects.
const ROLES: [&str; 2] = ["manifest", "stdin"];
/// The most documents that are read.
const MOST: usize = 5_000;

/// What a document is about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Object {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: String,
}

/// Returns the objects that kubectl is given.
pub(super) fn of(seen: &Seen<'_>) -> Option<Found> {
    let invocation = seen.invocation;
    let verb = invocation.command.first()?.to_string();
    let mut lines = Vec::new();
    let mut files = Vec::new();
    let mut count = 0;
    for input in &invocation.inputs {
        if !ROLES.contains(&&*input.role) {
            continue;
        }
        let name = named(&input.path);
        let Some(texts) = texts(seen, input) else {
            lines.push(format!("{name}: gate does not read it"));
            continue;
        };
        for text in texts {
            let found = objects(&String::from_utf8_lossy(&text));
            count += found.len();
            let read = found.iter().map(|one| line(one.as_ref()));
            lines.extend(read.map(|object| format!("{verb} {object}")));
        }
        files.push(name);
    }
    if files.is_empty() {
        return None;
    }
    Some(Found {
        source: format!("the manifests {}", files.join(", ")),
        summary: format!("{verb} {}", counted(count, "object")),
        lines,
    })
}

/// Returns what kubectl reads of an input: a file, or those of a folder.
fn texts(seen: &Seen<'_>, input: &Input) -> Option<Vec<Vec<u8>>> {
    if input.kind != InputKind::Directory {
        return Some(vec![(seen.bytes)(input)?]);
    }
    let mut options = seen.invocation.options.iter();
    let is_recursive = options.any(|used| {
        used.name == "recursive" && used.value.as_deref().is_none_or(|value| value == b"true")
    });
    let files = folder::files(&(seen.folder)(input)?, is_recursive)?;
    Some(files.into_iter().map(|(_, text)| text).collect())
}

fn line(object: Option<&Object>) -> String {
    let Some(object) = object else {
        return "what gate does not read: a document that is not written plainly".to_owned();
    };
    let Object {
        kind,
        namespace,
        name,
        version,
    } = object;
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name} ({version})"),
        None => format!("{kind} {name} ({version})"),
    }
}

/// Returns the objects of a file; nothing for a document that is not understood.
fn objects(text: &str) -> Vec<Option<Object>> {
    if text.trim_start().starts_with('{') {
        let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let read = documents.take(MOST).map(Result::ok);
        return read
            .flat_map(|document| match document {
                Some(document) => of_json(&document),
                None => vec![None],
            })
            .collect();
    }
    let all = documents(text);
    let has_something = |lines: &&Vec<&str>| lines.iter().any(|line| !is_blank(line));
    let read = all.iter().filter(has_something).take(MOST);
    read.map(|lines| of_yaml(lines)).collect()
}

fn of_json(document: &Value) -> Vec<Option<Object>> {
    if let Some(items) = document.get("items").and_then(Value::as_array) {
        return items.iter().flat_map(of_json).collect();
    }
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let object = || {
        let metadata = document.get("metadata")?;
        Some(Object {
            kind: text(document, "kind")?,
            namespace: text(metadata, "namespace"),
            name: text(metadata, "name")?,
            version: text(document, "apiVersion")?,
        })
    };
    vec![object()]
}

fn documents(text: &str) -> Vec<Vec<&str>> {
    let mut all = vec![Vec::new()];
    for line in text.lines() {
        if line.starts_with("---") {
            all.push(Vec::new());
        } else if let Some(last) = all.last_mut() {
            last.push(line);
        }
    }
    all
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// Reads the top of a document: `None` where something of it is not plain.
fn of_yaml(lines: &[&str]) -> Option<Object> {
    let top = keys(lines, 0)?;
    let kind = plain(one(&top, "kind")?.0)?;
    let (value, below) = one(&top, "metadata")?;
    let metadata = match value {
        "" => block(lines.get(below..)?)?,
        value => flow(value)?,
    };
    let namespace = metadata.iter().any(|(key, ..)| key == "namespace");
    Some(Object {
        kind,
        namespace: if namespace {
            Some(plain(one(&metadata, "namespace")?.0)?)
        } else {
            None
        },
        name: plain(one(&metadata, "name")?.0)?,
        version: plain(one(&top, "apiVersion")?.0)?,
    })
}

/// Returns the keys of the block that these lines begin with.
fn block<'t>(lines: &[&'t str]) -> Option<Vec<(String, &'t str, usize)>> {
    let first = lines.iter().find(|line| !is_blank(line))?;
    let indent = first.len() - first.trim_start_matches(' ').len();
    let end = lines
        .iter()
        .position(|line| !is_blank(line) && !line.starts_with(' '));
    let lines = lines.get(..end.unwrap_or(lines.len()))?;
    (indent > 0).then(|| keys(lines, indent))?
}

/// Returns the keys of a mapping in one line, none of which has more than a scalar.
fn flow(value: &str) -> Option<Vec<(String, &str, usize)>> {
    let inner = value.strip_prefix('{')?.strip_suffix('}')?;
    if inner.contains(['{', '}', '[', ']', '"', '\'']) {
        return None;
    }
    let pair = |pair| {
        let (key, value) = str::split_once(pair, ": ")?;
        Some((plain(key)?, value.trim(), 0))
    };
    inner.split(',').map(pair).collect()
}

/// Returns each key at this indentation with its value, and the line after it.
fn keys<'t>(lines: &[&'t str], indent: usize) -> Option<Vec<(String, &'t str, usize)>> {
    let mut keys = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let depth = line.len() - line.trim_start_matches(' ').len();
        if is_blank(line) || depth > indent {
            continue;
        }
        let line = line.get(indent..).filter(|_| depth == indent)?;
        // An item of a list may stand as deep as the key that it is of.
        if line.starts_with("- ") || line == "-" {
            continue;
        }
        let (key, value) = line.split_once(':')?;
        if !value.is_empty() && !value.starts_with(' ') {
            return None;
        }
        keys.push((plain(key)?, uncommented(value), at + 1));
    }
    Some(keys)
}

/// Returns the one value of a key; nothing where it stands twice.
fn one<'t>(keys: &[(String, &'t str, usize)], wanted: &str) -> Option<(&'t str, usize)> {
    let mut found = keys.iter().filter(|(key, ..)| key == wanted);
    let (_, value, below) = found.next()?;
    found.next().is_none().then_some((*value, *below))
}

fn uncommented(value: &str) -> &str {
    let value = value.split_once(" #").map_or(value, |(value, _)| value);
    value.trim()
}

/// Returns a scalar that means what it says.
fn plain(value: &str) -> Option<String> {
    let value = value.trim();
    let quoted = |mark: char| {
        let inner = value.strip_prefix(mark)?.strip_suffix(mark)?;
        (!inner.contains([mark, '\\'])).then(|| inner.to_owned())
    };
    match value.chars().next()? {
        mark @ ('"' | '\'') => quoted(mark),
        '&' | '*' | '!' | '|' | '>' | '{' | '[' | '%' | '@' | '`' | '?' | '<' => None,
        _ if value.contains("{{") => None,
        _ => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        objects(text).iter().map(|one| line(one.as_ref())).collect()
    }

    const UNREAD: &str = "what gate does not read: a document that is not written plainly";

    #[test]
    fn each_document_is_named_by_kind_namespace_and_name() {
        let text = "# the shop\napiVersion: apps/v1\nkind: Deployment # big\nmetadata:\n  labels:\n    \
                    name: not-this\n  name: \"web\"\n  namespace: prod\nspec:\n  template:\n    \
                    metadata:\n      name: inner\n---\n---\nkind: ConfigMap\napiVersion: v1\ndata:\n  \
                    x: |\n    kind: Secret\nmetadata:\n    name: settings\n";
        assert_eq!(
            lines(text),
            ["Deployment prod/web (apps/v1)", "ConfigMap settings (v1)"]
        );
        let flow = "apiVersion: v1\nkind: Pod\nmetadata: {name: limits, namespace: x}\n";
        assert_eq!(lines(flow), ["Pod x/limits (v1)"]);
        let json = r#"{"kind":"List","apiVersion":"v1","items":[
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}},
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"b","namespace":"x"}}]}"#;
        assert_eq!(lines(json), ["Pod a (v1)", "Pod x/b (v1)"]);
    }

    #[test]
    fn what_is_not_plain_is_said_not_to_be_read() {
        for text in [
            "kind: &k Pod\napiVersion: v1\nmetadata:\n  name: a\n",
            "kind: Pod\nkind: Node\napiVersion: v1\nmetadata:\n  name: a\n",
            "kind: Pod\napiVersion: v1\nmetadata:\n  name: a\n  name: b\n",
            "kind: Pod\napiVersion: v1\nmetadata: {name: a, labels: {name: b}}\n",
            "kind: Pod\napiVersion: v1\nmetadata: {name: a, name: b}\n",
            "kind: Pod\napiVersion: v1\nmetadata:\n  name: {{ .Name }}\n",
            "kind: Pod\napiVersion: v1\nmetadata:\n\tname: a\n",
            "kind: Pod\napiVersion: v1\n",
            "just a line\n",
            "{\"kind\": ",
        ] {
            assert_eq!(lines(text), [UNREAD], "{text}");
        }
    }
}
