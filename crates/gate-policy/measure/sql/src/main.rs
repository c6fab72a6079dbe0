//! Compares what parsers take for PostgreSQL's language with what a server takes.
//!
//! `measure-sql parsers FILE`: FILE is what `statements.py` wrote. `measure-sql deep PARSER DEPTH`:
//! one statement of so many brackets on a stack of 256 KiB; a crash is the answer.

#[path = "../../../src/sql/grammar/mod.rs"]
mod grammar;

use std::time::Instant;

type Parser = (&'static str, fn(&str) -> bool);

const PARSERS: &[Parser] = &[
    ("gate", |text| grammar::parse(text).is_ok()),
    ("sqlparser", |text| {
        let dialect = sqlparser::dialect::PostgreSqlDialect {};
        sqlparser::parser::Parser::parse_sql(&dialect, text).is_ok()
    }),
    ("postgresql-cst-parser", |text| postgresql_cst_parser::parse(text).is_ok()),
    ("squawk-syntax", |text| squawk_syntax::SourceFile::parse(text).errors().is_empty()),
    #[cfg(feature = "pg_query")]
    ("pg_query", |text| pg_query::parse(text).is_ok()),
];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("parsers") => parsers(&words[2]),
        Some("deep") => deep(words[2].clone(), words[3].parse().expect("a number")),
        _ => panic!("measure-sql parsers FILE | deep PARSER DEPTH"),
    }
}

fn parsers(file: &str) {
    let text = std::fs::read_to_string(file).expect("statements");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    std::panic::set_hook(Box::new(|_| {}));
    println!("| parser | refuses of the files' | takes of those refused | refuses of changed ones | takes of those refused | panics | µs a statement |");
    for (name, parse) in PARSERS {
        let (mut counts, mut totals, mut panics) = ([0; 4], [0; 4], 0);
        let begun = Instant::now();
        for line in &lines {
            let sql = line["sql"].as_str().expect("a text");
            let accepted = line["accepted"].as_bool().expect("a claim");
            let kind = usize::from(!accepted) + 2 * usize::from(line["mutant"] == true);
            totals[kind] += 1;
            match std::panic::catch_unwind(|| parse(sql)) {
                Ok(took) if took != accepted => {
                    counts[kind] += 1;
                    if std::env::var("SHOW").as_deref() == Ok(*name) {
                        eprintln!("{accepted} {sql:?}");
                    }
                }
                Ok(_) => {}
                Err(_) => panics += 1,
            }
        }
        let each = begun.elapsed().as_secs_f64() * 1e6 / lines.len() as f64;
        let of = |kind: usize| format!("{} of {}", counts[kind], totals[kind]);
        println!("| {name} | {} | {} | {} | {} | {panics} | {each:.1} |", of(0), of(1), of(2), of(3));
    }
}

fn deep(name: String, depth: usize) {
    let (_, parse) = *PARSERS.iter().find(|(known, _)| *known == name.as_str()).expect("a parser");
    let text = format!("select {}1{}", "(".repeat(depth), ")".repeat(depth));
    let run = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
        let begun = Instant::now();
        println!("{name} at {depth}: taken: {}, {:?}", parse(&text), begun.elapsed());
    });
    run.expect("a thread").join().expect("no panic");
}
