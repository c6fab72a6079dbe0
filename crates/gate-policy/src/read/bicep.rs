//! The files that a text in the language Bicep names. Source: the language's specification,
//! "Modules", "Strings" and "File functions".

/// Returns the texts between quotes, each of which can be the name of a file. Where the language
/// puts a value into a text it is left as it is, and names nothing.
pub(super) fn quoted(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((_, behind)) = rest.split_once('\'') {
            let Some((name, after)) = behind.split_once('\'') else {
                break;
            };
            if !name.is_empty() {
                found.push(name);
            }
            rest = after;
        }
    }
    found
}

/// Tells whether a name is that of a module which is fetched.
pub(super) fn is_fetched(name: &str) -> bool {
    ["br:", "br/", "ts:", "ts/"]
        .iter()
        .any(|scheme| name.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_quotes_can_be_a_name() {
        let text = "module a '../m/a.bicep' = {\n  params: { x: loadTextContent('x.sh'), y: '' }\n}\nvar s = 'it\n";
        assert_eq!(quoted(text), ["../m/a.bicep", "x.sh"]);
        assert!(is_fetched("br/public:storage:1.0"));
        assert!(!is_fetched("broken.bicep"));
    }
}
