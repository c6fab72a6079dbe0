#!/usr/bin/env python3
"""Verifies an exported audit log, and shares no code with gate.

    verify_log.py RECORDS CHECKPOINT VKEY [LEAVES [PAYLOADS]]

RECORDS is JSON Lines, CHECKPOINT the signed note over exactly these records, VKEY the log's key as
name+hash+base64, or one that signed before it, LEAVES the file of leaf hashes, which tells exactly
which record was changed, PAYLOADS what stands beside records, each line held against its record or
against its erasure.
Prints `ok N records root HEX`, or `bad record`, the first one and what is wrong, and exits 1. Needs Python's standard library, and the openssl command for Ed25519.
"""
import base64
import contextlib
import datetime
import functools
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile


class Bad(Exception):
    """What is wrong, in words."""


def need(holds, why):
    if not holds:
        raise Bad(why)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def has_signed(public, message, signature):
    spki = bytes.fromhex("302a300506032b6570032100") + public  # RFC 8410
    with tempfile.TemporaryDirectory() as folder:
        command = "openssl pkeyutl -verify -rawin -pubin -keyform DER".split()
        for option, content in (("-inkey", spki), ("-in", message), ("-sigfile", signature)):
            command += [option, os.path.join(folder, option)]
            with open(command[-1], "wb") as file:
                file.write(content)
        return len(signature) == 64 and subprocess.run(command, capture_output=True).returncode == 0


# Canonical JSON (RFC 8785, integers below 2^53 only)
def without_duplicates(pairs):
    need(len({name for name, _ in pairs}) == len(pairs), "a member occurs twice")
    return dict(pairs)


def no_float(text):
    raise Bad(f"{text} is not an integer")


STRICT = dict(object_pairs_hook=without_duplicates, parse_float=no_float, parse_constant=no_float)


def canonical(value, depth=0):
    need(depth < 64 or not isinstance(value, (dict, list)), "nested too deep")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        members = (canonical(name) + b":" + canonical(value[name], depth + 1) for name in names)
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(element, depth + 1) for element in value) + b"]"
    if isinstance(value, str):
        need("\0" not in value, "a string contains U+0000")
        return json.dumps(value, ensure_ascii=False).encode()
    need(type(value) is not int or abs(value) < 2**53, f"{value} is beyond 2^53 - 1")
    return json.dumps(value).encode()


def parse_record(line):
    need(len(line) <= 1024 * 1024, "larger than 1 MiB")
    try:
        record = json.loads(line.decode(), **STRICT)
        need(canonical(record) == line, "not in canonical form")
    except (ValueError, RecursionError) as error:
        raise Bad(f"not JSON: {error}") from error
    kinds = {"body": dict, "prev": str, "seq": int, "ts": str, "type": str, "v": int}
    need(isinstance(record, dict) and set(record) == set(kinds), "not the six members")
    for name, kind in kinds.items():
        need(type(record[name]) is kind, f"{name} is of the wrong kind")
    need(record["v"] == 1, "v is not 1")
    need(re.fullmatch(r"(?=.{1,64}$)[a-z0-9_]+(\.[a-z0-9_]+)*", record["type"]), "malformed type")
    pattern = r"([0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2})(\.[0-9]{1,9})?Z"
    time = re.fullmatch(pattern, record["ts"])
    try:
        datetime.datetime(*map(int, re.findall("[0-9]+", time[1])))
    except (TypeError, ValueError) as error:
        raise Bad("ts is not RFC 3339 in UTC") from error
    return record


# What may follow what in the story of one request
REVIEW = {"pending": "pending", "approved": "approved", "denied": "ended"}
UNCLAIMED = {"pending", "reviewed", "approved"}
STEPS = {  # type: (stages before it, the stage after it; none: as before)
    "request.created": ({None}, "pending"),
    "request.rejected_review": (None, None),
    "request.cancelled": (UNCLAIMED, "ended"),
    "request.expired": (UNCLAIMED, "ended"),
    "decision.recorded": (UNCLAIMED, None),
    "decision.voided": ({"pending", "approved"}, None),
    "request.observed": ({"pending"}, "approved"),
    "grant.claimed": ({"reviewed", "approved"}, "claimed"),
    "run.started": ({"claimed"}, "started"),
    "run.finished": ({"started", "unknown"}, "ended"),
    "run.abandoned": ({"claimed", "started", "unknown"}, "ended"),
    "run.unknown": ({"claimed", "started"}, "unknown"),
}


def hear(asked, record):
    """Who approves: never who asked, and a claim names nobody else."""
    kind, body = record["type"], record["body"]
    reviewer, person, status = (body.get(name) for name in ("reviewer", "person", "status"))
    if kind in ("decision.recorded", "grant.claimed"):
        need(not differ(body.get("digest"), asked["digest"]), f"{kind} is about another digest")
    if kind == "decision.recorded":
        is_yes = body["answer"] == "approve" if "answer" in body else status != "denied"
        is_own = reviewer is not None and reviewer == asked["name"]
        is_own = is_own or person is not None and person == asked["person"]
        need(not (is_yes and is_own), "an approval by who asked")
        need(is_yes or status != "approved", "no status that a review leads to")
        if is_yes:
            asked["yes"].add(reviewer)
    elif kind == "decision.voided":
        asked["observed"] = asked["observed"] and reviewer is not None
        asked["yes"].discard(reviewer)
    elif kind == "request.observed":
        asked["observed"] = True
    elif kind == "grant.claimed" and "request_id" not in body:
        names = body.get("approved_by")
        is_named = isinstance(names, list) and all(isinstance(n, str) for n in names)
        need(is_named and set(names) <= asked["yes"], "claimed with somebody who did not approve")
        is_observed = asked["observed"] and body.get("observed") is True
        need(names or is_observed, "approved by nobody")


def differ(one, other):
    return isinstance(one, str) and isinstance(other, str) and one != other


def asked_by(body):
    who = body.get("requester")
    who = who if isinstance(who, dict) else {}
    person = who.get("person") if who.get("kind") == "user" else None
    name, digest = who.get("name"), body.get("digest")
    return {"name": name, "person": person, "digest": digest, "yes": set(), "observed": False}


BEHIND, NONCES = 0, 1  # Beside the requests in `asked`, whose names are texts.
ARCHIVED, DROPPED = "archived", "dropped"  # What is before the first record; or its number.


def follow(stages, asked, record):
    kind, body = record["type"], record["body"]
    behind = asked.get(BEHIND)
    if behind == ARCHIVED:
        behind = record["seq"]
    if kind == "log.pruned" and isinstance(behind, int) and body.get("to") == behind:
        behind = DROPPED
    asked[BEHIND] = behind
    if kind not in STEPS:
        return
    request, *more = [body[name] for name in ("request", "request_id") if name in body] or [None]
    need(not more and isinstance(request, str), f"{kind} does not name its request")
    stage = stages.get(request)
    allowed, after = STEPS[kind]
    if stage is None and behind is not None and kind != "request.created":
        # Its story began in the archive before. When that was dropped it had ended, and what comes
        # from then on can be nothing but a late end.
        if kind.startswith("decision."):
            is_unsaid = "request_id" in body and "status" not in body
            after = "reviewed" if is_unsaid else REVIEW.get(str(body.get("status")))
            need(after, "no status that a review leads to")
        is_possible = behind != DROPPED or after in (None, "ended")
        need(is_possible, f"{kind} of a request that was never created")
        if after:
            stages[request] = after
        return
    need(stage or kind == "request.created", f"{kind} of a request that was never created")
    need(allowed is None or stage in allowed, f"{kind} can't follow when the request is {stage}")
    if kind == "decision.recorded":
        # Only the published vectors, which say `request_id`, leave the status out.
        is_unsaid = "request_id" in body and "status" not in body
        after = "reviewed" if is_unsaid else REVIEW.get(str(body.get("status")))
        need(after, "no status that a review leads to")
        need(stage != "approved" or after == "ended", "a second approval")
    if kind == "decision.voided":
        # A yes that does not count any more ends nothing, and makes no yes.
        after = body.get("status")
        need(after in ("pending", stage), "no status that a void review leads to")
    if kind == "request.created":
        asked[request] = asked_by(body)
    elif request in asked:
        hear(asked[request], record)
    if kind == "grant.claimed":
        asked[NONCES][request] = body.get("claim_nonce")
    elif kind.startswith("run."):
        is_other = differ(body.get("claim_nonce"), asked[NONCES].get(request))
        need(not is_other, f"{kind} is of another claim than the one that was granted")
    stages[request] = after or stage
    if stages[request] in ("claimed", "ended"):
        asked.pop(request, None)


# What stands beside a record and can be erased
def committed(record):
    if "erasable" not in record["body"]:
        return None
    member = record["body"]["erasable"]
    is_sound = isinstance(member, dict) and set(member) == {"commit", "parts"}
    parts = member["parts"] if is_sound else None
    is_sound = isinstance(parts, list) and parts and all(isinstance(part, str) for part in parts)
    is_sound = is_sound and parts == sorted(set(parts), key=str.encode)
    need(is_sound and re.fullmatch("[0-9a-f]{64}", str(member["commit"])), "erasable is malformed")
    return member


class Payloads:
    """The lines of payloads.jsonl in order, and the erasures that are still to be seen."""

    def __init__(self, lines):
        self.lines, self.next, self.awaited = lines, None, {}

    def of(self, seq):
        if self.next is None:
            line = next(self.lines, None)
            try:
                self.next = line and json.loads(line.decode(), **STRICT)
                need(line is None or canonical(self.next) + b"\n" == line, "not in canonical form")
                need(line is None or set(self.next) == {"seq", "payload"}, "not a payload")
            except ValueError as error:
                raise Bad(f"a payload is not JSON: {error}") from error
        if self.next is None or self.next["seq"] > seq:
            return None
        need(self.next["seq"] == seq, "the payloads are out of order")
        payload, self.next = self.next["payload"], None
        return payload

    def follow(self, record):
        commitment, payload = committed(record), self.of(record["seq"])
        if payload is None:
            need(commitment is None, "what it commits to is missing, and was not erased")
            return
        need(commitment is not None, "something stands beside it, and it commits to nothing")
        need(isinstance(payload, dict) and len(payload) == 1, "its payload is malformed")
        (what, content), = payload.items()
        if what == "kept":
            key, parts = bytes.fromhex(content["key"]), content["parts"]
            found = hmac.new(key, canonical(parts), hashlib.sha256).hexdigest()
            is_it = found == commitment["commit"]
            is_it = is_it and sorted(parts, key=str.encode) == commitment["parts"]
            need(len(key) == 32 and is_it, "what stands beside it is not what it commits to")
        else:
            need(what == "erased" and content["record"] > record["seq"], "it was never erased")
            self.awaited.setdefault(content["record"], []).append(record["seq"])

    def hold(self, record):
        for seq in self.awaited.pop(record["seq"], ()):
            names = record["body"].get("records") if record["type"] == "payload.erased" else None
            words = f"bad record {seq}: no record says that what it commits to was erased"
            need(isinstance(names, list) and seq in names, words)


# Tree (RFC 6962), checkpoint (C2SP signed-note, tlog-checkpoint)
def append(peaks, leaf):
    height = 0  # Peaks are (height, hash) of perfect subtrees, the largest first.
    while peaks and peaks[-1][0] == height:
        leaf = sha256(b"\1", peaks.pop()[1], leaf)
        height += 1
    peaks.append((height, leaf))


def root_of(peaks):
    hashes = [peak for _, peak in reversed(peaks)] or [sha256()]
    return functools.reduce(lambda right, left: sha256(b"\1", left, right), hashes)


def verify_note(note, vkey, what="the checkpoint"):
    """Returns the name of the key, and the text that it signed."""
    name, key_hash, encoded = vkey.split("+", 2)
    typed = base64.b64decode(encoded, validate=True)
    key_id = sha256(name.encode(), b"\n", typed)[:4]
    is_key = len(typed) == 33 and typed[0] == 1 and key_id.hex() == key_hash
    need(is_key, "the key is not of type Ed25519, or its hash is wrong")
    text, _, block = note.decode().rpartition("\n\n")
    text += "\n"
    is_signed = False
    for line in block.removesuffix("\n").split("\n"):
        dash, signer, signature = line.split(" ")
        need(dash == "\u2014", "a signature line is malformed")
        signature = base64.b64decode(signature, validate=True)
        if signer == name and signature[:4] == key_id:
            matches = has_signed(typed[1:], text.encode(), signature[4:])
            need(matches, f"{what}'s signature does not match")
            is_signed = True
    need(is_signed, f"{what} is not signed by the key")
    return name, text


def verify_checkpoint(note, vkey):
    name, text = verify_note(note, vkey)
    origin, size, root, end = text.split("\n")
    need(origin == name, "the checkpoint is of another log")
    need(re.fullmatch("0|[1-9][0-9]*", size) and not end, "the checkpoint's size is malformed")
    return int(size), base64.b64decode(root, validate=True)


def successor(lines, note, vkey):
    """Returns the key that signed NOTE: VKEY, or one that came after it as the records say."""
    after = {}
    for line in lines:
        if b'"type":"log.key_added"' not in line:
            continue
        try:
            statement = json.loads(line)["body"]["statement"].encode()
            kind, purpose, before, key, _ = statement.decode().split("\n\n")[0].split("\n")
            need((kind, purpose) == ("gate-key/1", "log") and before != key, "of another kind")
            need(before.split("+")[0] == key.split("+")[0], "of another log")
            for each in (before, key):
                verify_note(statement, each, "the statement")
            after.setdefault(before, key)
        except (Bad, ValueError, KeyError, TypeError, AttributeError):
            continue  # It vouches for nobody; the record itself is verified with the others.
    seen = set()
    while vkey in after and vkey not in seen:
        try:
            verify_note(note, vkey)
            break
        except (Bad, ValueError):
            seen.add(vkey)
            vkey = after[vkey]
    return vkey


def read_leaves(file):
    while leaf := file.read(32):
        yield leaf


def are_signed(leaves, size, root, start=None):
    peaks, _, count = start or ([], None, 0)
    for leaf in leaves:
        append(peaks, leaf)
        count += 1
    return count == size and root_of(peaks) == root


def walk(records, leaves=(), payloads=None, start=None, gone=None):
    """Each record from START on, or the first; LEAVES yields hashes that were signed for, or
    nothing. Returns how many there are then, and the root of the tree."""
    peaks, prev, count = start or ([], bytes(32), 0)
    leaves, stages, asked = iter(leaves), {}, {BEHIND: ARCHIVED if count else None, NONCES: {}}
    for line in records:
        place = count
        try:
            need(line.endswith(b"\n"), "cut off before its newline")
            record = parse_record(line := line[:-1])
            need(record["seq"] == count, f"its seq is {record['seq']}")
            leaf = sha256(b"\0", line)
            signed_leaf = next(leaves, None)
            need(signed_leaf in (None, leaf), "another record was signed for here")
            is_linked = record["prev"] == prev.hex()
            if count and not is_linked and signed_leaf is None:
                place = f"{count - 1}, or the link to it in {count}"
            need(is_linked, "prev is not the hash of the record before it")
            follow(stages, asked, record)
            if payloads:
                payloads.follow(record)
            else:
                committed(record)
        except (Bad, KeyError, TypeError, ValueError) as bad:
            raise Bad(f"bad record {place}: {bad}") from bad
        if payloads:
            payloads.hold(record)
        if record["type"] == "log.pruned" and record["body"].get("to") == gone:
            gone = None
        prev = sha256(line)
        append(peaks, leaf)
        count += 1
    words = f"bad record below {gone}: these are gone, and no record says that they were archived"
    need(gone is None, words)
    is_done = not payloads or payloads.of(count) is None and payloads.next is None
    need(is_done, f"bad record {count}: a payload is of no record")
    return count, root_of(peaks)


def verify(records, note, vkey, leaves=(), payloads=None, start=None):
    """The whole log, or all of it from START on, against the checkpoint."""
    try:
        size, signed = verify_checkpoint(note, vkey)
    except (Bad, ValueError) as bad:
        why = bad if isinstance(bad, Bad) else f"the checkpoint or the key is malformed: {bad}"
        raise Bad(f"bad record 0, nothing sound is signed: {why}") from bad
    count, root = walk(records, leaves, payloads, start, start and start[2])
    words = f"the log has {count} records, but the checkpoint was signed for {size}"
    need(size == count, f"bad record {min(size, count)}: {words}")
    words = f"the root is {root.hex()}, but {signed.hex()} was signed"
    need(root == signed, f"bad record below {count}: {words}")
    return f"ok {count} records root {root.hex()}"


def read_start(start):
    """Where records begin that are not the first: the tree before them, and the hash of the last."""
    size, peaks = start["size"], [bytes.fromhex(peak) for peak in start["peaks"]]
    heights = [bit for bit in reversed(range(size.bit_length())) if size >> bit & 1]
    need(len(peaks) == len(heights), "a tree of this size has other peaks")
    return list(zip(heights, peaks)), bytes.fromhex(start["last"]), size


def main(records, checkpoint, vkey, leaves=None, payloads=None):
    with contextlib.ExitStack() as files:
        lines, note = (files.enter_context(open(path, "rb")) for path in (records, checkpoint))
        note = note.read()
        vkey = successor(lines, note, vkey)
        lines.seek(0)
        payloads = payloads and Payloads(iter(files.enter_context(open(payloads, "rb"))))
        beside = os.path.join(os.path.dirname(records), "start.json")
        start = lambda: None
        if os.path.exists(beside):
            with open(beside, "rb") as file:
                text = file.read()
            start = lambda: read_start(json.loads(text.decode(), **STRICT))
        if leaves is None:
            return verify(lines, note, vkey, start=start())
        once, again = (files.enter_context(open(leaves, "rb")) for _ in range(2))
        is_good = False
        try:
            is_good = are_signed(read_leaves(once), *verify_checkpoint(note, vkey), start())
        except (Bad, ValueError):
            pass  # What is wrong with the checkpoint is said below.
        hashes = read_leaves(again) if is_good else ()
        said = verify(lines, note, vkey, hashes, payloads, start())
        need(is_good, "bad record none: the leaf hashes are not those of the records")
        return said


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5, 6):
        sys.exit(__doc__)
    try:
        print(main(*sys.argv[1:]))
    except (Bad, OSError) as bad:
        print(bad)
        sys.exit(1)
