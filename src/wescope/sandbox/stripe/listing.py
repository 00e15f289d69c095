"""Answers lists and retrieves: filters, pages, expansions."""

from typing import Any

from wescope.sandbox.stripe import parameters
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.deliverylog import DeliveryLog
from wescope.sandbox.stripe.errors import no_such
from wescope.sandbox.stripe.events import LoggedEvent
from wescope.sandbox.stripe.filters import FILTERS, tests_for
from wescope.sandbox.stripe.rendering import list_body
from wescope.sandbox.stripe.store import Resource
from wescope.sandbox.stripe.versions import LATEST, is_legacy, legacy_links, render_version

EVENTS_KEPT_S = 30 * 86_400
PAGING = ("limit", "starting_after", "ending_before", "expand")


class Reader:
    """The read API of one business.

    Args:
        business: What is read.
        deliveries: Which webhooks succeeded, for ``pending_webhooks``.
        version: API version of the account, in which events are served.
    """

    def __init__(self, business: Business, deliveries: DeliveryLog, *, version: str = LATEST) -> None:
        self._account = business.account
        self._store = business.account.store
        self._balances = business.balances
        self._deliveries = deliveries
        self._version = version

    def list_page(self, kind: str, url: str, values: dict[str, Any], version: str) -> Resource:
        """Return a page of the objects of a kind, newest first.

        Raises:
            StripeError: 400 as Stripe does for parameters.
        """
        parameters.refuse_unknown(values, (*FILTERS[kind], *PAGING))
        tests = tests_for(kind, self._store, values)
        everything = self._events() if kind == "event" else self._store.newest_first(kind)
        found = [one for one in everything if all(test(one) for test in tests)]
        return self._page(url, values, version, found=found, everything=everything)

    def lines(self, kind: str, owner: str, values: dict[str, Any], version: str) -> Resource:
        """Return a page of the lines of an ``invoice`` or ``credit_note``, in its order.

        Raises:
            StripeError: 404 when there is no such object, 400 for parameters.
        """
        parameters.refuse_unknown(values, PAGING)
        if self._store.get(kind, owner) is None:
            raise no_such(kind, owner, param=kind)
        lines = self._store.lines.get(owner, [])
        return self._page(f"/v1/{kind}s/{owner}/lines", values, version, found=lines, everything=lines)

    def balance_moves(self, customer_id: str, values: dict[str, Any], version: str) -> Resource:
        """Return a page of the customer balance transactions of a customer, newest first.

        Raises:
            StripeError: 404 when there is no such customer, 400 for parameters.
        """
        kind = "customer_balance_transaction"
        if self._store.get("customer", customer_id) is None:
            raise no_such("customer", customer_id, param="customer")
        parameters.refuse_unknown(values, (*FILTERS[kind], *PAGING))
        tests = tests_for(kind, self._store, values)
        everything = [one for one in self._store.newest_first(kind) if one["customer"] == customer_id]
        found = [one for one in everything if all(test(one) for test in tests)]
        url = f"/v1/customers/{customer_id}/balance_transactions"
        return self._page(url, values, version, found=found, everything=everything)

    def balance_move(self, customer_id: str, identifier: str, values: dict[str, Any], version: str) -> Resource:
        """Return one customer balance transaction of a customer.

        Raises:
            StripeError: 404 when the customer has none with this id, 400 for parameters.
        """
        parameters.refuse_unknown(values, ("expand",))
        return self._rendered(self._balances.find(customer_id, identifier), parameters.expansions(values), version)

    def retrieve(self, kind: str, identifier: str, values: dict[str, Any], version: str) -> Resource:
        """Return one object.

        Raises:
            StripeError: 404 when there is none, 400 for parameters.
        """
        parameters.refuse_unknown(values, ("expand",))
        expand = parameters.expansions(values)
        if kind == "event":
            return self._event(identifier)
        found = self._store.get(kind, identifier)
        if found is None:
            raise no_such(kind, identifier, param="intent" if kind == "payment_intent" else "id")
        return self._rendered(found, expand, version)

    def thin_event(self, thin_id: str) -> Resource:
        """Return a thin event as ``/v2/core/events`` serves it.

        Raises:
            StripeError: 404 when there is none.
        """
        event = self._account.log.by_thin_id(thin_id)
        if event is None:
            raise no_such("event", thin_id)
        return self._account.log.thin_body(event, full=True)

    def _rendered(self, one: Resource, expand: list[str], version: str) -> Resource:
        if one["object"] == "event":
            return one
        body = self._account.renderer.render(one, expand)
        if not is_legacy(version):
            return body
        return render_version(self._store, body, legacy_links(self._store, one), version)

    def _page(
        self,
        url: str,
        values: dict[str, Any],
        version: str,
        *,
        found: list[Resource],
        everything: list[Resource],
    ) -> Resource:
        page = parameters.page(values)
        expand = parameters.expansions(values)
        cursor = page.starting_after or page.ending_before
        if cursor is not None and not any(one["id"] == cursor for one in everything):
            name = "starting_after" if page.starting_after else "ending_before"
            raise no_such(everything[0]["object"] if everything else "object", cursor, param=name, status=400)
        chosen, has_more = _cut(found, everything, page)
        body = list_body([self._rendered(one, [], version) for one in chosen], url=url, has_more=has_more)
        return self._account.renderer.expand(body, expand) if expand else body

    def _event(self, identifier: str) -> Resource:
        event = self._account.log.get(identifier)
        if event is None or event.created < self._account.clock.now() - EVENTS_KEPT_S:
            raise no_such("event", identifier)
        return self._event_body(event)

    def _events(self) -> list[Resource]:
        oldest = self._account.clock.now() - EVENTS_KEPT_S
        kept = [event for event in self._account.log.all()[::-1] if event.created >= oldest]
        return [self._event_body(event) for event in sorted(kept, key=lambda event: -event.created)]

    def _event_body(self, event: LoggedEvent) -> Resource:
        pending = self._deliveries.pending(event.event_id)
        return self._account.log.snapshot_body(event, pending_webhooks=pending, version=self._version)


def _cut(found: list[Resource], everything: list[Resource], page: parameters.Page) -> tuple[list[Resource], bool]:
    """Return the objects of a page and whether more follow in its direction.

    The cursor need not pass the filters itself: positions are those in ``everything``.
    """
    position = {one["id"]: index for index, one in enumerate(everything)}
    if page.starting_after is not None:
        found = [one for one in found if position[one["id"]] > position[page.starting_after]]
    if page.ending_before is not None:
        found = [one for one in found if position[one["id"]] < position[page.ending_before]]
        return found[-page.limit :], len(found) > page.limit
    return found[: page.limit], len(found) > page.limit
