"""Shelves: where the probes of a module are put, each with its question and the outcomes that are known."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.live.bench import Bench
from tests.live.model import Probe, Seen, Side

Run = Callable[[Bench], Awaitable[Seen]]


@dataclass(slots=True)
class Shelf:
    """The probes of one module; `needs` are the sides that they ask."""

    needs: frozenset[Side]
    probes: list[Probe] = field(default_factory=list)

    def probe(
        self, name: str, *, asks: str, expected: str, others: Mapping[str, bool] | None = None
    ) -> Callable[[Run], Run]:
        """Put a function on the shelf as a probe.

        Args:
            name: by which the tables name it.
            asks: the question.
            expected: the outcome that the product expects.
            others: outcomes that are known beside it, and whether the product is right with each.
        """

        def put(run: Run) -> Run:
            self.probes.append(
                Probe(name=name, needs=self.needs, asks=asks, expected=expected, run=run, others=others or {})
            )
            return run

        return put


ON_QBO = frozenset({Side.QBO})
ON_STRIPE = frozenset({Side.STRIPE})
ON_BOTH = frozenset({Side.STRIPE, Side.QBO})
