"""Where a key stands in a TOML file: its line, so that an error can point at it (tomllib keeps no positions)."""

import re
from collections import Counter

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"^\s*([A-Za-z0-9_.\"'\s-]+?)\s*=")


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """The line (from 1) that sets `keys`, else the one of the nearest table or key around it, else None."""
    positions: dict[tuple[str, ...], int] = {}
    entries: Counter[tuple[str, ...]] = Counter()
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            if line.lstrip().startswith("[["):  # each has its number as a key
                positions.setdefault(table, number)
                entries[table] += 1
                table = (*table, str(entries[table] - 1))
            positions.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            positions.setdefault(table + _parts(assignment[1]), number)
    return next((positions[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in positions), None)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
