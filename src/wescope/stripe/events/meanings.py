"""What an event can mean: an object to look at again, or nothing, with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wescope.books.subjects import SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """The event's object is looked at again.

    `id_field` is the field of `data.object` that holds the subject's id. A thin notification has no such object: its
    related object is the subject then, and the reader finds the owner. `rather` names fields of the object, the best
    first: the first that it has is the subject instead (of a list its first entry), so that events about one movement
    of money are looked at together. `matters` tells from `data` whether a snapshot event changes anything; thin
    notifications always do.
    """

    kind: SubjectKind
    id_field: str = "id"
    rather: tuple[tuple[str, SubjectKind], ...] = ()
    matters: Callable[[Mapping[str, Any]], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The event is known and changes no document; the reason says why."""

    reason: str


Meaning = Handled | Acknowledged

_BALANCES = ("balance", "account_balance", "invoice_credit_balance")


def balance_changed(data: Mapping[str, Any]) -> bool:
    """Whether a customer's balance is among what changed; also if the event does not say what changed."""
    before = data.get("previous_attributes")
    return not isinstance(before, Mapping) or any(name in before for name in _BALANCES)


def has_balance(data: Mapping[str, Any]) -> bool:
    """Whether the customer of an event has a balance."""
    customer = data.get("object")
    return isinstance(customer, Mapping) and any(customer.get(name) for name in _BALANCES)
