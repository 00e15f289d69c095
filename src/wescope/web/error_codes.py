"""Error codes: every code that an answer may carry, with its status, its meaning and its remedy, from the code."""

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import wescope
from wescope.errors import WescopeError
from wescope.web.answers import PLAIN_ERRORS, status_of_kind

_OUTSIDE = ("wescope.cli", "wescope.sandbox", "wescope.links.migrations", "wescope.service", "wescope.wiring")
"""What has no part in answers over HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """One code, with what is answered beside it."""

    code: str
    message: str
    remedy: str
    status: int


@functools.cache
def error_codes() -> tuple[ErrorCode, ...]:
    """All codes in their order."""
    _import_all()
    found = {kind.code: _of(kind) for kind in _descendants(WescopeError)}
    plain = {
        one.code: ErrorCode(code=one.code, message=one.text, remedy=one.remedy, status=one.status)
        for one in PLAIN_ERRORS
    }
    return tuple(sorted({**found, **plain}.values(), key=lambda one: one.code))


def codes_by_status() -> Mapping[int, Sequence[ErrorCode]]:
    """The codes of each status."""
    grouped: dict[int, list[ErrorCode]] = {}
    for one in error_codes():
        grouped.setdefault(one.status, []).append(one)
    return grouped


def _of(kind: type[WescopeError]) -> ErrorCode:
    meaning = (kind.__doc__ or "").strip().splitlines()[0]
    message = f"[{kind.code}] {meaning}"
    return ErrorCode(code=kind.code, message=message, remedy=kind.remedy, status=status_of_kind(kind))


def _descendants(kind: type[WescopeError]) -> Iterator[type[WescopeError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("wescope.") and not child.__module__.startswith(_OUTSIDE):
            yield child
        yield from _descendants(child)


def _import_all() -> None:
    """An error is known once its module is imported."""
    for module in pkgutil.walk_packages(wescope.__path__, "wescope."):
        if not module.name.startswith(_OUTSIDE):
            importlib.import_module(module.name)
