//! The server's pages in a real browser, driven by a script for each scenario:
//! looking and answering, live updates, phones, keyboards, no script, and what
//! must not work. axe finds nothing on any page, in light and dark.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/server.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod server;
#[path = "web/stage.rs"]
mod stage;
#[path = "web/submissions.rs"]
mod submissions;

use stage::play;

#[test]
fn the_inbox_shows_what_waits_for_whom_and_folds_a_flood() {
    play("inbox");
}

#[test]
fn a_request_is_read_word_by_word_and_approved_by_a_click() {
    play("approve");
}

#[test]
fn what_is_dangerous_is_approved_by_typing_what_it_is_about() {
    play("dangerous");
}

#[test]
fn a_denial_with_its_reason_ends_the_question() {
    play("deny");
}

#[test]
fn two_windows_hear_of_each_change_and_keep_what_is_being_typed() {
    play("live");
}

#[test]
fn a_hidden_window_says_in_its_title_what_waits() {
    play("hidden");
}

#[test]
fn on_a_phone_nothing_is_wider_than_the_screen_and_a_thumb_answers() {
    play("phone");
}

#[test]
fn a_keyboard_alone_reads_and_answers_and_one_key_answers_nothing() {
    play("keyboard");
}

#[test]
fn without_a_script_the_pages_work_the_same() {
    play("withoutScript");
}

#[test]
fn axe_finds_nothing_on_any_page_in_light_and_dark() {
    play("everyPage");
}

#[test]
fn axe_finds_nothing_where_something_was_typed_in() {
    play("forms");
}

#[test]
fn what_is_past_the_everyday_is_seen_and_taken_back() {
    play("exceptions");
}

#[test]
fn axe_finds_nothing_on_the_way_in() {
    play("doors");
}

#[test]
fn an_admin_changes_who_may_act_on_the_pages_and_nobody_else_does() {
    play("administration");
}

#[test]
fn an_admin_changes_groups_and_rules_after_seeing_the_difference() {
    play("editing");
}

#[test]
fn a_standing_grant_is_proposed_and_revoked_on_a_requests_page() {
    play("proposal");
}

#[test]
fn what_a_command_would_do_is_read_before_the_rest() {
    play("preview");
}

#[test]
fn a_changed_manifest_is_shown_beside_the_one_that_was_approved() {
    play("changedInput");
}

#[test]
fn text_of_a_requester_never_becomes_markup() {
    play("storedScripts");
}

#[test]
fn what_hides_or_imitates_is_shown_for_what_it_is() {
    play("displayCorpus");
}

#[test]
fn no_other_page_frames_one_of_ours() {
    play("frames");
}

#[test]
fn no_other_page_answers_for_somebody() {
    play("foreignForms");
}

#[test]
fn looking_changes_nothing_whoever_looks() {
    play("onlyLooking");
}

#[test]
fn every_page_says_to_browsers_what_they_may_do_with_it() {
    play("headers");
}

/// With `GATE_SCREENSHOTS=1` the pictures of the documents are made anew.
#[test]
fn the_pages_can_be_pictured() {
    play("pictures");
}
