#!/usr/bin/env python3
"""Verifies a lanegate journal's checkpoints; written from docs/journal.md and RFC 8032 alone.

usage: verify_checkpoints.py DIR [ARCHIVE] -> one JSON object; exit 1 if "fault" names a first bad one.
"""
import hashlib
import json
import sys

sys.dont_write_bytecode = True
from verify_journal import canonical, records

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(a, b):
    """Of points (X, Y, Z, T) in extended coordinates, RFC 8032 section 5.1.4."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    total = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = add(total, point)
        n, point = n >> 1, add(point, point)
    return total


def point(data):
    """Section 5.1.3; None where the bytes are no point."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    """Section 5.1.7."""
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or len(signature) != 64:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add(r, times(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def verify(directories):
    keys = {}
    for name, at, record, _ in records(directories):
        if record is None or record["kind"] != "checkpoint":
            continue
        body = record["body"]
        said = {k: record[k] for k in ("controller", "genesis")} | {k: body[k] for k in ("seq", "sha256")}
        key, signature = bytes.fromhex(body["key"]), bytes.fromhex(body["signature"])
        if body["sha256"] != record["prev"] or not signed(key, canonical(said), signature):
            return keys, f"record {record['seq']}: {name}, byte {at}: the checkpoint is false"
        keys[body["key"]] = keys.get(body["key"], 0) + 1
    return keys, None


if __name__ == "__main__":
    found, wrong = verify(sys.argv[1:])
    print(json.dumps({"ok": wrong is None, "signed": found, "fault": wrong}))
    sys.exit(1 if wrong else 0)
