#!/usr/bin/env python3
"""Writes the corpus of command lines as seeds: `fuzz/seeds.py TARGET FOLDER`."""

import hashlib
import pathlib
import shutil
import sys
import tomllib

TESTS = pathlib.Path(__file__).parent.parent / "crates/gate-policy/tests"


def pieces(case):
    """The words, variables, standard input and files of a case, as the target `argv` reads them."""
    yield from (word.encode() for word in case["argv"])
    yield from (f"\x01{name}={value}".encode() for name, value in case.get("env", {}).items())
    if "stdin" in case:
        yield b"\x02" + case["stdin"].encode()
    yield from (f"\x03{name}={text}".encode() for name, text in case.get("files", {}).items())


def seeds(target):
    """The seeds of a target, whole or as far as it reads them."""
    for path in sorted((TESTS / "corpus").glob("*.toml")):
        for case in tomllib.loads(path.read_text())["case"]:
            if target == "argv":
                yield b"\0".join(pieces(case))
            elif target in ("shell", "sql"):
                yield from (word.encode() for word in case["argv"][-1:])
            elif target == "yaml":
                yield from (text.encode() for text in case.get("files", {}).values())
    if target == "profiles":
        for path in sorted((TESTS.parent / "profiles").glob("*.toml")):
            # What is built in can't be given again; under another name it can.
            text = path.read_text().replace('name = "', 'name = "my-', 1)
            yield f"{text}\0get\0x\0--flag=v\0-a".encode()


def main():
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (folder / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    kept = TESTS / "fuzz/seeds" / target
    if kept.is_dir():
        shutil.copytree(kept, folder, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
