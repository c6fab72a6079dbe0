//! The endpoint that is named for a service, by the environment or by a file.

use super::services::identifier;
use super::{Files, Profile, named_section, option, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::is_loopback;

/// Writes the endpoint in force. What the environment names was judged with
/// it; what a file names goes elsewhere unless it is AWS or this machine.
pub(super) fn choose(
    line: &CommandLine<'_>,
    files: &Files,
    profile: &Profile<'_>,
    invocation: &mut Invocation,
) {
    if option(invocation, "endpoint-url").is_some() {
        return;
    }
    let Some(service) = invocation.command.first().map(|word| identifier(word)) else {
        return;
    };
    invocation.target.remove("endpoint");
    let variable = |name: &str| line.env.get(name).unwrap_or_default().to_string_lossy();
    let is_ignored = match variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        value if value.is_empty() => profile
            .value("ignore_configured_endpoint_urls")
            .to_lowercase(),
        value => value.to_lowercase(),
    };
    let may_be_ignored = is_ignored.is_empty() && !line.files.sees_all();
    if is_ignored == "true" || may_be_ignored {
        return;
    }
    let own = variable(&format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()));
    let all = variable("AWS_ENDPOINT_URL");
    let in_environment = [own, all].into_iter().find(|url| !url.is_empty());
    if let Some(url) = in_environment {
        set(invocation, "endpoint", &url);
        return;
    }
    let url = match of_services(files, profile, &service) {
        Ok("") => profile.value("endpoint_url"),
        Ok(url) => url,
        Err(problem) => {
            invocation.add(Effect::Unknown, &problem);
            return;
        }
    };
    set(invocation, "endpoint", url);
    if !url.is_empty() && !is_loopback(url.as_bytes()) && !is_of_aws(url) {
        let reason = "the profile of aws sends the signed request to another server than AWS";
        invocation.add(Effect::Unknown, reason);
    }
}

/// Returns what the section of services says that the profile names.
fn of_services<'f>(
    files: &'f Files,
    profile: &Profile<'f>,
    service: &str,
) -> Result<&'f str, String> {
    let name = profile.value("services");
    if name.is_empty() {
        return Ok("");
    }
    let mut sections = files.config.sections.iter();
    let section = sections
        .rfind(|section| named_section(&section.name, "services") == Some(name))
        .ok_or_else(|| format!("the configuration of aws has no services `{name}`"))?;
    Ok(section.nested(service, "endpoint_url"))
}

/// Tells whether a URL is one of AWS, by nothing but its name.
fn is_of_aws(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let is_name = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_name
        && [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
            .iter()
            .any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_below_those_of_aws_is_of_aws() {
        assert!(is_of_aws("https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com"));
        for url in [
            "http://ec2.eu-west-1.amazonaws.com",
            "https://amazonaws.com.evil",
            "https://evilamazonaws.com",
            "https://evil/x.amazonaws.com",
            "https://u:p@x.amazonaws.com",
        ] {
            assert!(!is_of_aws(url), "{url}");
        }
    }
}
