//! Holds the architecture: who may depend on whom, where which things may be done, how long a file may
//! be and what it may not be called. Reads `cargo metadata` and the tree; each rule can be seen to fail
//! in the tests beside it.

#[path = "house/edges.rs"]
mod edges;
#[path = "house/lexer.rs"]
mod lexer;
#[path = "house/papers.rs"]
mod papers;
#[path = "house/places.rs"]
mod places;
#[path = "house/shapes.rs"]
mod shapes;
#[path = "house/tree.rs"]
mod tree;

use tree::House;

/// Fails with every breach of a rule, one on a line.
#[track_caller]
fn hold(rule: fn(&House) -> Vec<String>) {
    let breaches = House::read().map_or_else(
        |error| vec![format!("the house cannot be read: {error}")],
        |house| rule(&house),
    );
    assert!(breaches.is_empty(), "\n  {}\n", breaches.join("\n  "));
}

#[test]
fn the_crates_depend_on_each_other_as_designed() {
    hold(edges::between_our_crates);
}

#[test]
fn async_and_http_live_in_the_client_and_the_server() {
    hold(edges::of_async_crates);
}

#[test]
fn only_the_command_itself_reads_its_command_line_with_clap() {
    hold(edges::of_command_lines);
}

#[test]
fn only_the_command_itself_knows_where_its_folders_are() {
    hold(edges::of_directories);
}

#[test]
fn unsafe_code_is_in_gate_exec_only() {
    hold(places::of_unsafe);
}

#[test]
fn only_report_writes_to_stderr() {
    hold(places::of_stderr);
}

#[test]
fn only_exit_code_ends_the_process() {
    hold(places::of_exit);
}

#[test]
fn only_a_permit_runs_a_tool() {
    hold(places::of_execution);
}

#[test]
fn only_the_client_knows_the_paths_of_the_api() {
    hold(places::of_the_api);
}

#[test]
fn only_layout_names_folders_of_the_user() {
    hold(places::of_directories);
}

#[test]
fn only_two_subcommands_know_the_server() {
    hold(places::of_the_server);
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    hold(shapes::lengths);
}

#[test]
fn no_file_or_module_has_a_name_that_says_nothing() {
    hold(shapes::names);
}

#[test]
fn nothing_is_ignored_or_left_to_do() {
    hold(shapes::unfinished);
}

#[test]
fn each_dependency_says_why_it_is_here() {
    hold(papers::dependencies_are_explained);
}

#[test]
fn each_crate_takes_versions_and_lints_from_the_workspace() {
    hold(papers::crates_inherit);
}
