"""`make bench-pages`: every page of the console and its twin, at a million links beside a page of everything.

Both databases are served by a web process of their own, and asked in turn in the same run. The goals of issue 8: 200 ms
at the 95th percentile, and less than three times what the small one takes. The exit code is 1 if a goal is missed.
"""

import argparse
import asyncio
import contextlib
import json
import math
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from benchmarks.console_data import BULK_ID, FULL, LARGE_PAYOUT, RUN_ID, SMALL, Size, fill
from benchmarks.figures import quantile
from benchmarks.suite import say
from benchmarks.world import environment
from wescope.cli.children import Child, Children, bare_environment
from wescope.links.embedded import embedded_postgres
from wescope.web.app import published_openapi

P95_WANTED_MS: Final = 200.0
RATIO_WANTED: Final = 3.0
FLOOR_MS: Final = 10.0
"""What is answered faster than this at a million links is not judged by its ratio: it would tell only of the clock."""
READY_S: Final = 60
WARM_UP: Final = 3

IDS: Mapping[str, str] = {
    "identifier": "in_bench00000042",
    "payout_id": LARGE_PAYOUT,
    "run_id": str(RUN_ID),
    "key": "in_late000042:invoice",
    "month": "2026-10",
    "row_id": "receivable:cus_bench000042:usd",
}
"""What stands for the parameters of a path."""

QUERIES: Mapping[str, str] = {"/explain/": "?plan=false", "/search": "?id=in_bench00000042"}
"""What is added to paths with these words."""

FILTERED: Sequence[str] = (
    "/parked?code=total_mismatch",
    "/payouts?state=waiting",
    "/drift?state=gone",
    "/story/cus_bench000042",
    "/story/Invoice/84",
    "/api/v1/explain/cus_bench000042?plan=false",
)
"""Pages with filters that choose little, and ids with many documents."""

OUTSIDE: Mapping[str, str] = {
    "/api/v1/tieout": "reads all of Stripe and QBO",
    "/api/v1/tieout/rows/{row_id}": "reads all of Stripe and QBO",
    "/api/v1/export/{what}.csv": "streams whole tables",
    "/api/v1/months/{month}/evidence": "streams whole tables",
    "/close/{month}/evidence.zip": "streams whole tables",
    "/api/v1/doctor": "asks Stripe and QBO",
    "/setup/doctor": "asks Stripe and QBO",
    "/setup/mapping": "asks QBO",
    "/api/v1/setup/mapping": "asks QBO",
    "/setup/connect/callback": "only sends on",
    "/setup/connect/finish": "takes Intuit's answer",
    "/api/v1/runs/{run_id}/forecast": "one row, of a run of another kind",
    "/api/v1/payouts/{payout_id}/rows.csv": "streams all rows of a payout",
    "/payouts/{payout_id}.csv": "streams all rows of a payout",
    "/api/v1/payouts/{payout_id}": "all rows of a payout in one answer, as it always was",
    "/api/v1/undo/{run_id}": "asks Stripe and QBO",
    "/api/v1/payouts": "all payouts in one answer, as it always was; the page is /api/v1/payouts/page",
    "/api/v1/parked": "all parked items in one answer, as it always was; the page is /api/v1/parked/page",
    "/api/v1/drift": "all findings in one answer, as it always was; the page is /api/v1/drift/page",
}
"""Questions that are no pages of the tables, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One question: milliseconds at a million links and at a page of everything, and the ratio of the medians."""

    question: str
    p50_ms: float
    p95_ms: float
    small_p50_ms: float
    small_p95_ms: float
    ratio: float
    status: int

    @property
    def missed(self) -> bool:
        """True if a goal is missed, or the answer is an error."""
        too_much = self.ratio >= RATIO_WANTED and self.p50_ms > FLOOR_MS
        return self.p95_ms >= P95_WANTED_MS or too_much or self.status >= 400  # noqa: PLR2004 - errors of HTTP


def questions() -> Iterator[str]:
    """Every GET of a page and of the API that is answered from the tables, with ids that are there.

    Raises:
        KeyError: a route has a parameter that nothing stands for.
    """
    for path, item in published_openapi()["paths"].items():
        is_shown = path.startswith("/api/v1/") or "page" in item.get("get", {}).get("tags", ())
        if "get" not in item or not is_shown or path in OUTSIDE or path.startswith(("/static/", "/sign-")):
            continue
        ids = {**IDS, "run_id": str(BULK_ID)} if "/bulk/" in path else IDS
        plain = path.format_map(ids)
        yield plain + next((query for part, query in QUERIES.items() if part in plain), "")
    yield from FILTERED


@contextlib.asynccontextmanager
async def serving(
    children: Children, folder: Path, stand_ins: Sequence[Mapping[str, Any]], size: Size
) -> AsyncIterator[str]:
    """A web process on a database of this size; its address."""
    stripe, qbo = stand_ins
    name = folder.name
    settings = environment(folder, stripe, qbo)
    with embedded_postgres(folder) as server:
        first = await _web(children, f"{name}-first", settings)
        await first[0].stop()
        say(f"{name}: {size.links} links")
        sizes = await asyncio.to_thread(fill, server.url, qbo["realm_id"], size)
        say(f"{name}: {sum(sizes.values()) // 1_000_000} MB in tables and indexes")
        _, url = await _web(children, name, settings)
        yield url


async def _web(children: Children, name: str, settings: Mapping[str, str]) -> tuple[Child, str]:
    child = await children.start(name, ["-m", "wescope.cli.main", "serve", "--role", "web", "--json"], settings)
    return child, str((await child.announcement(timeout_s=READY_S))["url"])


async def measure(requests: int, full: Size) -> list[Figure]:
    """Ask everything of both, in turn."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        async with Children(folder / "logs") as children, contextlib.AsyncExitStack() as stack:
            bare = bare_environment()
            stand_ins = []
            for name in ("stripe", "qbo"):
                child = await children.start(name, ["-m", f"wescope.sandbox.{name}", "--port", "0"], bare)
                stand_ins.append(await child.announcement(timeout_s=READY_S))
            big = await stack.enter_async_context(serving(children, folder / "million", stand_ins, full))
            small = await stack.enter_async_context(serving(children, folder / "page", stand_ins, SMALL))
            async with httpx2.AsyncClient(timeout=60, headers={"accept": "text/html"}) as http:
                return [await _asked(http, big, small, question, requests) for question in questions()]


async def _asked(http: httpx2.AsyncClient, big: str, small: str, question: str, requests: int) -> Figure:
    times: dict[str, list[float]] = {big: [], small: []}
    status = 0
    for number in range(WARM_UP + requests):
        for base in (big, small):
            began = time.perf_counter()
            answer = await http.get(base + question)
            took_ms = (time.perf_counter() - began) * 1000
            if number >= WARM_UP:
                times[base].append(took_ms)
            if base == big:
                status = answer.status_code
    figure = Figure(
        question=question,
        p50_ms=round(quantile(times[big], 0.5), 1),
        p95_ms=round(quantile(times[big], 0.95), 1),
        small_p50_ms=round(quantile(times[small], 0.5), 1),
        small_p95_ms=round(quantile(times[small], 0.95), 1),
        ratio=round(quantile(times[big], 0.5) / quantile(times[small], 0.5), 2),
        status=status,
    )
    say(f"{'MISSED ' if figure.missed else ''}{question}: p95 {figure.p95_ms} ms, ratio {figure.ratio}")
    return figure


def table(figures: Sequence[Figure], before: Mapping[str, float]) -> str:
    """All figures, with the 95th percentile of the saved run beside them."""
    lines = [f"{'question':<64} {'p50 ms':>8} {'p95 ms':>8} {'small p50':>10} {'ratio':>6} {'saved p95':>10}"]
    for one in figures:
        saved = before.get(one.question, math.nan)
        lines.append(
            f"{one.question:<64} {one.p50_ms:>8} {one.p95_ms:>8} {one.small_p50_ms:>10} {one.ratio:>6} {saved:>10}"
            f"{'  MISSED' if one.missed else ''}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and compare with the last saved run."""
    parser = argparse.ArgumentParser(prog="make bench-pages", description=__doc__)
    parser.add_argument("--requests", type=int, default=40, help="of each question, after three to warm up")
    parser.add_argument("--links", type=int, default=FULL.links, help="how many links the full database has")
    parser.add_argument("--json", action="store_true", help="print one JSON document in place of the table")
    parser.add_argument("--save", type=Path, help="keep the figures in this file")
    parser.add_argument("--against", type=Path, default=Path("benchmarks/console.json"), help="a saved run")
    options = parser.parse_args()
    full = Size(**(asdict(FULL) | {"links": options.links}))
    figures = asyncio.run(measure(options.requests, full))
    told = {"links": options.links, "requests": options.requests, "figures": [asdict(one) for one in figures]}
    saved = json.loads(options.against.read_text()) if options.against.exists() else {"figures": []}
    before = {one["question"]: one["p95_ms"] for one in saved["figures"]}
    sys.stdout.write((json.dumps(told, indent=1) if options.json else table(figures, before)) + "\n")
    if options.save:
        options.save.write_text(json.dumps(told, indent=1) + "\n")
    return int(any(one.missed for one in figures))


if __name__ == "__main__":
    sys.exit(main())
