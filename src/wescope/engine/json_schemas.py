"""JSON Schemas: derived from the types of frozen values, as `to_json` writes them, so that they cannot drift.

A schema is one of JSON Schema 2020-12. Each dataclass and each enumeration stands once among the definitions
(`$defs`), under its own name; what it is called and what its docstrings say are its title and descriptions.
"""

import ast
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, NewType, Union

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID_BASE = "urn:wescope:schema:"
"""How the ids of published schemas begin; nothing is to be fetched there."""

AMOUNT: Schema = {
    "type": "string",
    "pattern": r"^-?[0-9]+(\.[0-9]{1,3})?$",
    "description": "Decimal number of major units of the currency beside it.",
    "examples": ["12.34"],
}
"""An amount as results write it: with the decimals in which Stripe counts the currency."""

WRITTEN_AS = "written_as"
"""Metadata of a field that holds JSON already: the type that this is the JSON of."""


def schema_of(kind: Any) -> Schema:
    """JSON Schema of what `to_json` makes of a value of this type, with all definitions that it needs.

    Raises:
        TypeError: `to_json` writes no values of this type, or two different types have one name.
    """
    definitions = _Definitions()
    root = definitions.of(kind)
    return {**root, "$defs": definitions.schemas()} if definitions.kinds else root


def published(name: str, schema: Schema, *, title: str, description: str = "", examples: Sequence[Any] = ()) -> Schema:
    """A schema as a document of its own.

    Args:
        name: its place among those that are published: `cli/status`.
        schema: the schema, with its definitions.
        title: what a value is, in a few words.
        description: more about it.
        examples: values as JSON.
    """
    told = {"description": description} if description else {}
    shown = {"examples": list(examples)} if examples else {}
    return {"$schema": DIALECT, "$id": f"{ID_BASE}{name}", "title": title, **told, **schema, **shown}


def any_of(schemas: Iterable[Schema]) -> Schema:
    """The schema of what fits one of these; their definitions become one."""
    defined: dict[str, Schema] = {}
    options: list[Schema] = []
    for schema in schemas:
        defined |= schema.get("$defs", {})
        options.append({name: value for name, value in schema.items() if name != "$defs"})
    root: Schema = options[0] if len(options) == 1 else {"anyOf": options}
    return {**root, "$defs": dict(sorted(defined.items()))} if defined else root


def documentation(kind: Any) -> str:
    """The docstring of a class with each paragraph in one line; empty if it has none of its own."""
    text = inspect.cleandoc(vars(kind).get("__doc__") or "")
    if text.startswith(f"{kind.__name__}("):  # what dataclasses write if nobody else does
        return ""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


_SENTENCE_END = re.compile(r"(?<=[.;])\s+(?=[`A-Z])")


@functools.cache
def field_documentation(kind: Any) -> Mapping[str, str]:
    """What is said about the fields of a class, by name: the string below it, or its clauses in the docstring."""
    clauses = _SENTENCE_END.split(documentation(kind))
    names = vars(kind).get("__dataclass_fields__", {})
    in_class = {name: " ".join(clause for clause in clauses if f"`{name}`" in clause) for name in names}
    found = _classes(kind.__module__).get(kind.__qualname__)
    below = dict(_documented(found)) if found else {}
    return {name: text for name, text in in_class.items() if text} | below


@functools.cache
def _classes(module: str) -> Mapping[str, ast.ClassDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _documented(found: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, following in zip(found.body, found.body[1:], strict=False):
        if not isinstance(statement, ast.AnnAssign | ast.Assign) or not isinstance(following, ast.Expr):
            continue
        target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
        text = following.value
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield target.id, " ".join(text.value.split())


class _Definitions:
    """The named types that a schema refers to."""

    def __init__(self) -> None:
        self.kinds: dict[str, Any] = {}
        self._made: dict[str, Schema] = {}

    def schemas(self) -> dict[str, Schema]:
        return dict(sorted(self._made.items()))

    def of(self, kind: Any) -> Schema:
        if isinstance(kind, NewType):
            return self.of(kind.__supertype__)
        if kind is Any or kind is object:
            return {}
        if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, Enum)):
            return self._named(kind)
        return self._composed(kind)

    def _composed(self, kind: Any) -> Schema:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(option) for option in arguments]}
        if origin is Literal:
            return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
        if origin in (tuple, Sequence, list):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin in (Mapping, dict):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if kind not in _PLAIN:
            raise TypeError(f"{kind!r} is not written as JSON")
        return dict(_PLAIN[kind])

    def _named(self, kind: Any) -> Schema:
        name = kind.__name__
        if self.kinds.setdefault(name, kind) is not kind:
            raise TypeError(f"two types are named {name}")
        if name not in self._made:
            self._made[name] = {}  # a type may contain itself
            self._made[name] = self._object(kind) if is_dataclass(kind) else _enumeration(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, kind: Any) -> Schema:
        hints, told = typing.get_type_hints(kind), field_documentation(kind)
        properties: dict[str, Schema] = {}
        for each in fields(kind):
            made = AMOUNT if each.metadata.get("money") else self.of(each.metadata.get(WRITTEN_AS, hints[each.name]))
            properties[each.name] = {**made, "description": told[each.name]} if each.name in told else dict(made)
        return {**_head(kind), "type": "object", "required": list(properties), "properties": properties}


def _head(kind: Any) -> Schema:
    text = documentation(kind)
    return {"title": kind.__name__, **({"description": text} if text else {})}


def _enumeration(kind: type[Enum]) -> Schema:
    head, told = _head(kind), field_documentation(kind)
    meanings = [f"`{member.value}`: {told[member.name]}" for member in kind if member.name in told]
    text = "\n\n".join(part for part in (head.get("description", ""), "\n\n".join(meanings)) if part)
    described = {"description": text} if text else {}
    return {**head, **described, "type": "string", "enum": [member.value for member in kind]}


_PLAIN: Mapping[Any, Schema] = {
    type(None): {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Decimal: {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$",
        "description": "A decimal number.",
    },
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
}
