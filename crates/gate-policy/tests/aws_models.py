"""Says of every operation of the installed AWS CLI what it ought to be.

A line `SERVICE OPERATION EXPECTED REVEALS` for each; `EXPECTED` is `read`,
`change` or `remove`, by what its documentation says it does and by its HTTP
method, never by its name alone. `REVEALS` is `secret` where its answer has
members that the model calls sensitive or whose names speak of a secret. How the
classes of the profile were made has no part in this.
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
SECRET = re.compile(
    "(?i)(userdata|passw|secret|token|environment$|env$|environmentvariables|startupscript"
    "|privatekey|connectionstring|credential|lifecycleconfigcontent|oncreate$|onstart$|authkey"
    "|presign|apikey)"
)
# Pages, names, times and settings that only speak of one.
SPEAKING = re.compile(
    "(?i)(arns?$|ids?$|name$|next_?token|paginationtoken|continuationtoken|clienttoken"
    "|clientrequesttoken|idempot|creationtoken|locktoken|pagetoken|marker|type$|status$|enabled?$"
    "|required$|source$|version$|expir|time$|date$|count$|policy$|provider$|expression$"
    "|endpoint$|url$|updatetoken|endtoken|method$|configuration$|age$|days$|last|tokens?validity"
    "|unit)"
)
CHANGING = ("DELETE", "PATCH", "PUT")
PLAIN = ("boolean", "integer", "long", "timestamp")


def reveals(shape, seen=frozenset()):
    if shape is None or shape.name in seen or len(seen) > 9:
        return False
    seen = seen | {shape.name}
    if shape.metadata.get("sensitive"):
        return True
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            speaks = SECRET.search(name) and not SPEAKING.search(name)
            if (speaks and member.type_name not in PLAIN) or reveals(member, seen):
                return True
    elif shape.type_name == "list":
        return reveals(shape.member, seen)
    elif shape.type_name == "map":
        return reveals(shape.value, seen)
    return False


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
            print(service, operation, "custom", "-")
            continue
        secret = "secret" if reveals(model.output_shape) else "-"
        print(service, operation, expected(model), secret)
