"""Every code block of the documentation is run: shell against a live site, data by whoever reads it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlglot
import yaml

from tests.docs.blocks import DATA, ROOT, SHELL, Block, blocks_of, pages
from tests.docs.session import Ran, run_page
from tests.docs.site import Site, open_site
from tests.integration.conftest import database_url, postgres_url, template_database
from wescope.config.policy_file import read_policy_file
from wescope.links.database import conninfo

__all__ = ["postgres_url", "template_database"]

BLOCKS = {page.relative_to(ROOT).as_posix(): blocks_of(page) for page in pages()}
IN_SHELL = {name: [one for one in blocks if one.language in SHELL] for name, blocks in BLOCKS.items()}
OF_DATA = [one for blocks in BLOCKS.values() for one in blocks if one.language in DATA]
_DATABASE = "documentation"
_LAST = "docs/keeping-equal.md"
"""It undoes a run and has edits repaired; on the pages before it a tie-out is 0.00."""


@pytest.fixture(scope="module")
def site(postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all pages."""
    folder = tmp_path_factory.mktemp("documentation")
    with psycopg.connect(conninfo(postgres_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE} TEMPLATE {template_database}")
    with open_site(folder / "site", database_url(postgres_url, _DATABASE)) as opened:
        yield opened


_RAN: list[Ran] = []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", sorted((name for name, blocks in IN_SHELL.items() if blocks), key=_LAST.__eq__))
def test_the_shell_blocks_of_a_page_do_what_it_says(page: str, site: Site, tmp_path: Path) -> None:
    ran = run_page(site, IN_SHELL[page], tmp_path)
    _RAN.extend(ran)
    faults = [_told(one) for one in ran if one.fault]
    assert not faults, "\n\n".join(faults)


_BACKGROUND = """\
wescope serve > serve.log 2>&1 &
SERVE_PID=$!
for try in $(seq 200); do grep -q " is ready: " serve.log && break; sleep 0.1; done
kill -0 $SERVE_PID
kill $SERVE_PID
wait $SERVE_PID
grep -c '"stopped"' serve.log
"""


def test_what_is_in_the_background_goes_on_until_it_is_ended(site: Site, tmp_path: Path) -> None:
    blocks = [
        Block(page="page.md", line=1, language="console", text=_BACKGROUND),
        Block(page="page.md", line=9, language="console", text="wescope serve --json\nmake nothing\nfalse\n"),
        Block(page="page.md", line=15, language="sh", text="gcloud run services nonsense\n", stand_ins=True),
        Block(page="page.md", line=19, language="sh", text='echo "$NOT_SET"\n'),
    ]
    good, bad, unknown, unset = run_page(site, blocks, tmp_path)
    assert not good.fault, good
    assert [(code, line) for code, line, _ in bad.ended] == [(2, 2), (1, 3)]
    assert [code for code, _, _ in unknown.ended] == [2]
    assert "did not come to its end" in unset.fault


def _told(ran: Ran) -> str:
    return f"{ran.block}: {ran.fault}\n{ran.block.text}\n--- it printed:\n{ran.output[-4000:]}"


def test_no_block_was_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    """Says how many blocks were run, and how."""
    ways = Counter("against stand-ins" if one.calls else "really" for one in _RAN)
    with capsys.disabled():
        print(f"\ncode blocks in shells: {dict(ways)}; read: {len(OF_DATA)}")  # noqa: T201 - for people
    pages_run = {one.block.page for one in _RAN}
    ran = {str(one.block) for one in _RAN}
    assert ran == {str(one) for page in pages_run for one in IN_SHELL[page]}


@pytest.mark.parametrize("block", OF_DATA, ids=str)
def test_a_block_of_data_is_read_by_whoever_reads_it(block: Block, tmp_path: Path) -> None:
    match block.language:
        case "toml":
            (tmp_path / "wescope.toml").write_text(block.text, encoding="utf-8")
            read_policy_file(tmp_path / "wescope.toml")
        case "json":
            json.loads(block.text)
        case "yaml":
            assert yaml.safe_load(block.text)
        case _:
            assert sqlglot.parse(block.text, dialect="bigquery")
