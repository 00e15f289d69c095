"""Remedies on pages: which pages and buttons of the console do what a remedy says, beside the command that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wescope.books.parking import ParkCode

_FOUND = "The button Retry here looks again; what a verification has found stands below, to be repaired or accepted."
_OF_CODES = {
    ParkCode.UNDONE: "The button Write it again here does that, too.",
    ParkCode.EDITED_IN_QBO: _FOUND,
    ParkCode.MISSING_IN_QBO: _FOUND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the console a remedy can be carried out.

    Attributes:
        path: of the page, with its filters.
        title: what the link says.
    """

    path: str
    title: str


_CONNECT = Place(path="/setup/connect", title="Connect QuickBooks Online")
_DOCTOR = Place(path="/setup/doctor", title="Doctor")
_RUNS = Place(path="/runs", title="Runs")

_OF_ALERTS: Mapping[str, tuple[Place, ...]] = MappingProxyType(
    {
        "qbo_reconnect": (_CONNECT,),
        "refresh_token_ends": (_CONNECT,),
        "sync_failing": (_DOCTOR, Place(path="/runs/replay", title="Replay what has failed")),
        "qbo_reads_blocked": (_RUNS,),
        "qbo_reads_high": (_RUNS,),
        "oldest_hint": (_RUNS, Place(path="/parked", title="Parked"), _DOCTOR),
        "tieout_differs": (Place(path="/tieout", title="Where the tie-out differs"),),
        "parked_high": (Place(path="/parked?owner=operator", title="Parked, for you to act on"),),
        "sweep_failing": (
            Place(path="/runs?kind=sweep", title="Sweeps"),
            Place(path="/runs/sweep", title="Start a sweep"),
        ),
        "webhooks_silent": (_DOCTOR, Place(path="/runs/sweep", title="Start a sweep")),
        "drift_found": (Place(path="/drift", title="Drift"),),
    }
)


def places_of(alert: str) -> tuple[Place, ...]:
    """The pages that do what the remedy of an alert says, the most useful first; none of one that nobody knows.

    Args:
        alert: its code.
    """
    return _OF_ALERTS.get(alert, ())


def here(code: str, remedy: str) -> str:
    """Which button of the page does what the remedy of a parked item says.

    Args:
        code: of the item.
        remedy: its text.
    """
    if code in _OF_CODES:
        return _OF_CODES[ParkCode(code)]
    if "ignore" in remedy:
        return "The button Ignore here does the last."
    if "retry" in remedy:
        return "The button Retry here does the last (`wescope parked retry` on the command line)."
    return "The button Retry here has it looked at now."
