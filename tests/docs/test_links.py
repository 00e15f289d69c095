"""What pages point at is there: links, anchors, files, modules and functions; and every page is reached."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, pages

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"[\w./-]+/[\w.-]+\.(?:py|md|toml|tf|yml|yaml|json|sql|html)|[\w-]+\.py")
_CALL = re.compile(r"`(?P<path>[\w./-]+\.py)(?:::|`: `)(?P<name>[a-zA-Z_]\w*)`")
_MADE = {"./wescope.toml", ".wescope-live/qbo-tokens-REALM.json"}
"""Files that people make."""

_FOLDERS = ("", "docs", "src/wescope", "src/wescope/books", "src", "tests", "artifacts")


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} (.*)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return frozenset(found)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Where a page's links in the repository lead, with the anchor."""
    for target in _LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [
        f"{path}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and (path.suffix != ".md" or anchor not in anchors(path)))
    ]
    assert broken == []


def test_every_page_is_reached() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for path, _ in links(page):
            waiting += sorted(path.glob("*.md")) if path.is_dir() else [path] if path.suffix == ".md" else []
    assert [_name(page) for page in pages() if page not in reached] == []


def _found(path: str, page: Path) -> Path | None:
    places = (page.parent, *(ROOT / folder for folder in _FOLDERS))
    return next((place / path for place in places if (place / path).exists()), None)


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    """A file in backticks that has a folder, or is a module; of a module alone any one of that name will do."""
    named = {code for code in _CODE.findall(prose(page)) if _PATH.fullmatch(code)} - _MADE
    modules = {path.name for path in (ROOT / "src").rglob("*.py")} | {
        path.name for path in (ROOT / "tests").rglob("*.py")
    }
    assert sorted(one for one in named if not _found(one, page) and ("/" in one or one not in modules)) == []


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_function_that_is_named_with_its_file_is_there(page: Path) -> None:
    wrong = []
    for found in _CALL.finditer(prose(page)):
        path = _found(found["path"], page)
        if path and found["name"] not in _defined(path):
            wrong.append(found[0])
    assert wrong == []


@cache
def _defined(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assigned = {
        one.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for one in node.targets
        if isinstance(one, ast.Name)
    }
    return frozenset(names | assigned)
