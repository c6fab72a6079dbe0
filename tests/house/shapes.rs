//! How long a file may be, what it may be called, and that nothing is left half done.

use crate::lexer::has_word;
use crate::tree::House;

const MOST_LINES: usize = 500;

/// Files that may be longer, each with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Names under which anything could be found.
const EMPTY_NAMES: [&str; 8] = [
    "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils",
];

pub(crate) fn lengths(house: &House) -> Vec<String> {
    lengths_except(house, &LONG_FILES)
}

fn lengths_except(house: &House, long_files: &[(&str, &str)]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in &house.sources {
        let (lines, path) = (source.text.lines().count(), source.path.as_str());
        let is_listed = long_files.iter().any(|(listed, _)| *listed == path);
        if lines > MOST_LINES && !is_listed {
            breaches.push(format!("{path}: {lines} lines, more than {MOST_LINES}"));
        }
        if lines <= MOST_LINES && is_listed {
            breaches.push(format!("{path}: listed as long, but is not"));
        }
    }
    breaches
}

pub(crate) fn names(house: &House) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in &house.sources {
        let parts = source.path.trim_end_matches(".rs").split('/');
        for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
            breaches.push(format!(
                "{}: `{part}` says nothing about what is in it",
                source.path
            ));
        }
        for name in EMPTY_NAMES {
            let what = format!("a module `{name}` says nothing about what is in it");
            let declaration = format!("mod {name}");
            breaches.extend(source.breaches(&what, |line| has_word(line, &declaration)));
        }
    }
    breaches
}

pub(crate) fn unfinished(house: &House) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in &house.sources {
        breaches.extend(source.breaches("an ignored test proves nothing", |line| {
            line.contains("#[ignore") || (line.contains("cfg_attr") && has_word(line, "ignore"))
        }));
        breaches.extend(source.breaches("something is left to do", |line| {
            line.contains("todo!") || line.contains("unimplemented!")
        }));
        // A fence in a doc comment, so not in the code.
        let fence = "```".to_owned() + "ignore";
        if source.text.contains(&fence) && !source.path.starts_with("tests/house") {
            breaches.push(format!(
                "{}: an ignored example proves nothing",
                source.path
            ));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Source;

    fn house(path: &str, text: &str) -> House {
        House {
            sources: vec![Source::new(path, text)],
            ..House::default()
        }
    }

    #[test]
    fn a_long_file_is_a_breach_unless_it_is_listed() {
        let long = house("src/a.rs", &"//\n".repeat(MOST_LINES + 1));
        assert_eq!(lengths(&long), ["src/a.rs: 501 lines, more than 500"]);
        assert!(lengths_except(&long, &[("src/a.rs", "a table")]).is_empty());
        let short = house("src/a.rs", &"//\n".repeat(MOST_LINES));
        assert!(lengths(&short).is_empty());
        assert_eq!(lengths_except(&short, &[("src/a.rs", "a table")]).len(), 1);
    }

    #[test]
    fn a_name_that_says_nothing_is_a_breach() {
        for path in ["src/utils.rs", "src/common/a.rs", "tests/common/mod.rs"] {
            assert_eq!(names(&house(path, "")).len(), 1, "{path}");
        }
        assert_eq!(names(&house("src/a.rs", "mod helpers {}")).len(), 1);
        assert!(names(&house("src/commonly.rs", "mod utilities; // mod utils")).is_empty());
    }

    #[test]
    fn an_ignored_test_and_work_left_are_breaches() {
        for text in [
            "#[ignore]",
            "#[ignore = \"slow\"]",
            "#[cfg_attr(miri, ignore)]",
            "todo!()",
            "unimplemented!()",
            "/// ```ignore",
        ] {
            assert_eq!(unfinished(&house("src/a.rs", text)).len(), 1, "{text}");
        }
        assert!(
            unfinished(&house(
                "src/a.rs",
                "// todo!() and #[ignore]\n/// ```no_run"
            ))
            .is_empty()
        );
    }
}
