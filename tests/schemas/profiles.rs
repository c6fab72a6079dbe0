//! The schema of tool profiles, held against gate: on what is built in, on the example, and on a
//! table of mistakes.

use std::fs;
use std::path::PathBuf;

use gate_testkit::home::Home;
use serde_json::Value;

use super::{GATE, by_gate, by_schema, root};

const HEAD: &str = "name = 'shipctl'\nstyle = 'pflag'\n";

/// What stands in a profile behind its name and style, and whether it is taken.
const CASES: &[(&str, bool)] = &[
    ("", true),
    ("aliases = ['ship', 'ship2']", true),
    ("aliases = ['a/b']", false),
    ("aliases = 'ship'", false),
    ("python = false", true),
    ("python = 'no'", false),
    ("reader = 'tables'", true),
    ("reader = 'psql'", false),
    ("reader = 'what'", false),
    ("operations = 'x'", false),
    ("shares = 'x'", false),
    ("listed = { file = 'x' }", false),
    ("colour = 'red'", false),
    (
        "moved_by = ['C']\nliteral = ['a {b,c}']\n[flags.global]\nvalues = ['C']",
        true,
    ),
    ("moved_by = 'C'", false),
    (
        "[flags.global]\nswitches = ['a', 'b/bee']\nvalues = ['c']",
        true,
    ),
    ("[flags.global]\nswitches = ['bb/bee']", false),
    ("[flags.global]\nswitches = ['a=b']", false),
    ("[flags.global]\nswitches = ['']", false),
    ("[flags.global]\nswitches = [1]", false),
    ("[flags.global]\nothers = ['a']", false),
    ("[flags.global]\n'--values' = { value = 'many' }", true),
    ("[flags.global]\nvalues = { value = 'many' }", true),
    ("[flags.global]\n'a b' = {}", false),
    ("[flags.global]\n'--' = {}", false),
    ("[flags.global]\na = { short = 'ab' }", false),
    ("[flags.global]\na = { value = 'some' }", false),
    ("[flags.global]\na = { value = 1 }", false),
    ("[flags.global]\na = { neutral = true }", true),
    ("[flags.global]\na = { neutral = ['', 'client'] }", true),
    ("[flags.global]\na = { neutral = false }", false),
    ("[flags.global]\na = { neutral = 'client' }", false),
    ("[flags.global]\na = { effect = 'write', why = 'so' }", true),
    ("[flags.global]\na = { effect = 'none' }", false),
    (
        "[flags.global]\na = { values = [['*', 'none'], ['x', 'write']] }",
        true,
    ),
    ("[flags.global]\na = { values = [['*', 'some']] }", false),
    ("[flags.global]\na = { values = [['*']] }", false),
    (
        "[flags.global]\na = { input = 'file', in_place = ['*.x'], copied = ['*.y'], follows = 'template' }",
        true,
    ),
    ("[flags.global]\na = { follows = 'links' }", false),
    (
        "[flags.global]\na = { runs = 'shell', changes = 'unsets' }",
        true,
    ),
    ("[flags.global]\na = { runs = 'python' }", false),
    ("[flags.global]\na = { colour = 'red' }", false),
    ("[flags.global]\na = 'switch'", false),
    (
        "[[command]]\npaths = ['a {b,c}', '']\neffect = 'read'",
        true,
    ),
    ("[[command]]\npaths = ['a']", false),
    ("[[command]]\npaths = 'a'\neffect = 'read'", false),
    ("[[command]]\npaths = ['a']\neffect = 'reads'", false),
    ("[[command]]\nclass = 'a'\neffect = 'read'", false),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\npassed_from = 1\n\
         runs = { place = 'here', as = 'appended', alone = 'read' }",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\npassed_from = 256",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\npassed_from = -1",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nruns = { place = 'there' }",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nruns = { as = 'text' }",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\norder = 'words'",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\norder = 'last'",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nopen = 1",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nshows = { operands = 0, globs = [] }",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nshows = { operands = 0 }",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nstdin = { role = 'script', given = ['x'] }\n\
         [flags.global]\nswitches = ['x']",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nstdin = {}",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\n\
         found = [{ files = ['x'], effect = 'execute', why = 'it runs it' }]",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\nfound = [{ files = ['x'] }]",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\n\
         operands = [{ at = '1+', globs = ['*'], not_globs = ['x'], effect = 'write' }]",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\noperands = [{ at = '--', wild = true }]",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\noperands = [{ wild = true, hidden = true }]",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\noperands = [{ wild = false, hidden = true }]",
        true,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\n\
         operands = [{ globs = ['a'], folded_globs = ['b'] }]",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\n\
         operands = [{ resource = ['pods'], not_globs = ['b'] }]",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\noperands = [{ at = 'first' }]",
        false,
    ),
    (
        "[[command]]\npaths = ['a']\neffect = 'read'\noperands = [{ at = '256' }]",
        false,
    ),
    (
        "[[environment]]\nnames = ['A', 'B_*']\naction = 'unknown'",
        true,
    ),
    (
        "[[environment]]\nnames = ['A']\naction = 'set'\nvalue = '1'",
        true,
    ),
    (
        "[[environment]]\nnames = ['A*']\naction = 'set'\nvalue = '1'",
        false,
    ),
    ("[[environment]]\nnames = ['A']\naction = 'hide'", false),
    ("[[environment]]\nnames = ['A']", false),
    (
        "[[environment]]\nnames = ['A']\naction = 'bind'\npython = true",
        false,
    ),
    ("[[environment]]\naction = 'bind'", false),
    ("[[implicit]]\nrole = 'settings'\nhome = ['.x']", true),
    (
        "[[implicit]]\nrole = 'settings'\nfolder = '.x'\nskipped = ['y']",
        true,
    ),
    ("[[implicit]]\nrole = 'settings'", false),
    (
        "[[implicit]]\nrole = 'settings'\nhome = ['.x']\nfolder = 'y'",
        false,
    ),
    (
        "[[implicit]]\nrole = 'settings'\nnamed_folder = true\nvariables = ['A']",
        true,
    ),
    ("[[implicit]]\nrole = 'settings'\nmodules = 'x'", false),
    (
        "[[implicit]]\nrole = 'settings'\nhome = ['.x']\nseparator = '::'",
        false,
    ),
    ("[[implicit]]\nhome = ['.x']", false),
    ("moved_by = [\"a\\u0007\"]", false),
];

fn schema() -> PathBuf {
    root().join("schemas/profile.schema.json")
}

/// The profiles that are built in, each as one of a tool that gate does not know.
fn built_in(home: &Home) -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("crates/gate-policy/profiles")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "toml"));
    files.sort();
    let renamed = files.iter().map(|file| {
        let text = fs::read_to_string(file).unwrap();
        let mut text = text.replacen("name = \"", "name = \"own-", 1);
        // Their other names are those of tools that gate knows too.
        if let Some((before, rest)) = text.split_once("\naliases = [\"") {
            let (names, rest) = rest.split_once(']').unwrap();
            let names = names.replace("\", \"", "\", \"own-");
            text = format!("{before}\naliases = [\"own-{names}]{rest}");
        }
        let name = file.file_name().unwrap().to_string_lossy();
        home.write(&format!("work/own-{name}"), text).unwrap()
    });
    renamed.collect()
}

#[test]
fn the_schema_of_profiles_and_gate_agree_on_all_that_is_built_in_and_on_mistakes() {
    let home = Home::new().unwrap();
    let mut files = vec![root().join("examples/tools.d/shipctl.toml")];
    let mut wanted = vec![true];
    for (at, (text, is_taken)) in CASES.iter().enumerate() {
        let text = format!("{HEAD}{text}\n");
        files.push(home.write(&format!("work/case-{at}.toml"), text).unwrap());
        wanted.push(*is_taken);
    }
    for (at, (text, is_taken)) in [
        ("style = 'git'\n[[command]]\neffect = 'read'", false),
        ("name = 'x'\n", false),
        ("name = 'x'\nstyle = 'own'\n", false),
        ("name = 'x y'\nstyle = 'git'\n", false),
        ("name = ''\nstyle = 'git'\n", false),
        ("name = 3\nstyle = 'git'\n", false),
    ]
    .iter()
    .enumerate()
    {
        files.push(home.write(&format!("work/top-{at}.toml"), text).unwrap());
        wanted.push(*is_taken);
    }
    for (file, wanted) in files.iter().zip(&wanted) {
        let (taken, said) = by_gate(&home, file);
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(taken, *wanted, "gate of {text}: {said}");
        let place = format!("{}:", file.file_name().unwrap().to_string_lossy());
        assert!(taken || said.contains(&place), "{said}");
    }
    let mut count = 0;
    for file in built_in(&home) {
        let (taken, said) = by_gate(&home, &file);
        count += usize::from(taken);
        // What only a built-in profile may have, and nothing else, is refused.
        let refused: Vec<&str> = said.lines().collect();
        let is_built_in =
            |line: &&str| line.contains("leave it out: it is for profiles that are built in");
        assert!(taken || refused.iter().all(is_built_in), "{said}");
        files.push(file);
        wanted.push(taken);
    }
    assert!(count > 50, "{count}");
    let found = by_schema(&schema(), &files);
    assert_eq!(found.len(), wanted.len());
    for ((file, wanted), found) in files.iter().zip(wanted).zip(found) {
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(
            found,
            wanted,
            "the schema of {}: {text:.400}",
            file.display()
        );
    }
}

#[test]
fn the_schema_of_profiles_that_is_printed_is_the_one_that_is_published_and_has_every_field() {
    let home = Home::new().unwrap();
    let mut command = home.command(GATE);
    let output = command
        .args(["rules", "schema", "profile"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == fs::read(schema()).unwrap());
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    // What names a file beside a profile, knows one tool or takes all effects away, stands in none.
    let built_in = [
        "operations",
        "listed",
        "shares",
        "class",
        "modules",
        "completed_by",
    ];
    for (at, text) in [
        ("/properties", "qqqqqqqqqqqqqqqqqq = 1"),
        (
            "/$defs/flag/properties",
            "[flags.global]\na = { qqqqqqqqqqqqqqqqqq = 1 }",
        ),
        (
            "/$defs/command/properties",
            "[[command]]\neffect = 'read'\nqqqqqqqqqqqqqqqqqq = 1",
        ),
        (
            "/$defs/operand/properties",
            "[[command]]\neffect = 'read'\noperands = [{ qqqqqqqqqqqqqqqqqq = 1 }]",
        ),
        (
            "/$defs/variable/properties",
            "[[environment]]\nqqqqqqqqqqqqqqqqqq = 1",
        ),
        (
            "/$defs/implicit/properties",
            "[[implicit]]\nqqqqqqqqqqqqqqqqqq = 1",
        ),
    ] {
        let file = home
            .write("work/fields.toml", format!("{HEAD}{text}\n"))
            .unwrap();
        let (_, said) = by_gate(&home, &file);
        let (_, list) = said.split_once("write one of ").unwrap();
        let mut of_gate: Vec<&str> = list.lines().next().unwrap().split(", ").collect();
        of_gate.retain(|field| !built_in.contains(field));
        of_gate.sort_unstable();
        let fields = object.pointer(at).unwrap().as_object().unwrap();
        let mut of_schema: Vec<&str> = fields.keys().map(String::as_str).collect();
        of_schema.sort_unstable();
        assert_eq!(of_schema, of_gate, "{at}");
    }
}
