"""Every error and every reason for parking says what, whose, when again and what to do; the drawn tree is true."""

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator

import pytest

import wescope
from wescope import errors
from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.errors import Retry, WescopeError

CODE = re.compile(r"[a-z][a-z0-9_]*")
DRAWN = re.compile(r"^(?P<indent>[ │├└─]*)(?P<name>[A-Z]\w+)(?: +(?P<code>[a-z][a-z0-9_]+)\b)?")
INDENT = 4


def of_the_tree() -> list[type[WescopeError]]:
    """The classes of `wescope.errors`, in the order in which they stand there."""
    found = (value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, WescopeError))
    return [kind for kind in found if kind.__module__ == errors.__name__]


def everywhere() -> list[type[WescopeError]]:
    """All classes of the product: also the leaves that stand beside the one module that raises them."""
    for module in pkgutil.walk_packages(wescope.__path__, "wescope."):
        if (
            not module.name.startswith(("wescope.sandbox", "wescope.links.migrations"))
            and "__main__" not in module.name
        ):
            importlib.import_module(module.name)
    return list(descendants(WescopeError))


def descendants(kind: type[WescopeError]) -> Iterator[type[WescopeError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("wescope."):
            yield child
        yield from descendants(child)


def drawn() -> Iterator[tuple[int, str, str | None]]:
    """Depth, name and code (where it is drawn) of each line of the tree in the module's docstring."""
    lines = iter((errors.__doc__ or "").splitlines())
    for line in lines:
        if line.startswith(WescopeError.__name__):
            break
    yield 0, WescopeError.__name__, None
    for line in lines:
        if not line.strip():
            return
        found = DRAWN.match(line)
        assert found, line
        yield len(found["indent"]) // INDENT, found["name"], found["code"]


def test_the_drawn_tree_names_exactly_the_classes_under_their_parents() -> None:
    parents: dict[int, str] = {}
    tree = {}
    for depth, name, _ in drawn():
        parents[depth] = name
        tree[name] = parents.get(depth - 1)
    bases = {kind.__name__: kind.__bases__[0].__name__ for kind in of_the_tree()}
    assert tree == bases | {WescopeError.__name__: None}
    assert len(list(drawn())) == len(tree)


def test_the_drawn_codes_are_those_of_the_classes() -> None:
    codes = {kind.__name__: kind.code for kind in of_the_tree()}
    assert {name: code for _, name, code in drawn() if code} == {name: codes[name] for _, name, code in drawn() if code}
    # Only a class that is never raised itself may stand there without its code.
    bases = {kind.__bases__[0].__name__ for kind in of_the_tree()}
    assert {name for _, name, code in drawn() if code is None} <= bases


@pytest.mark.parametrize("kind", everywhere(), ids=lambda kind: kind.__name__)
def test_every_error_says_what_whose_when_and_what_to_do(kind: type[WescopeError]) -> None:
    assert "code" in vars(kind), "a code of its own"
    assert CODE.fullmatch(kind.code)
    assert isinstance(kind.owner, Owner)
    assert isinstance(kind.retry, Retry)
    assert kind.remedy.endswith(".")
    assert "__doc__" in vars(kind), "its docstring is the message"
    assert (kind.__doc__ or "").strip().endswith(".")


def test_codes_are_unique() -> None:
    kinds: list[type[WescopeError]] = [WescopeError, *everywhere()]
    codes = Counter(kind.code for kind in kinds)
    assert [code for code, count in codes.items() if count > 1] == []


def test_an_error_shows_its_code_and_message() -> None:
    for kind in everywhere():
        if kind.__init__ is WescopeError.__init__:
            assert str(kind()).startswith(f"[{kind.code}] ")


@pytest.mark.parametrize("code", ParkCode)
def test_every_park_code_has_reason_owner_and_remedy(code: ParkCode) -> None:
    reason = REASONS[code]
    assert CODE.fullmatch(code.value)
    assert reason.text.endswith(".")
    assert isinstance(reason.owner, Owner)
    assert reason.remedy.endswith(".")


def test_no_reason_is_without_its_code() -> None:
    assert set(REASONS) == set(ParkCode)
    assert len({reason.text for reason in REASONS.values()}) == len(REASONS)
