"""`make bench`: what the product costs and how fast it is, from outside, on its real processes.

Each part measures beside a yardstick in the same run where there is one; the table compares with the last saved run.
It takes ten minutes. The exit code is 1 if a goal is missed; the table says what bounds it.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import backfilling, freshness, growth, ingest, mapping, memory, startup
from benchmarks.suite import Part, measured, saved_values, table

PARTS: Final[Sequence[Part]] = (
    ingest.PART, freshness.PART, backfilling.PART, growth.PART, mapping.PART, memory.PART, startup.PART,
)  # fmt: skip
SAVED: Final = Path("benchmarks/suite.json")


def save(file: Path, told: Mapping[str, Any]) -> None:
    """Keep a run; of a run of some parts only those take the place of what the file has."""
    before = json.loads(file.read_text())["parts"] if file.exists() else []
    measured = {part["name"]: part for part in (*before, *told["parts"])}
    parts = [measured[part.name] for part in PARTS if part.name in measured]
    file.write_text(json.dumps({**told, "parts": parts}, indent=1) + "\n")


def main() -> int:
    """Read the arguments, measure, print, compare."""
    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="measure these parts only")
    parser.add_argument("--json", action="store_true", help="print one JSON document in place of the table")
    parser.add_argument("--save", type=Path, help=f"keep the figures in this file ({SAVED} is compared with)")
    parser.add_argument("--against", type=Path, default=SAVED, help="a saved run")
    options = parser.parse_args()
    parts = asyncio.run(measured([part for part in PARTS if part.name in options.only]))
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "parts": [part.as_json() for part in parts],
    }
    saved = saved_values(json.loads(options.against.read_text()) if options.against.exists() else {})
    sys.stdout.write((json.dumps(told, indent=1) if options.json else table(parts, saved)) + "\n")
    if options.save:
        save(options.save, told)
    return int(any(figure.missed for part in parts for figure in part.figures))


if __name__ == "__main__":
    sys.exit(main())
