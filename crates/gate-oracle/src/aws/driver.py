"""Runs commands of the AWS CLI in one process whose network is cut.

Reads {"argv", "env", "cwd", "stdin"} as JSON, one on a line, and answers each
with {"calls", "programs", "code"}: a call is [service, operation, method,
host, whether it only reads, the member of its answer that is documented as a
credential or null]. With the argument `list` it prints the name of
every service and operation instead.
"""

import contextlib
import functools
import io
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from urllib.parse import urlsplit

import awscli
import awscli.alias
import awscli.clidriver
import botocore.client
import botocore.httpsession
import botocore.loaders

answers = os.fdopen(os.dup(1), "w")
questions = os.fdopen(os.dup(0), "r")
calls, programs = [], []

# What an operation that is posted is called where it only reads. Those whose
# name says so and that do more are below.
READS = (
    "BatchDescribe", "BatchGet", "BatchIsAuthorized", "BatchList", "BatchRead", "Check", "Compare",
    "Contains", "Count", "Decode", "Describe", "Detect", "Discover", "Estimate", "Evaluate",
    "Filter", "Find", "Forecast", "Get", "Head", "Infer", "Is", "List", "Lookup", "Preview", "Query",
    "Read", "Resolve", "Retrieve", "Scan", "Search", "Select", "Simulate", "Summarize",
    "Test", "Translate", "Validate", "Verify", "View",
)
NO_READS = {
    ("stepfunctions", "GetActivityTask"), ("ec2", "GetFlowLogsIntegrationTemplate"),
    ("sqs", "ReceiveMessage"), ("codepipeline", "PollForJobs"),
}
# A query over what is stored, which AWS itself lists among the reads.
MORE_READS = {("logs", "StartQuery")}


# How the documentation of a member begins that lets in whoever has it.
CREDENTIAL = re.compile(
    r"(?i)^(?:an? |the |this is the )?(?:generated |amazon |aws |s3 |iam )*(?:pre-?signed|signed url"
    r"|secret (?:access )?key\b(?! arn)|session token|private key (?:of|for|that|in|associated)"
    r"|refresh token|bearer token|temporary (?:security )?credentials)"
)


def credential_in(shape, seen=frozenset()):
    """Names the first member of an answer that is documented as a credential."""
    if shape is None or shape.name in seen or len(seen) > 9:
        return None
    seen = seen | {shape.name}
    below = list(getattr(shape, "members", {}).items())
    below += [(kind, getattr(shape, kind)) for kind in ("member", "value") if hasattr(shape, kind)]
    for name, member in below:
        said = re.sub(r"<[^>]+>|\s+", " ", member.documentation or "").strip()
        if member.type_name in ("string", "blob") and CREDENTIAL.search(said):
            return name
        found = credential_in(member, seen)
        if found:
            return found
    return None


@functools.lru_cache(None)
def documented_credential(model):
    return credential_in(model.output_shape)


def only_reads(model, operation):
    if (model.service_model.service_name, operation) in MORE_READS:
        return True
    if (model.service_model.service_name, operation) in NO_READS:
        return False
    return model.http.get("method") in ("GET", "HEAD") or operation.startswith(READS)


def api_call(client, operation, parameters):
    model = client.meta.service_model.operation_model(operation)
    host = urlsplit(client.meta.endpoint_url).netloc
    name = client.meta.service_model.service_name
    # What `--dry-run` of ec2 sends: the service then says whether it would have done it.
    is_rehearsal = parameters.get("DryRun") is True
    is_read = is_rehearsal or only_reads(model, operation)
    credential = None if is_rehearsal else documented_credential(model)
    calls.append([name, operation, model.http.get("method"), host, is_read, credential])
    if name == "s3" and operation in ("GetObject", "HeadObject"):
        return {"ContentLength": 1, "ETag": '"x"', "LastModified": datetime.now(timezone.utc), "Body": io.BytesIO(b"x")}
    return {}


def send(session, request):
    calls.append(["http", "send", request.method, urlsplit(request.url).netloc, request.method == "GET", None])
    raise botocore.exceptions.EndpointConnectionError(endpoint_url=request.url)


def audited(event, arguments):
    if event == "subprocess.Popen":
        programs.append([str(arguments[0]), str(arguments[1])])
        raise PermissionError("no program is started here")
    if event in ("os.system", "os.exec", "os.posix_spawn", "os.spawn"):
        programs.append([event, str(arguments)])
        raise PermissionError("no program is started here")
    if event == "socket.connect":
        calls.append(["socket", "connect", "POST", str(arguments[1]), False, None])
        raise PermissionError("there is no network here")


def no_sleep(seconds):
    raise TimeoutError("nobody waits here")


botocore.client.BaseClient._make_api_call = api_call
botocore.httpsession.URLLib3Session.send = send
# The models are large; each is read once.
botocore.loaders.JSONFileLoader.load_file = functools.lru_cache(None)(botocore.loaders.JSONFileLoader.load_file)
botocore.loaders.JSONFileLoader.__hash__ = lambda self: 1
botocore.loaders.JSONFileLoader.__eq__ = lambda self, other: True


def run(case):
    os.environ.clear()
    os.environ.update(case["env"])
    # As `awscli/__init__.py` does at its import.
    own = os.path.join(os.path.dirname(awscli.__file__), "data")
    others = [path for path in os.environ.get("AWS_DATA_PATH", "").split(os.pathsep) if path]
    os.environ["AWS_DATA_PATH"] = os.pathsep.join([own, *others])
    # The CLI takes the path of the aliases from HOME when it is loaded, which is once here.
    alias = os.path.expanduser(os.path.join("~", ".aws", "cli", "alias"))
    awscli.alias.AliasLoader.__init__.__defaults__ = (alias,)
    os.chdir(case["cwd"])
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    sys.stdin = io.TextIOWrapper(io.BytesIO((case.get("stdin") or "").encode()), "utf-8")
    sys.argv = ["aws"] + case["argv"][1:]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            return awscli.clidriver.create_clidriver().main(case["argv"][1:])
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        except BaseException:
            return 70


def surface():
    driver = awscli.clidriver.create_clidriver()
    for name, command in driver._get_command_table().items():
        table = getattr(command, "_get_command_table", None)
        if table is None or name in ("configure", "history"):
            continue
        try:
            print(*(f"{name} {operation}" for operation in table()), sep="\n")
        except TypeError:
            continue


if sys.argv[1:] == ["list"]:
    surface()
    sys.exit()
time.sleep = no_sleep
sys.addaudithook(audited)
for line in questions:
    calls.clear()
    programs.clear()
    code = run(json.loads(line))
    answers.write(json.dumps({"calls": calls, "programs": programs, "code": code}) + "\n")
    answers.flush()
