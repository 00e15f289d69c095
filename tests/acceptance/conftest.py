"""What the acceptance tests share: the world, the way to say what was measured, and the page that is made of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.acceptance import page
from tests.acceptance.continuity import Continuity, play_continuity
from tests.acceptance.life import Life, live
from tests.acceptance.source import Line
from tests.acceptance.trouble import Faults, Redelivery, Restart, break_both, redeliver, restart
from tests.acceptance.world import Managed, World, open_world
from tests.integration.receivers import hook

_FIGURES = pytest.StashKey["Measured"]()
_RESULTS = pytest.StashKey[dict[str, page.Result]]()


@dataclass
class Measured:
    """Takes the figures of one test: by call those that are the same everywhere, by `speed` the others."""

    figures: list[str] = field(default_factory=list)
    speeds: list[str] = field(default_factory=list)

    def __call__(self, figure: str) -> None:
        """Note a figure that every run must give again."""
        self.figures.append(figure)

    def speed(self, figure: str) -> None:
        """Note a figure that depends on the machine."""
        self.speeds.append(figure)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Where a test says what it has measured."""
    made = Measured()
    request.node.stash[_FIGURES] = made
    return made


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The business, the service and the books, after everything has happened; see `world`."""
    with hook() as told, open_world(tmp_path_factory.mktemp("acceptance"), told) as made:
        yield made


@pytest.fixture(scope="session")
def life(world: World) -> Life:
    """What QBO had of one invoice after each step of its life."""
    return live(world)


@pytest.fixture(scope="session")
def managed(world: World) -> Managed:
    """A command whose secrets only a Secret Manager has."""
    return world.with_secret_manager("sync", world.shop.ids["two services"], "--dry-run")


@pytest.fixture(scope="session")
def redelivery(world: World) -> Redelivery:
    """Every webhook of September twice more."""
    return redeliver(world)


@pytest.fixture(scope="session")
def restarted(world: World) -> Restart:
    """A service that was killed while it worked."""
    return restart(world)


@pytest.fixture(scope="session")
def broken(world: World) -> Faults:
    """Faults of both services while invoices were paid."""
    return break_both(world)


@pytest.fixture(scope="session")
def continuity(tmp_path_factory: pytest.TempPathFactory) -> Continuity:
    """What became of a service of several processes that was deployed anew and broken, under load."""
    return asyncio.run(play_continuity(tmp_path_factory.mktemp("continuity")))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "criterion(line): the line of the source of truth that a test answers")
    config.stash[_RESULTS] = {}


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.timeout(480))


def _line_of(item: pytest.Item) -> Line | None:
    marker = item.get_closest_marker("criterion")
    return None if marker is None else marker.args[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """After a test: it has measured something, and what the page says."""
    result = yield
    line = _line_of(item)
    if line is None:
        return result
    figures = item.stash[_FIGURES].figures
    assert figures or item.stash[_FIGURES].speeds, "nothing was measured"
    if not item.config.getoption("--write-acceptance"):
        told = page.read().get(line)
        assert told is not None, "docs/acceptance.md lacks this line: run `make acceptance`"
        assert told == (item.nodeid, page.measured_text(figures), "yes"), "run `make acceptance`, then review the page"
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    line = _line_of(item)
    if line is not None and (report.when == "call" or report.failed):
        made = item.stash.get(_FIGURES, Measured())
        item.config.stash[_RESULTS][item.nodeid] = page.Result(
            line=line,
            test=item.nodeid,
            measured=tuple(made.figures),
            speed=tuple(made.speeds),
            passed=bool(report.passed),
        )
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--write-acceptance"):
        page.write(session.config.stash[_RESULTS].values())
