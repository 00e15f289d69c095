"""A look at an undo before it is begun: sums of all documents of the run, and what would become of the first of them.

The whole plan asks QBO for every document of the run (`wescope undo RUN_ID --dry-run`); this asks for the first only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wescope.books.documents import Entity
from wescope.engine.results import MONEY
from wescope.engine.undo import Undo
from wescope.engine.undo_plan import UndoPlan, plan_of, settle
from wescope.links.database import transaction
from wescope.links.run_pages import CreatedSum, created_sums, names_in_run
from wescope.qbo.records import TAKEN_BACK_BY

STAYS = "stays"
"""What is done with a customer: it belongs to the company from then on."""

LOOKED_AT = 200
"""So many documents are looked at: what is taken back first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoTotal:
    """Documents of one month and entity that may stand. `action`: how QBO takes them back, or `stays`."""

    month: str
    entity: str
    action: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoLook:
    """What undoing a run comes to. `plan` is of the first `looked_at` documents, `totals` of all that it created.

    `documents` are these without customers. What the run only changed is named by the whole plan.
    """

    run_id: int
    documents: int
    looked_at: int
    totals: tuple[UndoTotal, ...]
    plan: UndoPlan

    @property
    def more(self) -> int:
        """How many documents were not looked at."""
        return max(0, self.documents - self.looked_at)


async def look(undo: Undo, run_id: int, limit: int = LOOKED_AT) -> UndoLook:
    """Look at the first documents of a run, in the order in which they would be taken back; nothing is written.

    Raises:
        RunNotFound: there is no such run.
        WrongUse: it cannot be undone, or not yet.
        QboError: QBO cannot be read.
    """
    run, planner = await undo.checked(run_id), undo.planner
    realm_id = undo.store.realm_id
    async with transaction(undo.engine) as connection:
        sums = await created_sums(connection, realm_id, run.id)
    places = await planner.page(run.id, None, limit)
    judged, asked = await planner.judged([place.key for place in places], await planner.closed_until())
    hanging = {name for one in judged for name in one.dependents}
    async with transaction(undo.engine) as connection:
        # What hangs on one of them and is of the same run is taken back, too, whether it was looked at or not.
        going = await names_in_run(connection, realm_id, run.id, hanging - {one.name for one in judged})
    plan = plan_of(run.id, settle(judged, also=going), (), reads=asked + 1)
    documents = sum(one.count for one in sums if one.entity != Entity.CUSTOMER.value)
    return UndoLook(
        run_id=run.id, documents=documents, looked_at=len(judged), totals=tuple(map(_total, sums)), plan=plan
    )


_ACTIONS: Mapping[str, str] = {entity.value: action for entity, action in TAKEN_BACK_BY.items()}


def _total(one: CreatedSum) -> UndoTotal:
    return UndoTotal(
        month=one.month,
        entity=one.entity,
        action=_ACTIONS.get(one.entity, STAYS),
        count=one.count,
        amount=one.amount,
        currency=one.currency,
    )
