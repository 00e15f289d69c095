"""The service's log as it was written: lines of JSON, and the ids that join them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.acceptance.world import World


def log_lines(world: World) -> list[dict[str, Any]]:
    """Every line that the services have logged so far.

    Raises:
        ValueError: a line is no JSON.
    """
    texts = [process.log_text() for process in world.bench.services]
    # The last line of a process that was killed may be cut off; no line before it.
    whole = [text if text.endswith("\n") or not text else text[: text.rindex("\n") + 1] for text in texts]
    return [json.loads(line) for text in whole for line in text.splitlines()]


def traces(lines: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The lines of each trace."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        if "trace_id" in line:
            found[line["trace_id"]].append(line)
    return dict(found)
