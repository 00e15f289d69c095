"""Policy reference: the example file and the tables of every key, made of the model's own descriptions."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import time, timedelta
from enum import Enum
from typing import Any, Final, Literal, TypeGuard, get_args, get_origin
from zoneinfo import ZoneInfo

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wescope.config.policy_model import ItemRuleTable, ItemsTable, PolicyModel
from wescope.config.policy_types import OFF, Allowed, clock_text, span_text

_WIDTH: Final = 110
_HEAD: Final = """\
# Policy file of WeScope Sync: every key with what it is for, what it may be and its default.
#
# Copy it to wescope.toml (or name it in WESCOPE_CONFIG) and keep only what you change: what is left out has its
# default. Accounts and items are QBO names, full names (Parent:Child) or ids; `wescope doctor` checks them against the
# company, `wescope setup` makes those that are missing. A key with a # before it has no default.
# Generated from the code: `wescope schema policy-example` prints it.
"""


def example_toml() -> str:
    """The whole policy file with every default written out; what has none is commented, with an example."""
    parts = [_HEAD]
    for name, known in PolicyModel.model_fields.items():
        table = known.annotation
        if _is_table(table):
            parts.append("\n".join(_table_lines(name, table)))
        else:
            parts.append("\n".join([*_comment(known), f"[{name}]", *(f"# {one}" for one in known.examples or ())]))
    return "\n".join(f"{part.rstrip()}\n" for part in parts)


def reference_tables() -> list[str]:
    """Lines of Markdown: a section for each table of the file with its keys, in the order of the example."""
    lines: list[str] = []
    for name, known in PolicyModel.model_fields.items():
        table = known.annotation
        if _is_table(table):
            lines += _section(f"[{name}]", table)
            lines += _section("[[items.rules]]", ItemRuleTable) if table is ItemsTable else []
        else:
            lines += [f"### [{name}]", "", known.description or "", "", *_HEADER]
            lines += [f"| any reporting category | Its account. | {_allowed(known)} | |", ""]
    return lines


_HEADER: Final = ("| key | what | allowed | default |", "|---|---|---|---|")


def _section(title: str, table: type[BaseModel]) -> list[str]:
    rows = [
        f"| `{field.alias or name}` | {field.description} | {_allowed(field)} | {_code(_default(field))} |"
        for name, field in _keys(table)
    ]
    return [f"### {title}", "", _doc(table), "", *_HEADER, *rows, ""]


def _table_lines(name: str, table: type[BaseModel]) -> Iterator[str]:
    yield from _wrapped(_doc(table))
    yield f"[{name}]"
    for key, field in _keys(table):
        yield ""
        yield from _comment(field)
        yield _assignment(key, field)
    if table is ItemsTable:
        yield ""
        yield from _wrapped(_doc(ItemRuleTable))
        yield "# [[items.rules]]"
        for key, field in _keys(ItemRuleTable):
            yield from _comment(field)
            yield _assignment(field.alias or key, field)


def _assignment(key: str, field: FieldInfo) -> str:
    default = _default(field)
    if default:
        return f"{key} = {default}"
    example = (field.examples or [""])[0]
    written = example if _allowed_text(field).startswith("a date") or example[:1] in "{[" else f'"{example}"'
    return f"# {key} = {written}"


def _comment(field: FieldInfo) -> Iterator[str]:
    yield from _wrapped(field.description or "")
    yield from _wrapped(f"Allowed: {_allowed_text(field).replace('`', '')}.")


def _wrapped(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False)]


def _doc(table: type[BaseModel]) -> str:
    return " ".join((table.__doc__ or "").split())


def _keys(table: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a table in their order; lists of tables have sections of their own."""
    return ((name, field) for name, field in table.model_fields.items() if field.description)


def _is_table(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


# --- values ---------------------------------------------------------------------------------------------------------


def _default(field: FieldInfo) -> str:
    """The default as TOML; empty if there is none."""
    if field.default is None:
        is_off = any(isinstance(one, Allowed) and OFF in one.text for one in field.metadata)
        return f'"{OFF}"' if is_off else ""
    return next((write(field.default) for kind, write in _WRITERS if isinstance(field.default, kind)), "")


_WRITERS: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (bool, lambda value: str(value).lower()),
    (int, str),
    (Enum, lambda value: f'"{value.value}"'),
    (str, lambda value: f'"{value}"'),
    (ZoneInfo, lambda value: f'"{value}"'),
    (timedelta, lambda value: f'"{span_text(value)}"'),
    (time, lambda value: f'"{clock_text(value)}"'),
    (tuple, lambda _value: "[]"),
)
"""How defaults are written, by type; an empty table is not."""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _allowed(field: FieldInfo) -> str:
    """What values may be, in a cell of a table."""
    return _allowed_text(field).replace("|", "\\|")


def _allowed_text(field: FieldInfo) -> str:
    kind = field.annotation
    said = [one.text for one in field.metadata if isinstance(one, Allowed)]
    if said:
        return said[-1]
    if nested := _nested(kind):
        return nested
    if get_origin(kind) is Literal:
        return _either([str(one) for one in get_args(kind)])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _either([str(one.value) for one in kind])
    if kind is bool:
        return "true or false"
    bounds: Mapping[type, Any] = {type(one): one for one in field.metadata}
    least, most = bounds.get(Ge), bounds.get(Le)
    from_ = f" from {least.ge}" if least else ""
    return f"a whole number{from_}{f' to {most.le}' if most else ''}"


def _nested(kind: Any) -> str:
    """What an alternative of the type (`Name | None`) says of itself."""
    for option in get_args(kind):
        texts = [one.text for one in getattr(option, "__metadata__", ()) if isinstance(one, Allowed)]
        if texts:
            return texts[-1]
    return ""


def _either(options: list[str]) -> str:
    *first, last = [f'"{option}"' for option in options]
    return f"{', '.join(first)} or {last}"
