"""The house figures (CONTRIBUTING.md): small functions and modules, everything typed, everything public documented."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "benchmarks")
LONGEST_FUNCTION = 70
LONGEST_MODULE = 500
MEDIAN_FUNCTION = 10
NINETIETH_FUNCTION = 25

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A function and whether somebody outside of its module or class may call it."""

    node: Definition
    public: bool

    @property
    def lines(self) -> int:
        return (self.node.end_lineno or self.node.lineno) - self.node.lineno + 1


def modules() -> list[Path]:
    """Modules that people write; a migration is never changed again, and long by nature."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts and path.read_text().strip()]


def functions(tree: ast.AST, *, public: bool = True) -> Iterator[Function]:
    """All functions; those inside others, or in a private class, are private."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            shown = public and not node.name.startswith("_")
            yield Function(node=node, public=shown)
            yield from functions(node, public=False)
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, public=public and not node.name.startswith("_"))
        else:
            yield from functions(node, public=public)


def unfit(path: Path, text: str) -> Iterator[str]:
    """What is wrong in one module, with its place."""
    tree = ast.parse(text)
    lines = len(text.splitlines())
    if lines > LONGEST_MODULE:
        yield f"{path}: {lines} lines"
    if not (ast.get_docstring(tree) or "").strip():
        yield f"{path}: no docstring"
    for function in functions(tree):
        yield from (f"{path}:{function.node.lineno} {function.node.name}: {fault}" for fault in faults(function))


def faults(function: Function) -> Iterator[str]:
    """What is wrong with one function."""
    if function.lines > LONGEST_FUNCTION:
        yield f"{function.lines} lines"
    if function.node.returns is None:
        yield "no return type"
    if untyped := [argument.arg for argument in arguments(function.node) if argument.annotation is None]:
        yield f"no type of {', '.join(untyped)}"
    if function.public and not ast.get_docstring(function.node):
        yield "no docstring"


def arguments(node: Definition) -> list[ast.arg]:
    """All parameters but `self` and `cls`."""
    given = node.args
    starred = [argument for argument in (given.vararg, given.kwarg) if argument is not None]
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]
    return [argument for argument in named if argument.arg not in {"self", "cls"}]


@pytest.mark.parametrize("folder", FOLDERS)
def test_there_is_something_to_measure(folder: str) -> None:
    assert any((ROOT / folder).rglob("*.py"))


def test_modules_and_functions_are_small_typed_and_documented() -> None:
    assert [fault for path in modules() for fault in unfit(path.relative_to(ROOT), path.read_text())] == []


def test_the_ordinary_function_is_small() -> None:
    sizes = sorted(function.lines for path in modules() for function in functions(ast.parse(path.read_text())))
    assert median(sizes) <= MEDIAN_FUNCTION
    assert sizes[len(sizes) * 9 // 10] <= NINETIETH_FUNCTION


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("x = 1", "no docstring"),
        ('"""M."""\ndef f() -> None: ...', "f: no docstring"),
        ('"""M."""\ndef f():\n    """F."""', "f: no return type"),
        ('"""M."""\ndef f(x, *, y: int) -> None:\n    """F."""', "f: no type of x"),
        ('"""M."""\nclass C:\n    async def f(self) -> None: ...', "f: no docstring"),
        ('"""M."""\nif x:\n    def f() -> None: ...', "f: no docstring"),
        ('"""M."""\ndef _f() -> None:\n' + "    x\n" * LONGEST_FUNCTION, f"_f: {LONGEST_FUNCTION + 1} lines"),
        ('"""M."""\n' + "x\n" * LONGEST_MODULE, f"{LONGEST_MODULE + 1} lines"),
    ],
)
def test_a_fault_is_found(code: str, fault: str) -> None:
    (found,) = unfit(Path("m.py"), code)
    assert found.endswith(fault)


@pytest.mark.parametrize(
    "code",
    [
        '"""M."""\ndef _f() -> None: ...',
        '"""M."""\nclass _C:\n    def f(self) -> None: ...',
        '"""M."""\ndef f() -> None:\n    """F."""\n    def g() -> None: ...',
        '"""M."""\ndef f(*a: int, **b: int) -> None:\n    """F."""',
    ],
)
def test_what_is_fit_is_left_alone(code: str) -> None:
    assert list(unfit(Path("m.py"), code)) == []
