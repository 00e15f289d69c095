"""Mapping: documents a second of `books/` alone, over everything that a business of every situation has at Stripe."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from benchmarks.suite import Figure, Part, say
from wescope.books.desired import desired_books
from wescope.books.policy import Policy
from wescope.books.subjects import Subject
from wescope.books.values import StripeObject
from wescope.cli.children import Children, bare_environment
from wescope.stripe.client import StripeApi
from wescope.stripe.hints import hint_of
from wescope.stripe.reader import StripeReader

READY_S: Final = 60
BUSINESS: Final = ("--customers", "150", "--months", "2", "--situations", "all", "--payouts", "daily", "--seed", "7")
REQUESTS_PER_SECOND: Final = 10_000
MAPPED_FOR_S: Final = 3.0
POLICY: Final = Policy(timezone=ZoneInfo("UTC"), home_currency="usd")


async def business(folder: Path) -> list[StripeObject]:
    """Every subject of a stand-in's events, read as the service reads it."""
    limits = (
        "--knob",
        f"requests_per_second={REQUESTS_PER_SECOND}",
        "--knob",
        f"requests_per_second_in_all={REQUESTS_PER_SECOND}",
    )
    async with Children(folder / "logs") as children:
        arguments = ("-m", "wescope.sandbox.stripe", "--port", "0", *BUSINESS, *limits)
        stripe = await (await children.start("stripe", arguments, bare_environment())).announcement(timeout_s=READY_S)
        options = {"api_key": stripe["api_key"], "base_url": stripe["url"]}
        async with StripeApi(**options, requests_per_second=REQUESTS_PER_SECOND) as api:
            reader = StripeReader(api, POLICY.timezone)
            readings = [await reader.read(subject) for subject in await _subjects(api)]
    return [reading.found for reading in readings if reading.found is not None]


async def _subjects(api: StripeApi) -> list[Subject]:
    """Those that the events of a stand-in hint at."""
    found: set[Subject] = set()
    last: dict[str, str] = {}
    while True:
        page = await api.get("/v1/events", limit=100, **last)
        found.update(hint.subject for event in page["data"] if (hint := hint_of(event)).subject is not None)
        if not page["has_more"]:
            return sorted(found)
        last = {"starting_after": page["data"][-1]["id"]}


def mapped(objects: Iterable[StripeObject]) -> int:
    """Map all once; how many documents they are."""
    return sum(len(desired_books(one, POLICY).documents) for one in objects)


async def measure(folder: Path) -> Sequence[Figure]:
    """Map all again and again; only the CPU time of this process counts."""
    objects = await business(folder)
    kinds = Counter(type(one).__name__ for one in objects)
    say(", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    documents = rounds = 0
    mapped(objects)
    began = time.process_time()
    while (used_s := time.process_time() - began) < MAPPED_FOR_S:
        documents += mapped(objects)
        rounds += 1
    return (
        Figure(name="documents of all kinds", value=documents / used_s, unit="documents/s"),
        Figure(name="subjects of all kinds", value=rounds * len(objects) / used_s, unit="subjects/s"),
        Figure(name="kinds of subjects among them", value=len(kinds), unit="kinds"),
    )


PART = Part(name="mapping", title="Mapping: Stripe's objects to documents, without I/O", measure=measure)
