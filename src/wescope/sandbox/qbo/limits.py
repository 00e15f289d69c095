"""Rate limits of a realm: requests per second and minute, in flight, batches, metered reads (facts/qbo.md 1)."""

from collections import Counter, deque
from dataclasses import dataclass, field

from wescope.sandbox.qbo.knobs import Knobs


@dataclass(slots=True)
class Limits:
    """Sliding windows over what was let in; every refusal is counted as a violation of its limit."""

    violations: Counter[str] = field(default_factory=Counter)
    most_in_flight: int = 0
    in_flight: int = 0
    reads: int = 0
    _requests: deque[float] = field(default_factory=deque)
    _batches: deque[float] = field(default_factory=deque)

    def enter(self) -> None:
        """Counts a request in."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def leave(self) -> None:
        """Counts a request out."""
        self.in_flight -= 1

    def refuse(self, now_s: float, knobs: Knobs, *, is_batch: bool, reads: int) -> str:
        """Decides whether a request is let in.

        Args:
            now_s: a monotonic clock in seconds.
            knobs: the limits.
            is_batch: whether it is a batch call.
            reads: how many metered reads it makes.

        Returns:
            The limit it would break, or an empty text when it is let in.
        """
        if not knobs.enforce_limits:
            return ""
        broken = self._broken(now_s, knobs, is_batch=is_batch, reads=reads)
        if broken:
            self.violations[broken] += 1
        if not broken or knobs.throttled_requests_count:
            self._requests.append(now_s)
            if is_batch:
                self._batches.append(now_s)
        if not broken:
            self.reads += reads
        return broken

    def clear(self) -> None:
        """Forgets windows and counts; what is in flight stays."""
        self.violations.clear()
        self.most_in_flight = self.in_flight
        self.reads = 0
        self._requests.clear()
        self._batches.clear()

    def _broken(self, now_s: float, knobs: Knobs, *, is_batch: bool, reads: int) -> str:
        minute = now_s - knobs.minute_window_ms / 1000
        while self._requests and self._requests[0] <= minute:
            self._requests.popleft()
        while self._batches and self._batches[0] <= minute:
            self._batches.popleft()
        second = now_s - knobs.rate_window_ms / 1000
        recent = sum(1 for at_s in list(self._requests)[-knobs.requests_per_second :] if at_s > second)
        if self.in_flight > knobs.requests_in_flight:
            return "in_flight"
        if recent >= knobs.requests_per_second:
            return "per_second"
        if len(self._requests) >= knobs.requests_per_minute:
            return "per_minute"
        if is_batch and len(self._batches) >= knobs.batches_per_minute:
            return "batches_per_minute"
        if knobs.monthly_reads and self.reads + reads > knobs.monthly_reads:
            return "monthly_reads"
        return ""
