//! Channels, against peers that record what they are told, and judged by the
//! vendors' own libraries.

mod display;
mod mail;
mod peer;
mod settings;
mod slack;
mod slack_attacks;
mod slack_judges;
mod slack_socket;
mod stage;
mod teams;
mod teams_attacks;
mod webhooks;

pub(super) use stage::judged;
