"""Places: where each key and value of a TOML file stands, so that an error can point at it (tomllib keeps none)."""

import bisect
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys from the outside in; a number is the place in a list, from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line and a column, both from 1; columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the keys of a file stand, and where their values begin."""

    keys: Mapping[Path, Place]
    values: Mapping[Path, Place]

    def of(self, path: Path, *, value: bool = False) -> Place | None:
        """Where the key (or its value) stands, else the nearest key or table around it, else null."""
        if value and path in self.values:
            return self.values[path]
        return next((self.keys[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.keys), None)


def places(text: str) -> Places:
    """The places in a text that `tomllib` reads; of another one, those up to where it ceases to be TOML."""
    scanner = _Scanner(text)
    with contextlib.suppress(IndexError):  # it ends in the middle of something
        scanner.scan()
    return Places(keys=scanner.keys, values=scanner.values)


def key_text(path: Path) -> str:
    """The path as people write it: `accounts.bank.EUR`, `items.rules[2].product`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


class _Scanner:
    """Goes through the text once. Whether it is TOML is `tomllib`'s question; here only places are noted."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._lines = [0, *(found.end() for found in re.finditer(r"\n", text))]
        self._entries: dict[Path, int] = {}
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}

    def scan(self) -> None:
        """Note everything."""
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            before = self._at
            table = self._header() if self._text[self._at] == "[" else self._assignment(table)
            self._skip(_BLANK)
            if self._at == before:
                return

    def _header(self) -> Path:
        start, is_entry = self._at, self._text.startswith("[[", self._at)
        self._at += 2 if is_entry else 1
        keys = self._dotted(())
        self._at += 2 if is_entry else 1
        if is_entry:
            number = self._entries[keys] = self._entries.get(keys, -1) + 1
            self._note(keys, start)
            keys = (*keys, number)
        self._note(keys, start)
        return keys

    def _assignment(self, table: Path) -> Path:
        path = self._dotted(table)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)
        return table

    def _dotted(self, table: Path) -> Path:
        path = self._inside(table)
        while True:
            self._skip(_SPACE)
            start = self._at
            path = (*self._inside(path), self._key())
            self._note(path, start)
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return path
            self._at += 1

    def _inside(self, path: Path) -> Path:
        """A list of tables is meant with its last entry."""
        return (*path, self._entries[path]) if path in self._entries else path

    def _key(self) -> str:
        found = _STRINGS.match(self._text, self._at) or _BARE.match(self._text, self._at)
        if found is None:
            raise IndexError
        self._at = found.end()
        return found[0].strip("\"'")

    def _value(self, path: Path) -> None:
        self.values.setdefault(path, self._place(self._at))
        match self._text[self._at]:
            case "[":
                self._list(path)
            case "{":
                self._table(path)
            case _:
                found = _STRINGS.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
                self._at = found.end() if found else len(self._text)

    def _list(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._next("]"):
            self._note((*path, number), self._at)
            self._value((*path, number))
            number += 1

    def _table(self, path: Path) -> None:
        self._at += 1
        while self._next("}"):
            self._assignment(path)

    def _next(self, end: str) -> bool:
        """Go to the next element of a list or table; false (and behind it) at its end."""
        while True:
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
            elif self._text[self._at] == end:
                self._at += 1
                return False
            else:
                return True

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _note(self, path: Path, at: int) -> None:
        self.keys.setdefault(path, self._place(at))

    def _place(self, at: int) -> Place:
        line = bisect.bisect_right(self._lines, at)
        return Place(line=line, column=at - self._lines[line - 1] + 1)
