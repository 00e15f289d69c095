"""The life of one invoice, step by step: what happens in Stripe, its webhooks, and what QBO has of it right then."""

from dataclasses import dataclass, field

from tests.acceptance.books_side import TRANSACTIONS, BooksSide, Json, stripe_id
from tests.acceptance.stripe_side import StripeSide
from tests.acceptance.world import World


@dataclass(slots=True)
class Life:
    """What QBO had after each step, and Stripe's objects at the end."""

    ids: dict[str, str] = field(default_factory=dict)
    had: dict[str, dict[str, int]] = field(default_factory=dict)
    books: BooksSide | None = None
    stripe: StripeSide | None = None

    def document(self, entity: str, name: str) -> Json:
        """The one document of an object of this life."""
        assert self.books is not None
        return self.books.one(entity, self.ids[name])

    def object(self, name: str) -> Json:
        """The object as Stripe has it."""
        assert self.stripe is not None
        return self.stripe.one(self.ids[name])


def live(world: World) -> Life:
    """Draft, finalized, paid, refunded in part, credited, paid out: after each step the webhooks are sent."""
    life, shop = Life(), world.shop
    customer = shop.customer("Wilhelmina Fernsby")
    life.ids["customer"] = customer
    lines = [{"amount": 24_000, "description": "Survey"}]
    life.ids["invoice"] = str(shop.act("invoices", customer=customer, lines=lines, finalize=False)["id"])
    _look(world, life, "a draft")
    shop.act(f"invoices/{life.ids['invoice']}/finalize")
    _look(world, life, "finalized")
    shop.act(f"invoices/{life.ids['invoice']}/pay")
    life.ids["charge"] = _newest(world, "charges")
    _look(world, life, "paid")
    life.ids["refund"] = shop.refund("of a life", life.ids["invoice"], amount=4_000)
    life.ids["note"] = shop.note("of a life too", life.ids["invoice"], amount=1_000, credit_amount=1_000)
    _look(world, life, "refunded and credited")
    life.ids["payout"] = str(world.next_payout()["id"])
    _look(world, life, "on its way to the bank")
    shop.act("advance", days=4)
    _look(world, life, "at the bank")
    life.books, life.stripe = world.read_books(), world.read_stripe()
    return life


def _look(world: World, life: Life, step: str) -> None:
    """Send the webhooks of a step, and note how many documents of this life QBO has of each kind."""
    world.tell()
    books, ours = world.read_books(), set(life.ids.values())
    life.had[step] = {
        entity: count
        for entity in TRANSACTIONS
        if (count := sum(stripe_id(one) in ours for one in books.objects[entity]))
    }


def _newest(world: World, kind: str) -> str:
    return str(world.read_stripe().objects[kind][0]["id"])
