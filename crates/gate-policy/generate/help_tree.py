#!/usr/bin/env python3
"""Reads a tool's own help into a tree of commands and flags, and a tree into a
skeleton of a profile.

    help_tree.py record TOOL      walks `TOOL ... --help` and prints the tree
    help_tree.py skeleton FILE    prints a profile from a recorded tree, in
                                  which every effect is still `unknown`

A tree has a line for each command: its path, a colon, and its flags in the
order of their names, as `name`, `s/name` with a short letter, `name=` where it
takes a value and `name[=]` where the value may be left out. The first line,
`#`, says which version was asked. `/` stands for the tool without a subcommand.
"""

import os
import re
import subprocess
import sys
import tempfile

# A subcommand as help pages list it: `  name   what it does`, gh with a colon.
COMMAND = re.compile(r"^ {2,6}([a-z][\w-]*)\*?:?(?:, [\w, -]+)? +\S")
# A flag as pflag prints it, the type behind it where it takes a value.
PFLAG = re.compile(
    r"^ +(?:-(?P<short>\w), )?--(?P<name>[\w.-]+)"
    r"(?: (?P<type>[^\s\[]\S*|\[[A-Z/\[\]]+\S*)(?P<optional>\[=\S+\])?|(?P<bare>\[=\S+\]))?(?: {2,}|$)"
)
SHORT_ONLY = re.compile(r"^ +-(?P<short>\w)(?: (?P<type>\S+))?(?: {2,}|$)")
# A flag as kubectl prints it, with its default.
KUBECTL = re.compile(r"^ +(?:-(?P<short>\w), )?--(?P<name>[\w.-]+)=(?P<default>.*):$")
# A flag as terraform prints it.
TERRAFORM = re.compile(r"^ {2,4}-(?P<name>[a-z][\w-]*)(?P<value>=\S+| '[^']+'| \S+=\S+)?(?: {2,}|$)")

VERSION = {"kubectl": ["version", "--client"], "terraform": ["version"], "systemctl": ["--version"]}


def run(tool, words, folder):
    env = dict(os.environ, HOME=folder, COLUMNS="400", CHECKPOINT_DISABLE="1", LC_ALL="C")
    env.pop("TF_CLI_CONFIG_FILE", None)
    done = subprocess.run(
        [tool, *words], capture_output=True, text=True, env=env, cwd=folder, stdin=subprocess.DEVNULL, timeout=60
    )
    return done.stdout or done.stderr


def sections(text):
    """Yields each heading with the lines below it."""
    heading, lines = "", []
    for line in text.expandtabs().splitlines():
        if line and not line.startswith(" "):
            yield heading, lines
            heading, lines = line, []
        else:
            lines.append(line)
    yield heading, lines


def subcommands(text):
    for heading, lines in sections(text):
        if "commands" in heading.lower() and "topic" not in heading.lower():
            for line in lines:
                found = COMMAND.match(line)
                if found:
                    yield found[1]


def read_flag(style, line):
    """Returns the flag that a line of help describes, as a tree has it."""
    if style == "terraform":
        found = TERRAFORM.match(line)
        if not found:
            return None
        value = (found["value"] or "").strip("= '")
        return found["name"] + ("=" if value and value not in ("true", "false") else "")
    found = KUBECTL.match(line) if style == "kubectl" else PFLAG.match(line)
    if not found:
        found = SHORT_ONLY.match(line) if style == "cobra" else None
        return found and found["short"] + ("=" if found["type"] else "")
    short = found["short"] + "/" if found["short"] else ""
    if style == "kubectl":
        return short + found["name"] + ("" if found["default"] in ("true", "false") else "=")
    if found["bare"] or found["optional"]:
        return short + found["name"] + "[=]"
    return short + found["name"] + ("=" if found["type"] else "")


def flags(style, text, of_globals):
    """Yields the flags of a page. Those under a heading of global or inherited
    ones belong to the command above, where they stand too."""
    for heading, lines in sections(text):
        is_global = "global" in heading.lower() or "inherited" in heading.lower()
        if style != "terraform" and is_global != of_globals and heading:
            continue
        for line in lines:
            flag = read_flag(style, line)
            if flag:
                yield flag


def style_of(tool):
    return tool if tool in ("kubectl", "terraform") else "cobra"


def walk(tool, path, folder, tree):
    style = style_of(tool)
    ask = [*path, "-help" if style == "terraform" else "--help"]
    text = run(tool, ask, folder)
    found = set(flags(style, text, False))
    inherited = set(flags(style, text, True))
    if not path and style == "kubectl":
        found |= set(flags(style, "Options:\n" + run(tool, ["options"], folder), False))
    tree[" ".join(path) or "/"] = found | (inherited if style == "cobra" and tool == "gh" or not path else set())
    # A page of a command that does not exist is that of the one above.
    for name in dict.fromkeys(subcommands(text)):
        if name != "help" and " ".join([*path, name]) not in tree and len(path) < 4:
            walk(tool, [*path, name], folder, tree)


def record(tool):
    tree = {}
    name = os.path.basename(tool)
    with tempfile.TemporaryDirectory() as folder:
        version = run(tool, VERSION.get(name, ["--version"]), folder).splitlines()[0]
        walk_as(tool, name, folder, tree)
    print("#", version)
    for path, found in tree.items():
        print(f"{path}: {' '.join(sorted(found, key=lambda flag: flag.split('/')[-1]))}".rstrip())


def walk_as(tool, name, folder, tree):
    """Walks a tool that need not stand on PATH under its own name."""
    global run
    plain = run
    run = lambda _, words, folder: plain(tool, words, folder)  # noqa: E731
    try:
        walk(name, [], folder, tree)
    finally:
        run = plain


def read_tree(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                command, _, rest = line.partition(":")
                yield ("" if command == "/" else command), rest.split()


def quoted(names):
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def skeleton(path):
    groups = {}
    for command, found in read_tree(path):
        groups.setdefault(tuple(found), []).append(command)
    names = {}
    for found, commands in groups.items():
        if not found:
            continue
        name = commands[0].replace(" ", "-") or "global"
        names[found] = name
        print(f"[flags.{name}]")
        switches = [flag for flag in found if not flag.endswith(("=", "]"))]
        values = [flag.rstrip("=") for flag in found if flag.endswith("=")]
        if switches:
            print("switches =", quoted(switches))
        if values:
            print("values =", quoted(values))
        for flag in found:
            if flag.endswith("]"):
                short, _, long = flag.removesuffix("[=]").rpartition("/")
                letter = f'short = "{short}", ' if short else ""
                print(f'{long} = {{ {letter}value = "optional" }}')
        print()
    for found, commands in groups.items():
        flags = quoted([names[found]]) if found and names[found] != "global" else "[]"
        print(f'[[command]]\npaths = {quoted(commands)}\neffect = "unknown"\nflags = {flags}\n')


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("record", "skeleton"):
        sys.exit(__doc__)
    {"record": record, "skeleton": skeleton}[sys.argv[1]](sys.argv[2])


main()
