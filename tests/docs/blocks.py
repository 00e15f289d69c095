"""Blocks: the fenced code blocks of the documentation, each with what its page says about how it is run.

What is said stands in a comment on the line before the block, which readers do not see: `<!-- run: exit 1 -->`. Several
things are separated by semicolons; CONTRIBUTING.md lists them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
SHELL = frozenset({"console", "bash", "sh", "python"})
DATA = frozenset({"toml", "json", "yaml", "sql"})
TEXT = frozenset({"text"})
_MARK = re.compile(r"<!-- run: (.*?) -->", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block.

    Attributes:
        page: its path in the repository.
        line: of its first fence, from 1.
        language: the word after the fence.
        text: what stands in it.
        exits: exit codes of which each command has one, and of which none may be missing; 0 need not occur.
        stays: its services go on until the page is over.
        stand_ins: programs in it are stand-ins, since the real ones need a cloud, root or minutes.
        wescope_too: also `wescope`, which then only looks at how it was called.
        fresh: nothing is set in the environment of this block and those after it, as on a new machine.
        names: what in the text stands for something live, and its name in `site.Site.names`.
    """

    page: str
    line: int
    language: str
    text: str
    exits: frozenset[int] = frozenset({0})
    perhaps: bool = False
    stays: bool = False
    stand_ins: bool = False
    wescope_too: bool = False
    fresh: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> tuple[Path, ...]:
    """Every page of the documentation."""
    top = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
    return (*(ROOT / name for name in top), *sorted((ROOT / "docs").rglob("*.md")))


def blocks_of(page: Path) -> tuple[Block, ...]:
    """The blocks of a page, in order.

    Raises:
        ValueError: a block has no language, or its comment says what nobody knows.
    """
    return tuple(_blocks(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")))


def _blocks(page: str, text: str) -> Iterator[Block]:
    said = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            found = _MARK.search(token.content)
            said = found[1] if found else ""
            continue
        if token.type == "code_block":
            yield Block(page=page, line=token.map[0] + 1 if token.map else 0, language="text", text=token.content)
        if token.type == "fence":
            line = token.map[0] + 1 if token.map else 0
            yield _block(page, line, token.info.strip(), token.content, said)
        said = ""


def _block(page: str, line: int, language: str, text: str, said: str) -> Block:
    if language not in SHELL | DATA | TEXT:
        raise ValueError(f"{page}:{line}: a block in {language or 'no language'}: nobody knows how it is run")
    marks = [one.strip() for one in said.split(";") if one.strip()]
    known: dict[str, bool] = {"stays": False, "stand-ins": False, "wescope too": False, "fresh": False}
    exits, perhaps, names = frozenset({0}), False, {}
    for mark in marks:
        if found := re.fullmatch(r"exit (\d)( or 0)?", mark):
            exits, perhaps = frozenset({0, int(found[1])}), bool(found[2])
        elif found := re.fullmatch(r"(\S+) = (\w+)", mark):
            names[found[1]] = found[2]
        elif mark in known:
            known[mark] = True
        else:
            raise ValueError(f"{page}:{line}: nobody knows what `{mark}` means")
    return Block(
        page=page,
        line=line,
        language=language,
        text=text,
        exits=exits,
        perhaps=perhaps,
        stays=known["stays"],
        stand_ins=known["stand-ins"] or known["wescope too"],
        wescope_too=known["wescope too"],
        fresh=known["fresh"],
        names=names,
    )
