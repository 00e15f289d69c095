"""Parcels: what one HTTP request carries, a call as itself or several as a batch, until all is known about it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from wescope.errors import QboError, QboNotSent, QboOutcomeUnknown
from wescope.qbo import answers
from wescope.qbo.answers import Answer, Part
from wescope.qbo.calls import Item
from wescope.qbo.records import BatchIdentity

_B_ID_PREFIX = 6
"""So many characters of a batch's id begin its items' ids: the answer to another batch is not taken for its own."""

Loading = Callable[["Parcel"], Awaitable[None]]


class Parcel:
    """One HTTP request. It may be loaded only when it is permitted to go, with what waits by then.

    Attributes:
        items: those whose answer is not known yet.
        batch_id: the batch's request id, or null for a single request.
        sent: whether the request may have reached QBO since the last answer.
    """

    def __init__(self, items: Sequence[Item] = (), *, load: Loading | None = None) -> None:
        self.items: list[Item] = list(items)
        self.batch_id: str | None = None
        self.sent = False
        self.announced = False
        self._b_ids: dict[Item, str] = {}
        self._load = load
        self._last: Mapping[Item, Answer] = {}

    @property
    def loaded(self) -> bool:
        """Whether it is decided what it carries."""
        return self._load is None

    @property
    def writes(self) -> dict[str, str]:
        """Request id to id in the batch, of the writes."""
        return {
            item.call.request_id: self.b_id(item) for item in self.items if item.call.write and item.call.request_id
        }

    async def load(self) -> None:
        """Take in what waits, once."""
        if self._load:
            await self._load(self)
            self._load = None

    def become_batch(self, batch_id: str) -> None:
        """Go as a batch, under an identity that was never used."""
        self.batch_id, self.announced = batch_id, False
        self._b_ids = {item: f"{batch_id[:_B_ID_PREFIX]}-{number}" for number, item in enumerate(self.items, start=1)}

    def repeat(self, identity: BatchIdentity) -> None:
        """Go as a batch of one under the identity of an earlier one, which was announced then."""
        (item,) = self.items
        self.batch_id, self.announced = identity.batch_id, True
        self._b_ids = {item: identity.item}

    def b_id(self, item: Item) -> str:
        """The id of an item in the batch."""
        return self._b_ids[item]

    def parts(self, items: Sequence[Item]) -> list[Part]:
        """What the answer to a batch is to be read by."""
        return [Part(b_id=self.b_id(item), write=item.call.write, expect=item.call.expect) for item in items]

    def drop_late(self, now: float) -> list[Item]:
        """Take out who no longer waits and who must not leave any more; return what is left to send."""
        for item in self.items:
            if item.too_late(now):
                item.settle(too_late())
        self.items = [item for item in self.items if not item.answer.done()]
        return self.items

    def refuse_writes(self, error: QboNotSent) -> None:
        """Nothing may be written now: the writes end with this error."""
        for item in self.items:
            if item.call.write:
                item.settle(Answer(outcome="not_sent", error=error))
        self.items = [item for item in self.items if not item.answer.done()]

    def keep(self, items: Sequence[Item], last: Mapping[Item, Answer]) -> None:
        """Nothing is known of these: they are to be sent again, or else end with their last answers."""
        self.items, self._last = list(items), last

    def give_up(self) -> None:
        """No more tries: whatever is left ends with its last answer."""
        for item in self.items:
            item.settle(self._last[item])

    def fail(self, error: Exception) -> None:
        """An error ends all that is left."""
        for item in self.items:
            item.fail(error)

    def abandon(self) -> None:
        """It is cut off: what may have reached QBO is of unknown outcome."""
        for item in self.items:
            item.settle(cut_off(write=item.call.write and self.sent))


def too_late() -> Answer:
    """The answer to a write whose deadline has passed."""
    return Answer(outcome="not_sent", error=QboNotSent("The write waited for too long.", reason="too_late"))


def cut_off(*, write: bool) -> Answer:
    """The answer to what was cut off while it was (`write`) or was not on its way into the books."""
    error: QboError = QboOutcomeUnknown(reason="cut_off") if write else QboNotSent(reason="cut_off")
    return Answer(outcome="unknown" if write else "not_sent", error=error)


def answered(parcel: Parcel, items: Sequence[Item], found: Sequence[Answer]) -> dict[Item, Answer]:
    """Each item's answer; nothing of the parcel is on its way any more.

    Until its items are told, something of it may have been done: who is cut off in between must not call it unsent.
    """
    parcel.sent = any(answer.outcome != "not_sent" for answer in found)
    return dict(zip(items, found, strict=True))


def failed(parcel: Parcel, items: Sequence[Item], failure: Exception) -> dict[Item, Answer]:
    """Each item's answer to an exchange that failed."""
    return answered(parcel, items, [answers.of_failure(failure, write=item.call.write) for item in items])
