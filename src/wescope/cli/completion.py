"""Completion: the words that a shell offers for an argument. What it needs is imported when Tab is pressed.

It never starts anything and never fails: whoever presses Tab is offered nothing then.
"""

import contextlib
from collections.abc import Iterable

_PATIENCE_S = 2
_RUNS = 30


def _of(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def park_codes(incomplete: str) -> list[str]:
    """Reasons for parking."""
    from wescope.books.parking import ParkCode  # noqa: PLC0415 - see the module's docstring

    return _of((code.value for code in ParkCode), incomplete)


def drift_kinds(incomplete: str) -> list[str]:
    """Kinds of what people have changed in QBO."""
    from wescope.engine.drift_kinds import DriftKind  # noqa: PLC0415 - see the module's docstring

    return _of((kind.value for kind in DriftKind), incomplete)


def drift_states(incomplete: str) -> list[str]:
    """What has become of it."""
    from wescope.engine.drift_kinds import DriftState  # noqa: PLC0415 - see the module's docstring

    return _of((state.value for state in DriftState), incomplete)


def schema_names(incomplete: str) -> list[str]:
    """Names of JSON Schemas."""
    from wescope.cli.artifacts import json_schemas  # noqa: PLC0415 - see the module's docstring

    return _of(sorted(json_schemas()), incomplete)


def run_ids(incomplete: str) -> list[tuple[str, str]]:
    """The newest runs, with kind and state; none if no database runs."""
    found: list[tuple[str, str]] = []
    with contextlib.suppress(Exception):
        from wescope.config import load_settings  # noqa: PLC0415 - see the module's docstring
        from wescope.links.run_names import newest_runs  # noqa: PLC0415 - see the module's docstring

        settings = load_settings()
        url = settings.database_url.get_secret_value() if settings.database_url else None
        newest = newest_runs(url, settings.home, limit=_RUNS, timeout_s=_PATIENCE_S)
        found = [(str(run_id), told) for run_id, told in newest]
    return [one for one in found if one[0].startswith(incomplete)]


def run_words(incomplete: str) -> list[tuple[str, str]]:
    """What can be done with a run, and the newest ones."""
    done = (("pause", "after its current step"), ("resume", "from where it stands"), ("cancel", "take back the queue"))
    return [one for one in done if one[0].startswith(incomplete)] + run_ids(incomplete)
