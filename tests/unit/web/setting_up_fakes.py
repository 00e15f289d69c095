"""A fake of what the setup pages ask, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wescope.engine.connect_desk import Begun
from wescope.engine.connecting import Connected
from wescope.engine.dry_run import DryRunReview, ReviewOutdated
from wescope.engine.examples_setting_up import CONNECTION_VIEW, DRY_RUN_REVIEW, POLICY_MAPPING, SETUP_STATE
from wescope.engine.mapping import PolicyMapping
from wescope.engine.results import Check
from wescope.engine.setting_up import CALLBACK, ConnectionView
from wescope.engine.setup_guide import SetupState
from wescope.engine.write_gate import Holding

AUTHORIZE = "https://appcenter.intuit.com/connect/oauth2?state=word&client_id=AB"


@dataclass(kw_only=True)
class FakeDryRun:
    """Has one review, which a release must name."""

    told: DryRunReview = DRY_RUN_REVIEW
    asked: list[object] = field(default_factory=list)

    async def review(self, *, sample: int = 0) -> DryRunReview:
        self.asked.append(("review", sample))
        return self.told if sample else replace(self.told, sample=())

    async def release(self, review: str, *, actor: str) -> DryRunReview:
        if review != self.told.review:
            raise ReviewOutdated
        self.asked.append(("release", actor))
        self.told = replace(self.told, state=Holding.WRITING, writing=True)
        return self.told

    async def hold(self, *, actor: str) -> DryRunReview:
        self.asked.append(("hold", actor))
        self.told = replace(self.told, state=Holding.HELD, writing=False)
        return self.told


@dataclass(kw_only=True)
class FakeSettingUp:
    """Answers what it is told to, or raises it."""

    steps: SetupState = SETUP_STATE
    view: ConnectionView = CONNECTION_VIEW
    found: PolicyMapping | Exception = POLICY_MAPPING
    checks: Sequence[Check] = ()
    dry_run: FakeDryRun = field(default_factory=FakeDryRun)
    refuses: Exception | None = None
    asked: list[object] = field(default_factory=list)

    async def state(self) -> SetupState:
        return self.steps

    async def diagnose(self) -> Sequence[Check]:
        return self.checks

    async def mapping(self) -> PolicyMapping:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def connection_view(self, asked: str) -> ConnectionView:
        return replace(self.view, redirect_uri=f"{asked.rstrip('/')}{CALLBACK}")

    async def begin_connecting(self, asked: str, *, actor: str) -> Begun:
        self.asked.append(("begin", asked, actor))
        return Begun(authorize_url=AUTHORIZE, binding="bound", redirect_uri=f"{asked.rstrip('/')}{CALLBACK}")

    async def finish_connecting(self, answer: str, binding: str, *, actor: str) -> Connected:
        self.asked.append(("finish", answer, binding, actor))
        if self.refuses:
            raise self.refuses
        return Connected(realm_id="1", refresh_token_days_left=100, woken=0)
