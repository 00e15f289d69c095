"""What the product asked of the sandbox: every request, and counts that tests assert on."""

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 50_000


@dataclass(slots=True, kw_only=True)
class LoggedRequest:
    """One request: no bodies. Times in epoch milliseconds and milliseconds."""

    method: str
    path: str
    operation: str = ""
    entity: str = ""
    id: str = ""
    request_id: str = ""
    items: int = 0
    status: int = 0
    code: str = ""
    tid: str = ""
    minorversion: str = ""
    injected: str = ""
    effects: tuple[tuple[str, str, str], ...] = ()
    started_at: int = 0
    milliseconds: float = 0.0


@dataclass(slots=True)
class RequestLog:
    """The newest requests and counts over all of them."""

    entries: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=KEPT))
    statuses: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def add(self, entry: LoggedRequest) -> None:
        """Lists a request as it arrives."""
        self.entries.append(entry)
        self.total += 1

    def finish(self, entry: LoggedRequest) -> None:
        """Counts a request that got its answer or lost it; status 0 is a lost one."""
        self.statuses[str(entry.status)] += 1
        self.operations[f"{entry.operation} {entry.entity}".strip()] += 1
        for effect, entity, _id in entry.effects:
            self.effects[effect] += 1
            self.effects[f"{effect} {entity}"] += 1

    @property
    def writes(self) -> int:
        """How many writes really changed the books: created, updated, voided or deleted something."""
        return sum(self.effects[effect] for effect in ("created", "updated", "voided", "deleted"))

    def clear(self) -> None:
        """Forgets everything."""
        self.entries.clear()
        for counts in (self.statuses, self.effects, self.operations):
            counts.clear()
        self.total = 0

    def as_json(self, *, last: int) -> dict[str, Any]:
        """Returns counts and the newest entries."""
        newest = list(self.entries)[-last:] if last else []
        return {
            "total": self.total,
            "writes": self.writes,
            "effects": dict(self.effects),
            "statuses": dict(self.statuses),
            "operations": dict(self.operations),
            "requests": [asdict(entry) for entry in newest],
        }
