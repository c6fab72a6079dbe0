//! What a channel must have before it is one, whether a file or the API makes it.

use gate_policy::Effect;
use gate_protocol::approver::Approver;
use gate_protocol::channel::{
    ChannelSettings, ChannelSpec, MailSecurity, MailSettings, SlackSettings, TeamsSettings,
};
use gate_protocol::principal::is_name;

use super::webhook;
use crate::outbound::parse_url;

/// Refuses a channel that can't work, and says which field and why. `secrets`
/// are the names of those that it has.
pub(crate) fn refuse_unsound<'a>(
    spec: &ChannelSpec,
    secrets: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    if !is_name(&spec.name) {
        return Err("`name` must be 1 to 128 of a-z, 0-9 and . _ @ + -".to_owned());
    }
    for approver in &spec.filter.approvers {
        if approver.parse::<Approver>().is_err() {
            return Err("`for` must be a list of `group:NAME` and `user:NAME`".to_owned());
        }
    }
    if let Some(other) = spec
        .filter
        .effects
        .iter()
        .find(|one| one.parse::<Effect>().is_err())
    {
        let all = Effect::ALL.iter().map(|effect| effect.as_str());
        let all: Vec<&str> = all.collect();
        return Err(format!(
            "`effects` has `{}`, which is none of {}",
            gate_protocol::inert::inert(other),
            all.join(", ")
        ));
    }
    let has: Vec<&str> = secrets.collect();
    let (needs, may_have) = secrets_of(&spec.settings);
    if let Some(missing) = needs.iter().find(|name| !has.contains(name)) {
        return Err(format!(
            "needs the secret `{missing}` (`{missing}_file` in a file)"
        ));
    }
    let is_known = |name: &&&str| !needs.contains(name) && !may_have.contains(name);
    if let Some(unknown) = has.iter().find(is_known) {
        return Err(format!("has no secret `{unknown}`"));
    }
    match &spec.settings {
        ChannelSettings::Slack(slack) => slack_is_sound(slack, &has),
        ChannelSettings::Teams(teams) => teams_is_sound(teams),
        ChannelSettings::Mail(mail) => mail_is_sound(mail),
        ChannelSettings::Webhook(webhook) => is_url("url", &webhook.url),
        ChannelSettings::TeamsWorkflow(_) => Ok(()),
    }
}

/// Returns which secrets a kind needs, and which it may have.
fn secrets_of(settings: &ChannelSettings) -> (&'static [&'static str], &'static [&'static str]) {
    match settings {
        ChannelSettings::Slack(_) => (&["bot_token"], &["signing_secret", "app_token"]),
        ChannelSettings::Teams(_) => (&["app_password"], &[]),
        ChannelSettings::TeamsWorkflow(_) => (&["url"], &[]),
        ChannelSettings::Mail(mail) if mail.username.is_some() => (&["password"], &[]),
        ChannelSettings::Mail(_) => (&[], &[]),
        ChannelSettings::Webhook(_) => (&["signing_secret"], &[]),
    }
}

/// Refuses secrets of which the form alone tells that they can't work.
pub(crate) fn refuse_unsound_secret(
    settings: &ChannelSettings,
    name: &str,
    text: &str,
) -> Result<(), String> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match (settings, name) {
        (ChannelSettings::Webhook(_), "signing_secret") => webhook::key(text).map(|_| ()),
        (ChannelSettings::TeamsWorkflow(_), _) => is_url("url", text),
        (ChannelSettings::Mail(_), _) => Ok(()),
        _ if is_plain => Ok(()),
        _ => Err(format!(
            "the secret `{name}` has blanks or other signs that it can't have"
        )),
    }
}

fn is_id(field: &str, text: &str, first: &[char], example: &str) -> Result<(), String> {
    let is_id = text.starts_with(first)
        && text.len() >= 2
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_id {
        return Ok(());
    }
    Err(format!("`{field}` must be an id of Slack, as `{example}`"))
}

fn slack_is_sound(slack: &SlackSettings, secrets: &[&str]) -> Result<(), String> {
    is_id("app_id", &slack.app_id, &['A'], "A0123456789")?;
    is_id("team_id", &slack.team_id, &['T'], "T0123456789")?;
    is_id(
        "conversation",
        &slack.conversation,
        &['C', 'G', 'D'],
        "C0123456789",
    )?;
    if let Some(url) = &slack.api_url {
        is_url("api_url", url)?;
    }
    match (
        secrets.contains(&"signing_secret"),
        secrets.contains(&"app_token"),
    ) {
        (true, false) | (false, true) => Ok(()),
        _ => Err(
            "needs one of the secrets `signing_secret` (callbacks by HTTP) and \
                  `app_token` (Socket Mode)"
                .to_owned(),
        ),
    }
}

fn teams_is_sound(teams: &TeamsSettings) -> Result<(), String> {
    for (field, text) in [
        ("app_id", &teams.app_id),
        ("tenant_id", &teams.tenant_id),
        ("conversation", &teams.conversation),
    ] {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("`{field}` must be an id of Teams"));
        }
    }
    is_url("service_url", &teams.service_url)?;
    for (field, url) in [
        ("login_url", &teams.login_url),
        ("metadata_url", &teams.metadata_url),
    ] {
        if let Some(url) = url {
            is_url(field, url)?;
        }
    }
    Ok(())
}

fn mail_is_sound(mail: &MailSettings) -> Result<(), String> {
    if mail.to.is_empty() {
        return Err("`to` must name somebody".to_owned());
    }
    for address in mail.to.iter().chain([&mail.from]) {
        address
            .parse::<lettre::message::Mailbox>()
            .map_err(|_| format!("`{address}` is no mail address"))?;
    }
    let is_here = matches!(mail.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if mail.security == MailSecurity::None && !is_here {
        return Err("`security = \"none\"` is for a mail server on this machine only".to_owned());
    }
    Ok(())
}

/// Refuses what is no address of the web. Where it leads is judged with each
/// connection.
fn is_url(field: &str, text: &str) -> Result<(), String> {
    let url = parse_url(text).map_err(|error| format!("`{field}`: {error}"))?;
    let is_web = matches!(url.scheme(), "https" | "http") && url.host_str().is_some();
    if is_web && url.username().is_empty() && url.password().is_none() {
        return Ok(());
    }
    Err(format!(
        "`{field}` must be an https address without a password in it"
    ))
}
