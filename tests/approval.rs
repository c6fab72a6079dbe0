//! What an approval promises to who asks and to who answers, with the real
//! binary against a real server process: the wait, the reason, what is told of
//! it, what is masked, what is bound, who counts, whose rules hold, and what is
//! on record afterwards.

#[path = "approval/advice.rs"]
mod advice;
#[path = "live/agent.rs"]
mod agent;
#[path = "approval/binding.rs"]
mod binding;
#[path = "approval/contract.rs"]
mod contract;
#[path = "approval/defects.rs"]
mod defects;
#[path = "approval/inputs.rs"]
mod inputs;
#[path = "approval/inputs_aws.rs"]
mod inputs_aws;
#[path = "approval/inputs_kubectl.rs"]
mod inputs_kubectl;
#[path = "approval/inputs_moved.rs"]
mod inputs_moved;
#[path = "approval/inputs_published.rs"]
mod inputs_published;
#[path = "approval/layers.rs"]
mod layers;
#[expect(
    dead_code,
    reason = "the tests of files that decide use the rest of it"
)]
#[path = "live/namespace.rs"]
mod namespace;
#[path = "approval/people.rs"]
mod people;
#[path = "approval/profiles.rs"]
mod profiles;
#[path = "approval/progress.rs"]
mod progress;
#[path = "approval/reason.rs"]
mod reason;
#[path = "approval/record.rs"]
mod record;
#[path = "approval/secrets.rs"]
mod secrets;
#[path = "live/server.rs"]
mod server;
#[path = "approval/stage.rs"]
mod stage;
#[path = "approval/surroundings.rs"]
mod surroundings;
#[path = "approval/waiting.rs"]
mod waiting;
