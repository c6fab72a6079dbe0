//! Which account, region and endpoint the AWS CLI would talk to. Source:
//! botocore, `configprovider.py`, `configloader.py` and `credentials.py`.

use std::path::{Path, PathBuf};

use super::ini::{self, Ini, Section};
use super::{content, is_harmless, login, named, option, refuse_file, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::profile::ToolSpec;

mod endpoint;
mod services;

/// How many profiles may name each other for their credentials.
const SOURCES: usize = 8;

pub(super) fn resolve(line: &CommandLine<'_>, spec: &ToolSpec, invocation: &mut Invocation) {
    read_aliases(line, invocation);
    refuse_models(line, invocation);
    let Some(files) = Files::read(line, invocation) else {
        return;
    };
    if !files.is_there && line.env.is_empty() {
        // Nothing says more than argv.
        return;
    }
    if let Some(plugins) = files
        .config
        .sections
        .iter()
        .find(|one| one.name == "plugins")
        && let Some((name, _)) = plugins.values.iter().find(|(_, value)| !value.is_empty())
    {
        let reason = format!("the configuration of aws makes it load the plugin `{name}`");
        invocation.add(Effect::Unknown, &reason);
    }
    let profile = choose_profile(line, invocation);
    let in_force = files.profile(&profile);
    if in_force.is_empty() && !matches!(profile.as_str(), "" | "default") && files.is_there {
        let reason = format!("the profile `{profile}` is in no configuration of aws");
        invocation.add(Effect::Unknown, &reason);
        return;
    }
    choose_region(line, &in_force, invocation);
    endpoint::choose(line, &files, &in_force, invocation);
    read_prompt_and_pager(line, &in_force, invocation);
    judge_authority(spec, &in_force, invocation);
    let first: Vec<&str> = invocation.command.iter().map(AsRef::as_ref).collect();
    let is_offline = matches!(
        first.as_slice(),
        [] | ["configure", "get" | "set" | "list-profiles", ..]
    );
    if !is_offline {
        read_identity(line, &files, &profile, invocation);
    }
}

/// The two files, as botocore merges them.
struct Files {
    config: Ini,
    credentials: Ini,
    is_there: bool,
}

impl Files {
    /// Reads them; nothing where one is there and not understood.
    fn read(line: &CommandLine<'_>, invocation: &mut Invocation) -> Option<Self> {
        let mut is_there = false;
        let mut read = |variable: &str, name: &str, role: &str| {
            let Some(path) = path(line, variable, name) else {
                return Some(Ini::default());
            };
            let text = content(line, &path, role, invocation);
            judge_other_file(line, (variable, name), text.is_some(), invocation);
            let Some(text) = text else {
                return Some(Ini::default());
            };
            is_there = true;
            let file = ini::read(&text).and_then(|file| {
                let has_profiles_by_name = variable == "AWS_SHARED_CREDENTIALS_FILE";
                let mut sections = file.sections.iter();
                match sections.find(|one| !has_profiles_by_name && !is_plainly_quoted(&one.name)) {
                    Some(section) => Err(format!("section `{}` has odd quotes", section.name)),
                    None => Ok(file),
                }
            });
            file.map_err(|problem| refuse_file(&path, role, &problem, invocation))
                .ok()
        };
        let config = read("AWS_CONFIG_FILE", ".aws/config", "aws config")?;
        let credentials = read(
            "AWS_SHARED_CREDENTIALS_FILE",
            ".aws/credentials",
            "aws credentials",
        )?;
        Some(Self {
            config,
            credentials,
            is_there,
        })
    }

    /// Returns what the files say of a profile.
    fn profile(&self, name: &str) -> Profile<'_> {
        let name = if name.is_empty() { "default" } else { name };
        let mut config = self.config.sections.iter();
        let config = config.rfind(|section| {
            let own = if section.name == "default" {
                Some("default")
            } else {
                named_section(&section.name, "profile")
            };
            own == Some(name)
        });
        let mut credentials = self.credentials.sections.iter();
        Profile {
            config,
            credentials: credentials.rfind(|section| section.name == name),
        }
    }
}

/// Tells whether the quotes of a section are one pair around its name, if any.
/// Others, and backslashes, botocore reads as a shell would.
fn is_plainly_quoted(section: &str) -> bool {
    let signs = ['"', '\'', '\\'];
    let Some((before, quoted)) = section.split_once(signs) else {
        return true;
    };
    let sign = section.get(before.len()..section.len() - quoted.len());
    let inner = sign.and_then(|sign| quoted.trim_end().strip_suffix(sign));
    let is_pair = sign != Some("\\") && inner.is_some_and(|inner| !inner.contains(signs));
    is_pair && before.ends_with([' ', '\t'])
}

/// Returns the name in `profile NAME`, with quotes or without.
fn named_section<'s>(section: &'s str, kind: &str) -> Option<&'s str> {
    let (_, name) = section.strip_prefix(kind)?.split_once([' ', '\t'])?;
    let name = name.trim();
    let quoted = name.strip_prefix(['"', '\'']);
    match quoted.and_then(|name| name.strip_suffix(['"', '\''])) {
        Some(name) => Some(name),
        None => Some(name).filter(|name| !name.contains([' ', '\t'])),
    }
}

/// What the two files say of one profile; the credentials count first.
#[derive(Clone, Copy)]
struct Profile<'f> {
    config: Option<&'f Section>,
    credentials: Option<&'f Section>,
}

impl<'f> Profile<'f> {
    fn is_empty(&self) -> bool {
        self.config.is_none() && self.credentials.is_none()
    }

    fn value(&self, key: &str) -> &'f str {
        let sections = [self.credentials, self.config].into_iter().flatten();
        let mut values = sections.map(|section| section.value(key));
        values.find(|value| !value.is_empty()).unwrap_or_default()
    }
}

/// Returns the path of a file in force. Without `HOME` Python asks the system
/// for the folder, which is not known here.
fn path(line: &CommandLine<'_>, variable: &str, name: &str) -> Option<PathBuf> {
    match line.env.get(variable) {
        Some(path) if !path.is_empty() => Some(PathBuf::from(path)),
        _ => home(line).map(|home| home.join(name)),
    }
}

/// A file that only a variable names counts where it is read here by the name
/// that it has to the CLI, and where nothing is written to it.
fn judge_other_file(
    line: &CommandLine<'_>,
    (variable, usual): (&str, &str),
    is_read: bool,
    invocation: &mut Invocation,
) {
    let Some(named) = line.env.get(variable) else {
        return;
    };
    let is_usual = home(line).is_some_and(|home| home.join(usual) == named)
        || (!line.files.sees_all() && Path::new(named).ends_with(usual));
    if named == "/dev/null" || is_usual {
        return;
    }
    let field = if variable == "AWS_CONFIG_FILE" {
        "config_file"
    } else {
        "credentials_file"
    };
    set(invocation, field, &named.to_string_lossy());
    // botocore expands these, and takes an empty name for a file that is not there.
    let bytes = named.as_encoded_bytes();
    let is_plain = !bytes.is_empty() && !bytes.contains(&b'~') && !bytes.contains(&b'$');
    let is_written = matches!(invocation.command.first(), Some(first) if first == "configure")
        && invocation.effects.strictest() > Effect::Local;
    if !is_read || !is_plain || is_written {
        let named = named.to_string_lossy();
        let reason = format!("`{variable}` names `{named}`, which is not read here as aws has it");
        invocation.add(Effect::Unknown, &reason);
    }
}

fn home(line: &CommandLine<'_>) -> Option<PathBuf> {
    let home = line.env.get("HOME").filter(|home| !home.is_empty())?;
    Some(line.cwd.join(home))
}

/// An alias at the top stands for whatever it is called, a service too; one of
/// an operation can't stand for an operation that there is.
fn read_aliases(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let Some(path) = home(line).map(|home| home.join(".aws/cli/alias")) else {
        return;
    };
    let Some(text) = content(line, &path, "aws alias file", invocation) else {
        return;
    };
    let first = invocation.command.first().cloned().unwrap_or_default();
    match ini::read(&text) {
        Err(problem) => refuse_file(&path, "aws alias file", &problem, invocation),
        Ok(file) => {
            let mut aliases = file
                .sections
                .iter()
                .filter(|section| section.name == "toplevel");
            if aliases.any(|section| section.values.iter().any(|(name, _)| *name == first)) {
                let reason = format!("an alias of the user stands for `aws {first}`");
                invocation.add(Effect::Unknown, &reason);
            }
        }
    }
}

/// A model there counts before the CLI's own, and can make any operation another request to any
/// server. Source: botocore, `loaders.py`, `CUSTOMER_DATA_PATH`.
fn refuse_models(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let Some(path) = home(line).map(|home| home.join(".aws/models")) else {
        return;
    };
    if line.files.kind(&path).is_some() {
        let path = path.to_string_lossy();
        let reason = format!("what stands in `{path}` can make an operation another one");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// A bundle that the profile names is trusted as one that `AWS_CA_BUNDLE` names.
fn judge_authority(spec: &ToolSpec, profile: &Profile<'_>, invocation: &mut Invocation) {
    let bundle = profile.value("ca_bundle");
    if !is_harmless(spec, "AWS_CA_BUNDLE", bundle) {
        let reason = format!("the profile makes aws trust the authority of `{bundle}`");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Returns the profile that is in force. Where two variables name two, versions
/// disagree.
fn choose_profile(line: &CommandLine<'_>, invocation: &mut Invocation) -> String {
    if option(invocation, "profile").is_some() {
        return named(invocation, "profile").to_owned();
    }
    let [first, second] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].map(|name| {
        let value = line.env.get(name).unwrap_or_default();
        value.to_string_lossy().into_owned()
    });
    if !first.is_empty() && !second.is_empty() && first != second {
        let reason = format!(
            "of `AWS_PROFILE` ({first}) and `AWS_DEFAULT_PROFILE` ({second}) versions of aws take \
             another"
        );
        invocation.add(Effect::Unknown, &reason);
    }
    if first.is_empty() { second } else { first }
}

/// Version 1 does not read `AWS_REGION`. For a mere read that is not asked
/// about.
fn choose_region(line: &CommandLine<'_>, profile: &Profile<'_>, invocation: &mut Invocation) {
    if option(invocation, "region").is_some() {
        return;
    }
    let variable = |name: &str| line.env.get(name).unwrap_or_default().to_string_lossy();
    let (new, old) = (variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"));
    let of_old = if old.is_empty() {
        profile.value("region")
    } else {
        &old
    };
    let of_new = if new.is_empty() { of_old } else { &new };
    set(invocation, "region", of_new);
    let is_disputed = !of_old.is_empty() && of_old != of_new;
    if is_disputed && invocation.does_more_than_read() {
        let reason = format!(
            "version 1 of aws takes the region `{of_old}`, version 2 the region `{of_new}`"
        );
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Version 2 takes a pager and a prompt from the profile.
fn read_prompt_and_pager(
    line: &CommandLine<'_>,
    profile: &Profile<'_>,
    invocation: &mut Invocation,
) {
    let prompt = profile.value("cli_auto_prompt");
    let is_set = line.env.get("AWS_CLI_AUTO_PROMPT").is_some()
        || option(invocation, "no-cli-auto-prompt").is_some();
    if !matches!(prompt, "" | "off") && !is_set {
        invocation.add(
            Effect::Unknown,
            "the profile makes aws ask what to do, and what is chosen then runs",
        );
    }
    let pager = profile.value("cli_pager");
    let is_plain = matches!(
        pager,
        "" | "cat" | "less" | "less -R" | "less -F" | "less -FR" | "less -FRX" | "more"
    );
    if !is_plain && option(invocation, "no-cli-pager").is_none() {
        let reason = format!("the profile makes aws run the pager `{pager}`");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Reads the account, and the program that a credential comes from. Keys in the
/// environment count before a profile that no option names.
fn read_identity(
    line: &CommandLine<'_>,
    files: &Files,
    profile: &str,
    invocation: &mut Invocation,
) {
    let has = |name: &str| line.env.get(name).is_some_and(|value| !value.is_empty());
    let has_keys = has("AWS_ACCESS_KEY_ID") && has("AWS_SECRET_ACCESS_KEY");
    if has_keys && option(invocation, "profile").is_none() {
        let account = line.env.get("AWS_ACCOUNT_ID").unwrap_or_default();
        set(invocation, "account", &account.to_string_lossy());
        return;
    }
    let mut name = profile.to_owned();
    for depth in 0..SOURCES {
        let section = files.profile(&name);
        if depth == 0 {
            set(invocation, "account", &account(line, &section));
            set(invocation, "role", section.value("role_arn"));
        }
        read_process(section.value("credential_process"), invocation);
        let next = section.value("source_profile");
        if next.is_empty() || next == name {
            return;
        }
        next.clone_into(&mut name);
    }
    invocation.add(Effect::Unknown, "too many profiles of aws name each other");
}

/// Returns the account where the files or the environment say it.
fn account(line: &CommandLine<'_>, profile: &Profile<'_>) -> String {
    let own = ["sso_account_id", "aws_account_id"].map(|key| profile.value(key));
    let of_role = account_of_arn(profile.value("role_arn"));
    let role = line.env.get("AWS_ROLE_ARN").unwrap_or_default();
    let role = role.to_string_lossy();
    let mut all = std::iter::once(of_role).chain(own);
    let found = all.find(|account| !account.is_empty());
    // The role of a workload counts where the profile has none of its own.
    let of_workload = || {
        let is_certain = line.files.sees_all() || !profile.is_empty();
        if is_certain {
            account_of_arn(&role)
        } else {
            ""
        }
    };
    found.unwrap_or_else(of_workload).to_owned()
}

/// Returns the account of `arn:aws:iam::123456789012:role/x`.
fn account_of_arn(arn: &str) -> &str {
    let account = arn.split(':').nth(4).unwrap_or_default();
    if account.bytes().all(|byte| byte.is_ascii_digit()) {
        account
    } else {
        ""
    }
}

fn read_process(command: &str, invocation: &mut Invocation) {
    if command.is_empty() {
        return;
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    let program = words.first().copied().unwrap_or_default();
    let arguments = words.get(1..).unwrap_or_default();
    set(invocation, "login", program);
    // Words with quotes are not split here as aws splits them.
    let is_plain = !command.contains(['"', '\'', '\\']);
    if !is_plain || !login::only_logs_in(program, arguments) {
        let reason =
            format!("the profile makes aws run `{program}`, which is no login that gate knows");
        invocation.add(Effect::Unknown, &reason);
    }
}
