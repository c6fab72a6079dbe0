//! Talks to the approval server: submit, wait, claim, deliver.
