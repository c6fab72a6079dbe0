"""Says of every operation of the installed AWS CLI what it ought to be.

A line `SERVICE OPERATION EXPECTED SENSITIVE TELLING PERMITS` for each. `EXPECTED`
is `read`, `change` or `remove`, by what its documentation says it does and by its
HTTP method, never by its name alone. `SENSITIVE` is `sensitive` where the model
calls a member of its answer so, `TELLING` are the members of which the
documentation says that they are a credential or an address that lets one in, and
`PERMITS` is `permits` where its first sentence or the documentation of a parameter
speaks of permissions. How the classes of the profile were made has no part in this.
"""

import re

from awscli.clidriver import ServiceCommand, create_clidriver

SHOWS = re.compile(
    r"(?:returns?|retriev\w*|lists?|describes?|gets?|provides?|displays?|shows?|search\w*|gathers?"
    r"|fetch\w*|finds?|reads?|obtains?|looks? up|quer(?:y|ies)|views?|checks?|determines?|counts?"
    r"|validates?|calculates?|verif(?:y|ies)|evaluates?|compares?|detects?|analyzes?|estimates?"
    r"|previews?|simulates?|inspects?|requests (?:a list|information|details)|enumerates?|filters?"
    r"|translates?|decodes?|resolves?|predicts?|samples?|summarizes?|is used to (?:get|list)"
    r"|indicates?|represents?)\b"
)
CHANGES = re.compile(
    r"(?:creat\w*|updat\w*|modif\w*|puts?|starts?|tags?|untags?|adds?|associat\w*|disassociat\w*"
    r"|enabl\w*|disabl\w*|register\w*|sends?|sets?|import\w*|accept\w*|restor\w*|reject\w*|export\w*"
    r"|cop(?:y|ies)|attach\w*|detach\w*|generat\w*|initiat\w*|submit\w*|upload\w*|activat\w*"
    r"|deactivat\w*|assign\w*|appl(?:y|ies)|replac\w*|request\w*|merg\w*|allocat\w*|chang\w*"
    r"|provision\w*|stops?|pauses?|resum\w*|invok\w*|execut\w*|runs?|publish\w*|grants?|invites?"
    r"|subscrib\w*|mov(?:e|es)|transfers?|promot\w*|rotat\w*|reboots?|edits?|configur\w*|specif\w*"
    r"|stores?|writes?|overwrites?|inserts?|saves?|schedul\w*|launch\w*|deploys?|signs?|encrypts?)\b"
)
REMOVES = re.compile(
    r"(?:delet\w*|terminat\w*|purg\w*|permanently|destroys?|revok\w*|deregister\w*|cancel\w*)\b"
)
SENTENCE = re.compile(r"<[^>]+>|\s+")
PREFACE = re.compile(
    r"^(?:\[[^\]]*\]|\([^)]*\)|note:?|this (?:operation|action|api(?: operation)?|request|command)"
    r"|(?:amazon|aws)[^.:]{0,60}(?:only|classic)[.:]|deprecated\.?|use (?:this|the) \w+(?: operation"
    r"| api| action)?(?: operation)? to|(?:can be |is )?used to|lets you|allows you to|you can use)\s*"
)
# What a member's documentation says of an address that lets in whoever has it.
OPENS = re.compile(
    r"pre-?signed|\bsigned (?:s3 |amazon s3 )?(?:url|uri)"
    r"|(?:temporary|time-limited|obfuscated|one-time|sso|single sign-on)[\w -]{0,20}\b(?:ur[il]|link)\b"
    r"|\b(?:ur[il]|link)s?\b[^.]{0,90}\b(?:expires?|expiration|valid for|session token"
    r"|authentication token|log in|signs? in)\b"
    r"|\b(?:download|upload|log-?in|sign-?in|streaming|embed|activation|shipping label|webhook"
    r"|dashboard)[\w ]{0,12} (?:ur[il]|link)\b"
    r"|\b(?:ur[il]|link)s?\b[^.]{0,60}\b(?:can be|to|be|you can) (?:download|upload|review|view|access)"
)
# What it says of a credential.
LETS_IN = re.compile(
    r"\b(?:secret (?:access )?key|private key|session token|security token"
    r"|(?:authentication|auth|access|bearer|refresh|identity|id|login|web|device|challenge)[- ]tokens?"
    r"|api[- ]?keys?|password|passphrase|passcode|shared (?:secret|key)|client secret|credentials?"
    r"|(?:unlock|challenge) code|(?:registration|activation|authorization|confirmation|one-time)"
    r"[\w -]{0,10} (?:code|key|token)|stream key|pre-?shared key|plaintext|secret (?:value|string)"
    r"|key material|(?:join|verification|participant|chat) token|token value)\b"
)
# What it says where it only speaks of one: a name, a kind, a time, the next page.
SPEAKS_OF = re.compile(
    r"secrets manager|\barns?\b|amazon resource name|resource name|\bnext\b|pagina|continuation"
    r"|more results|subsequent|batch of results|additional (?:results|template|config)"
    r"|where (?:to resume|the output|a results)|optimistic|idempot|unique, case-sensitive"
    r"|client ?request ?token|source of the api key|metering|selection expression|issuer"
    r"|^(?:the |an? )?(?:\w+ ){0,6}(?:id|ids|identifier|name|type|types|status|state|date|time"
    r"|timestamp|number|version|description|policy|fingerprint|algorithm|length|path|prefix|reason"
    r"|mode)\b|^(?:indicates|specifies whether|whether|determines|a value that indicates|a flag)"
    r"|public key|\bmasked\b|redacted"
)
LEAVES = ("string", "blob", "character")
# What an operation's first sentence says of who may do what.
PERMITS = re.compile(
    r"\bpermissions? (?:to|for|on|from|of)\b|(?:resource|access|authorization|bucket|queue|key"
    r"|trust|security|auth|sharing)[- ](?:based )?polic(?:y|ies)|\bpolicy (?:document|statement)"
    r"|\bgrant(?:s|ed|ing)?\b|\brevok(?:e|es|ing)\b|delegat\w+ admin|administrator account"
    r"|\bshar(?:e|es|ing)\b[^.]{0,60}\b(?:account|organization|principal)"
    r"|\binvit(?:e|es|ation|ations)\b|cross-account|trusted|\bauthorizer\b|api key|access token"
    r"|ssh (?:public )?key|\bpassword\b|who (?:can|may)|\bprincipals?\b"
)
# Parameters that say it, by their names and what their documentation says of them.
PERMITTING = re.compile(
    r"(?:policy|permissions?|principals?|grantees?|grants?|accesscontrol\w*|accountids?|invitees?"
    r"|members?|sshpublickey\w*|authtype|trusted\w*)$"
)
OF_PERMISSIONS = re.compile(
    r"permission|resource-based|(?:access|key|repository|iam|resource) polic|json polic|principal"
    r"|\bgrant|\bshar(?:e|ed|ing) with|authoriz|public key|who (?:can|may)"
)
CHANGING = ("DELETE", "PATCH", "PUT")


def said_of(shape):
    return SENTENCE.sub(" ", shape.documentation or "").strip().lower()


def members(shape, path=(), seen=frozenset()):
    """Yields the path of each member of a shape, with what it is."""
    if shape is None or shape.name in seen or len(seen) > 9:
        return
    seen = seen | {shape.name}
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield (*path, name), member
            yield from members(member, (*path, name), seen)
    elif shape.type_name == "list":
        yield path, shape.member
        yield from members(shape.member, path, seen)
    elif shape.type_name == "map":
        yield path, shape.value
        yield from members(shape.value, path, seen)


def reveals(model):
    """Tells whether a member is called sensitive, and names those that are documented as a credential."""
    sensitive = bool(model.output_shape and model.output_shape.metadata.get("sensitive"))
    telling = set()
    for path, member in members(model.output_shape):
        sensitive = sensitive or bool(member.metadata.get("sensitive"))
        said = said_of(member)
        if member.type_name not in LEAVES or not path or SPEAKS_OF.search(said):
            continue
        if OPENS.search(said) or LETS_IN.search(said):
            telling.add(".".join(path[-2:]))
    return sensitive, telling


def permits(model):
    first = re.split(r"(?<=[.!])\s", said_of(model), maxsplit=1)[0]
    if PERMITS.search(first):
        return True
    shape = model.input_shape
    given = shape.members.items() if shape else ()
    return any(
        PERMITTING.search(name.lower()) and OF_PERMISSIONS.search(said_of(member))
        for name, member in given
    )


def expected(model):
    method = model.http.get("method")
    said = SENTENCE.sub(" ", model.documentation).strip().lower()
    previous = None
    while said != previous:
        previous, said = said, PREFACE.sub("", said).strip()
    if REMOVES.match(said):
        return "remove"
    if SHOWS.match(said):
        return "change" if method in CHANGING else "read"
    if CHANGES.match(said) or method in CHANGING:
        return "change"
    if method in ("GET", "HEAD"):
        return "read"
    # What answers nothing was asked for something else than an answer.
    shape = model.output_shape
    return "read" if shape is not None and shape.members else "change"


for service, command in create_clidriver()._get_command_table().items():
    if not isinstance(command, ServiceCommand):
        continue
    for operation, one in command._get_command_table().items():
        model = getattr(one, "_operation_model", None)
        if model is None:
            print(service, operation, "custom", "-", "-", "-")
            continue
        sensitive, telling = reveals(model)
        print(
            service,
            operation,
            expected(model),
            "sensitive" if sensitive else "-",
            ",".join(sorted(telling)) or "-",
            "permits" if permits(model) else "-",
        )
