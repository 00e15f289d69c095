"""The fields of Stripe's objects that the product reads; `tests.live.recording` reads them off the readers at work."""

from tests.live.model import Kind, Mark, Reliance, Side


def _object(
    name: str, relied_on: str, *, section: str, places: tuple[str, ...], fields: str, optional: str = ""
) -> Reliance:
    return Reliance(
        side=Side.STRIPE,
        kind=Kind.FIELDS,
        name=name,
        relied_on=relied_on,
        places=places,
        marks=(Mark.SPECIFICATION,),
        source=f"stripe.md {section}",
        probe="stripe.fields",
        fields=tuple(fields.split()),
        optional=tuple(optional.split()),
    )


FIELDS: tuple[Reliance, ...] = (
    _object(
        "account",
        "how payouts are made, the default currency, the country",
        section="2.8",
        places=(
            "wescope.stripe.ledger:LedgerReader.manual_payouts",
            "wescope.stripe.reader:StripeReader.account",
        ),
        fields="settings.payouts.schedule.interval",
        optional="country default_currency settings.dashboard.timezone",
    ),
    _object(
        "balance_transaction",
        "what moved, in settlement currency: amount, fee, net, rate, category, source, moment",
        section="1",
        places=("wescope.stripe.parsing.balance:parse_balance_row",),
        fields=(
            "amount available_on created currency fee fee_details.amount fee_details.currency fee_details.description "
            "fee_details.type net reporting_category source.charge source.object source.payment_intent type"
        ),
        optional="exchange_rate",
    ),
    _object(
        "charge",
        "gross in presentment currency, how much was captured, its rows, its payment intent, whose it is",
        section="1",
        places=("wescope.stripe.parsing.charges:parse_charge",),
        fields="amount amount_captured amount_refunded captured created currency disputed metadata status",
        optional="balance_transaction customer dispute failure_balance_transaction invoice payment_intent",
    ),
    _object(
        "credit_note",
        "what was credited before and after payment, its refunds, what went to the balance or out of band",
        section="2.5",
        places=("wescope.stripe.parsing.credit_notes:parse_credit_note",),
        fields=(
            "created currency customer invoice lines.data lines.has_more number post_payment_amount "
            "pre_payment_amount refunds.amount_refunded refunds.refund refunds.type status total "
            "total_taxes.tax_rate_details.tax_rate.effective_percentage total_taxes.tax_rate_details.tax_rate.id"
        ),
        optional=(
            "customer_balance_transaction default_tax_rates effective_at out_of_band_amount shipping_cost tax_rates "
            "voided_at"
        ),
    ),
    _object(
        "credit_note_line_item",
        "amounts, discounts and taxes of the lines, and which invoice lines they credit",
        section="2.5",
        places=("wescope.stripe.parsing.credit_notes:parse_credit_note",),
        fields=(
            "amount discount_amount discount_amounts.amount discount_amounts.discount pretax_credit_amounts.type "
            "tax_rates.effective_percentage tax_rates.id taxes.amount taxes.tax_behavior "
            "taxes.tax_rate_details.tax_rate"
        ),
        optional="default_tax_rates description invoice_line_item quantity total_taxes unit_amount unit_amount_decimal",
    ),
    _object(
        "customer",
        "name and currency for QBO, and the balance",
        section="2.4",
        places=("wescope.stripe.parsing.customers:parse_customer",),
        fields="",
        optional="balance currency deleted email name",
    ),
    _object(
        "customer_balance_transaction",
        "every move of a customer's balance, and which invoice or credit note made it",
        section="2.4",
        places=("wescope.stripe.parsing.customers:parse_balance_move",),
        fields="amount created currency ending_balance type",
        optional="credit_note invoice",
    ),
    _object(
        "dispute",
        "its rows, charge and status",
        section="2.7",
        places=("wescope.stripe.parsing.disputes:parse_dispute",),
        fields="amount balance_transactions charge.customer created currency reason status",
        optional="customer",
    ),
    _object(
        "invoice",
        "total, what is due, paid, credited, on the balance; its moments; customer as it was when it was finalized",
        section="1",
        places=("wescope.stripe.parsing.invoices:parse_invoice",),
        fields=(
            "amount_due amount_overpaid amount_paid amount_paid_off_stripe amount_remaining attempted created "
            "currency customer default_tax_rates from_invoice.action from_invoice.invoice lines.data lines.has_more "
            "payments.data payments.has_more post_payment_credit_notes_amount pre_payment_credit_notes_amount "
            "shipping_cost.amount_subtotal shipping_cost.amount_tax shipping_cost.amount_total "
            "shipping_cost.taxes.amount shipping_cost.taxes.rate.effective_percentage shipping_cost.taxes.rate.id "
            "shipping_cost.taxes.rate.inclusive starting_balance status_transitions.finalized_at "
            "status_transitions.marked_uncollectible_at status_transitions.paid_at status_transitions.voided_at total "
            "total_taxes.tax_rate_details.tax_rate.effective_percentage total_taxes.tax_rate_details.tax_rate.id"
        ),
        optional=(
            "charge customer_email customer_name deleted due_date effective_at ending_balance finalized_at number "
            "paid_out_of_band status tax_rates"
        ),
    ),
    _object(
        "invoice_payment",
        "which payment pays which invoice, how much, when",
        section="2.3",
        places=("wescope.stripe.parsing.invoice_payments:parse_payment_part",),
        fields=(
            "amount_requested currency invoice payment.payment_intent payment.payment_record payment.type status "
            "status_transitions.paid_at"
        ),
        optional="amount_paid",
    ),
    _object(
        "line_item",
        "amount, period, discounts, credits, taxes, price and product of a line",
        section="1",
        places=("wescope.stripe.parsing.lines:parse_line",),
        fields=(
            "amount currency discount_amounts.amount discount_amounts.discount metadata "
            "parent.invoice_item_details.proration parent.subscription_item_details.proration parent.type period.end "
            "period.start pretax_credit_amounts.type pricing.price_details.price pricing.price_details.product "
            "pricing.unit_amount_decimal taxes.amount taxes.tax_behavior taxes.tax_rate_details.tax_rate"
        ),
        optional="default_tax_rates description plan price quantity_decimal tax_rates total_taxes",
    ),
    _object(
        "payout",
        "amount, arrival date, status, whether automatic and reconciled, its rows",
        section="2.8",
        places=("wescope.stripe.parsing.payouts:parse_payout",),
        fields="amount arrival_date automatic created currency method reconciliation_status status",
        optional="balance_transaction customer failure_balance_transaction original_payout reversed_by",
    ),
    _object(
        "refund",
        "amount, status, charge, its rows",
        section="2.6",
        places=("wescope.stripe.parsing.refunds:parse_refund",),
        fields="amount charge.customer created currency",
        optional="balance_transaction customer failure_balance_transaction metadata payment_intent status",
    ),
    _object(
        "topup",
        "the row that it made, and whether it was reversed",
        section="1",
        places=("wescope.stripe.ledger:LedgerReader.rows_made_by",),
        fields="status",
        optional="balance_transaction refunds.data reversals.data",
    ),
)
