"""The port to what decides about payouts: whether a deposit may be written, and what became of it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from wescope.books.documents import Desired, Follow
from wescope.books.parking import Parked
from wescope.books.subjects import DocumentKey
from wescope.books.values import Payout, StripeObject
from wescope.engine.writer import Applied


class PayoutPort(Protocol):
    """Asked about each payout before its documents are planned, and told what was done.

    Both calls are made under the lock of the account's balance: no other payout is worked on meanwhile.
    """

    async def gate(self, payout: Payout, desired: Desired, soon: Collection[DocumentKey] = ()) -> Desired:
        """What may be written for a payout now, out of what the books want for it.

        It may hold documents back (they move to `parked`, with `follows` of what they wait for) or leave out a deposit
        that QBO already has. It is also asked by a preview and in a dry run, so it writes nothing anywhere but in its
        own tables. Documents that will be posted `soon` are not waited for: that is for a plan of all of a history.

        Raises:
            WescopeError: a system does not answer; the run is tried again.
        """

    async def days(self, found: StripeObject) -> tuple[Follow, ...]:
        """The days whose fees an object has changed, where fees are booked by day; see `wescope.books.balance_day`.

        Asked about every object that was read, under its own lock.

        Raises:
            StripeError: Stripe does not answer; the run is tried again.
        """

    async def settle(self, payout: Payout, applied: Sequence[Applied], parked: Sequence[Parked]) -> None:
        """Store the payout's result.

        Args:
            payout: as it was read.
            applied: the documents that stand as they should, with what was done.
            parked: those that do not, with the reason.

        Raises:
            WescopeError: it could not be stored; the run is tried again.
        """
