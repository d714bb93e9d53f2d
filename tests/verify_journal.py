#!/usr/bin/env python3
"""Verifies a lanegate journal; written from docs/journal.md alone.

usage: verify_journal.py DIR [ARCHIVE] -> one JSON object; exit 1 if "fault" names a first bad record."""
import hashlib
import json
import os
import re
import struct
import sys

KEYS = {"seq", "prev", "genesis", "controller", "kind", "lane", "passage", "at", "body"}
TABLE = list(range(256))
for _ in range(8):
    TABLE = [(n >> 1) ^ (0x82F63B78 if n & 1 else 0) for n in TABLE]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def frame(data, at):
    """The payload at `at`, or None where no whole frame lies."""
    length, crc = struct.unpack_from("<II", data, at) if at + 8 <= len(data) else (0, 0)
    payload = data[at + 8 : at + 8 + length]
    return payload if 0 < length <= 8 << 20 and len(payload) == length and crc32c(payload) == crc else None


def torn(data, at):
    """Whether what is no whole frame at `at` may be the beginning of one, cut by the end of the file."""
    text, length = data[at + 8 :], int.from_bytes(data[at : at + 4], "little") or len(data) - at < 3
    cut = 0 < length <= 8 << 20 and len(text) < length and b'{"at":"'.startswith(text[:7])
    whole = min(text, default=32) < 32 or re.search(rb'"[0-9a-fA-F]{64}","seq":\d+}\Z', text)
    starts = (m.start() + at + 1 for m in re.finditer(rb'\{"at":"', data[at + 9 :]))
    return cut and not whole and not any(frame(data, start) for start in starts)


def check(record, payload, before, seq):
    if canonical(record) != payload or set(record) != KEYS:
        return "not canonical, or other keys than a record's"
    of_ours = record["kind"] == "reconciled" and record["body"]["genesis"] == record["genesis"]
    if record["seq"] != (max(seq, record["body"]["through"] + 1) if of_ours else seq):
        return f"seq {record['seq']} where {seq} was expected"
    if not before and seq > 0:
        return None  # its beginning was archived
    if not before and (record["kind"], record["genesis"]) != ("genesis", sha256(canonical(record["body"]))):
        return "no genesis that names itself"
    if record["prev"] != (before["hash"] if before else "0" * 64):
        return "prev does not fit"
    other = before and (record["genesis"], record["controller"]) != before["journal"]
    return "another journal's record" if other else None


def records(directories):
    """Of each frame: segment, byte, record and payload; no record at the end: bytes torn, or None for damage."""
    found = {n: d for d in directories for n in os.listdir(d) if re.fullmatch(r"journal-\d{12}\.lgj", n)}
    for name in sorted(found):
        data, at = open(os.path.join(found[name], name), "rb").read(), 0
        while at < len(data):
            payload = frame(data, at)
            if payload is None:
                return (yield name, at, None, len(data) - at if name == max(found) and torn(data, at) else None)
            yield name, at, json.loads(payload), payload
            at += 8 + len(payload)


def verify(directories):
    report, before, seq = {"records": 0, "begins": None, "head": None, "torn": 0, "fault": None}, None, None
    for name, at, record, payload in records(directories):
        if record is None and payload is not None:
            report["torn"] = payload
            break
        if report["begins"] is None:
            seq = report["begins"] = int(name[8:20])
        fault = check(record, payload, before, seq) if record else "no whole frame"
        if record and at == 0 and int(name[8:20]) != record["seq"]:
            fault = "the file is named for another record"
        if fault:
            return {**report, "fault": f"record {seq}: {name}, byte {at}: {fault}"}
        before = {"hash": sha256(payload), "journal": (record["genesis"], record["controller"])}
        report["records"], report["head"], seq = report["records"] + 1, before["hash"], record["seq"] + 1
    return report if before else {**report, "fault": "record 0: there is none"}


if __name__ == "__main__":
    told = verify(sys.argv[1:])
    print(json.dumps({"ok": told["fault"] is None, **told}))
    sys.exit(1 if told["fault"] else 0)
