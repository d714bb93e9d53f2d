#!/usr/bin/env python3
"""Verifies a lanegate journal; written from docs/journal.md alone.

usage: verify_journal.py DIR -> one JSON object; exit 1 if "fault" names a first bad record.
"""
import hashlib
import json
import os
import re
import struct
import sys

KEYS = {"seq", "prev", "genesis", "controller", "kind", "lane", "passage", "at", "body"}
LENGTH_MAX = 8 << 20
TABLE = []
for n in range(256):
    for _ in range(8):
        n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def canonical(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def frame(data, at):
    """The payload at `at`, or None where no whole frame lies."""
    if at + 8 > len(data):
        return None
    length, crc = struct.unpack_from("<II", data, at)
    payload = data[at + 8 : at + 8 + length]
    if not 0 < length <= LENGTH_MAX or len(payload) < length or crc32c(payload) != crc:
        return None
    return payload


def whole_frame_behind(data, at):
    starts = (m.start() - 8 for m in re.finditer(rb'\{"at":"', data[at + 9 :]))
    return any(frame(data, at + 9 + start) is not None for start in starts)


def check(record, payload, before, seq):
    if canonical(record) != payload or set(record) != KEYS:
        return "not canonical, or other keys than a record's"
    of_ours = record["kind"] == "reconciled" and record["body"]["genesis"] == record["genesis"]
    if record["seq"] != (max(seq, record["body"]["through"] + 1) if of_ours else seq):
        return f"seq {record['seq']} where {seq} was expected"
    if record["prev"] != (before["hash"] if before else "0" * 64):
        return "prev does not fit"
    if not before:
        named = record["genesis"] == sha256(canonical(record["body"]))
        return None if named and record["kind"] == "genesis" else "no genesis that names itself"
    same = all(record[key] == before[key] for key in ("genesis", "controller"))
    return None if same else "another journal's record"


def verify(directory):
    count = 0
    names = sorted(n for n in os.listdir(directory) if re.fullmatch(r"journal-\d{12}\.lgj", n))
    before, seq, torn = None, 0, 0
    for name in names:
        with open(os.path.join(directory, name), "rb") as file:
            data = file.read()
        at = 0
        while at < len(data):
            payload = frame(data, at)
            if payload is None:
                if name != names[-1] or whole_frame_behind(data, at):
                    return before, count, torn, f"record {seq}: {name}, byte {at}: no whole frame"
                torn = len(data) - at
                break
            record = json.loads(payload)
            fault = check(record, payload, before, seq)
            if at == 0 and int(name[8:20]) != record["seq"]:
                fault = "the file has another record's name"
            if fault:
                return before, count, torn, f"record {seq}: {name}, byte {at}: {fault}"
            before = {"hash": sha256(payload), **{k: record[k] for k in ("genesis", "controller")}}
            count += 1
            at, seq = at + 8 + len(payload), record["seq"] + 1
    return before, count, torn, None if before else "record 0: there is none"


if __name__ == "__main__":
    head, count, rest, wrong = verify(sys.argv[1])
    report = {"ok": wrong is None, "records": count, "head": head and head["hash"], "torn": rest, "fault": wrong}
    print(json.dumps(report))
    sys.exit(1 if wrong else 0)
