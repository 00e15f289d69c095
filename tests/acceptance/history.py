"""The business of the acceptance tests: what its customers buy, pay and get back, in August and in September 2026.

August is over when the service is installed, and comes by a backfill. September comes by webhooks. Everything is
ordered from the local Stripe over HTTP at stated days, so every run has the same objects, ids, amounts and dates.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

BEGIN = "2026-08-03"
"""The UTC day at whose start the local Stripe's clock stands."""

TWIN_NAME = "Quillfeather Mapmaking"
VENDOR_NAME = "Bob's Burger Joint"
"""A vendor of the QBO company has this name: QBO refuses a customer of the same."""

UNWRITABLE_NAME = 'Marrowbone: Charts\t"Atlas"'
"""QBO refuses a colon and a tab in a name."""

PEOPLE = ("Tamsin Oyelaran", "Ignatius Brandywine", "Xiomara Vandersloot", "Peregrine Hucklebee")
REGULARS = tuple(f"Regular Cartophile {number:02d}" for number in range(1, 13))


@dataclass(slots=True)
class Shop:
    """The merchant's side: orders what happens in Stripe. `post` is a POST to the local Stripe's control API.

    Attributes:
        ids: Stripe's ids by the names that the tests use for them.
    """

    post: Callable[..., Any]
    ids: dict[str, str] = field(default_factory=dict)

    def act(self, path: str, **values: Any) -> dict[str, Any]:
        """Have something happen now; what Stripe answers."""
        found: dict[str, Any] = self.post(f"/_sandbox/{path}", **values)
        return found

    def until(self, day: str, clock: str = "17:30") -> None:
        """Let the time pass until a moment of UTC."""
        now = self.act("advance", seconds=0)["now"]
        then = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC).timestamp()
        assert then >= now, f"it is later than {day} {clock}"
        self.act("advance", seconds=int(then - now))

    def customer(self, name: str | None) -> str:
        """A new customer with an e-mail address; its id, also under its name."""
        label = name or "nobody"
        email = f"{''.join(one for one in label.lower() if one.isalpha())}@cartophile.example"
        made = str(self.act("customers", name=name, email=email)["id"])
        self.ids.setdefault(label, made)
        return made

    def invoice(self, label: str, customer: str, *amounts: int, month: int = 9, **options: Any) -> str:
        """A finalized invoice with a line for each amount (minor units), each for the days of a month."""
        lines = [
            {"amount": amount, "description": f"Map sheet {number}", "period": _month(month)}
            for number, amount in enumerate(amounts, start=1)
        ]
        made = str(self.act("invoices", **{"customer": customer, "lines": lines, **options})["id"])
        self.ids[label] = made
        return made

    def paid(self, label: str, customer: str, *amounts: int, **options: Any) -> str:
        """The same, paid by card."""
        made = self.invoice(label, customer, *amounts, **options)
        self.act(f"invoices/{made}/pay")
        return made

    def refund(self, label: str, invoice: str, **values: Any) -> str:
        """Money of an invoice given back."""
        self.ids[label] = str(self.act("refunds", invoice=invoice, **values)["id"])
        return self.ids[label]

    def note(self, label: str, invoice: str, **values: Any) -> str:
        """A credit note."""
        self.ids[label] = str(self.act("credit_notes", invoice=invoice, **values)["id"])
        return self.ids[label]


def _month(number: int) -> tuple[int, int]:
    """From 9:00 UTC on the 1st to 9:00 UTC on the 28th of a month of 2026, in Unix seconds."""
    first, last = (datetime(2026, number, day, 9, tzinfo=UTC) for day in (1, 28))
    return int(first.timestamp()), int(last.timestamp())


def august(shop: Shop) -> None:
    """What happened before the service was there."""
    shop.until("2026-08-04")
    for name in (TWIN_NAME, *PEOPLE, VENDOR_NAME, UNWRITABLE_NAME, None):
        shop.customer(name)
    twin = shop.customer(TWIN_NAME)
    shop.ids["twin"] = twin
    tamsin, ignatius, xiomara, peregrine = (shop.ids[name] for name in PEOPLE)
    shop.ids["tax"] = str(shop.act("tax_rates", percentage="8.25", display_name="Sales tax")["id"])
    coupon = str(shop.act("coupons", name="Tenth", percent_off="10")["id"])
    shop.paid("two services", shop.ids[TWIN_NAME], 12_000, 3_456, month=8)
    taxed = [
        {"amount": 40_000, "description": "Atlas", "period": _month(8), "tax_rates": [shop.ids["tax"]]},
        {"amount": 9_999, "description": "Globe", "period": _month(8), "tax_rates": [shop.ids["tax"]]},
    ]
    options: dict[str, Any] = {"lines": taxed, "coupons": [coupon], "shipping": 995, "days_until_due": 30}
    shop.invoice("taxed, discounted, shipped", tamsin, **options)
    shop.act(f"invoices/{shop.ids['taxed, discounted, shipped']}/pay", amount=20_000)
    shop.invoice("written off", ignatius, 5_500, month=8)
    shop.act(f"invoices/{shop.ids['written off']}/mark_uncollectible")
    shop.act(f"invoices/{shop.invoice('voided', ignatius, 6_600, month=8)}/void")
    shop.until("2026-08-06", "05:10")  # the evening before in the books' calendar
    shop.refund("full refund", shop.paid("refunded in full", xiomara, 8_800, month=8))
    shop.ids["sale"] = str(shop.act("charges", amount=2_750, customer=peregrine, description="Folded map")["id"])
    shop.paid("of the vendor's name", shop.ids[VENDOR_NAME], 4_400, month=8)
    shop.paid("of the unwritable name", shop.ids[UNWRITABLE_NAME], 4_500, month=8)
    shop.paid("of nobody", shop.ids["nobody"], 4_600, month=8)
    shop.paid("of the twin", twin, 4_700, month=8)
    shop.act("invoices", customer=tamsin, lines=[{"amount": 100, "description": "Draft"}], finalize=False)
    shop.until("2026-08-14")


def regulars(shop: Shop) -> None:
    """September begins: one paid invoice for each of the regular customers."""
    shop.until("2026-09-02")
    for number, name in enumerate(REGULARS, start=1):
        shop.paid(f"regular {number}", shop.customer(name), 2_500 + 111 * number)


def september(shop: Shop) -> None:
    """What happens while the service is there."""
    _debtors(shop)
    _payments(shop)
    _credit_notes(shop)
    _money(shop)
    shop.until("2026-09-22", "20:00")


def _debtors(shop: Shop) -> None:
    tamsin, _, xiomara, _ = (shop.ids[name] for name in PEOPLE)
    shop.until("2026-09-03", "06:30")  # 23:30 of the 2nd in the books' calendar
    shop.invoice("late in the evening", tamsin, 7_100, 2_900)
    shop.invoice("with a term", xiomara, 15_000, days_until_due=45)
    shop.invoice("of two dates", xiomara, 3_100, effective_at=int(datetime(2026, 9, 1, 18, tzinfo=UTC).timestamp()))
    shop.invoice("free of charge", xiomara, 0)


def _payments(shop: Shop) -> None:
    tamsin, ignatius, _, peregrine = (shop.ids[name] for name in PEOPLE)
    shop.until("2026-09-04", "16:00")
    shop.act(f"invoices/{shop.ids['taxed, discounted, shipped']}/pay", amount=10_000)
    parts = shop.invoice("in three parts", peregrine, 30_000)
    for amount in (11_111, 11_111):
        shop.act(f"invoices/{parts}/pay", amount=amount)
    shop.until("2026-09-05", "16:00")
    shop.act(f"invoices/{parts}/pay")
    shop.act(f"invoices/{shop.ids['taxed, discounted, shipped']}/pay")
    shop.act(f"invoices/{shop.invoice('paid by check', ignatius, 8_400)}/pay", method="out_of_band")
    shop.act(f"invoices/{shop.invoice('by bank debit', ignatius, 9_300)}/pay", method="debit")
    shop.act(f"invoices/{shop.invoice('declined', ignatius, 1_900)}/pay", method="declined")
    one, two = shop.invoice("shared, one", tamsin, 6_000), shop.invoice("shared, two", tamsin, 4_250)
    shop.act("payments", shares={one: 6_000, two: 4_250})


def _credit_notes(shop: Shop) -> None:
    tamsin, ignatius, xiomara, peregrine = (shop.ids[name] for name in PEOPLE)
    shop.until("2026-09-08", "15:00")
    shop.note("before payment", shop.invoice("lowered", tamsin, 20_000), amount=5_000)
    shop.note("with refund", shop.paid("credited with refund", xiomara, 10_000), amount=3_000, refund_amount=3_000)
    shop.note("to balance", shop.paid("credited to balance", peregrine, 9_000), amount=4_000, credit_amount=4_000)
    check = shop.paid("credited by check", ignatius, 7_000)
    shop.note("by check", check, amount=1_500, out_of_band_amount=1_500)
    shop.note("voided note", shop.invoice("credited for a while", ignatius, 5_000), amount=2_000)
    shop.act(f"credit_notes/{shop.ids['voided note']}/void")
    shop.until("2026-09-09", "15:00")
    shop.paid("uses the balance", peregrine, 6_500)


def _money(shop: Shop) -> None:
    tamsin, ignatius, xiomara, peregrine = (shop.ids[name] for name in PEOPLE)
    shop.until("2026-09-10", "04:20")
    part = shop.paid("refunded in parts", xiomara, 20_000)
    shop.refund("first part", part, amount=5_000)
    shop.refund("second part", part, amount=2_345)
    shop.refund("canceled refund", shop.paid("not refunded after all", xiomara, 3_300), outcome="canceled")
    lost = shop.act("charges", amount=6_400, customer=ignatius, description="Disputed and lost")
    won = shop.act("charges", amount=7_600, customer=tamsin, description="Disputed and won")
    shop.until("2026-09-12", "15:00")
    shop.ids["lost dispute"] = str(shop.act("disputes", charge=lost["id"])["id"])
    shop.ids["won dispute"] = str(shop.act("disputes", charge=won["id"])["id"])
    for name in ("lost dispute", "won dispute"):
        shop.act(f"disputes/{shop.ids[name]}/respond")
    shop.act("charges", amount=1_200, description="To a guest")
    shop.act("balance_rows", type="stripe_fee", amount=-450, description="Billing usage")
    shop.until("2026-09-15", "15:00")
    shop.act(f"disputes/{shop.ids['lost dispute']}/lose")
    shop.act(f"disputes/{shop.ids['won dispute']}/win")
    shop.paid("last", peregrine, 5_150)
