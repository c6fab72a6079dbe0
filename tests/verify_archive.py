#!/usr/bin/env python3
"""Verifies an archive of the audit log, and shares no code with gate.

    verify_archive.py DIR VKEY [WITNESS_VKEY]

DIR is what `gate audit archive` wrote, VKEY the log's key. Prints `ok …`, or `bad record`, the first
one and what is wrong, and exits 1. Needs Python's standard library, and the openssl command for
Ed25519.
"""
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True  # Nothing of ours stays beside the tests.
from verify_log import (
    STRICT, Bad, Payloads, append, canonical, need, read_leaves, read_start, root_of,
    verify_checkpoint, walk,
)
from verify_proof import cosigned_at, verify_consistency

FIELDS = {"v", "origin", "start", "to", "root", "before", "consistency", "records", "leaves", "checkpoint"}


def main(folder, vkey, witness=None):
    opened = lambda name: open(os.path.join(folder, name), "rb")
    with opened("manifest.json") as file, opened("checkpoint") as note:
        text, note = file.read(), note.read()
    manifest = json.loads(text.decode(), **STRICT)
    need(canonical(manifest) == text and set(manifest) == FIELDS, "the manifest is malformed")
    size, signed = verify_checkpoint(note, vkey)
    need(manifest["v"] == 1 and manifest["origin"] == vkey.split("+")[0], "it is of another log")
    if witness:
        cosigned_at(note, witness)
    proof = [bytes.fromhex(hash_) for hash_ in manifest["consistency"]]

    def lead(count, root):
        need(count == manifest["to"], f"bad record {min(count, manifest['to'])}: the archive has another end")
        if count == size and not proof:
            need(root == signed, "the root is not the one that was signed for")
        else:
            verify_consistency(count, root, size, signed, proof)

    peaks, _, count = read_start(manifest["start"])
    with opened("leaves") as leaves:
        for leaf in read_leaves(leaves):
            append(peaks, leaf)
            count += 1
    try:
        lead(count, root_of(peaks))
        are_signed = True
    except Bad:
        are_signed = False
    with opened("records.jsonl") as lines, opened("leaves") as leaves, opened("payloads.jsonl") as beside:
        hashes = read_leaves(leaves) if are_signed else ()
        start = read_start(manifest["start"])
        count, root = walk(lines, hashes, Payloads(iter(beside)), start)
    try:
        lead(count, root)
    except Bad as bad:
        raise bad if str(bad).startswith("bad") else Bad(f"bad record below {count}: {bad}")
    need(are_signed, "bad record none: the leaf hashes are not those of the records")
    need(root.hex() == manifest["root"], "the manifest is of other records")
    for name, field in (("records.jsonl", "records"), ("leaves", "leaves"), ("checkpoint", "checkpoint")):
        with opened(name) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        need(found == manifest[field], f"the manifest is of another {name}")
    return f"ok records {manifest['start']['size']} to {count - 1} of {size} root {root.hex()}"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        print(main(*sys.argv[1:]))
    except (Bad, OSError, ValueError, KeyError, TypeError) as bad:
        print(bad)
        sys.exit(1)
