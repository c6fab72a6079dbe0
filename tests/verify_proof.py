#!/usr/bin/env python3
"""Verifies proofs of the audit log, and shares no code with gate.

    verify_proof.py proof FILE VKEY [WITNESS_VKEY]    a C2SP tlog-proof that holds its record
    verify_proof.py vectors FILE                      published vectors, each of them

Prints `ok …`, or what is wrong and exits 1. Needs Python's standard library, and the openssl command
for Ed25519.
"""
import base64
import json
import sys

sys.dont_write_bytecode = True  # Nothing of ours stays beside the tests.
from verify_log import Bad, has_signed, need, parse_record, sha256, verify, verify_checkpoint


def node(left, right):
    return sha256(b"\1", left, right)


# RFC 9162, 2.1.3.2
def verify_inclusion(leaf, index, size, proof, root):
    need(index < size, f"{index} is outside of the {size} records")
    fn, sn, hash_ = index, size - 1, leaf
    for sibling in proof:
        need(sn, "the proof is too long")
        if fn & 1 or fn == sn:
            hash_ = node(sibling, hash_)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash_ = node(hash_, sibling)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "the proof is too short")
    need(hash_ == root, "the proof leads to another root")


# RFC 9162, 2.1.4.2
def verify_consistency(old_size, old_root, size, root, proof):
    need(0 < old_size < size and proof, "there is nothing to prove")
    if old_size & (old_size - 1) == 0:
        proof = [old_root] + proof
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = proof[0]
    for sibling in proof[1:]:
        need(sn, "the proof is too long")
        if fn & 1 or fn == sn:
            old, new = node(sibling, old), node(sibling, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "the proof is too short")
    need((old, new) == (old_root, root), "the proof leads to another root")


def cosigned_at(note, vkey):
    """When the witness of this key signed the note, in seconds since 1970."""
    name, key_hash, encoded = vkey.split("+", 2)
    typed = base64.b64decode(encoded, validate=True)
    key_id = sha256(name.encode(), b"\n", typed)[:4]
    is_key = len(typed) == 33 and typed[0] == 4 and key_id.hex() == key_hash
    need(is_key, "the key is not of a witness, or its hash is wrong")
    text, _, block = note.decode().rpartition("\n\n")
    for line in block.removesuffix("\n").split("\n"):
        _, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if signer == name and signature[:4] == key_id:
            time = int.from_bytes(signature[4:12], "big")
            message = f"cosignature/v1\ntime {time}\n{text}\n".encode()
            need(has_signed(typed[1:], message, signature[12:]), "the cosignature does not match")
            return time
    raise Bad("the checkpoint is not signed by the witness")


def verify_proof(text, vkey, witness=None, record=None):
    head, _, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    need(first == "c2sp.org/tlog-proof@v1", "this is no proof")
    if lines[0].startswith("extra "):
        extra = base64.b64decode(lines.pop(0).removeprefix("extra "), validate=True)
        record = record or extra
    need(record, "the proof does not hold its record")
    need(lines[0].startswith("index "), "the index is malformed")
    index = int(lines.pop(0).removeprefix("index "))
    hashes = [base64.b64decode(line, validate=True) for line in lines]
    size, root = verify_checkpoint(note.encode(), vkey)
    verify_inclusion(sha256(b"\0", record), index, size, hashes, root)
    need(parse_record(record)["seq"] == index, "its seq is another")
    if witness:
        cosigned_at(note.encode(), witness)
    return f"ok record {index} of {size}"


def verify_vectors(vectors):
    records = [record.encode() for record in vectors["records"]]
    leaves = [bytes.fromhex(leaf) for leaf in vectors["leaf_hashes"]]
    need(leaves == [sha256(b"\0", record) for record in records], "the leaves are others")
    need(sha256() == bytes.fromhex(vectors["empty_root"]), "the empty root is another")
    note, log, witness = (vectors[name] for name in ("checkpoint", "log_vkey", "witness_vkey"))
    verify([record + b"\n" for record in records], note.encode(), log, leaves)
    need(cosigned_at(note.encode(), witness) == 1767225660, "the time is another")
    roots = [bytes.fromhex(vectors[f"root_size{size}"]) for size in (5, 7)]
    need(verify_checkpoint(note.encode(), log) == (7, roots[1]), "the root is another")
    proof = [base64.b64decode(line, validate=True) for line in vectors["consistency_5_7"]]
    verify_consistency(5, roots[0], 7, roots[1], proof)
    verify_proof(vectors["tlog_proof_index2"], log, witness, records[2])
    return "ok vectors"


def main(verb, file, *keys):
    with open(file, encoding="utf-8") as opened:
        text = opened.read()
    return verify_vectors(json.loads(text)) if verb == "vectors" else verify_proof(text, *keys)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("proof", "vectors"):
        sys.exit(__doc__)
    try:
        print(main(*sys.argv[1:]))
    except (Bad, OSError, ValueError, IndexError, KeyError) as bad:
        print(bad)
        sys.exit(1)
