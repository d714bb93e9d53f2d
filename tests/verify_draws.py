#!/usr/bin/env python3
"""Verifies the draws of a lanegate journal; written from docs/journal.md alone.

usage: verify_draws.py DIR -> one JSON object; exit 1 if "fault" names a first bad record.
Frames and hashes of the journal itself are verify_journal.py's.
"""
import datetime
import hashlib
import hmac
import json
import os
import re
import sys

from verify_journal import frame


def records(directory):
    for name in sorted(n for n in os.listdir(directory) if re.fullmatch(r"journal-\d{12}\.lgj", n)):
        with open(os.path.join(directory, name), "rb") as file:
            data = file.read()
        at = 0
        while (payload := frame(data, at)) is not None:
            yield json.loads(payload)
            at += 8 + len(payload)


def number(day):
    return datetime.date.fromisoformat(day).toordinal()


def hashed(key, times):
    for _ in range(times):
        key = hashlib.sha256(key).digest()
    return key


def leads(key, day, to, to_day):
    return day >= to_day and hashed(key, day - to_day) == to


def take_key(chains, body):
    """A fault, or None. A chain: days named, and the latest key known with its day."""
    day, key = number(body["day"]), bytes.fromhex(body["sha256"])
    begins = body.get("chain")
    if begins is None:
        if not chains or day <= max(chains[-1]["days"]):
            return "a key of no chain, or out of order"
        if not leads(key, day - 1, chains[-1]["key"], chains[-1]["at"]):
            return "a key of another chain"
        chains[-1]["days"].add(day)
        chains[-1].update(key=key, at=day - 1)
        return None
    if not leads(key, day - 1, bytes.fromhex(begins["anchor"]), number(begins["anchor_day"])):
        return "a key that does not lead to the anchor"
    closes = begins.get("closes")
    if closes:
        old, at = bytes.fromhex(closes["key"]), number(closes["day"])
        if not chains or not leads(old, at, chains[-1]["key"], chains[-1]["at"]):
            return "a key that closes another chain"
        chains[-1].update(key=old, at=at)
    chains.append({"days": {day}, "key": key, "at": day - 1})
    return None


def verify(directory):
    chains, draws, report = [], [], {"verified": 0, "not_open": 0, "without_key": 0, "fault": None}
    for record in records(directory):
        seq, body = record["seq"], record["body"]
        if record["kind"] == "draw-key":
            fault = take_key(chains, body)
            if fault:
                return {**report, "fault": f"record {seq}: {fault}"}
        draw = record["kind"] == "verdict" and body["verdict"].get("draw")
        if draw and not draw["value"]:
            report["without_key"] += 1
        elif draw:
            own = [c for c in chains if number(draw["day"]) in c["days"]]
            if not own:
                return {**report, "fault": f"record {seq}: a draw before its day's key"}
            draws.append((seq, own[-1], draw, body["verdict"]["declarations"][0]["id"]))
    for seq, chain, draw, declaration in draws:
        day = number(draw["day"])
        if day > chain["at"]:
            report["not_open"] += 1
            continue
        text = declaration.encode() + b"\n" + str(draw["trip"]).encode()
        value = hmac.new(hashed(chain["key"], chain["at"] - day), text, "sha256").hexdigest()
        if value != draw["value"]:
            return {**report, "fault": f"record {seq}: not what the day's key gives"}
        report["verified"] += 1
    return report


if __name__ == "__main__":
    found = verify(sys.argv[1])
    print(json.dumps(found))
    sys.exit(1 if found["fault"] else 0)
