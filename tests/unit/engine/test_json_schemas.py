"""JSON Schemas from types: what they say of each, and what they refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, NewType

import jsonschema
import pytest

from tests.validation import strict
from wescope.engine.json_schemas import WRITTEN_AS, any_of, field_documentation, published, schema_of
from wescope.engine.results import MONEY, to_json

Key = NewType("Key", str)


class Colour(StrEnum):
    """A colour."""

    RED = "red"
    GREEN = "green"
    """Of grass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A leaf. `width` is in millimetres; `colour` may change.

    It falls in autumn.
    """

    width: int
    colour: Colour = Colour.GREEN
    key: Key = Key("k")
    price: int = field(default=1250, metadata=MONEY)
    currency: str = "usd"
    """What the price is in."""

    ratio: Decimal = Decimal("0.5")
    kind: Literal["leaf"] = "leaf"
    at: datetime | None = None
    days: Mapping[str, date] = field(default_factory=dict)
    leaves: "tuple[Leaf, ...]" = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


def leaf(**changes: Any) -> Leaf:
    inner = Leaf(width=1)
    day = date(2026, 11, 23)
    return Leaf(width=3, at=datetime(2026, 11, 23, tzinfo=UTC), days={"x": day}, leaves=(inner,), **changes)


def test_a_value_fits_the_schema_of_its_type() -> None:
    jsonschema.validate(to_json(leaf()), strict(schema_of(Leaf)))


@pytest.mark.parametrize(
    "changes",
    [
        {"width": "3"},
        {"colour": "blue"},
        {"price": 12.5},
        {"price": "12,50"},
        {"ratio": 0.5},
        {"kind": "branch"},
        {"leaves": [1]},
        {"more": 1},
        {"days": {"x": 1}},
    ],
)
def test_another_value_does_not(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(to_json(leaf()) | changes, strict(schema_of(Leaf)))


def test_every_property_is_there_always() -> None:
    made = schema_of(Leaf)["$defs"]["Leaf"]
    assert made["required"] == list(Leaf.__dataclass_fields__)


def test_docstrings_are_titles_and_descriptions() -> None:
    made = schema_of(Leaf)["$defs"]
    assert made["Leaf"]["title"] == "Leaf"
    assert made["Leaf"]["description"].endswith("\n\nIt falls in autumn.")
    assert made["Leaf"]["properties"]["width"]["description"] == "`width` is in millimetres;"
    assert made["Leaf"]["properties"]["currency"]["description"] == "What the price is in."
    assert "description" not in made["Leaf"]["properties"]["kind"]
    assert made["Colour"]["description"] == "A colour.\n\n`green`: Of grass."
    assert field_documentation(Leaf)["colour"].startswith("`colour` may change")


def test_what_is_not_written_has_no_schema() -> None:
    for kind in (float, bytes, set[int], Leaf | float):
        with pytest.raises(TypeError):
            schema_of(kind)


def test_two_types_of_one_name_are_not_mixed_up() -> None:
    other: Any = dataclass(type("Leaf", (), {"__annotations__": {"leaf": Leaf}}))
    with pytest.raises(TypeError, match="Leaf"):
        schema_of(other)


def test_a_field_that_is_json_already_names_its_type() -> None:
    @dataclass(frozen=True)
    class Held:
        """Holds."""

        leaf: Mapping[str, Any] = field(metadata={WRITTEN_AS: Leaf})

    assert schema_of(Held)["$defs"]["Held"]["properties"]["leaf"] == {"$ref": "#/$defs/Leaf"}


def test_one_of_several_is_told_with_all_definitions() -> None:
    made = any_of([schema_of(Leaf), schema_of(Colour)])
    assert made["anyOf"] == [{"$ref": "#/$defs/Leaf"}, {"$ref": "#/$defs/Colour"}]
    assert set(made["$defs"]) == {"Leaf", "Colour"}
    assert any_of([{"type": "null"}]) == {"type": "null"}


def test_a_published_schema_has_an_id_and_a_title() -> None:
    made = published("a/b", schema_of(Colour), title="A colour", examples=["red"])
    assert (made["$id"], made["title"], made["examples"]) == ("urn:wescope:schema:a/b", "A colour", ["red"])
    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.validate("red", made)
