"""Currencies: foreign invoices settled at home or in their own money, other decimals, and what QBO cannot take.

The company's own rate is 1.10 dollars for a euro, so A/R of 100 euros is 110.00; Stripe converts at 1.0825. What a
payment brings less (or more) than the receivable stood for is realised: "Exchange Gain or Loss", a loss is a debit.
"""

from collections.abc import Callable
from typing import Any

from tests.situations.case import Case
from tests.situations.scene import Scene
from wescope.books.policy import AccountRole, Policy
from wescope.config import PolicyFile

AR, AR_EUR, CLEARING = "Accounts Receivable (A/R)", "Accounts Receivable (A/R) - EUR", "Stripe Clearing"
SALES, GAIN, BANK, FEES = "Sales of Product Income", "Exchange Gain or Loss", "Checking", "Stripe Fees"
REFUNDS, DISPUTES, BAD_DEBT = "Stripe Refunds", "Stripe Disputes", "Bad Debts"
CLEARING_EUR, BANK_EUR = "Stripe Clearing EUR", "Checking EUR"

MULTICURRENCY = {"multicurrency": True}
AT_110 = {"2026-01-01": {"EUR": "1.10"}}
AT_120 = {"2026-01-01": {"EUR": "1.20"}}
CONVERTS = {"rates": {"eur": "1.0825"}, "rate_drift": 0}
KEEPS_EUROS = {"settlement_currencies": ["usd", "eur"]}
BY_CURRENCY = PolicyFile(
    accounts_by_currency={(AccountRole.CLEARING, "eur"): CLEARING_EUR, (AccountRole.BANK, "eur"): BANK_EUR}
)


def _invoiced(scene: Scene, amount: int = 10_000, currency: str = "eur", **customer: Any) -> str:
    scene.at("2026-09-10T18:00:00Z")
    return scene.invoice(scene.customer(**customer), amount, currency=currency)


def _paid(scene: Scene, amount: int = 10_000, currency: str = "eur") -> str:
    invoice = _invoiced(scene, amount, currency)
    return scene.at("2026-09-15T18:00:00Z").pay(invoice)


def _paid_in(amount: int, currency: str) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        _paid(scene, amount, currency)

    return play


def _partial(scene: Scene) -> None:
    invoice = _invoiced(scene)
    scene.at("2026-09-15T18:00:00Z").pay(invoice, amount=6000)


def _refund_at_another_rate(scene: Scene) -> None:
    charge = _paid(scene)
    scene.at("2026-09-20T18:00:00Z").do("set_account", rates={"eur": "1.05"})
    scene.do("create_refund", charge=charge, amount=10_000)


def _part_refunded_twice(scene: Scene) -> None:
    charge = _paid(scene)
    scene.at("2026-09-20T18:00:00Z").do("create_refund", charge=charge, amount=3333)
    scene.at("2026-10-20T18:00:00Z").do("create_refund", charge=charge, amount=3333)


def _credit_note(scene: Scene) -> None:
    invoice = _invoiced(scene)
    scene.at("2026-09-12T18:00:00Z").do("create_credit_note", invoice=invoice, amount=3000)
    scene.at("2026-09-15T18:00:00Z").pay(invoice)


def _write_off(scene: Scene) -> None:
    invoice = _invoiced(scene)
    scene.at("2026-10-15T18:00:00Z").do("mark_uncollectible", id=invoice)


def _dispute(scene: Scene) -> None:
    charge = _paid(scene)
    scene.at("2026-09-25T18:00:00Z").do("set_account", rates={"eur": "1.05"})
    scene.do("create_dispute", charge=charge)


def _guest(scene: Scene) -> None:
    scene.at("2026-09-15T18:00:00Z").do("create_charge", amount=5000, currency="eur")


def _payout(scene: Scene) -> None:
    _paid(scene)
    scene.at("2026-09-24T18:00:00Z")


def _two_currencies(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    customer = scene.customer()
    scene.invoice(customer, 8000)
    scene.invoice(customer, 10_000, currency="eur")


def _three_whole_currencies(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    customer = scene.customer()
    bills = ((150_000, "isk"), (3_700_000, "ugx"), (1_234_567, "huf"))
    invoices = [scene.invoice(customer, amount, currency=currency) for amount, currency in bills]
    scene.at("2026-09-15T18:00:00Z")
    for invoice in invoices:
        scene.pay(invoice)


def _debit(scene: Scene, *, fails: str) -> None:
    invoice = _invoiced(scene)
    scene.at("2026-09-11T18:00:00Z").pay(invoice, method="debit")
    scene.at("2026-09-16T18:00:00Z").do("set_account", rates={"eur": "1.05"})
    (charge,) = scene.business.account.store.all("charge")
    scene.at(fails).do("fail_charge_later", id=charge["id"])


def _fails_in_its_month(scene: Scene) -> None:
    _debit(scene, fails="2026-09-25T18:00:00Z")


def _fails_a_month_later(scene: Scene) -> None:
    _debit(scene, fails="2026-10-05T18:00:00Z")


def _overpaid(scene: Scene) -> None:
    invoice = _invoiced(scene)
    scene.at("2026-09-15T18:00:00Z").pay(invoice, amount=12_000, overpay=True)


def _two_invoices_one_payment(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    customer = scene.customer()
    shares = {scene.invoice(customer, amount, currency="eur"): amount for amount in (6000, 4000)}
    scene.at("2026-09-15T18:00:00Z").do("pay_shared", shares=shares)


def _void_a_month_later(scene: Scene) -> None:
    invoice = _invoiced(scene)
    scene.at("2026-10-15T18:00:00Z").do("void_invoice", id=invoice)


def _seventy(scene: Scene) -> None:
    _paid(scene, 7000)


def _switch_multicurrency_on(desk: Any, _scene: Scene) -> None:
    assert desk.records("Invoice") == []
    desk.qbo.company.turn(multicurrency=True)


def _take_foreign_guests(desk: Any, _scene: Scene) -> None:
    assert desk.records("SalesReceipt") == []
    desk.qbo.company.turn(foreign_guests=True)


def _keep_more_digits(desk: Any, _scene: Scene) -> None:
    assert desk.balance(CLEARING) == 0
    assert desk.balance(AR_EUR) == 77
    assert desk.records("Payment") == []
    desk.qbo.company.turn(exchange_rate_digits=10)


CURRENCIES = (
    Case(
        name="euro_invoice_settled_in_dollars",
        story="100 euros are billed (110.00 at the company's rate) and paid: Stripe settles 108.25, which is what "
        "reaches clearing; 1.75 is a realised exchange loss.",
        play=_paid_in(10_000, "eur"),
        balances={CLEARING: "108.25", SALES: "-110.00", GAIN: "1.75"},
        dates={"in_1:invoice": "2026-09-10", "ch_1:payment": "2026-09-15"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_invoice_settled_to_the_cent",
        story="Stripe's rate alone would give 75.775 dollars for 70 euros; Stripe settled 75.78, and so does the book.",
        play=_seventy,
        balances={CLEARING: "75.78", SALES: "-77.00", GAIN: "1.22"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_invoice_paid_in_part",
        story="60 of 100 euros are paid: 64.95 in clearing for 66.00 of the receivable; 40 euros stay open at 1.10.",
        play=_partial,
        balances={CLEARING: "64.95", AR_EUR: "44.00", SALES: "-110.00", GAIN: "1.05"},
        open={"Ada Lovelace EUR": "40.00"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_refund_on_another_day",
        story="100 euros came in at 1.0825 and go back five days later at 1.05: 3.25 dollars stay in clearing, and the "
        "refund costs 105.00.",
        play=_refund_at_another_rate,
        balances={CLEARING: "3.25", SALES: "-110.00", GAIN: "1.75", REFUNDS: "105.00"},
        dates={"re_1:refund_receipt": "2026-09-20"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_refunds_in_parts",
        story="Twice 33.33 euros are refunded, each settled at 36.08 by Stripe: each refund receipt is exactly that.",
        play=_part_refunded_twice,
        balances={CLEARING: "36.09", SALES: "-110.00", GAIN: "1.75", REFUNDS: "72.16"},
        dates={"re_1:refund_receipt": "2026-09-20", "re_2:refund_receipt": "2026-10-20"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_credit_note",
        story="30 of 100 euros are credited before payment at the company's rate; 70 are paid and settled at 75.78.",
        play=_credit_note,
        balances={CLEARING: "75.78", SALES: "-77.00", GAIN: "1.22"},
        dates={"cn_1:credit_memo": "2026-09-12", "cn_1:application": "2026-09-12"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_write_off",
        story="100 euros billed at 1.10 are written off in October at 1.12: 112.00 of bad debt, 2.00 realised gain.",
        play=_write_off,
        balances={SALES: "-110.00", BAD_DEBT: "112.00", GAIN: "-2.00"},
        dates={"in_1:write_off": "2026-10-15"},
        knobs=MULTICURRENCY,
        rates={"2026-01-01": {"EUR": "1.10"}, "2026-10-01": {"EUR": "1.12"}},
        stripe=CONVERTS,
    ),
    Case(
        name="euro_dispute",
        story="100 euros that came in as 108.25 are disputed when the euro is at 1.05: Stripe takes 105.00 dollars, "
        "and that is the chargeback. Its fee comes with the payout.",
        play=_dispute,
        balances={CLEARING: "3.25", SALES: "-110.00", GAIN: "1.75", DISPUTES: "105.00"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_sale_to_a_guest",
        story="A guest pays 50 euros without an invoice; Stripe settles 54.13 (54.125, half up), which is the revenue.",
        play=_guest,
        balances={CLEARING: "54.13", SALES: "-54.13"},
        dates={"ch_1:sales_receipt": "2026-09-15"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_invoice_paid_out_in_dollars",
        story="The 108.25 dollars of a euro invoice are paid out less Stripe's fee of 3.44 (2.9 % + 0.30).",
        play=_payout,
        balances={BANK: "104.81", FEES: "3.44", SALES: "-110.00", GAIN: "1.75"},
        payouts="daily",
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="customer_with_two_currencies",
        story="One Stripe customer owes dollars and euros: QBO has a customer for each, as its customers have one "
        "currency.",
        play=_two_currencies,
        balances={AR: "80.00", AR_EUR: "110.00", SALES: "-190.00"},
        open={"Ada Lovelace": "80.00", "Ada Lovelace EUR": "100.00"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euros_kept_and_paid_out_in_euros",
        story="Stripe keeps a euro balance: 100 euros go through the euro clearing account to the euro bank account "
        "less 3.15 of fees (2.9 % + 0.25), all at the company's 1.20.",
        play=_payout,
        balances={BANK_EUR: "116.22", FEES: "3.78", SALES: "-120.00"},
        payouts="daily",
        knobs=MULTICURRENCY,
        file=BY_CURRENCY,
        rates=AT_120,
        stripe=KEEPS_EUROS,
    ),
    Case(
        name="euros_paid_out_at_another_rate",
        story="The euro came in at 1.20 and is paid out at 1.40: the euro clearing account is at zero in euros, and "
        "the 20.00 that are left of it in dollars are what QBO's own currency revaluation books.",
        play=_payout,
        balances={BANK_EUR: "135.59", FEES: "4.41", SALES: "-120.00", CLEARING_EUR: "-20.00"},
        payouts="daily",
        knobs=MULTICURRENCY,
        file=BY_CURRENCY,
        rates={"2026-01-01": {"EUR": "1.20"}, "2026-09-16": {"EUR": "1.40"}},
        stripe=KEEPS_EUROS,
    ),
    Case(
        name="euros_kept_without_an_account",
        story="Stripe keeps a euro balance, but the policy names no euro clearing account: the payment is parked.",
        play=_paid_in(10_000, "eur"),
        balances={AR_EUR: "120.00", SALES: "-120.00"},
        open={"Ada Lovelace EUR": "100.00"},
        parked={"ch_1:payment": "account_missing"},
        difference="200.00",  # euros: 100 that the customer does not owe, 100 that clearing lacks
        knobs=MULTICURRENCY,
        rates=AT_120,
        stripe=KEEPS_EUROS,
    ),
    Case(
        name="yen",
        story="12,345 yen are billed (81.48 at the company's 0.0066), paid and settled at 82.71: a gain of 1.23.",
        play=_paid_in(12_345, "jpy"),
        balances={CLEARING: "82.71", SALES: "-81.48", GAIN: "-1.23"},
        knobs=MULTICURRENCY,
        rates={"2026-01-01": {"JPY": "0.0066"}},
        stripe={"rates": {"jpy": "0.0067"}, "rate_drift": 0},
    ),
    Case(
        name="kuwaiti_dinars",
        story="12.340 dinars have three decimals, the last of them 0: 39.49 at the company's 3.20, settled at 40.11.",
        play=_paid_in(12_340, "kwd"),
        balances={CLEARING: "40.11", SALES: "-39.49", GAIN: "-0.62"},
        knobs=MULTICURRENCY,
        rates={"2026-01-01": {"KWD": "3.20"}},
        stripe={"rates": {"kwd": "3.25"}, "rate_drift": 0},
    ),
    Case(
        name="krona_shillings_and_forints",
        story="1,500 krona, 37,000 shillings and 12,345.67 forints come with two decimals from Stripe: 10.50 + 11.10 + "
        "33.33 are billed, 10.80 + 9.99 + 33.46 are settled.",
        play=_three_whole_currencies,
        balances={CLEARING: "54.25", SALES: "-54.93", GAIN: "0.68"},
        knobs=MULTICURRENCY,
        rates={"2026-01-01": {"ISK": "0.0070", "UGX": "0.00030", "HUF": "0.0027"}},
        stripe={"rates": {"isk": "0.0072", "ugx": "0.00027", "huf": "0.00271"}, "rate_drift": 0},
    ),
    Case(
        name="yen_settled_in_euros",
        story="The books are in dollars, the invoice is in yen and Stripe settles it in euros: QBO takes one foreign "
        "currency per transaction, so the payment is parked and the invoice stays open.",
        play=_paid_in(10_000, "jpy"),
        balances={"Accounts Receivable (A/R) - JPY": "66.00", SALES: "-66.00"},
        open={"Ada Lovelace JPY": "10000.00"},
        parked={"ch_1:payment": "two_foreign_currencies"},
        difference="62.00 EUR + 10000 JPY",
        knobs=MULTICURRENCY,
        file=BY_CURRENCY,
        rates={"2026-01-01": {"JPY": "0.0066", "EUR": "1.10"}},
        stripe={"default_currency": "eur", "rates": {"jpy": "0.0062"}, "rate_drift": 0},
    ),
    Case(
        name="multicurrency_is_off",
        story="QBO's multicurrency is off: nothing of the euro invoice can be posted, and all of it is named.",
        play=_paid_in(10_000, "eur"),
        balances={},
        parked={
            "cus_1:customer:eur": "exchange_rate_missing",
            "in_1:invoice": "waiting",
            "ch_1:payment": "waiting",
        },
        difference="108.25",
        stripe=CONVERTS,
    ),
    Case(
        name="multicurrency_is_switched_on",
        story="Multicurrency was off when the euro invoice came; after it is switched on, invoice and payment follow "
        "by themselves.",
        play=_paid_in(10_000, "eur"),
        balances={CLEARING: "108.25", SALES: "-110.00", GAIN: "1.75"},
        then=(_switch_multicurrency_on,),
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_debit_fails_in_its_month",
        story="A bank debit of 100 euros fails in the month in which it came: the payment is voided, no trace of "
        "Stripe's rate is left, and the invoice is open again.",
        play=_fails_in_its_month,
        balances={AR_EUR: "110.00", SALES: "-110.00"},
        open={"Ada Lovelace EUR": "100.00"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_debit_fails_a_month_later",
        story="The debit of 100 euros (108.25 dollars) fails in October: a journal entry takes the same 108.25 out of "
        "clearing and lets the customer owe 100 euros again; the loss of 1.75 on the invoice stays.",
        play=_fails_a_month_later,
        balances={AR_EUR: "108.25", SALES: "-110.00", GAIN: "1.75"},
        open={"Ada Lovelace EUR": "100.00"},
        dates={"py_1:reversal": "2026-10-05"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="qbo_rounds_the_rate",
        story="QBO keeps two decimals of an exchange rate, so 70 euros would be 75.60 instead of 75.78 in clearing: "
        "noticed, taken back and parked. When QBO keeps the whole rate, the payment follows by itself.",
        play=_seventy,
        balances={CLEARING: "75.78", SALES: "-77.00", GAIN: "1.22"},
        then=(_keep_more_digits,),
        knobs={**MULTICURRENCY, "exchange_rate_digits": 2},
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_overpayment",
        story="120 euros are paid for 100: 129.90 in clearing; the 20 too much stay with the customer at the rate at "
        "which they came, 21.65.",
        play=_overpaid,
        balances={CLEARING: "129.90", AR_EUR: "-21.65", SALES: "-110.00", GAIN: "1.75"},
        open={"Ada Lovelace EUR": "-20.00"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="two_euro_invoices_and_one_payment",
        story="One payment of 100 euros pays invoices of 60 and 40: one QBO payment with two links.",
        play=_two_invoices_one_payment,
        balances={CLEARING: "108.25", SALES: "-110.00", GAIN: "1.75"},
        knobs=MULTICURRENCY,
        rates=AT_110,
        stripe=CONVERTS,
    ),
    Case(
        name="euro_void_a_month_later",
        story="100 euros billed at 1.10 are voided in October at 1.12: the credit memo is of October's rate, and what "
        "it is more than the invoice is a realised gain; together nothing is left.",
        play=_void_a_month_later,
        balances={SALES: "2.00", GAIN: "-2.00"},
        dates={"in_1:invoice": "2026-09-10", "in_1:reversal": "2026-10-15"},
        knobs=MULTICURRENCY,
        rates={"2026-01-01": {"EUR": "1.10"}, "2026-10-01": {"EUR": "1.12"}},
        stripe=CONVERTS,
    ),
    Case(
        name="dollars_in_a_british_company",
        story="Books in pounds: 100 dollars are 80.00 at the company's rate and settled at 78.00.",
        play=_paid_in(10_000, "usd"),
        balances={CLEARING: "78.00", SALES: "-80.00", GAIN: "2.00"},
        knobs={**MULTICURRENCY, "country": "GB", "home_currency": "GBP"},
        policy=Policy(home_currency="gbp"),
        rates={"2026-01-01": {"USD": "0.80"}},
        stripe={"default_currency": "gbp", "settlement_currencies": ["gbp"], "rates": {"usd": "0.78"}, "rate_drift": 0},
    ),
    Case(
        name="euro_sale_to_a_guest_is_refused",
        story="QBO refuses a foreign sale without a customer: it is parked, and follows by itself when QBO takes it.",
        play=_guest,
        balances={CLEARING: "54.13", SALES: "-54.13"},
        then=(_take_foreign_guests,),
        knobs={**MULTICURRENCY, "foreign_guests": False},
        rates=AT_110,
        stripe=CONVERTS,
    ),
)
