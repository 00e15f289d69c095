"""Examples of parked items and findings as pages have them, beside those of `wescope.engine.examples`."""

from collections.abc import Mapping

from wescope.engine.bulk import BulkItem, BulkOutcome, BulkPlan
from wescope.engine.drift_kinds import DRIFT, DriftKind
from wescope.engine.drift_pages import (
    DriftFinding,
    DriftPage,
    FieldDifference,
    LastVerification,
    OpenDrift,
    RepairPreview,
    RepairWrite,
)
from wescope.engine.examples import DRIFT_ITEM, NOW, PARKED_ROW
from wescope.engine.explanation import AuditResult
from wescope.engine.parked_desk import ParkedDetail, ParkedPage
from wescope.engine.parked_items import ParkedSum
from wescope.engine.sent_values import SentValue

PARKED_SUM = ParkedSum(
    code=PARKED_ROW.code, owner=PARKED_ROW.owner, count=1, amount=PARKED_ROW.amount, currency=PARKED_ROW.currency
)
PARKED_PAGE = ParkedPage(items=(PARKED_ROW,), next=None, sums=(PARKED_SUM,))
PARKED_DETAIL = ParkedDetail(
    key=PARKED_ROW.key,
    item=PARKED_ROW,
    subject=PARKED_ROW.subject,
    entity=None,
    qbo_id=None,
    link_state=None,
    waits=False,
    looked_at=NOW,
    retry_at=None,
    failures=0,
    last_code=PARKED_ROW.code,
    waits_on=(),
    awaited_by=(),
    drift=(),
    history=(
        AuditResult(
            at=NOW,
            action="retry",
            actor="api",
            target=PARKED_ROW.key,
            details={"amount": str(PARKED_ROW.amount)},
            run_id=14,
        ),
    ),
)
BULK_PLAN = BulkPlan(
    action="retry", at=NOW, count=1, left_out=0, sums=(PARKED_SUM,), items=(PARKED_ROW,), digest="3f0a9c51d2e4b678"
)
BULK_OUTCOME = BulkOutcome(
    run_id=14,
    action="retry",
    actor="api",
    reason=None,
    state="done",
    request=None,
    started_at=NOW,
    finished_at=NOW,
    count=1,
    done=1,
    changed=0,
    gone=0,
    failed=0,
    left=0,
    items=(
        BulkItem(
            position=0,
            key=PARKED_ROW.key,
            subject=PARKED_ROW.subject,
            code=PARKED_ROW.code,
            amount=PARKED_ROW.amount,
            currency=PARKED_ROW.currency,
            outcome="done",
            now=None,
        ),
    ),
    next=None,
)
_DIFFERENCE = FieldDifference(name="TotalAmt", stripe="120.00", qbo="100.00")
DRIFT_PAGE = DriftPage(
    items=(DriftFinding(finding=DRIFT_ITEM, differences=(_DIFFERENCE,), run_id=12),),
    next=None,
    open=(OpenDrift(kind="edited", count=1),),
    verified=LastVerification(run_id=12, state="done", mode="changes", started_at=NOW, finished_at=NOW),
)
REPAIR_PREVIEW = RepairPreview(
    writes=(
        RepairWrite(
            drift_id=DRIFT_ITEM.id,
            kind=DRIFT_ITEM.kind,
            verb="update",
            entity=DRIFT_ITEM.entity,
            qbo_id=DRIFT_ITEM.qbo_id,
            document_key=DRIFT_ITEM.document_key,
            amount=DRIFT_ITEM.amount,
            currency=DRIFT_ITEM.currency,
            text=DRIFT[DriftKind.EDITED].repair or "",
            writes=(_DIFFERENCE,),
            revertible=True,
            why_not=None,
            sends=(SentValue(name="TotalAmt", value="120.00"),),
        ),
    ),
    count=1,
    more=False,
)

PARKED_EXAMPLES: Mapping[str, object] = {
    type(value).__name__: value
    for value in (PARKED_PAGE, PARKED_DETAIL, BULK_PLAN, BULK_OUTCOME, DRIFT_PAGE, REPAIR_PREVIEW)
}
"""By the name of the type."""
