"""What a backlog run is judged by: its figures, the goals of issue 4, and how both are printed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

ALLOWED_PER_MINUTE: Final = 1_200
"""Documents a minute that QBO's limits let through in batches: 40 batches of 30 (facts/qbo.md 1)."""

SHARE_WANTED: Final = 0.95
CALLS_WANTED: Final = 0.05
LIVE_P99_WANTED_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one run. Calls and batches are HTTP requests to QBO, reads included; `live_*` from sale to books.

    `documents` are those of the history, from whose first to whose last everything is measured. Live ones take places
    in the same batches, so what is judged is how many documents batches have written (`batched_per_minute`; look-ups in
    them do not count). What a live document sends by itself at once (`live_singles`) is no call of the backlog's.
    `*_per_minute` and `live_*` are in the time of the real world, all other times as they were.
    """

    scale: float
    invoices: int
    customers: int
    workers: int
    webhooks: int
    webhooks_per_second: float
    documents: int
    seconds: float
    seconds_to_first_document: float
    documents_per_minute: float
    batched_per_minute: float
    share_of_allowed: float
    documents_with_live: int
    qbo_calls: int
    live_singles: int
    backlog_calls_per_document: float
    qbo_calls_per_document: float
    qbo_operations: Mapping[str, int]
    batches: int
    mean_batch: float
    live_invoices: int
    live_p50_s: float
    live_p99_s: float
    live_worst_s: float
    stripe_calls_per_invoice: float
    stripe_calls: Mapping[str, int]
    qbo_violations: Mapping[str, int]
    stripe_violations: Mapping[str, int]
    cpu_ms_per_document: Mapping[str, float]
    parked: int
    replayed_subjects: int
    replay_seconds: float
    replay_qbo_calls: int
    missed: Sequence[str] = field(default_factory=tuple)

    def goals(self) -> tuple[str, ...]:
        """The goals that were missed, each with its figure."""
        violations = sum(self.qbo_violations.values()) + sum(self.stripe_violations.values())
        backlog_calls = self.backlog_calls_per_document
        checks = {
            f"share of what the batch limit allows: {self.share_of_allowed}": self.share_of_allowed >= SHARE_WANTED,
            f"QBO calls per document of the backlog: {backlog_calls}": backlog_calls <= CALLS_WANTED,
            f"live p99 in seconds: {self.live_p99_s}": self.live_p99_s < LIVE_P99_WANTED_S,
            f"violations of limits: {violations}": violations == 0,
            f"QBO calls of the replay: {self.replay_qbo_calls}": self.replay_qbo_calls == 0,
            f"parked documents: {self.parked}": self.parked == 0,
        }
        return tuple(text for text, good in checks.items() if not good)

    def as_json(self) -> dict[str, Any]:
        """Every figure by name, and the goals that were missed."""
        return asdict(self) | {"missed": list(self.goals())}

    def table(self) -> str:
        """Every figure on a line of its own, then the goals that were missed."""
        lines = []
        for name, value in self.as_json().items():
            if isinstance(value, Mapping):
                lines += [f"{name}: {key:<40} {one:>12}" for key, one in value.items()] or [f"{name}: none"]
            elif name != "missed":
                lines.append(f"{name:<42} {value:>12}")
        lines += [f"MISSED {goal}" for goal in self.goals()] or ["all goals are met"]
        return "\n".join(lines)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
