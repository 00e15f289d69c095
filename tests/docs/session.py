"""Session: one shell that goes through all blocks of a page, and what came of each."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs import warm
from tests.docs.blocks import ROOT, Block
from tests.docs.site import Site
from tests.integration.processes import free_port

TIMEOUT_S = 540
_ANSWERS = "y\n" * 50
"""Whoever asks is answered with yes."""

_SCRIPT_HEAD = """\
set -uo pipefail -E
trap 'printf "%s\\t%s\\t%s\\t%s\\n" "$?" "$DOCS_BLOCK" "$LINENO" "$BASH_COMMAND" >> "$DOCS_ENDS"' ERR
"""
_FRESH = "unset ${{!WESCOPE_@}}; export WESCOPE_HOME={home} WESCOPE_PORT={port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of a block.

    Attributes:
        block: which.
        ended: commands that did not end with 0: exit code, line in the block, text.
        output: all that it printed.
        calls: the calls of stand-ins.
        complete: whether it came to its end.
    """

    block: Block
    ended: tuple[tuple[int, int, str], ...]
    output: str
    calls: tuple[tuple[str, ...], ...]
    complete: bool

    @property
    def fault(self) -> str:
        """What is wrong, empty if nothing is."""
        codes = {code for code, _, _ in self.ended}
        if not self.complete:
            return "it did not come to its end"
        if wrong := [end for end in self.ended if end[0] not in self.block.exits]:
            return f"{wrong} ended otherwise than the page says"
        if not self.block.perhaps and (missing := self.block.exits - codes - {0}):
            return f"the page says exit {missing}, but nothing ended so"
        if self.calls and not self.block.stand_ins:
            return f"the page must say `stand-ins` before it: {self.calls}"
        if self.block.stand_ins and not self.calls:
            return "the page says `stand-ins`, but none was called"
        return ""


def run_page(site: Site, blocks: Sequence[Block], folder: Path) -> list[Ran]:
    """Runs the blocks of a page one after another in one shell, at the root of a copy of the checkout.

    Args:
        site: what they are run against.
        blocks: those in a shell's language, in order.
        folder: an empty one.
    """
    checkout = _checkout(folder)
    (folder / "answers").write_text(_ANSWERS)
    stays = folder / "stays"
    site.stays.append(stays)
    own: dict[str, str] = {}
    script = [_SCRIPT_HEAD]
    for number, block in enumerate(blocks):
        source = folder / f"block-{number}"
        if block.fresh:
            own = _own_addresses()
            script.append(_FRESH.format(home=folder / "home", port=own["service"].rpartition(":")[2]))
        source.write_text(_shell(block, site, own))
        script += [
            f"export DOCS_BLOCK={number}",
            f"{'export' if block.wescope_too else 'unset'} {warm.CHECKED}{'=yes' if block.wescope_too else ''}",
            f"{'export' if block.stays else 'unset'} {warm.KEEP}{'=yes' if block.stays else ''}",
            f". {source} > {folder}/output-{number} 2>&1 < {folder}/answers",
            f"> {folder}/complete-{number}",
        ]
    (folder / "page").write_text("\n".join(script) + "\n")
    # A page's own `serve` runs beside the site's.
    environment = {
        "WESCOPE_PORT": "0",
        warm.STAYS: str(stays),
        "DOCS_ENDS": str(folder / "ends"),
        "DOCS_CALLS": str(folder / "calls"),
    }
    try:
        subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", folder / "page"],
            cwd=checkout,
            env={**site.path, **site.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    finally:
        site.stop(stays)
    return [_ran(folder, number, block) for number, block in enumerate(blocks)]


def _checkout(folder: Path) -> Path:
    """The files that pages name, where they may be written to; only a deployment is changed."""
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    shutil.copytree(ROOT / "deploy", checkout / "deploy", ignore=shutil.ignore_patterns(".*", "lint"))
    for name in ("Makefile", "README.md", "docs", "src", "tests", "benchmarks"):
        (checkout / name).symlink_to(ROOT / name)
    return checkout


def _own_addresses() -> dict[str, str]:
    """Addresses of the services that a page starts for itself."""
    ports = {name: str(free_port()) for name in ("service", "stripe", "qbo")}
    return {name: f"http://127.0.0.1:{port}" for name, port in ports.items()} | {
        f"{name}_port": port for name, port in ports.items()
    }


def _shell(block: Block, site: Site, own: Mapping[str, str]) -> str:
    text = site.live(block.text, block.names, own)
    return f"python - <<'END_OF_BLOCK'\n{text}\nEND_OF_BLOCK\n" if block.language == "python" else text


def _ran(folder: Path, number: int, block: Block) -> Ran:
    ends, calls = folder / "ends", folder / "calls"
    ended = [line.split("\t") for line in ends.read_text().splitlines()] if ends.exists() else []
    called = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
    output = folder / f"output-{number}"
    return Ran(
        block=block,
        ended=tuple(
            (int(end[0]), int(end[2]), end[3])
            for end in ended
            if len(end) > 3 and end[1] == str(number) and not end[3].startswith(f". {folder}")
        ),
        output=output.read_text(errors="replace") if output.exists() else "",
        calls=tuple(tuple(one["call"]) for one in called if one["block"] == str(number)),
        complete=(folder / f"complete-{number}").exists(),
    )
