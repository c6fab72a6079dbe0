"""Writes what gate knows of the AWS CLI's operations.

    python generate/aws.py     (of a Python that has awscli)

It asks the CLI's own driver for every service, operation and customization and
says of each which class of `profiles/aws.toml` it belongs to: by the words of
its name, by what its answer can hold, and by what was looked at
(`aws_looked_at.txt`, `aws_exceptions.txt`). A first word that is in no table
here ends the run: somebody has to say what it does.

`profiles/aws.operations` has a line for each service and class:
`SERVICE CLASS VERB:NOUN,NOUN VERB:NOUN`. `src/target/aws/services.rs` has the
names by which the environment speaks of a service.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import botocore.utils
from awscli.clidriver import ServiceCommand, create_clidriver

HERE = Path(__file__).parent
CRATE = HERE.parent

READS = set(
    "describe list get batch-get head search lookup filter check validate verify count detect"
    " compare estimate preview simulate is contains calculate view autocomplete geocode suggest"
    " evaluate discover resolve rerank rescore classify recognize analyze infer forecast predict"
    " translate select query scan retrieve render decode wait reverse snap probe derive".split()
)
DESTROYS = set(
    "delete terminate purge batch-delete deregister unregister remove revoke release cancel drop"
    " forget reset expire discard evict dispose deprovision withdraw retire flush clear empty"
    " batch-remove decommission end redact uninstall undeploy invalidate bulk-delete".split()
)
RUNS = set("invoke execute run send-command converse chat instantiate push ssh socks".split())
WRITES = set(
    "create update put start tag untag associate stop disassociate modify add enable disable"
    " register send set import accept restore reject export copy attach detach generate test"
    " admin reboot publish purchase resume complete submit upload activate apply deactivate"
    " confirm post replace notify request merge allocate failover upgrade retry change initiate"
    " provision rollback disconnect pause configure abort deprecate rotate promote invite poll"
    " subscribe respond transfer move switchover assign dissociate resend refresh deploy sign"
    " initialize define unsubscribe decrease increase restart decline close renew connect record"
    " suspend prepare continue signal claim replicate report install schedule unassign archive"
    " unarchive join extend undeprecate clone approve logout build index override acknowledge"
    " unlink monitor reload unshare transact advertise lock unlock rebuild deauthorize distribute"
    " open re commit grant checkout download manage rename opt write issue exchange reimport drain"
    " enter exit launch ingest process save synchronize provide regenerate channel populate package"
    " login credential global bulk dismiss share bundle unmonitor rebalance compose swap optimize"
    " allow deny reserve resync insert split checkpoint peer setup unpeer vote take meter finalize"
    " mark leave amend recall phone carrier synthesize backtrack begin resize convert group ungroup"
    " return domain sync reorder receive label unlabel redrive shutdown migrate skip deliver assume"
    " authorize encrypt decrypt forgot batch".split()
)
SECOND_WORDS = {"batch", "admin", "bulk"}

# What these services have is permissions and identities; all that is no read changes one.
IDENTITY = set(
    "iam organizations sso-admin identitystore ram rolesanywhere verifiedpermissions cognito-idp"
    " cognito-identity accessanalyzer sso sso-oidc signin account ds-data mpa".split()
)
# A noun that speaks of who may do what.
ACCESS = re.compile(
    r"(?:^|-)(?:permissions?|grants?|principals?|trust|memberships?|users?|roles?|acl|credentials?"
    r"|access-(?:polic(?:y|ies)|entr(?:y|ies)|keys?|grants?|points?|sources?|tokens?|control|identity)"
    r"|public-access-block|polic(?:y|ies)|shares?|members?|invitations?|invites"
    r"|delegated-admin[a-z]*|admins?|admin-account|(?:administrator|master)-account"
    r"|(?:organizations?|notifications|health-service)-access|organization-sharing"
    r"|authorizers?|entitlements?|owners?|ownership-controls|moderators?|approval-(?:rules?|team)"
    r"|api-keys?|usage-plan-key|(?:ssh-)?public-key|key-(?:pair|group)|stream-key|passwords?"
    r"|service-accounts?|verified-access|identity-center|(?:workload|pod)-identity"
    r"|cross-account-attachment|account-connection|vpc-endpoint-access|lf-tags?|vault-lock"
    r"|block-public-(?:access|policy)[a-z-]*|iam-[a-z-]+|service-linked-role|saml-provider"
    r"|login-profile|mfa-device|oidc|identity-provider|trusted-[a-z-]+)(?:-|$)"
)
# Policies that say how something is kept, sent or scaled, and what only has such a word in its name.
NOT_ACCESS = re.compile(
    r"network-acl|web-acl|user-defined|user-(?:import|pool-(?:domain|client))|^user-profile"
    r"|(?:lifecycle|scaling|cache|retention|backup|request|headers|deployment|index|metric|cors"
    r"|traffic|resiliency|scheduling|termination|stickiness|load-balancer|reasoning|metering|ipam"
    r"|declarative|network|protection|creation|retrieval|firewall|configuration|reputation-entity"
    r"|account|routing|recommended)-polic(?:y|ies)|policy-(?:tables?|label|generation)"
    r"|(?:^|-)(?:file|quota)-share|group-members(?!hip)|authorizers-cache|address-list|member-(?:ec2|detectors|session)|billing-owner"
    r"|recommendation-polic|backup-vault-lock"
)
SHARES = re.compile(
    r"^(?:modify|reset)-(?:image|snapshot|fpga-image|db-snapshot|db-cluster-snapshot)-attribute$"
    r"|^(?:authorize|revoke)-(?:snapshot|cluster|endpoint)|-data-share|^share-|^unshare-"
    r"|^(?:create|update|accept|delete|put)-.*authorizations?$"
)
# Its answer is a credential, or an address that is one.
MINTS = re.compile(
    r"presigned|(?:streaming|upload|embed|login|anonymous-web-experience)-url|-url-for-"
    r"|^create-(?:.*-)?(?:api-key|access-key|access-token|login-token|cli-token|chat-token"
    r"|participant-token|account-token|stream-key|registry-login|challenge)$|^create-token$"
)
STARTS = re.compile(
    r"^(?:re)?start-(?:.*-)?(?:execution|build|build-batch|job|job-run|jobs|session|command|task"
    r"|tasks|run|run-batch|automation|query|pipeline|notebook|code-interpreter|sandbox|workflow"
    r"|statement|experiment|flow|remediation)$|^submit-.*job$|^create-(?:session|statement)$"
)

SECRET = re.compile(
    "(?i)(userdata|passw|secret|token|environment$|env$|environmentvariables|startupscript"
    "|privatekey|connectionstring|credential|lifecycleconfigcontent|oncreate$|onstart$|authkey"
    "|presign|apikey)"
)
# An address that holds what lets one in.
BEARER = re.compile(
    "(?i)(presign|signed_?ur[il]"
    "|(?:download|upload|login|authcode|webhook|streamingsession|artifacts?|confirmation)ur[il]$)"
)
# Pages, names, times and settings that only speak of one.
SPEAKING = re.compile(
    "(?i)(arns?$|ids?$|name$|next_?token|paginationtoken|continuationtoken|clienttoken"
    "|clientrequesttoken|idempot|creationtoken|locktoken|pagetoken|marker|type$|status$|enabled?$"
    "|required$|source$|version$|expir|time$|date$|count$|policy$|provider$|expression$"
    "|endpoint$|url$|updatetoken|endtoken|method$|configuration$|age$|days$|last|tokens?validity"
    "|unit)"
)
PLAIN = ("boolean", "integer", "long", "timestamp")


def can_hold_secret(shape, seen=frozenset()):
    if shape is None or shape.name in seen or len(seen) > 9:
        return False
    seen = seen | {shape.name}
    if shape.metadata.get("sensitive"):
        return True
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            speaks = SECRET.search(name) and not SPEAKING.search(name)
            if (speaks or BEARER.search(name)) and member.type_name not in PLAIN:
                return True
            if can_hold_secret(member, seen):
                return True
    elif shape.type_name == "list":
        return can_hold_secret(shape.member, seen)
    elif shape.type_name == "map":
        return can_hold_secret(shape.value, seen)
    return False


def is_bulk(model):
    """Tells whether an answer is a stream or a blob: what is stored leaves."""
    shape = model.output_shape
    if shape is None:
        return False
    return model.has_streaming_output or any(
        member.type_name == "blob" for member in shape.members.values()
    )


def verb_of(operation):
    words = operation.split("-")
    if words[0] in SECOND_WORDS and len(words) > 1:
        both = "-".join(words[:2])
        if both in READS or both in DESTROYS:
            return both
    return words[0]


def effect(service, operation, model, looked_at):
    """Says what an operation does, or nothing where its first word is new."""
    verb = verb_of(operation)
    words = operation.split("-")
    noun = "-".join(words[1:])
    if verb in SECOND_WORDS and len(words) > 1:
        noun = "-".join(words[2:])
        verb = words[1]
        if service == "cognito-idp" and verb in ("get", "list"):
            return "secret"
        if verb not in READS | DESTROYS | WRITES | RUNS:
            verb = "put"
    if verb in READS:
        method = model.http.get("method") if model else None
        if method in ("PUT", "DELETE", "PATCH"):
            return "write"
        reveals = model and (is_bulk(model) or can_hold_secret(model.output_shape))
        return "secret" if reveals and f"{service} {operation}" not in looked_at else "read"
    is_known = verb in DESTROYS or verb in RUNS or verb in WRITES
    if not is_known:
        return None
    if MINTS.search(operation) and verb not in DESTROYS | RUNS:
        return "secret"
    speaks = ACCESS.search(noun) and not NOT_ACCESS.search(noun)
    if service in IDENTITY or speaks or SHARES.search(operation):
        return "access"
    if verb in RUNS or STARTS.search(operation):
        return "execute"
    if verb == "remove" and noun.startswith("tags"):
        return "write"
    return "destroy" if verb in DESTROYS else "write"


def group(service, model, effect):
    """Says which flags of the profile an operation has besides its own."""
    shape = model.input_shape if model else None
    members = shape.members if shape else {}
    if service == "ec2" and "DryRun" in members:
        return f"ec2-{effect}"
    if "MasterUserPassword" in members and effect == "write":
        return "master-write"
    return effect


def exceptions():
    table = {}
    for line in (HERE / "aws_exceptions.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        for operation in words[2:]:
            table[f"{words[0]} {operation}"] = words[1]
    return table


def compact(operations):
    by_verb = defaultdict(list)
    for operation in operations:
        verb, _, noun = operation.partition("-")
        by_verb[verb].append(noun)
    return " ".join(f"{verb}:{','.join(sorted(by_verb[verb]))}" for verb in sorted(by_verb))


def commands():
    for service, command in sorted(create_clidriver()._get_command_table().items()):
        if isinstance(command, ServiceCommand):
            yield service, command


def identifier(service_name):
    client = botocore.utils.SERVICE_NAME_ALIASES.get(service_name, service_name)
    known = botocore.utils.CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES
    return known.get(client, client).replace("-", "_").lower()


def write_services(identifiers):
    rows = "".join(f'    ("{name}", "{own}"),\n' for name, own in sorted(identifiers.items()))
    text = f'''//! By which name the environment and the configuration speak of a service.
//! Written by `generate/aws.py`.

/// Those whose name is not the command's own, with `_` for `-`.
const NAMES: &[(&str, &str)] = &[
{rows}];

/// Returns the name in small letters.
pub(super) fn identifier(service: &str) -> String {{
    let found = NAMES.binary_search_by(|(known, _)| (*known).cmp(service));
    let known = found.ok().and_then(|index| NAMES.get(index));
    known.map_or_else(|| service.replace('-', "_"), |(_, own)| (*own).to_owned())
}}
'''
    (CRATE / "src/target/aws/services.rs").write_text(text)


def main():
    looked_at = set((HERE / "aws_looked_at.txt").read_text().splitlines())
    known = exceptions()
    lines, new, identifiers, seen = [], [], {"s3": "s3"}, set()
    for service, command in commands():
        own = identifier(command.service_model.service_name)
        if own != service.replace("-", "_"):
            identifiers[service] = own
        by_class = defaultdict(list)
        for operation, one in command._get_command_table().items():
            model = getattr(one, "_operation_model", None)
            named = f"{service} {operation}"
            seen.add(named)
            said = known.get(named) or effect(service, operation, model, looked_at)
            if said is None:
                new.append(named)
            else:
                by_class[group(service, model, said)].append(operation)
        for name in sorted(by_class):
            lines.append(f"{service} {name} {compact(by_class[name])}\n")
    gone = sorted(set(known) - seen)
    if new or gone:
        sys.exit(f"say what these do: {new}\nthese are gone: {gone}")
    del identifiers["s3"]
    write_services(identifiers)
    (CRATE / "profiles/aws.operations").write_text("".join(lines))


main()
