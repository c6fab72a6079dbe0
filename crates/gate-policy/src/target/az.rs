//! Which subscription, tenant and account the Azure CLI would act on, and what
//! its settings change besides. Source: azure-cli-core 2.91, `_profile.py`,
//! `cloud.py` and `extension/__init__.py`; knack 0.12, `config.py`.

use std::path::{Path, PathBuf};

use super::az_servers::{ends_name, ends_server, leads_elsewhere, whole_name};
use super::ini::{self, Ini};
use super::yaml::{self, Node};
use super::{content, home_file, named, names_another, option, refuse_file, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::{Invocation, WordRole};

/// The cloud that is in force where nothing names one.
const USUAL: &str = "AzureCloud";
/// The clouds that the CLI brings along.
const CLOUDS: &[&str] = &[
    USUAL,
    "AzureChinaCloud",
    "AzureGermanCloud",
    "AzureUSGovernment",
];
/// Commands that are about no group of resources.
const WITHOUT_GROUP: &[&str] = &[
    "account",
    "ad",
    "cache",
    "cloud",
    "config",
    "configure",
    "extension",
    "group",
    "login",
    "logout",
    "policy",
    "rest",
    "role",
];

/// Parameters whose address is a name, or is fetched without a credential.
const NO_SERVER: &[&str] = &[
    "address",
    "identifier-uri",
    "identifier-uris",
    "parameters-uri",
    "reply-urls",
    "spn",
    "template-uri",
    "u",
    "uri",
    "url",
];

/// Variables with the name of an account; those of `AZURE_DEFAULTS_*` hold others.
const NAMING_VARIABLES: &[&str] = &["AZURE_BATCH_ACCOUNT", "AZURE_STORAGE_ACCOUNT"];

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    judge_words(line, invocation);
    let folder = match line.env.get("AZURE_CONFIG_DIR") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => home_file(line, ".azure"),
    };
    let Some(settings) = read(line, &folder.join("config"), invocation) else {
        return;
    };
    let Some(clouds) = read(line, &folder.join("clouds.config"), invocation) else {
        return;
    };
    judge(&folder, &settings, invocation);
    judge_names(line, &settings, invocation);
    let cloud = cloud(line, &settings, &clouds, invocation);
    choose_subscription(line, &folder, &cloud, invocation);
    let first = invocation.command.first().map_or("", AsRef::as_ref);
    let group = settings.value("defaults", "group");
    if named(invocation, "resource_group").is_empty()
        && !WITHOUT_GROUP.contains(&first)
        && !names_another(line.argv, "/resourcegroups/", group)
    {
        set(invocation, "resource_group", group);
    }
}

/// Adds what words make of a command: one that begins with `@` stands for the text of a file,
/// which can be an option. An address of a read gets the credential.
fn judge_words(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let words = line.argv.iter().zip(&invocation.words);
    let mut operands = words.filter(|(_, read)| read.role == WordRole::Operand);
    if operands.any(|(word, _)| word.as_encoded_bytes().starts_with(b"@")) {
        let why = "what stands in the file of a word with `@` can be an option";
        invocation.add(Effect::Unknown, why);
    }
    if invocation.does_more_than_read() {
        return;
    }
    let command: Vec<&str> = invocation.command.iter().map(AsRef::as_ref).collect();
    let mut options = invocation.options.iter();
    let other = options.find(|used| {
        let value = used.value.as_deref().map(String::from_utf8_lossy);
        let value = value.map(|value| value.to_ascii_lowercase());
        !NO_SERVER.contains(&&*used.name)
            && value.is_some_and(|value| {
                let name = whole_name(&command, &used.name, &value);
                // What stands in the file of a value with `@` can be any address.
                leads_elsewhere(name, &value) || (value.starts_with('@') && can_be_address(name))
            })
    });
    if let Some(name) = other.map(|used| used.name.clone()) {
        let reason = format!("`{name}` can lead the credential to a server that is not Azure's");
        invocation.add(Effect::Unknown, reason);
    }
}

/// Tells whether the values of a parameter are addresses, or can be.
fn can_be_address(name: &str) -> bool {
    let ends = ["endpoint", "host", "id", "ids", "resource", "server", "url"];
    ends.iter().any(|end| name.ends_with(end))
}

/// Adds a parameter, variable or setting that leads to another server by a name that it holds.
fn judge_names(line: &CommandLine<'_>, settings: &Ini, invocation: &mut Invocation) {
    let named = naming_option(invocation)
        .or_else(|| naming_variable(line))
        .or_else(|| naming_setting(settings));
    if let Some(name) = named {
        let reason = format!("`{name}` stands in an address, and leads it to another server");
        invocation.add(Effect::Unknown, reason);
    }
}

fn naming_option(invocation: &Invocation) -> Option<String> {
    let command: Vec<&str> = invocation.command.iter().map(AsRef::as_ref).collect();
    let mut options = invocation.options.iter();
    let option = options.find(|used| {
        let value = used.value.as_deref().map(String::from_utf8_lossy);
        value.is_some_and(|value| ends_server(&command, &used.name, &value))
    });
    option.map(|used| used.name.to_string())
}

fn naming_variable(line: &CommandLine<'_>) -> Option<String> {
    let mut variables = line.env.starting_with("AZURE_");
    let variable = variables.find(|(name, value)| {
        let name = name.to_string_lossy();
        let is_one = match name.strip_prefix("AZURE_DEFAULTS_") {
            Some(key) => is_name(&key.to_ascii_lowercase()),
            None => NAMING_VARIABLES.contains(&&*name),
        };
        is_one && ends_name(&value.to_string_lossy())
    });
    variable.map(|(name, _)| name.to_string_lossy().into_owned())
}

fn naming_setting(settings: &Ini) -> Option<String> {
    let mut values = settings.sections.iter().flat_map(|section| {
        let values = section.values.iter();
        values.map(|(key, value)| (section.name.as_str(), key.as_str(), value))
    });
    let setting = values.find(|(section, key, value)| match (*section, *key) {
        ("defaults", key) => is_name(key) && ends_name(value),
        ("batch" | "storage", "account") => ends_name(value),
        ("batch" | "storage", key) if key.ends_with("endpoint") => {
            !value.is_empty() && leads_elsewhere("endpoint", &value.to_ascii_lowercase())
        }
        _ => false,
    });
    setting.map(|(section, key, _)| format!("{section}.{key}"))
}

/// Tells whether a default is a name: those of Azure DevOps are an address and a title.
fn is_name(default: &str) -> bool {
    !matches!(default, "organization" | "project")
}

/// Reads a file of settings; nothing where it is there and not understood.
fn read(line: &CommandLine<'_>, path: &Path, invocation: &mut Invocation) -> Option<Ini> {
    const ROLE: &str = "settings of az";
    let Some(text) = content(line, path, ROLE, invocation) else {
        return Some(Ini::default());
    };
    let file = ini::read(&text).and_then(|file| {
        let mut values = file.sections.iter().flat_map(|section| &section.values);
        match values.find(|(_, value)| value.contains('%')) {
            // One setting of the file is put into another.
            Some((key, _)) => Err(format!("`{key}` has a `%`")),
            None => Ok(file),
        }
    });
    file.map_err(|problem| refuse_file(path, ROLE, &problem, invocation))
        .ok()
}

/// Adds the effects of settings that load code or fill in what is not seen.
fn judge(folder: &Path, settings: &Ini, invocation: &mut Invocation) {
    for section in &settings.sections {
        for (key, value) in &section.values {
            let loads = match section.name.as_str() {
                "extension" => matches!(key.as_str(), "dev_sources" | "dir" | "sys_dir"),
                // The parameters of earlier commands, out of a file of the working folder.
                "local_context" => !value.eq_ignore_ascii_case("false"),
                _ => false,
            };
            if loads && !value.is_empty() {
                let (section, folder) = (&section.name, folder.to_string_lossy());
                let reason = format!(
                    "`{section}.{key}` of the settings in `{folder}` makes the CLI load code, or \
                     parameters of earlier commands"
                );
                invocation.add(Effect::Unknown, reason);
            }
        }
    }
}

/// Returns the cloud in force. One that is not of the CLI's own, or whose
/// addresses were changed, gets the token wherever it is.
fn cloud(
    line: &CommandLine<'_>,
    settings: &Ini,
    clouds: &Ini,
    invocation: &mut Invocation,
) -> String {
    let variable = line.env.get("AZURE_CLOUD_NAME");
    let cloud = match variable {
        Some(name) => name.to_string_lossy().into_owned(),
        None => settings.value("cloud", "name").to_owned(),
    };
    let cloud = if cloud.is_empty() {
        USUAL.to_owned()
    } else {
        cloud
    };
    if cloud != USUAL {
        set(invocation, "cloud", &cloud);
    }
    let mut sections = clouds.sections.iter();
    let own = sections.find(|section| section.name == cloud);
    let is_changed = own.is_some_and(|section| {
        let mut keys = section.values.iter().map(|(key, _)| key.as_str());
        keys.any(|key| key.starts_with("endpoint_") || key.starts_with("suffix_"))
    });
    if is_changed || !CLOUDS.contains(&&*cloud) {
        let reason = format!("the cloud `{cloud}` is not at the addresses of Azure");
        invocation.add(Effect::Unknown, reason);
    }
    cloud
}

/// Writes the subscription that argv names, or else the one that was selected.
fn choose_subscription(
    line: &CommandLine<'_>,
    folder: &Path,
    cloud: &str,
    invocation: &mut Invocation,
) {
    const ROLE: &str = "accounts of az";
    if invocation
        .command
        .first()
        .is_some_and(|word| word == "login")
    {
        return;
    }
    let path = folder.join("azureProfile.json");
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return;
    };
    // The CLI writes it with a mark of its encoding in front.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let wanted = named(invocation, "subscription").to_owned();
    let found = yaml::read(text).and_then(|file| selected(&file, cloud, &wanted));
    let account = match found {
        Err(problem) => return refuse_file(&path, ROLE, &problem, invocation),
        Ok(None) => return,
        Ok(Some(account)) => account,
    };
    // What a word names by its whole path is in the subscription of that path.
    let is_elsewhere = option(invocation, "ids").is_some_and(|ids| ids.starts_with(b"@"))
        || names_another(line.argv, "/subscriptions/", &account.id);
    if wanted.is_empty() && is_elsewhere {
        return;
    }
    if wanted.is_empty() {
        set(invocation, "subscription", &account.name);
    }
    set(invocation, "subscription_id", &account.id);
    set(invocation, "tenant", &account.tenant);
    if named(invocation, "account").is_empty() {
        set(invocation, "account", &account.user);
    }
}

/// What is kept of a subscription.
struct Account {
    id: String,
    name: String,
    tenant: String,
    user: String,
}

/// Returns the subscription of a cloud that has this name or identifier; of no
/// name the one that was selected. Several are as good as none: the CLI refuses.
fn selected(file: &Node, cloud: &str, wanted: &str) -> Result<Option<Account>, String> {
    let mut found = Vec::new();
    for entry in file.sequence("subscriptions")? {
        let (id, name) = (entry.text("id")?, entry.text("name")?);
        let is_meant = if wanted.is_empty() {
            entry.text("isDefault")?.eq_ignore_ascii_case("true")
        } else {
            [id, name]
                .map(str::to_lowercase)
                .contains(&wanted.to_lowercase())
        };
        if is_meant && entry.text("environmentName")? == cloud {
            let user = entry.get("user").map_or(Ok(""), |user| user.text("name"))?;
            found.push(Account {
                id: id.to_owned(),
                name: name.to_owned(),
                tenant: entry.text("tenantId")?.to_owned(),
                user: user.to_owned(),
            });
        }
    }
    let only = found.pop();
    Ok(only.filter(|_| found.is_empty()))
}
