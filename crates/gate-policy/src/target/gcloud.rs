//! Which project, account and place gcloud would act on, and what its settings
//! change besides. Source: Google Cloud CLI 581, `core/config.py`,
//! `core/properties.py` and `core/configurations/named_configs.py`.
//!
//! The properties of the installation, which an administrator can set for all
//! users, are not read: where the SDK stands is not known here.

use std::path::{Path, PathBuf};

use super::ini::{self, Ini};
use super::{content, home_file, named, names_another, refuse_file, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;

const ROLE: &str = "settings of gcloud";
/// The configuration that is in force where nothing names one.
const USUAL: &str = "default";
/// The configuration without settings.
const NONE: &str = "NONE";
/// Commands that act beyond a project, or on one that an operand names.
const BEYOND_PROJECTS: &[&str] = &[
    "auth",
    "billing",
    "config",
    "organizations",
    "projects",
    "resource-manager",
    "storage",
];
/// Settings of `core` and `auth` that choose who acts where, or how it is
/// shown. Of the other sections those of [`LED`] alone do more than choose.
const PLAIN: &[(&str, &[&str])] = &[
    (
        "auth",
        &[
            "disable_ssl_validation",
            "impersonate_service_account",
            "service_account_use_self_signed_jwt",
        ],
    ),
    (
        "core",
        &[
            "account",
            "check_gce_metadata",
            "console_log_format",
            "default_format",
            "disable_color",
            "disable_file_logging",
            "disable_prompts",
            "disable_usage_reporting",
            "enable_feature_flags",
            "enable_gri",
            "format",
            "http_timeout",
            "interactive_ux_style",
            "log_http_redact_token",
            "max_log_days",
            "parse_error_details",
            "pass_credentials_to_gsutil",
            "project",
            "show_structured_logs",
            "survey",
            "trace_email",
            "user_output_enabled",
            "verbosity",
        ],
    ),
];
/// Sections whose settings can lead requests elsewhere or start a program.
const LED: &[&str] = &["api_client_overrides", "context_aware", "transport"];

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let folder = match line.env.get("CLOUDSDK_CONFIG") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => home_file(line, ".config/gcloud"),
    };
    let Some(name) = configuration(line, &folder, invocation) else {
        return;
    };
    if name == NONE {
        return;
    }
    let path = folder
        .join("configurations")
        .join(["config_", &name].concat());
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return;
    };
    match ini::read(&text) {
        Err(problem) => refuse_file(&path, ROLE, &problem, invocation),
        Ok(settings) => {
            set(invocation, "configuration", &name);
            fill(line, &settings, invocation);
            judge(&path, &settings, invocation);
            judge_shown(line, (&folder, &settings), invocation);
        }
    }
}

/// Adds the effect of commands that print all settings, where a password is among them.
fn judge_shown(
    line: &CommandLine<'_>,
    (folder, settings): (&Path, &Ini),
    invocation: &mut Invocation,
) {
    let path: Vec<&str> = invocation.command.iter().map(AsRef::as_ref).collect();
    let operand = invocation.operands.first();
    let operand = operand.and_then(|operand| std::str::from_utf8(operand).ok());
    let prints = match path[..] {
        ["info"] => has_password(settings),
        ["config", "list"] => {
            operand.is_none_or(|section| section.starts_with("proxy")) && has_password(settings)
        }
        ["config", "configurations", "describe"] => {
            let name = ["config_", operand.unwrap_or_default()].concat();
            let path = folder.join("configurations").join(name);
            let text = content(line, &path, ROLE, invocation);
            text.is_some_and(|text| ini::read(&text).is_ok_and(|other| has_password(&other)))
        }
        _ => false,
    };
    if prints {
        let why = "it prints the settings, and the password of a proxy is among them";
        invocation.add(Effect::Secret, why);
    }
}

fn has_password(settings: &Ini) -> bool {
    !settings.value("proxy", "password").is_empty()
}

/// Returns the name of the configuration in force; nothing where a file names
/// none that there can be.
fn configuration(
    line: &CommandLine<'_>,
    folder: &Path,
    invocation: &mut Invocation,
) -> Option<String> {
    let chosen = named(invocation, "configuration");
    if is_name(chosen) {
        return Some(chosen.to_owned());
    }
    if !chosen.is_empty() {
        // gcloud refuses it.
        return None;
    }
    let path = folder.join("active_config");
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return line.files.sees_all().then(|| USUAL.to_owned());
    };
    match std::str::from_utf8(&text) {
        Ok("") => Some(USUAL.to_owned()),
        Ok(name) if is_name(name) => Some(name.to_owned()),
        Ok(_) | Err(_) => {
            refuse_file(&path, ROLE, "it names no configuration", invocation);
            None
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name == NONE
        || (name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(is_letter))
}

/// Writes what neither argv nor a variable says.
fn fill(line: &CommandLine<'_>, settings: &Ini, invocation: &mut Invocation) {
    let group = invocation.command.first().cloned().unwrap_or_default();
    let of_group = match group.as_ref() {
        // Clusters stand where machines do.
        "container" => "compute",
        group => group,
    };
    let project = settings.value("core", "project");
    let is_elsewhere =
        BEYOND_PROJECTS.contains(&&*group) || names_another(line.argv, "projects/", project);
    for (field, section, key) in [
        ("account", "core", "account"),
        ("impersonated", "auth", "impersonate_service_account"),
        ("location", of_group, "location"),
        ("project", "core", "project"),
        ("region", of_group, "region"),
        ("zone", of_group, "zone"),
    ] {
        let is_of_project = !matches!(field, "account" | "impersonated");
        if named(invocation, field).is_empty() && !(is_of_project && is_elsewhere) {
            set(invocation, field, settings.value(section, key));
        }
    }
    let is_unverified = settings.value("auth", "disable_ssl_validation");
    if is_true(is_unverified) {
        set(invocation, "tls", "not verified");
        let why = "the settings make gcloud send the credential to whoever answers";
        invocation.add(Effect::Unknown, why);
    }
    let (host, port) = (
        settings.value("proxy", "address"),
        settings.value("proxy", "port"),
    );
    if !host.is_empty() {
        set(invocation, "proxy", &[host, ":", port].concat());
    }
}

/// Adds the effects of settings that do more than choose.
fn judge(path: &Path, settings: &Ini, invocation: &mut Invocation) {
    let log_http = settings.value("core", "log_http");
    if is_true(log_http) {
        let why = "the settings make gcloud print what it sends and gets";
        invocation.add(Effect::Secret, why);
    }
    for section in &settings.sections {
        for (key, value) in &section.values {
            let is_plain = match section.name.as_str() {
                _ if value.is_empty() => true,
                "core" if key == "log_http" => true,
                "core" if key == "universe_domain" => value == "googleapis.com",
                "api_endpoint_overrides" => is_of_google(value),
                name @ ("core" | "auth") => PLAIN
                    .iter()
                    .any(|(known, keys)| *known == name && keys.contains(&key.as_str())),
                name => {
                    !LED.contains(&name) && !key.contains("application_default_cred")
                        || key == "use_client_certificate"
                }
            };
            if !is_plain {
                let (section, path) = (&section.name, path.to_string_lossy());
                let reason = format!(
                    "`{section}/{key}` of the settings `{path}` can send requests elsewhere, or \
                     make somebody else act"
                );
                invocation.add(Effect::Unknown, reason);
            }
        }
    }
}

fn is_true(value: &str) -> bool {
    let truths = ["true", "1", "on", "yes", "y"];
    truths.iter().any(|truth| value.eq_ignore_ascii_case(truth))
}

/// Tells whether an address is one of Google's own, with nothing in front of
/// its host that could be another.
fn is_of_google(address: &str) -> bool {
    let host = address.strip_prefix("https://");
    let host = host.map_or("", |rest| rest.split('/').next().unwrap_or(rest));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    host.ends_with(".googleapis.com") && host.bytes().all(is_plain)
}
