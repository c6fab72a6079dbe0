"""Lists the operations of the AWS CLI whose answers can hold a secret."""

import re

import botocore.session
from botocore import xform_name

# What the CLI calls a service, where that is not the name of its model.
RENAMED = {"config": "configservice", "codedeploy": "deploy", "s3": "s3api"}
READS = re.compile("(describe|list|get|batch-get|head|search|lookup|query|scan|filter)")
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
PLAIN = ("boolean", "integer", "long", "timestamp")


def walk(shape, path, seen, found):
    if shape is None or shape.name in seen or len(seen) > 9:
        return
    seen = seen | {shape.name}
    if shape.metadata.get("sensitive"):
        found.add(path + "!")
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            below = f"{path}.{name}"
            if SECRET.search(name) and not SPEAKING.search(name) and member.type_name not in PLAIN:
                found.add(below)
            walk(member, below, seen, found)
    elif shape.type_name == "list":
        walk(shape.member, path + "[]", seen, found)
    elif shape.type_name == "map":
        walk(shape.value, path + "{}", seen, found)


session = botocore.session.get_session()
for service in session.get_available_services():
    model = session.get_service_model(service)
    for name in model.operation_names:
        operation = xform_name(name, "-")
        if READS.match(operation):
            found = set()
            walk(model.operation_model(name).output_shape, "", frozenset(), found)
            if found:
                print(RENAMED.get(service, service), operation, *sorted(found)[:4])
