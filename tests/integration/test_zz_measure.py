import time
from collections import Counter
import pytest
from tests.integration.conftest import *
from tests.integration.test_backfill import backfilled
from tests.integration.test_undo import undone, outcome, ledger
from wescope.links.runs import RunState
pytestmark = pytest.mark.timeout(560)

async def test_measure(make_desk):
    async with make_desk(read_timeout_s=30) as desk:
        from tests.integration.test_undo import sales
        sales(desk, 500)
        t=time.monotonic(); run = await backfilled(desk.runtime); print("MEASURE backfill", time.monotonic()-t)
        n0=desk.qbo.requests.total; t=time.monotonic()
        plan = await desk.runtime.history.plan_undo(run.id)
        print("MEASURE plan", plan.count, plan.reads, desk.qbo.requests.total-n0, time.monotonic()-t)
        before=list(desk.qbo.requests.entries); n0=desk.qbo.requests.total; t=time.monotonic()
        over = await undone(desk, run.id)
        new=list(desk.qbo.requests.entries)[-(desk.qbo.requests.total-n0):]
        print("MEASURE undo", over.counts, Counter(one.operation for one in new), time.monotonic()-t)
        assert desk.receivable()==0
