"""`python -m benchmarks.backfill`: a backfill of many mixed objects, uninterrupted and killed three times.

The command runs as a process of its own against both stand-ins; its memory is sampled all the while, for a small and
a large history. The exit code is 1 if the books differ, a difference is left, or memory is over its limit or grows.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

from benchmarks.suite import say

MONTHS: Final = 12
OBJECTS_PER_CUSTOMER: Final = 25
"""So many objects a customer of the stand-in has in a year, about; the figures tell how many were listed."""

MOST_MB: Final = 300
GROWTH_MB: Final = 40
KILLS: Final = 3
SAMPLE_S: Final = 0.2
POLICY: Final = '[accounts]\nreview = "Stripe Review"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One backfill. Memory is the command's peak (RSS), embedded PostgreSQL not counted."""

    listed: int
    documents: int
    parked: int
    seconds: float
    peak_mb: int
    kills: int
    difference: str
    ledger: Mapping[str, str] = field(repr=False)


@contextmanager
def stand_in(service: str, *options: str, log: Path) -> Iterator[dict[str, Any]]:
    """A stand-in as a process; gives what it announces."""
    command = (sys.executable, "-m", f"wescope.sandbox.{service}", "--port", "0", *options)
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait()


class Peak:
    """The largest memory that a process has, sampled in a thread."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Start to watch."""
        self.bytes = 0
        self._process = psutil.Process(process.pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            try:
                self.bytes = max(self.bytes, self._process.memory_info().rss)
            except psutil.Error:
                return
            time.sleep(SAMPLE_S)


@dataclass(slots=True)
class Company:
    """A fresh company of QBO and a fresh WESCOPE_HOME beside a Stripe account."""

    stripe: Mapping[str, Any]
    qbo: Mapping[str, Any]
    home: Path
    peak_mb: int = 0

    def environment(self) -> dict[str, str]:
        """Of the command."""
        policy = self.home / "wescope.toml"
        policy.write_text(POLICY, encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WESCOPE_")}
        return kept | {
            "NO_PROXY": "127.0.0.1,localhost",
            "WESCOPE_HOME": str(self.home),
            "WESCOPE_CONFIG": str(policy),
            "WESCOPE_LOG_LEVEL": os.environ.get("BENCH_LOG_LEVEL", "warning"),
            "WESCOPE_STRIPE_API_BASE": self.stripe["url"],
            "WESCOPE_STRIPE_API_KEY": self.stripe["api_key"],
            "WESCOPE_STRIPE_WEBHOOK_SECRETS": self.stripe["webhook_secret"],
            "WESCOPE_QBO_API_BASE": self.qbo["url"],
            "WESCOPE_QBO_TOKEN_URL": f"{self.qbo['url']}/oauth2/v1/tokens/bearer",
            "WESCOPE_QBO_CLIENT_ID": self.qbo["client_id"],
            "WESCOPE_QBO_CLIENT_SECRET": self.qbo["client_secret"],
            "WESCOPE_QBO_REALM_ID": str(self.qbo["realm_id"]),
            "WESCOPE_QBO_REFRESH_TOKEN": self.qbo["refresh_token"],
        }

    def command(self, *words: str, kill_after_s: float | None = None) -> dict[str, Any]:
        """Run `wescope` to its end, or kill it (SIGKILL) after a while; what it printed."""
        command = (sys.executable, "-m", "wescope.cli.main", *words, "--json")
        with (self.home / "log").open("a", encoding="utf-8") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own
                command, env=self.environment(), stdout=subprocess.PIPE, stderr=errors, text=True
            )
            peak = Peak(process)
            try:
                printed, _ = process.communicate(timeout=kill_after_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                printed, _ = process.communicate()
        self.peak_mb = max(self.peak_mb, peak.bytes // 2**20)
        if process.returncode < 0:
            return {}
        if not printed.strip():
            say((self.home / "log").read_text(encoding="utf-8")[-2000:])
        found: dict[str, Any] = json.loads(printed)
        return found


def backfill(stripe: Mapping[str, Any], folder: Path, kills: list[float]) -> Figures:
    """A whole backfill into a fresh company, killed after each of `kills` seconds and resumed."""
    home = folder / f"home-{len(kills)}-{random.getrandbits(32)}"
    home.mkdir()
    options = ("--knob", "multicurrency=true")
    with stand_in("qbo", *options, log=home / "qbo.log") as qbo:
        company = Company(stripe, qbo, home)
        today = datetime.now(UTC).date()
        period = ("--since", str(today - timedelta(days=31 * (MONTHS + 1))), "--until", str(today))
        began = time.monotonic()
        words: tuple[str, ...] = ("backfill", *period, "--yes")
        for seconds in kills:
            early = company.command(*words, kill_after_s=seconds)
            say(f"ended before it was killed: {early}" if early else f"killed after {seconds:.0f} s")
            words = ("backfill", "--resume", "--yes")
        done = company.command(*words)
        took = time.monotonic() - began
        say(f"{done.get('run', done)}")
        run = done["run"]
        peak_mb = company.peak_mb
        difference = company.command("tieout")["difference"]
        ledger = httpx2.get(f"{qbo['url']}/_sandbox/ledger", timeout=60).json()
    return Figures(
        listed=run["counts"]["listed"],
        documents=sum(run["posted"].values()),
        parked=sum(one["count"] for one in run["parked"]),
        seconds=round(took, 1),
        peak_mb=peak_mb,
        kills=len(kills),
        difference=difference,
        ledger={one["name"]: one["balance"] for one in ledger["accounts"]} | {"A/R": ledger["receivable_total"]},
    )


def measure(objects: int, folder: Path, *, seed: int, kills: int) -> list[Figures]:
    """An uninterrupted backfill of a history of this size, and one that is killed, into another company."""
    customers = str(max(10, objects // OBJECTS_PER_CUSTOMER))
    history = ("--customers", customers, "--months", str(MONTHS), "--situations", "all", "--payouts", "daily")
    chance = random.Random(seed)  # noqa: S311 - no secret
    with stand_in("stripe", *history, "--knob", "live_key=true", log=folder / f"stripe-{objects}.log") as stripe:
        say(f"{customers} customers, {MONTHS} months")
        figures = [backfill(stripe, folder, [])]
        if kills:
            share = figures[0].seconds / (kills + 1)
            moments = [max(5.0, share * chance.uniform(0.4, 1.0)) for _ in range(kills)]
            figures.append(backfill(stripe, folder, moments))
    return figures


def faults(small: Figures, large: list[Figures]) -> list[str]:
    """What is not as issue 5 wants it."""
    found = [f"difference {one.difference}" for one in large if one.difference != "0.00"]
    found += [f"{one.peak_mb} MB" for one in large if one.peak_mb > MOST_MB]
    if large[0].peak_mb - small.peak_mb > GROWTH_MB:
        found.append(f"memory grows from {small.peak_mb} to {large[0].peak_mb} MB")
    if any(one.ledger != large[0].ledger for one in large):
        found.append("the killed one has other books")
    return found


def main() -> int:
    """Read the arguments, measure, print; 1 when something is not as it must be."""
    parser = argparse.ArgumentParser(prog="benchmarks.backfill", description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000, help="of the large history, about")
    parser.add_argument("--small", type=int, help="of the small one; a quarter if left out")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wescope-backfill-") as name:
        folder = Path(name)
        (small,) = measure(given.small or given.objects // 4, folder, seed=given.seed, kills=0)
        large = measure(given.objects, folder, seed=given.seed, kills=given.kills)
    found = faults(small, large)
    told = [{key: value for key, value in asdict(one).items() if key != "ledger"} for one in (small, *large)]
    sys.stdout.write(json.dumps({"runs": told, "faults": found}, indent=2) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
