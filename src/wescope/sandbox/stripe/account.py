"""What every part of the stand-in's business shares: identifiers, objects, events and time."""

from collections.abc import Iterable

from wescope.sandbox.stripe.clock import Clock
from wescope.sandbox.stripe.currency import Settlement
from wescope.sandbox.stripe.events import EventLog
from wescope.sandbox.stripe.ids import Identifiers
from wescope.sandbox.stripe.money import Fees
from wescope.sandbox.stripe.rendering import Renderer
from wescope.sandbox.stripe.store import Resource, Store


class Account:
    """One Stripe account, in test mode unless it goes live.

    Args:
        seed: Of every identifier.
        clock: The account's time.
    """

    def __init__(self, *, seed: int, clock: Clock) -> None:
        self.clock = clock
        self.ids = Identifiers(seed=seed)
        self.store = Store()
        self.renderer = Renderer(self.store, clock.now)
        self.log = EventLog(ids=self.ids, store=self.store, renderer=self.renderer)
        self.api_key = f"sk_test_{self.ids.text('key', length=99)}"
        self.webhook_secret = f"whsec_{self.ids.text('webhook', length=32)}"
        self.restricted_keys: dict[str, frozenset[str]] = {}
        self.settlement = Settlement(seed=seed)
        self.fees = Fees()
        self.country = "US"
        self.payout_interval = "daily"
        self.late_failure_of_uncollectible = "open"

    @property
    def live(self) -> bool:
        """Whether its key is of the live mode."""
        return self.api_key.startswith("sk_live_")

    def go_live(self) -> None:
        """Have a key of the live mode instead of that of the test mode; all else stays."""
        self.api_key = self.api_key.replace("sk_test_", "sk_live_")

    def resource(self) -> Resource:
        """Return the account object that ``GET /v1/account`` answers."""
        return {
            "id": self.ids.account,
            "object": "account",
            "business_profile": {"name": "Cartographic Supply", "mcc": None, "url": None, "product_description": None},
            "business_type": "company",
            "capabilities": {"card_payments": "active", "transfers": "active"},
            "charges_enabled": True,
            "controller": {"type": "account"},
            "country": self.country,
            "created": 1_577_836_800,
            "default_currency": self.settlement.default,
            "details_submitted": True,
            "email": "owner@example.com",
            "metadata": {},
            "payouts_enabled": True,
            "settings": {
                "bacs_debit_payments": {"display_name": None, "service_user_number": None},
                "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
                "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
                "card_payments": {
                    "decline_on": {"avs_failure": True, "cvc_failure": True},
                    "statement_descriptor_prefix": None,
                    "statement_descriptor_prefix_kana": None,
                    "statement_descriptor_prefix_kanji": None,
                },
                "dashboard": {"display_name": "Cartographic Supply", "timezone": "America/Los_Angeles"},
                "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
                "payments": dict.fromkeys(
                    (
                        "statement_descriptor",
                        "statement_descriptor_kana",
                        "statement_descriptor_kanji",
                        "statement_descriptor_prefix_kana",
                        "statement_descriptor_prefix_kanji",
                    )
                ),
                "payouts": {
                    "debit_negative_balances": True,
                    "schedule": {"delay_days": 2, "interval": self.payout_interval},
                    "statement_descriptor": None,
                },
                "sepa_debit_payments": {},
            },
            "type": "standard",
        }

    def balance(self) -> Resource:
        """Return the balance that ``GET /v1/balance`` answers: the net of all balance transactions by status."""
        totals = {status: dict.fromkeys(self.settlement.currencies, 0) for status in ("available", "pending")}
        for transaction in self.store.all("balance_transaction"):
            if transaction.get("balance_type", "payments") == "payments":
                amounts = totals[self.renderer.render(transaction)["status"]]
                amounts[transaction["currency"]] = amounts.get(transaction["currency"], 0) + transaction["net"]
        return {
            "object": "balance",
            "livemode": False,
            **{status: _balance_amounts(amounts.items()) for status, amounts in totals.items()},
        }


def _balance_amounts(amounts: Iterable[tuple[str, int]]) -> list[Resource]:
    return [{"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in amounts]
