"""Texts: what QBO takes of a text, and how long it may be (facts/qbo.md 4.1, 4.7)."""

import re

from wescope.books.names import cut

NOTE_LENGTH = 4000
"""Characters of PrivateNote on transactions and of Description on lines (facts/qbo.md 4.1)."""

CUSTOMER_NOTES_LENGTH = 2000
"""Characters of Notes on customers (facts/qbo.md 4.7)."""

_CONTROL = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f]")


def fitting(text: str, length: int = NOTE_LENGTH) -> str:
    """`text` without control characters but line ends, cut to `length` characters."""
    return cut(_CONTROL.sub(" ", text), length)
