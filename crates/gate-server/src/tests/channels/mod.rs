//! Channels, against peers that record what they are told, and judged by the
//! vendors' own libraries.

mod display;
mod escalation;
mod filters;
mod given_back;
mod links;
mod loud;
mod mail;
mod outcomes;
mod own_answers;
mod paper;
mod peer;
mod reminders;
mod replicas;
mod settings;
mod slack;
mod slack_attacks;
mod slack_bolt;
mod slack_judges;
mod slack_socket;
mod stage;
mod teams;
mod teams_attacks;
mod variables;
mod webhooks;

pub(super) use stage::judged;
pub(super) use stage::secret_file;
