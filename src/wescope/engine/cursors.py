"""Cursors: where a page of a list ended, as a text that means nothing to who carries it to the next page."""

import base64
import binascii
import json

from wescope.errors import WrongUse


def cursor_of(*parts: str | int) -> str:
    """A place in a list as a text for addresses."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str, *kinds: type[str | int]) -> tuple[str | int, ...]:
    """The place that `cursor_of` has written.

    Args:
        cursor: the text.
        kinds: of its parts, in their order.

    Raises:
        WrongUse: this is no such text.
    """
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise WrongUse(_WRONG) from error
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds) or not all(map(_is_fit, parts)):
        raise WrongUse(_WRONG)
    return tuple(parts)


def _is_fit(part: str | int) -> bool:
    """Whether the database takes it: no control characters, no number beyond its own."""
    return part.isprintable() if isinstance(part, str) else abs(part) <= _LARGEST


_LARGEST = 2**53 - 1
_WRONG = "This is no place in the list: take `next` of the page before as it is."
