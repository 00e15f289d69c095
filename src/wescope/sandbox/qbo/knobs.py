"""Every switch of the stand-in: limits, preferences of the company, and what Intuit does not document."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """The settings of one sandbox company; by default the strictest reading of facts/qbo.md that real ones have."""

    # Gateway and limits (facts/qbo.md 1)
    latency_ms: int = 0
    enforce_limits: bool = True
    requests_per_second: int = 10
    requests_per_minute: int = 500
    requests_in_flight: int = 10
    batches_per_minute: int = 40
    rate_window_ms: int = 1000
    minute_window_ms: int = 60_000
    throttled_requests_count: bool = False
    throttle_format: Literal["xml", "json"] = "xml"
    retry_after_s: int = 0
    monthly_reads: int = 0
    batch_items: int = 30

    # OAuth (facts/qbo.md 3.1)
    access_token_ttl_s: int = 3600
    refresh_token_ttl_s: int = 8_640_000
    refresh_rotation: Literal["always", "daily", "never"] = "always"
    old_refresh_token: Literal["invalid", "valid", "revokes"] = "invalid"
    refresh_token_hard_ttl_s: int = 157_680_000
    refresh_ms: int = 0
    auto_approve: bool = False  # the authorise page says yes by itself

    # requestid (facts/qbo.md 2.1: all of it undocumented)
    requestid: Literal["replay", "absent"] = "replay"
    requestid_ttl_s: int = 86_400
    requestid_other_payload: Literal["replay", "600"] = "replay"
    requestid_failed_original: Literal["execute", "replay"] = "execute"
    requestid_in_flight: Literal["600", "wait"] = "600"
    batch_requestid: Literal["item", "whole", "absent"] = "item"  # known by item, by batch (all or nothing), not at all

    # Webhooks (facts/qbo.md 3.2)
    webhooks: Literal["off", "legacy", "cloudevents"] = "off"
    webhook_url: str = ""
    webhook_verifier: str = "sandbox-verifier"
    webhook_gather_ms: int = 20
    webhook_hour_ms: int = 3_600_000  # how long an hour between retries lasts

    # Reading
    query_lag_ms: int = 0
    query_case_sensitive: bool = True
    cdc_days: int = 30
    cdc_enforced: bool = False

    # Preferences of the company
    custom_txn_numbers: bool = True
    doc_number_when_off: Literal["keep", "ignore", "refuse"] = "ignore"
    warn_duplicate_doc_number: bool = False
    warn_duplicate_journal_number: bool = False
    doc_number_language: Literal["en", "fr"] = "en"
    allow_discount: bool = True
    allow_shipping: bool = True
    allow_service_date: bool = True
    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    multicurrency: bool = False
    home_currency: str = "USD"
    country: str = "US"  # US or anything else: GB has seeded tax codes
    registered_for_vat: bool = True  # outside the US: off, no line has tax
    class_tracking: Literal["off", "line", "transaction"] = "off"
    class_when_off: Literal["ignore", "refuse"] = "ignore"
    department_tracking: bool = False
    book_close_date: str = ""
    using_sales_tax: bool = False
    automated_sales_tax: bool = False
    automated_tax_override: Literal["honour", "recompute"] = "honour"  # whether TotalTax with its code counts
    sales_tax_percent: Decimal = Decimal("8.0")

    # Business rules whose real behaviour is unknown or differs
    accept_numbers_as_strings: bool = False
    characters: Literal["accept", "refuse", "question_marks"] = "accept"
    illegal_name_fault: Literal["2040", "6000"] = "2040"
    duplicate_name_detail: Literal["null", "text"] = "text"
    duplicate_list_names: Literal["refuse", "accept"] = "refuse"  # two accounts or items of one name
    inactive_reference_fault: Literal["2500", "610"] = "2500"
    negative_lines: bool = True
    one_name_at_a_time: bool = True
    payment_bumps_invoice: bool = True
    void_paid_invoice: Literal["refuse", "unlink"] = "refuse"
    delete_paid_invoice: Literal["refuse", "unlink"] = "refuse"
    delete_takes_only_key: bool = True
    void_twice: Literal["refuse", "same"] = "refuse"
    payment_void_operation: Literal["accept", "refuse"] = "refuse"
    void_undocumented: Literal["accept", "refuse"] = "refuse"  # operation=void on CreditMemo and RefundReceipt
    payment_ref_num_length: int = 21
    missing_exchange_rate: Literal["one", "company", "refuse"] = "one"
    exchange_rate_digits: int = 10
    foreign_guests: bool = True
    sales_receipt_needs_customer: bool = False
    journal_receivable_lines: Literal["one", "many"] = "one"
    total_tax_without_taxable_lines: Literal["ignore", "accept"] = "ignore"
    negative_deposit: Literal["refuse", "accept"] = "refuse"
    no_op_keeps_sync_token: bool = True
    merged_customer: Literal["inactive", "missing"] = "inactive"  # how the loser of a merge reads back
    merge_bumps_transactions: bool = False  # whether what it had gets a new SyncToken

    def changed(self, changes: Mapping[str, Any]) -> "Knobs":
        """Returns these knobs with some of them turned.

        Args:
            changes: knob name to value; strings are read as the knob's type ("true", "12").

        Returns:
            The new knobs.

        Raises:
            ValueError: there is no such knob, or it has no such position.
        """
        hints = get_type_hints(Knobs)
        known = {field.name for field in fields(Knobs)}
        for name in changes:
            if name not in known:
                raise ValueError(f"no such knob: {name}")
        return replace(self, **{name: _read(name, value, hints[name]) for name, value in changes.items()})

    def as_json(self) -> dict[str, Any]:
        """Returns every knob by name, decimals as strings."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _read(name: str, value: Any, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        if str(value) not in get_args(kind):
            raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}")
        return str(value)
    try:
        if kind is bool:
            return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
        return kind("" if value is None else str(value))
    except (KeyError, ValueError, InvalidOperation) as problem:
        raise ValueError(f"{name}: {value!r} is no {kind.__name__}") from problem
