//! What is found in a text, and what is not understood.

use super::*;

/// Returns each scalar as `key.key=text`.
fn found(text: &str) -> Vec<String> {
    let document = read(text.as_bytes()).unwrap();
    let scalars = document.scalars.iter();
    scalars
        .map(|scalar| format!("{}={}", scalar.keys.join("."), scalar.text))
        .collect()
}

#[test]
fn every_value_is_found_below_its_keys() {
    let text = "resources:\n- ../../base # why\n- 'a b'\nconfigMapGenerator:\n- name: x\n  \
                literals:\n  - URL=https://x\n  files: [k=a, \"b\"]\nimages:\n  - name: y\n";
    assert_eq!(
        found(text),
        [
            "resources=../../base",
            "resources=a b",
            "configMapGenerator.name=x",
            "configMapGenerator.literals=URL=https://x",
            "configMapGenerator.files=k=a",
            "configMapGenerator.files=b",
            "images.name=y",
        ]
    );
    assert!(read(text.as_bytes()).unwrap().is_plain);
    let json = "{\"Modules\":[{\"Key\":\"\",\"Dir\":\".\"},{\"Key\":\"m\",\"Dir\":\"..\\/mod\"}]}";
    let dirs: Vec<String> = found(json);
    assert_eq!(
        dirs,
        ["Modules.Dir=.", "Modules.Key=m", "Modules.Dir=../mod"]
    );
}

#[test]
fn a_value_is_found_however_it_is_written() {
    for text in [
        "resources: [../base]",
        "resources:\n  -\n    ../base\n",
        "resources: [\"\\x2e./base\"]",
        "resources:\n- \"..\\\n    /base\"\n",
        "resources:\n- >-\n  ../base\n",
        "resources:\n- |\n  ../base\n",
        "resources:\n- !!str ../base\n",
        "resources:\n- &a ../base\n",
        "\"resources\":\n- '../base'\n",
        "{resources: [../base]}",
        "{\"resources\": [\n\"../base\"\n]}",
        "? resources\n: - ../base\n",
    ] {
        let found = read(text.as_bytes()).unwrap();
        let is_it = |scalar: &Scalar| scalar.text == "../base";
        assert!(found.scalars.iter().any(is_it), "{text}: {found:?}");
    }
    let folded = read(b"resources:\n- ../my\n  base\n").unwrap();
    assert!(folded.scalars.iter().any(|one| one.text == "../my base"));
}

#[test]
fn what_hides_keys_is_told() {
    for text in [
        "a: &x 1\nb: *x\n",
        "a: !!binary eA==\n",
        "? a\n: b\n",
        "\ta: b\n",
        "%TAG ! tag:x\n---\na: b\n",
        "a: [b\nc]\n",
    ] {
        assert!(!read(text.as_bytes()).unwrap().is_plain, "{text}");
    }
    for text in ["a: \"b", "a: [b", "a\rb", "\u{feff}a: b", "a: \"\\q\""] {
        assert!(read(text.as_bytes()).is_none(), "{text:?}");
    }
    assert!(read(b"a: \xff").is_none());
}

#[test]
fn a_text_of_several_lines_is_told_from_a_name() {
    let text = "patches:\n- patch: |-\n    - op: add\n      value: https://x\n\n  target: {}\n";
    let document = read(text.as_bytes()).unwrap();
    let texts: Vec<_> = document.scalars.iter().filter(|one| one.is_text).collect();
    assert_eq!(texts.len(), 1, "{document:?}");
    assert_eq!(texts[0].keys, ["patches", "patch"]);
}

/// Reads a text of 1 MiB and more, on a stack that is too small for a call
/// for each of its marks.
fn read_long(text: String) -> Option<Document> {
    assert!(text.len() >= 1 << 20);
    let reading = std::thread::Builder::new().stack_size(256 << 10);
    let reading = reading.spawn(move || read(text.as_bytes())).unwrap();
    reading.join().unwrap()
}

#[test]
fn a_long_row_of_marks_is_passed_over() {
    for mark in ["! ", "& ", "*a ", "!!str "] {
        let text = format!("resources: {}x", mark.repeat(1 << 19));
        let document = read_long(text).unwrap();
        assert!(!document.is_plain);
        assert_eq!(document.scalars.len(), 1, "{mark}");
        assert_eq!(document.scalars[0].text, "x");
    }
}

#[test]
fn what_would_copy_more_keys_than_there_is_reason_for_is_not_understood() {
    let keys = "\"a\":".repeat(1 << 17);
    let long = "k".repeat(1 << 19);
    let mut deep = String::new();
    for depth in 0..700 {
        deep.push_str(&" ".repeat(depth));
        deep.push_str("a:\n");
    }
    for text in [
        format!("[{keys}{}]", "\"a\" ".repeat(1 << 17)),
        format!("{{{long}: [{}1]}}", "1,".repeat(1 << 18)),
        format!("{deep}{}[{}1]", " ".repeat(700), "1,".repeat(1 << 19)),
        format!(
            "{}[{}1]{}",
            "{a: ".repeat(60),
            "1,".repeat(1 << 19),
            "}".repeat(60)
        ),
    ] {
        assert!(read_long(text).is_none());
    }
}

#[test]
fn a_long_text_of_many_scalars_is_read_whole() {
    let name = format!("../{}", "a".repeat(97));
    let names = format!("- {name}\n").repeat(11_000);
    let document = read_long(format!("resources:\n{names}")).unwrap();
    let is_name = |one: &&Scalar| one.text == name;
    assert_eq!(document.scalars.iter().filter(is_name).count(), 11_000);
    let dashes = "- ".repeat(1 << 19);
    assert_eq!(read_long(format!("{dashes}x")).unwrap().scalars.len(), 1);
}
