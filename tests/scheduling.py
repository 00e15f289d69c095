"""Scheduling: which tests one (xdist) process takes together, since what they look at costs more than they do.

xdist's own marks (`xdist_group`) need the name of a test to be changed, which pytest 9 does not let them.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/acceptance/": "acceptance",
    "tests/browser/test_journeys.py": "journeys",
    "tests/browser/test_pages.py": "pages",
    "tests/docs/test_code_blocks.py": "code blocks",
    "tests/integration/test_mirror": "bigquery",
    "tests/integration/test_personal_data.py": "personal data",
    "tests/integration/test_processes_receiver.py": "receiver",
    "tests/simulation/engine/test_worlds.py": "worlds",
}
"""Beginnings of node ids, and the group that they are in: one process runs a group from beginning to end."""


class Scheduling(LoadScopeScheduling):
    """Tests one by one to whichever process is free, but for the groups, which begin first: they take longest."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = True  # the units with the most tests first

    def _split_scope(self, nodeid: str) -> str:
        return next((group for start, group in TOGETHER.items() if nodeid.startswith(start)), nodeid)
