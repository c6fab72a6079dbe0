//! Which commands of aws act outside of the region that their target names.

use crate::invocation::Invocation;

/// Services of AWS that are the same in every region, or whose things stand in the one that
/// their own name says.
const WITHOUT_REGION: &[&str] = &[
    "account",
    "artifact",
    "billing",
    "billingconductor",
    "budgets",
    "ce",
    "chime",
    "cloudfront",
    "codecatalyst",
    "cost-optimization-hub",
    "cur",
    "devicefarm",
    "ecr-public",
    "freetier",
    "globalaccelerator",
    "health",
    "iam",
    "importexport",
    "marketplace-agreement",
    "marketplace-catalog",
    "marketplace-deployment",
    "marketplace-entitlement",
    "marketplace-reporting",
    "marketplacecommerceanalytics",
    "meteringmarketplace",
    "mturk",
    "networkmanager",
    "notificationscontacts",
    "organizations",
    "route53",
    "route53-recovery-cluster",
    "route53-recovery-control-config",
    "route53-recovery-readiness",
    "route53domains",
    "s3",
    "s3api",
    "savingsplans",
    "shield",
    "sts",
    "support",
    "taxsettings",
    "trustedadvisor",
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
    let options = || invocation.options.iter();
    let values = |name: &str| {
        let name = name.to_owned();
        let uses = options().filter(move |used| used.name == name);
        uses.filter_map(|used| used.value.as_deref())
    };
    // The option that all commands have is the region of the target. One that takes several
    // words stands there without any, and again with each.
    let mut about = options().filter(|used| used.name != "region" && is_about_regions(&used.name));
    let names_others = about.any(|used| {
        let mut given = values(&used.name).peekable();
        given.peek().is_none() || given.any(|value| value != own.as_bytes())
    });
    let given = options().filter_map(|used| used.value.as_ref());
    let mut words = given.chain(&invocation.operands);
    let is_other = names_others || words.any(|word| names_another(word, own));
    is_other.then_some("another region that a word names")
}

/// Tells whether an option is about regions. The CLI takes it also by the beginning of its name.
fn is_about_regions(name: &str) -> bool {
    let is_one = |part: &str| matches!(part, "region" | "regions");
    let is_begun = |(_, last): (&str, &str)| !last.is_empty() && "regions".starts_with(last);
    name.split('-').any(is_one)
        || name.rsplit_once('-').is_some_and(is_begun)
        || (name.contains('-') && NAMING.iter().any(|known| known.starts_with(name)))
}

/// Tells whether a text holds the name of another region, as `us-east-1`: a value can be
/// a structure or an ARN.
fn names_another(word: &[u8], own: &str) -> bool {
    // The web application firewall of CloudFront stands in `us-east-1`, whatever the region.
    if word.eq_ignore_ascii_case(b"cloudfront") {
        return true;
    }
    let text = String::from_utf8_lossy(word);
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
