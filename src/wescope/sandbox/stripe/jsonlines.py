"""Append-only files of JSON lines that survive being killed in the middle of a line."""

import json
from pathlib import Path
from typing import Any


class JsonLines:
    """One such file.

    Args:
        path: Where it is; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> list[dict[str, Any]]:
        """Return every complete line; an incomplete last one, which nobody was answered for, is cut off."""
        if self._path is None or not self._path.exists():
            return []
        raw = self._path.read_bytes()
        complete = raw[: raw.rfind(b"\n") + 1]
        if complete != raw:
            self._path.write_bytes(complete)
        return [json.loads(line) for line in complete.splitlines()]

    def append(self, values: dict[str, Any]) -> None:
        """Add a line."""
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(json.dumps(values).encode() + b"\n")
