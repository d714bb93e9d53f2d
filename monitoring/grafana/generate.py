#!/usr/bin/env python3
"""Writes dashboards/*.json; with --check says whether they are up to date."""

import pathlib
import sys

from boards import ALL
from grafana_foundation_sdk.cog.encoder import JSONEncoder

HERE = pathlib.Path(__file__).parent


def main():
    stale = []
    for name, board in ALL.items():
        text = JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(board.build()) + "\n"
        file = HERE / "dashboards" / f"{name}.json"
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv:
            stale.append(file.name)
        else:
            file.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"not what generate.py makes: {', '.join(stale)}; run it and commit what it writes")


if __name__ == "__main__":
    main()
