"""Remedies on pages: what the buttons of the console do of what a remedy says, beside the command that it names."""

from wescope.books.parking import ParkCode

_FOUND = "The button Retry here looks again; what a verification has found stands below, to be repaired or accepted."
_OF_CODES = {
    ParkCode.UNDONE: "The button Write it again here does that, too.",
    ParkCode.EDITED_IN_QBO: _FOUND,
    ParkCode.MISSING_IN_QBO: _FOUND,
}


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
