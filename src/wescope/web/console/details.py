"""Details: what is kept beside an entry, in words; a fingerprint stands behind what it is of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_FINGERPRINT = re.compile(r"[0-9a-f]{12,64}(?:\.[0-9a-f]{12,64})*")

_NAMES: Mapping[str, str] = MappingProxyType({"content": "record in QBO", "evidence": "evidence of the month"})
"""What details are called, where their own name says little; others by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One detail.

    Attributes:
        name: in words.
        value: its text.
        is_fingerprint: the value only says whether two contents are the same; nobody reads it.
    """

    name: str
    value: str
    is_fingerprint: bool


def details_of(told: Mapping[str, object]) -> tuple[Detail, ...]:
    """The details of an entry in words, what nobody reads last.

    Args:
        told: as they are kept, by name.
    """
    return tuple(sorted(_details(told), key=lambda one: one.is_fingerprint))


def _details(told: Mapping[str, object]) -> Iterator[Detail]:
    for name, value in told.items():
        text = str(value)
        words = _NAMES.get(name, name.replace("_", " "))
        yield Detail(name=words, value=text, is_fingerprint=_FINGERPRINT.fullmatch(text) is not None)
