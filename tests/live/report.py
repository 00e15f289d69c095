"""The report of a run, as JSON and for people, and the file of confidence that real results go into."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.live.model import Result, Side, Verdict
from tests.live.suite import Outcome

CONFIDENCE = Path(__file__).parents[2] / "docs" / "confidence.json"
"""The latest real results, kept with the code. Only runs with keys change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealResult:
    """The latest result of a probe at the real service; `day` is in UTC."""

    verdict: Verdict
    seen: str
    day: date


def read_confidence(path: Path = CONFIDENCE) -> dict[str, RealResult]:
    """The latest real results by probe.

    Raises:
        ValueError: the file is not of this form.
    """
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: RealResult(verdict=Verdict(one["verdict"]), seen=one["seen"], day=date.fromisoformat(one["date"]))
        for name, one in stored["results"].items()
    }


def update_confidence(outcome: Outcome, path: Path = CONFIDENCE) -> int:
    """Put the real results of a run into the file; those of stand-ins, and what was not tried, change nothing.

    Returns:
        How many results were put in.
    """
    known = read_confidence(path)
    fresh = {
        result.probe.name: RealResult(verdict=result.verdict, seen=result.seen, day=outcome.run.today)
        for result in outcome.results
        if result.is_real
    }
    if fresh:
        _write(path, known | fresh)
    return len(fresh)


def _write(path: Path, results: Mapping[str, RealResult]) -> None:
    shown = {
        name: {"verdict": one.verdict.value, "seen": one.seen, "date": one.day.isoformat()}
        for name, one in sorted(results.items())
    }
    content = {
        "about": "Latest results of `make test-live` at the real services; see docs/live-tests.md.",
        "results": shown,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_report(outcome: Outcome, folder: Path) -> tuple[Path, Path]:
    """Write a run's report as JSON and as Markdown; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json, as_text = (folder / f"report-{outcome.run.id}.{ending}" for ending in ("json", "md"))
    as_json.write_text(json.dumps(report(outcome), indent=2) + "\n", encoding="utf-8")
    as_text.write_text(markdown(outcome), encoding="utf-8")
    return as_json, as_text


def report(outcome: Outcome) -> dict[str, Any]:
    """The report as JSON: codes, counts and verdicts, no names and no secrets."""
    return {
        "run": outcome.run.id,
        "date": outcome.run.today.isoformat(),
        "sides": {side.value: _kind(outcome, side) for side in Side},
        "good": outcome.is_good,
        "unfurnished": outcome.unfurnished,
        "qbo_calls": outcome.calls,
        "removed": dict(outcome.removed),
        "removed_of_earlier_runs": dict(outcome.found),
        "left": list(outcome.left),
        "verdicts": dict(Counter(result.verdict.value for result in outcome.results)),
        "probes": [_probe(result) for result in outcome.results],
    }


def _probe(result: Result) -> dict[str, Any]:
    return {
        "probe": result.probe.name,
        "asks": result.probe.asks,
        "expected": result.probe.expected,
        "seen": result.seen,
        "verdict": result.verdict.value,
        "product_copes": result.is_good,
        "real": result.is_real,
        "details": dict(result.details),
    }


def markdown(outcome: Outcome) -> str:
    """The report for people."""
    counts = Counter(result.verdict.value for result in outcome.results)
    lines = [
        f"# Live tests, run {outcome.run.id}",
        "",
        f"{outcome.run.today.isoformat()}. "
        + ". ".join(f"{side.value}: {_kind(outcome, side)}" for side in Side)
        + ".",
        "Results of a local sandbox say nothing about the real service and do not raise the confidence.",
        "",
        ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) + ".",
        f"Calls to QBO: {outcome.calls}. Removed: {_counted(outcome.removed)}.",
        f"Removed of earlier runs: {_counted(outcome.found)}.",
        *([f"Nothing could be tried: {outcome.unfurnished}."] if outcome.unfurnished else []),
        *(f"**Left:** {one}" for one in outcome.left),
        "",
        "| probe | question | expected | seen | verdict | product |",
        "|---|---|---|---|---|---|",
        *(_row(result) for result in outcome.results),
    ]
    return "\n".join([*lines, ""])


def _row(result: Result) -> str:
    shown = ", ".join(f"{name}: {value}" for name, value in result.details.items() if value != "")
    seen = f"{result.seen} ({shown})" if shown else result.seen
    copes = "" if result.verdict is Verdict.NOT_TRIED else "right" if result.is_good else "**wrong**"
    verdict = (
        result.verdict.value if result.is_real or result.verdict is Verdict.NOT_TRIED else f"{result.verdict} (local)"
    )
    cells = (f"`{result.probe.name}`", result.probe.asks, result.probe.expected, seen, verdict, copes)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(outcome: Outcome, side: Side) -> str:
    return "local sandbox" if side in outcome.local else "test account" if side is Side.STRIPE else "sandbox company"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
