//! Which commands of aws act outside of the region that their target names.

use crate::invocation::{Invocation, OptionUse};

/// Services of AWS that are the same in every region, or whose things stand in the one that
/// their own name says.
const WITHOUT_REGION: &[&str] = &[
    "account",
    "artifact",
    "billing",
    "budgets",
    "ce",
    "cloudfront",
    "cur",
    "globalaccelerator",
    "iam",
    "networkmanager",
    "organizations",
    "route53",
    "route53domains",
    "s3",
    "s3api",
    "savingsplans",
    "shield",
    "sts",
    "waf",
];

/// Options without a region in their name whose value names some.
const NAMING: &[&str] = &[
    "cli-input-json",
    "cli-input-yaml",
    "global-cluster-identifier",
    "global-replication-group-id",
    "global-table-name",
    "replica-settings-update",
    "replica-specifications",
    "replica-updates",
    "replication-configuration",
    "replication-group",
    "replication-specification",
];

/// Words of which the name of a region has at least one, behind that of a part of the first.
const DIRECTIONS: &[&str] = &["central", "east", "north", "south", "west"];

/// Returns what a command may reach beside its region.
pub(super) fn beyond(invocation: &Invocation) -> Option<&'static str> {
    let service = invocation.command.first();
    if service.is_some_and(|service| WITHOUT_REGION.contains(&&**service)) {
        return Some("what stands in no region, or in the one of its name");
    }
    let own = invocation.target.get("region").map_or("", String::as_str);
    let names_others = |used: &OptionUse| {
        let value = used.value.as_deref().unwrap_or_default();
        // The option that all commands have is the region of the target.
        used.name != "region" && value != own.as_bytes() && is_about_regions(&used.name, value)
    };
    let values = invocation
        .options
        .iter()
        .filter_map(|used| used.value.as_ref());
    let mut words = values.chain(&invocation.operands);
    let is_other = invocation.options.iter().any(names_others)
        || words.any(|word| names_another(&String::from_utf8_lossy(word), own));
    is_other.then_some("another region that a word names")
}

/// Tells whether an option is about regions. The CLI takes it also by the beginning of its name.
fn is_about_regions(name: &str, value: &[u8]) -> bool {
    let is_one = |part: &str| matches!(part, "region" | "regions");
    let is_begun = |(_, last): (&str, &str)| !last.is_empty() && "regions".starts_with(last);
    // The web application firewall of CloudFront stands in `us-east-1`, whatever the region.
    value.eq_ignore_ascii_case(b"cloudfront")
        || name.split('-').any(is_one)
        || name.rsplit_once('-').is_some_and(is_begun)
        || (name.contains('-') && NAMING.iter().any(|known| known.starts_with(name)))
}

/// Tells whether a text holds the name of another region, as `us-east-1`: a value can be
/// a structure or an ARN.
fn names_another(text: &str, own: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut words = text.split(|letter| !is_name(letter));
    words.any(|word| word != own && is_region(&word.to_ascii_lowercase()))
}

fn is_region(word: &str) -> bool {
    let Some((place, number)) = word.rsplit_once('-') else {
        return false;
    };
    let mut parts = place.split('-');
    let first = parts.next().unwrap_or_default();
    // `northeast` begins with one of them, and so on.
    let is_direction = |part: &str| DIRECTIONS.iter().any(|known| part.starts_with(known));
    (2..=4).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && matches!(
            number.as_bytes(),
            [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9']
        )
        && parts.any(is_direction)
}
