"""Runs what `cargo test` would run, two test programs at a time.

    cargo test --no-run --message-format=json-render-diagnostics | together.py SECONDS

`cargo test` itself runs one program after the other, and most of ours wait: for a signal, a server, a
tool, or a compiler that uses one processor. Each program is started as cargo starts it, in the folder
of its package. What it prints is shown when it ends, whole. SECONDS bounds each program. Ends with 1
if one failed, and with 2 if there was nothing to run or the build had failed.
"""

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time

AT_ONCE = 2
# By the time they take, so that none of them is left to run alone at the end.
SLOWEST = [
    "contract", "shim_cost", "psql", "web", "aws", "arity", "statements", "racer", "kubectl",
    "terraform", "mysql", "approval", "gate_server", "kill_points", "packaging", "sqlite",
    "shell",
]  # fmt: skip


def programs(lines):
    """Yields (rank, name, file, folder) of every test program, or fails where the build did."""
    is_built = False
    for line in lines:
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message["reason"] == "build-finished":
            is_built = message["success"]
        # A program that was built only because a test starts it is no test.
        if message["reason"] != "compiler-artifact" or not message["profile"]["test"]:
            continue
        if message["executable"]:
            target = message["target"]
            folder = os.path.dirname(message["manifest_path"])
            name = f'{os.path.basename(folder)}: {"/".join(target["kind"])} {target["name"]}'
            slow = SLOWEST.index(target["name"]) if target["name"] in SLOWEST else len(SLOWEST)
            yield slow, name, message["executable"], folder
    if not is_built:
        sys.exit(2)


def play(limit, name, file, folder):
    began = time.monotonic()
    program = subprocess.Popen(
        [file],
        cwd=folder,
        env={**os.environ, "CARGO_MANIFEST_DIR": folder},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = program.communicate(timeout=limit)
        verdict = program.returncode
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        said, _ = program.communicate()
        verdict = f"no end after {limit} s"
    took = time.monotonic() - began
    heading = f"     Running {name}: {took:.0f} s"
    text = said.decode(errors="replace")
    if verdict != 0:
        text += f"error: {name}: {verdict}\n"
    sys.stdout.write(f"{heading}\n{text}")
    sys.stdout.flush()
    return verdict == 0


def main():
    limit = int(sys.argv[1])
    found = sorted(programs(sys.stdin))
    if not found:
        sys.exit("together.py: there is nothing to run")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = list(pool.map(lambda found: play(limit, *found[1:]), found))
    sys.exit(0 if all(verdicts) else 1)


main()
