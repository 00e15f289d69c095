"""What logs and traces say of a run over one subject: its causes, what it did, how long it took."""

import contextlib
import time
from collections.abc import Iterator

import structlog

from wescope.books.subjects import Subject
from wescope.engine.plan import Action
from wescope.engine.work import Work
from wescope.links.causes import Causes
from wescope.links.subjects import LIVE, Begun
from wescope.observe.logs import bound
from wescope.observe.traces import root

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def about(subject: Subject, begun: Begun, causes: Causes) -> Iterator[None]:
    """Have all lines and spans of the block name the subject, and the events and the run that asked for it."""
    newest = causes.event_ids[0] if causes.event_ids else None
    several = " ".join(causes.event_ids) if len(causes.event_ids) > 1 else None
    with (
        root(
            "reconcile",
            parent=causes.parent,
            links=causes.links,
            subject=str(subject),
            event_id=newest,
            event_ids=several,
            source=causes.source,
            run_id=begun.run_id,
        ),
        bound(subject=str(subject), event_id=newest, event_ids=several, run_id=begun.run_id),
    ):
        _log.debug("reconcile begins", source=causes.source, attempt=begun.failures + 1)
        yield


class RunClock:
    """Measures a run and tells what it did; of the backlog only to whoever debugs."""

    def __init__(self, begun: Begun) -> None:
        self._began, self._live = time.perf_counter(), begun.lane == LIVE

    def tell(self, work: Work, causes: Causes) -> None:
        """Log the end of a run that did its work."""
        written = sum(applied.action is not Action.NOTHING for applied in work.applied)
        (_log.info if self._live else _log.debug)(
            "reconciled",
            source=causes.source,
            count=written,
            parked=len(work.parked),
            milliseconds=round((time.perf_counter() - self._began) * 1000),
        )
