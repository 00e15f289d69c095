"""Console desks: what pages and their twins ask of the tables, put together from the parts of the runtime."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.policy import Policy
from wescope.engine.audit_log import AuditLog
from wescope.engine.drift_pages import DriftPages
from wescope.engine.months import Months
from wescope.engine.overview import OverviewDesk
from wescope.engine.parked_desk import ParkedDesk
from wescope.engine.runs import RunDesk
from wescope.engine.tieout_desk import TieOutDesk
from wescope.engine.verify import Verify
from wescope.engine.watching import Watching
from wescope.engine.write_gate import WriteGate


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleDesks:
    """One desk for each section of the console that the tables answer."""

    engine: AsyncEngine
    realm_id: str
    policy: Policy
    runs: RunDesk
    verify: Verify
    watching: Watching
    gate: WriteGate

    @property
    def overview(self) -> OverviewDesk:
        """What the status and the console's home tell."""
        return OverviewDesk(
            engine=self.engine,
            realm_id=self.realm_id,
            watching=self.watching,
            tieouts=self.tieout_desk,
            timezone=self.policy.timezone,
            gate=self.gate,
        )

    @property
    def tieout_desk(self) -> TieOutDesk:
        """What pages ask of kept tie-outs, and the start of new ones."""
        return TieOutDesk(engine=self.engine, runs=self.runs)

    @property
    def audit_log(self) -> AuditLog:
        """Who had what done."""
        return AuditLog(engine=self.engine)

    @property
    def months(self) -> Months:
        """Months at their end: what is open, comparisons, sign-offs, evidence."""
        return Months(engine=self.engine, realm_id=self.realm_id, policy=self.policy, runs=self.runs)

    @property
    def parked_desk(self) -> ParkedDesk:
        """What pages ask about parked items, and what is done to many of them."""
        return ParkedDesk(engine=self.engine, realm_id=self.realm_id, runs=self.runs)

    @property
    def drift_pages(self) -> DriftPages:
        """What pages ask about edits in QBO."""
        examiner = self.verify.examiner
        return DriftPages(engine=self.engine, realm_id=self.realm_id, gate=self.gate, examiner=examiner)
