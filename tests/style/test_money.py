"""Money is never a float, and a moment always has its zone: read off the syntax tree of the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "wescope"

NAIVE_ALWAYS = frozenset({"utcnow", "utcfromtimestamp"})
"""Functions of `datetime` that cannot give a zone."""
ZONE_ARGUMENT = {"now": 0, "fromtimestamp": 1}
"""Functions of `datetime` that give a zone if they are told one, with the place of that argument."""
ZONE_POSITION_OF_CONSTRUCTOR = 7


def floats(tree: ast.AST) -> Iterator[int]:
    """Lines with a float: its name in an annotation or call, a literal, or a true division (which makes one)."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.Name) and node.id == "float"
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        quoted = isinstance(node, ast.Constant) and node.value == "float"
        divided = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        if named or literal or quoted or divided:
            yield line_of(node)


def naive_moments(tree: ast.AST) -> Iterator[int]:
    """Lines that build a datetime without saying its zone."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if is_datetime(node.func):
            if lacks_zone(node, ZONE_POSITION_OF_CONSTRUCTOR, "tzinfo"):
                yield node.lineno
        elif isinstance(node.func, ast.Attribute) and is_datetime(node.func.value):
            name = node.func.attr
            told = ZONE_ARGUMENT.get(name)
            if name in NAIVE_ALWAYS or (told is not None and lacks_zone(node, told, "tz")):
                yield node.lineno


def is_datetime(node: ast.expr) -> bool:
    """Whether this is the class `datetime`, imported by itself or through its module."""
    if isinstance(node, ast.Attribute):
        return node.attr == "datetime" and isinstance(node.value, ast.Name)
    return isinstance(node, ast.Name) and node.id == "datetime"


def lacks_zone(call: ast.Call, position: int, keyword: str) -> bool:
    given = [item.value for item in call.keywords if item.arg in {keyword, None}] + call.args[position : position + 1]
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not starred and all(isinstance(value, ast.Constant) and value.value is None for value in given)


def line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def modules(folder: str = "") -> list[Path]:
    return sorted((SOURCE / folder).rglob("*.py"))


def test_no_float_comes_near_money() -> None:
    found = [f"{path}:{line}" for path in modules("books") for line in floats(ast.parse(path.read_text()))]
    assert found == []


def test_every_datetime_has_its_zone() -> None:
    found = [f"{path}:{line}" for path in modules() for line in naive_moments(ast.parse(path.read_text()))]
    assert found == []


def test_there_is_something_to_read() -> None:
    assert SOURCE / "books" / "money.py" in modules("books")


@pytest.mark.parametrize(
    "code",
    ["x: float = y", "x = float(y)", "x = 1.5", "x = y / 100", "x /= 2", "def f() -> 'float': ...", "x: list[float]"],
)
def test_a_float_is_found(code: str) -> None:
    assert list(floats(ast.parse(code))) == [1]


@pytest.mark.parametrize("code", ["x = 15", "x = y // 100", "x = Decimal('1.5')", "floats = 1", "path = 'a/b'"])
def test_other_numbers_are_not(code: str) -> None:
    assert list(floats(ast.parse(code))) == []


@pytest.mark.parametrize(
    "code",
    [
        "datetime.now()",
        "datetime.now(None)",
        "datetime.now(tz=None)",
        "datetime.datetime.now()",
        "datetime.utcnow()",
        "datetime.utcfromtimestamp(0)",
        "datetime.fromtimestamp(0)",
        "datetime.fromtimestamp(0, tz=None)",
        "datetime(2026, 1, 1)",
        "datetime.datetime(2026, 1, 1)",
    ],
)
def test_a_naive_datetime_is_found(code: str) -> None:
    assert list(naive_moments(ast.parse(code))) == [1]


@pytest.mark.parametrize(
    "code",
    [
        "datetime.now(UTC)",
        "datetime.now(tz=UTC)",
        "datetime.now(**zone)",
        "datetime.datetime.now(UTC)",
        "datetime.fromtimestamp(0, UTC)",
        "datetime.fromtimestamp(0, tz=UTC)",
        "datetime(2026, 1, 1, tzinfo=UTC)",
        "datetime(2026, 1, 1, 0, 0, 0, 0, UTC)",
        "datetime(*parts)",
        "clock.now()",
        "date.today()",
    ],
)
def test_a_datetime_with_its_zone_is_not(code: str) -> None:
    assert list(naive_moments(ast.parse(code))) == []
