"""Policy faults: everything that is wrong in a policy file at once, each with its place and what was probably meant."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError

from wescope.config.policy_model import PolicyModel
from wescope.config.policy_where import Path, key_text, places
from wescope.errors import PolicyFault

_MOST_SYNTAX_FAULTS: Final = 20
_SHOWN: Final = 40
_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
_HEADER = re.compile(r"^\s*\[\[?([^\[\]]+)\]")
_ASSIGNMENT = re.compile(r"^\s*([A-Za-z0-9_.\"' \t-]+?)\s*=\s*(.*)$")
_WORD = re.compile(r"[A-Za-z_][^#\"']*")

_TRUTH: Final[Mapping[str, str]] = {
    **dict.fromkeys(("true", "yes", "on"), "true"),
    **dict.fromkeys(("false", "no"), "false"),
    "off": 'false or "off"',
}
_TEXTS: Final[Mapping[str, str]] = {
    "model_type": "must be a table: [{key}] on a line of its own, its keys below it",
    "dict_type": "must be a table",
    "list_type": "must be a list; of rules, each begins with [[items.rules]]",
    "tuple_type": "must be a list, such as []",
    "string_type": 'must be a string: text in quotes, such as "35"',
    "bool_type": "must be a boolean: true or false, without quotes",
    "int_type": "must be a valid integer, without quotes",
    "too_short": "must not be empty",
}
"""In place of pydantic's own words, by its type of error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text says, as far as it is TOML, and what in it is not. Columns and lines are those of the text."""

    content: Mapping[str, Any]
    faults: tuple[PolicyFault, ...]


def read_toml(file: str, text: str) -> Reading:
    """The content of a text, and every fault of its syntax.

    A line that alone is wrong is left out, so that what comes after it is looked at, too; where that cannot be, what
    stands before it is.
    """
    faults: list[PolicyFault] = []
    lines = [*text.split("\n"), ""]  # so that no fault is "at end of document" that has a line
    while len(faults) < _MOST_SYNTAX_FAULTS:
        try:
            return Reading(content=tomllib.loads("\n".join(lines)), faults=tuple(faults))
        except tomllib.TOMLDecodeError as error:
            fault = _syntax_fault(file, lines, str(error))
        except RecursionError:
            fault = PolicyFault(file=file, line=None, column=None, key="", message="lists are nested too deeply")
        faults.append(fault)
        if fault.line is None or not lines[fault.line - 1].strip():
            break
        if _ASSIGNMENT.match(lines[fault.line - 1]) and not _HEADER.match(lines[fault.line - 1]):
            lines[fault.line - 1] = ""
        else:
            del lines[fault.line - 1 :]
    return Reading(content={}, faults=tuple(faults))


def model_faults(file: str, text: str, content: Mapping[str, Any], error: ValidationError) -> Iterator[PolicyFault]:
    """What the model refuses, in the order of the file.

    Args:
        file: as it is shown.
        text: of the file, for the places.
        content: what `tomllib` made of it.
        error: what pydantic made of that.
    """
    where = places(text)
    found = []
    for fault in error.errors(include_url=False):
        path = _path(content, fault["loc"])
        about_key = fault["type"] == "extra_forbidden" or fault["loc"][-1:] == ("[key]",)
        place = where.of(path, value=not about_key)
        message, meant = _told(path, fault)
        found.append(
            PolicyFault(
                file=file,
                line=place.line if place else None,
                column=place.column if place else None,
                key=key_text(path),
                message=message,
                did_you_mean=meant,
            )
        )
    yield from sorted(found, key=lambda one: (one.line or 0, one.column or 0))


# --- syntax ---------------------------------------------------------------------------------------------------------


def _syntax_fault(file: str, lines: Sequence[str], message: str) -> PolicyFault:
    at = _AT.search(message)
    line, column = (int(at[1]), int(at[2])) if at and at[1] else (None, None)
    if line and not lines[line - 1].strip() and line > 1:
        line, column = line - 1, None  # tomllib has read on to the next one
    if line is None:  # it ends in the middle of its last value
        line = max((place.line for place in places("\n".join(lines)).values.values()), default=None)
    told = _AT.sub("", message)
    row = lines[line - 1] if line else ""
    assigned = _ASSIGNMENT.match(row)
    table = _table_at(lines, line or len(lines))
    key = ".".join(part for part in (table, assigned[1] if assigned else "") if part)
    said, meant = _syntax_text(told, assigned[2] if assigned else "", lines[: (line or 1) - 1], key)
    return PolicyFault(file=file, line=line, column=column, key=key, message=said, did_you_mean=meant)


def _syntax_text(told: str, value: str, before: Sequence[str], key: str) -> tuple[str, str | None]:
    """What is wrong in words, and what was probably meant; `before` are the lines above it."""
    word = _WORD.match(value)
    if told == "Cannot overwrite a value" or "twice" in told or "immutable" in told or "Duplicate" in told:
        first = _first_line_of(before, key)
        also = f" (first in line {first})" if first else ""
        return f"given twice{also}: keep one; an account is either one name or a table by currency", None
    if told == "Invalid value" and word:
        text = word[0].strip()
        if meant := _TRUTH.get(text.lower()):
            return "not TOML (a boolean is true or false, written small)", meant
        return "not TOML (text stands in quotes)", f'"{text}"'
    if told == "Invalid value" and not value.strip():
        return "not TOML (no value follows the equals sign)", None
    return f"not TOML ({told[:1].lower()}{told[1:]})", None


def _table_at(lines: Sequence[str], line: int) -> str:
    headers = (found[1].strip() for row in reversed(lines[:line]) if (found := _HEADER.match(row)))
    return next(headers, "")


def _first_line_of(lines: Sequence[str], key: str) -> int | None:
    """The line that sets a key, or a key within it, first."""
    found = places("\n".join(lines)).keys
    wanted = key.split(".")
    lengths = range(len(wanted), 0, -1)
    return next((found[path].line for end in lengths if (path := tuple(wanted[:end])) in found), None)


# --- the model ------------------------------------------------------------------------------------------------------


def _path(content: Mapping[str, Any], location: Iterable[str | int]) -> Path:
    """The keys of a location of pydantic's: without the alternatives of types that it names among them."""
    node: Any = content
    path: list[str | int] = []
    for part in location:
        if (isinstance(node, Mapping) and part in node) or (isinstance(node, list) and isinstance(part, int)):
            path.append(part)
            node = node[part]  # type: ignore[index]  # a key of the mapping, or a place of the list
    return tuple(path)


def _told(path: Path, fault: Any) -> tuple[str, str | None]:
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return _unknown(path)
    said = _TEXTS.get(kind, str(fault["msg"])).format(key=key_text(path))
    said = said.removeprefix("Value error, ").replace("Input should be", "must be").replace("String should", "must")
    shown = "" if isinstance(given, dict | list) or fault["loc"][-1:] == ("[key]",) else f"{_shown(given)} "
    return f"{shown}{said}", _meant(kind, str(fault["msg"]), given, fault.get("ctx") or {})


def _shown(given: object) -> str:
    text = json.dumps(given, ensure_ascii=False) if isinstance(given, str | bool | int) else str(given)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _meant(kind: str, message: str, given: object, context: Mapping[str, Any]) -> str | None:
    if kind in {"enum", "literal_error"}:
        return _quoted(_closest(str(given), re.findall(r"'([^']*)'", str(context.get("expected", "")))))
    if kind == "bool_type":
        return _TRUTH.get(str(given).lower(), "").partition(" ")[0] or None
    if kind == "int_type" and isinstance(given, str) and given.strip().isdecimal():
        return given.strip()
    if kind == "string_type" and isinstance(given, int):
        return _quoted(str(given))
    if "IANA" in message and isinstance(given, str):
        return _quoted(_zone(given))
    return None


def _zone(given: str) -> str | None:
    """The time zone that was probably meant: by its name, or by its city."""
    zones = sorted(available_timezones())
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in zones}
    wanted = given.strip().replace(" ", "_")
    return by_city.get(wanted.rpartition("/")[2].lower()) or _closest(wanted, zones)


def _closest(given: str, allowed: Iterable[str]) -> str | None:
    by_folded = {one.lower(): one for one in allowed}
    found = difflib.get_close_matches(given.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def _quoted(text: str | None) -> str | None:
    return None if text is None else f'"{text}"'


def _unknown(path: Path) -> tuple[str, str | None]:
    """An unknown key: what is known there, and the closest of it or where this key belongs."""
    key, known = str(path[-1]), _keys_at(path[:-1])
    elsewhere = [f"{table}.{key}" for table, keys in _tables().items() if key in keys]
    meant = " or ".join([*filter(None, [_closest(key, known)]), *elsewhere])
    return f"unknown key; allowed here: {', '.join(known)}", meant or None


def _keys_at(path: Path) -> list[str]:
    model: Any = PolicyModel
    for part in path:
        model = get_args(model)[0] if isinstance(part, int) else model.model_fields[part].annotation
    return _keys_of(model)


def _keys_of(model: type[BaseModel]) -> list[str]:
    return sorted(known.alias or name for name, known in model.model_fields.items())


def _tables() -> Mapping[str, list[str]]:
    annotations = {name: known.annotation for name, known in PolicyModel.model_fields.items()}
    return {
        name: _keys_of(model)
        for name, model in annotations.items()
        if isinstance(model, type) and issubclass(model, BaseModel)
    }
