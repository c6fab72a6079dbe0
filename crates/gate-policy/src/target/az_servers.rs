//! Which addresses are servers of Azure's own, and which words of a command become part of one.
//!
//! Only services count whose servers run nothing of their customers': anybody can register
//! `x.azurewebsites.net` or `x.cloudapp.azure.com`, and read what is sent there. Source:
//! azure-cli-core 2.91, `cloud.py`.

/// Ends of the names of servers, with the name of an account or a region before them.
#[rustfmt::skip]
const SERVICES: &[&str] = &[
    ".azconfig.azure.cn", ".azconfig.azure.us", ".azconfig.io",
    ".azurecr.cn", ".azurecr.io", ".azurecr.us",
    ".azuredatalakeanalytics.net", ".azuredatalakestore.net",
    ".batch.azure.com", ".batch.chinacloudapi.cn", ".batch.usgovcloudapi.net",
    ".blob.core.chinacloudapi.cn", ".blob.core.cloudapi.de", ".blob.core.usgovcloudapi.net",
    ".blob.core.windows.net", ".blob.storage.azure.net",
    ".cognitiveservices.azure.cn", ".cognitiveservices.azure.com", ".cognitiveservices.azure.us",
    ".dev.azuresynapse.azure.cn", ".dev.azuresynapse.net", ".dev.azuresynapse.usgovcloudapi.net",
    ".dfs.core.chinacloudapi.cn", ".dfs.core.cloudapi.de", ".dfs.core.usgovcloudapi.net",
    ".dfs.core.windows.net", ".dfs.storage.azure.net",
    ".documents.azure.cn", ".documents.azure.com", ".documents.azure.us",
    ".file.core.chinacloudapi.cn", ".file.core.cloudapi.de", ".file.core.usgovcloudapi.net",
    ".file.core.windows.net", ".file.storage.azure.net",
    ".kusto.chinacloudapi.cn", ".kusto.usgovcloudapi.net", ".kusto.windows.net",
    ".managedhsm.azure.cn", ".managedhsm.azure.net", ".managedhsm.usgovcloudapi.net",
    ".openai.azure.com", ".openai.azure.us",
    ".queue.core.chinacloudapi.cn", ".queue.core.cloudapi.de", ".queue.core.usgovcloudapi.net",
    ".queue.core.windows.net", ".queue.storage.azure.net",
    ".search.azure.cn", ".search.azure.us", ".search.windows.net",
    ".table.core.chinacloudapi.cn", ".table.core.cloudapi.de", ".table.core.usgovcloudapi.net",
    ".table.core.windows.net", ".table.storage.azure.net",
    ".vault.azure.cn", ".vault.azure.net", ".vault.microsoftazure.de",
    ".vault.usgovcloudapi.net",
];
/// Servers that are the same for everybody.
#[rustfmt::skip]
const SERVERS: &[&str] = &[
    "api.applicationinsights.io", "api.loganalytics.azure.cn", "api.loganalytics.io",
    "api.loganalytics.us", "dev.azure.com", "graph.microsoft.com", "graph.microsoft.de",
    "graph.microsoft.us", "graph.windows.net", "login.chinacloudapi.cn",
    "login.microsoftonline.com", "login.microsoftonline.us", "management.azure.com",
    "management.chinacloudapi.cn", "management.core.chinacloudapi.cn",
    "management.core.cloudapi.de", "management.core.usgovcloudapi.net",
    "management.core.windows.net", "management.microsoftazure.de",
    "management.usgovcloudapi.net", "microsoftgraph.chinacloudapi.cn",
];

/// Parameters that take an address also without its scheme.
const ENDPOINTS: &[&str] = &[
    "account-endpoint",
    "blob-endpoint",
    "file-endpoint",
    "queue-endpoint",
    "table-endpoint",
];
/// Parameters whose value stands in the name of a server.
const NAMES: &[&str] = &[
    "account-name",
    "cluster-name",
    "dps-name",
    "hsm-name",
    "hub-name",
    "namespace-name",
    "registry-name",
    "server-name",
    "service-name",
    "store-name",
    "vault-name",
    "workspace-name",
];
/// Commands of which `--name`, or `--registry`, is such a name.
const NAMED: &[&str] = &[
    "acr",
    "appconfig",
    "batch",
    "eventhubs",
    "iot",
    "keyvault",
    "search",
    "servicebus",
    "synapse",
];

/// Tells whether a value is an address, and not one of Azure.
pub(super) fn leads_elsewhere(name: &str, value: &str) -> bool {
    let value = value.trim();
    let names_server = name.ends_with("endpoint");
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme));
    let Some(rest) = rest.or_else(|| names_server.then_some(value)) else {
        return false;
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let place = rest.get(..end).unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or(place);
    let host = host.split(':').next().unwrap_or(host);
    !is_own(host)
}

/// Returns the whole name of a parameter that stands for an address: the CLI takes one also by
/// the beginning of its name, and few commands have these.
pub(super) fn whole_name<'n>(command: &[&str], name: &'n str, value: &str) -> &'n str {
    if name.len() > 2 && "endpoint".starts_with(name) && value.contains('.') {
        return "endpoint";
    }
    let has_some = matches!(command.first(), Some(&("batch" | "storage")));
    let mut endpoints = ENDPOINTS.iter();
    match endpoints.find(|known| known.starts_with(name)) {
        Some(known) if has_some && name.len() > 1 && value.contains('.') => known,
        _ => name,
    }
}

fn is_own(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    host.bytes().all(is_plain)
        && (SERVERS.contains(&host) || SERVICES.iter().any(|service| host.ends_with(service)))
}

/// Tells whether a parameter of a command holds a name that the CLI puts in front of an end as
/// `.vault.azure.net`, and whose letters end the name of the server before it.
pub(super) fn ends_server(command: &[&str], name: &str, value: &str) -> bool {
    let first = command.first().copied().unwrap_or_default();
    // What `acr manifest` names is of a registry.
    let is_named = NAMED.contains(&first) && command.get(1) != Some(&"manifest");
    let is_name = match name {
        "n" | "name" => is_named,
        "r" | "registry" => first == "acr",
        _ => name.len() > 1 && NAMES.iter().any(|known| known.starts_with(name)),
    };
    is_name && ends_name(value)
}

/// Tells whether a name holds what no name has, and an address ends or begins with.
pub(super) fn ends_name(value: &str) -> bool {
    let is_id = value.to_ascii_lowercase().starts_with("/subscriptions/");
    let is_sign = |letter| matches!(letter, '/' | '?' | '#' | '@' | '\\' | ':' | '%');
    !is_id && value.contains(is_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_azure_by_the_end_of_its_host() {
        for (name, value) in [
            ("blob-endpoint", "https://x.blob.core.windows.net/"),
            ("id", "https://v.vault.azure.net/secrets/x"),
            ("id", "https://v.vault.usgovcloudapi.net/secrets/x"),
            ("resource", "https://graph.microsoft.com"),
            ("endpoint", "x.azconfig.io"),
            ("name", "evil.example"),
        ] {
            assert!(!leads_elsewhere(name, value), "{value}");
        }
        for (name, value) in [
            (
                "blob-endpoint",
                "https://evil.example/.blob.core.windows.net",
            ),
            ("blob-endpoint", "https://evil.azurewebsites.net/"),
            ("blob-endpoint", "https://evil.azureedge.net/"),
            ("blob-endpoint", "https://evil.azure-api.net/"),
            (
                "blob-endpoint",
                "https://evil.westeurope.cloudapp.azure.com/",
            ),
            ("id", "http://x.vault.azure.net@evil.example/"),
            ("endpoint", "evil.example"),
            ("endpoint", "@file"),
            ("id", "https://xvault.azure.net/"),
            ("id", "https://evil.example%2f.vault.azure.net/"),
            ("id", " https://evil.example"),
            ("id", "https://evil.graph.microsoft.com/"),
            ("id", "https://evil.example:443?x=.vault.azure.net"),
        ] {
            assert!(leads_elsewhere(name, value), "{value}");
        }
    }

    #[test]
    fn the_beginning_of_an_endpoint_stands_for_it_where_a_command_has_one() {
        let storage = &["storage", "blob"][..];
        for (command, name, value, whole) in [
            (storage, "blob", "evil.example", "blob-endpoint"),
            (storage, "blob-e", "evil.example", "blob-endpoint"),
            (storage, "file", "x", "file"),
            (&["deployment"], "file", "main.bicep", "file"),
        ] {
            assert_eq!(whole_name(command, name, value), whole, "{name}");
        }
    }

    #[test]
    fn a_name_in_an_address_ends_nothing() {
        for (command, name, value) in [
            (&["keyvault", "secret"][..], "vault-name", "v-1"),
            (&["storage", "blob"], "name", "dir/file"),
            (&["acr", "manifest"], "n", "app:1"),
            (&["monitor"], "workspace-name", "/subscriptions/x/y"),
        ] {
            assert!(!ends_server(command, name, value), "{value}");
        }
        for (command, name, value) in [
            (&["keyvault", "secret"][..], "vault-name", "evil.example/x"),
            (&["keyvault", "key"], "hsm-name", "evil.example#"),
            (&["storage", "blob"], "account-name", "evil.example?x"),
            (&["storage", "blob"], "account-n", "evil.example\\x"),
            (&["acr", "repository"], "n", "evil.example:443/x"),
            (&["acr", "manifest"], "r", "x@evil.example"),
        ] {
            assert!(ends_server(command, name, value), "{value}");
        }
    }
}
