"""Services of setting up: what the setup pages and their JSON twins ask, as protocols."""

from collections.abc import Sequence
from typing import Protocol

from wescope.engine.connect_desk import Begun
from wescope.engine.connecting import Connected
from wescope.engine.dry_run import DryRunReview
from wescope.engine.mapping import PolicyMapping
from wescope.engine.results import Check
from wescope.engine.setting_up import ConnectionView
from wescope.engine.setup_guide import SetupState


class DryRunServices(Protocol):
    """What routes ask about dry run. Errors are of the tree in `wescope.errors`."""

    async def review(self, *, sample: int = 0) -> DryRunReview:
        """What waits, and the plans of some of it."""
        ...

    async def release(self, review: str, *, actor: str) -> DryRunReview:
        """Let it be written."""
        ...

    async def hold(self, *, actor: str) -> DryRunReview:
        """Let nothing more be written."""
        ...


class SettingUpServices(Protocol):
    """What routes ask about the first connection. Errors are of the tree in `wescope.errors`."""

    @property
    def dry_run(self) -> DryRunServices:
        """What waits to be written."""
        ...

    async def state(self) -> SetupState:
        """The steps, as far as the tables know."""
        ...

    async def diagnose(self) -> Sequence[Check]:
        """What the doctor finds now."""
        ...

    async def mapping(self) -> PolicyMapping:
        """What the policy names beside what QBO has."""
        ...

    async def connection_view(self, asked: str) -> ConnectionView:
        """The connection to QBO; `asked` is the address of ours that the browser has asked, without a path."""
        ...

    async def begin_connecting(self, asked: str, *, actor: str) -> Begun:
        """A new attempt to connect."""
        ...

    async def finish_connecting(self, answer: str, binding: str, *, actor: str) -> Connected:
        """Take Intuit's answer: the query of the address that it sent the browser to."""
        ...
