"""Everything that can go wrong, as a tree; each class has a stable code, an owner, when to retry, and a remedy.

WescopeError
├── ConfigurationError          settings_invalid       a setting or the policy file is wrong
│   ├── PolicyError             policy_invalid         wescope.toml is wrong; says where, all at once
│   ├── AccountMissing          account_missing        the policy names an account that QBO does not have
│   ├── ItemMissing             item_missing           the policy names an item that QBO does not have
│   ├── ClassMissing            class_missing          a rule of the policy names a class that QBO does not have
│   ├── TaxCodeMissing          tax_code_missing       a tax rate of Stripe's has no tax code in QBO
│   └── ExchangeRateMissing     exchange_rate_missing  QBO has no exchange rate for the date
├── WrongUse                    wrong_use              what was asked for does not fit together
├── DatabaseUnavailable         database_unavailable   PostgreSQL does not answer
├── LocksLost                   locks_lost             the connection that held this process's locks broke
├── WebhookRejected                                    a webhook that is not stored
│   ├── BodyTooLarge            body_too_large         over 1 MiB
│   ├── BodyInvalid             body_invalid           no JSON object that looks like an event
│   ├── SignatureMissing        signature_missing
│   ├── SignatureInvalid        signature_invalid      no configured secret made it
│   └── TimestampOutsideTolerance  timestamp_outside_tolerance
├── StripeError
│   ├── StripeUnavailable       stripe_unavailable     time-out, 5xx, 429: later
│   ├── StripeRefused           stripe_refused         key revoked or lacks a permission
│   ├── ObjectNotFound          object_not_found       Stripe has no such object (any more)
│   ├── MalformedId             malformed_id           the id is not one of Stripe's
│   └── ObjectUnreadable        object_unreadable      a needed field is absent or of an unknown value
└── QboError
    ├── QboNotSent              qbo_not_sent           surely not written: the request never left, or was turned away
    │   ├── WritesHeld          writes_held            an operator has not released writing, or has stopped it
    │   └── QboThrottled        qbo_throttled          429: the realm pauses
    │       └── QboReadsBlocked  qbo_reads_blocked     the month's metered reads are used up: only writes go
    ├── QboOutcomeUnknown       qbo_outcome_unknown    it may or may not have been written: look it up
    ├── QboDisconnected         qbo_disconnected       the grant is gone: reconnect
    │   └── QboAppRefused       qbo_app_refused        Intuit does not know client id or secret: the grant may be well
    └── QboRefused              qbo_refused            QBO answered with a fault; carries its codes
        ├── DuplicateRequestId  qbo_600
        ├── ObjectGone          qbo_610                deleted or made inactive
        ├── InvalidReference    qbo_2500
        ├── StaleObject         qbo_5010               changed since it was read
        ├── TransientRefusal    qbo_6000_transient     two texts of 6000 that pass by themselves
        ├── DuplicateDocNumber  qbo_6140
        ├── PeriodClosed        qbo_6210
        └── DuplicateName       qbo_6240

Further leaves stand beside the one module that raises them (the embedded PostgreSQL, the web layer, the command line);
docs/errors.md lists them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from wescope.books.parking import Owner


class Retry(StrEnum):
    """When doing the same again makes sense."""

    NEVER = "never"
    NOW = "now"
    LATER = "later"
    WHEN_MENDED = "when_mended"


class WescopeError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    owner: ClassVar[Owner] = Owner.US
    retry: ClassVar[Retry] = Retry.LATER
    remedy: ClassVar[str] = "Report the code and the ids that are named."

    def __init__(self, detail: str = "", **details: str | int) -> None:
        self.detail = detail
        self.details: Mapping[str, str | int] = details
        super().__init__(detail)

    def __str__(self) -> str:
        first_line = (type(self).__doc__ or "").strip().splitlines()[0]
        named = " ".join(f"{name}={value}" for name, value in self.details.items())
        return " ".join(part for part in (f"[{self.code}]", first_line, self.detail, named) if part)


class ConfigurationError(WescopeError):
    """A setting is missing or wrong."""

    code = "settings_invalid"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Set the environment variable that is named; `wescope doctor` checks all of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFault:
    """One thing that is wrong in the policy file.

    `line` and `column` count from 1, and are null where nothing of the file is meant; `key` is the key's path
    (`items.rules[2].product`, lists from 0), empty for the file as a whole. `message` says what is wrong and what is
    allowed, `did_you_mean` what was probably meant.
    """

    file: str
    line: int | None
    column: int | None
    key: str
    message: str
    did_you_mean: str | None = None

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        column = f"column {self.column}" if self.column else ""
        place = ", ".join(part for part in (self.file, line, column, self.key) if part)
        meant = f" Did you mean {self.did_you_mean}?" if self.did_you_mean else ""
        return f"{place}: {self.message}.{meant}"


class PolicyError(ConfigurationError):
    """The policy file is wrong."""

    code = "policy_invalid"
    remedy = "Correct in wescope.toml what is named; `wescope schema policy-example` prints every key with its default."

    def __init__(self, detail: str = "", *, faults: Sequence[PolicyFault] = ()) -> None:
        """Take everything that is wrong, in the order of the file."""
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults]
        listed = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} faults:", *lines])
        super().__init__(detail or listed)


class AccountMissing(ConfigurationError):
    """The policy names an account that QBO does not have, that is inactive, or that has the wrong type."""

    code = "account_missing"
    remedy = "Create the account in QBO, or name another one under [accounts] in wescope.toml."


class ItemMissing(ConfigurationError):
    """The policy names an item that QBO does not have or that is inactive."""

    code = "item_missing"
    remedy = "Create the item in QBO, or name another one under [items] in wescope.toml."


class ClassMissing(ConfigurationError):
    """A rule of the policy names a class that QBO does not have or that is inactive."""

    code = "class_missing"
    remedy = "Create the class in QBO, or name another one in the rule under [items] in wescope.toml."


class TaxCodeMissing(ConfigurationError):
    """A tax rate of Stripe's has no tax code in QBO that could be used."""

    code = "tax_code_missing"
    remedy = "Name the QBO tax code of the rate under [tax] codes in wescope.toml, or create the code in QBO."


class ExchangeRateMissing(ConfigurationError):
    """QBO has no exchange rate for the currency on the date."""

    code = "exchange_rate_missing"
    remedy = "Turn on multicurrency in QBO, or enter the currency's rate of the date there (Currencies)."


class WrongUse(WescopeError):
    """What was asked for does not fit together."""

    code = "wrong_use"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "Ask again as the command's --help, or /openapi.json, says."


class DatabaseUnavailable(WescopeError):
    """PostgreSQL does not answer."""

    code = "database_unavailable"
    owner = Owner.OPERATOR
    remedy = "Check the database; work goes on by itself when it is back."


class LocksLost(WescopeError):
    """The database connection that held this process's locks broke."""

    code = "locks_lost"
    owner = Owner.OPERATOR
    remedy = "Nothing: the work is taken up again by itself."


class WebhookRejected(WescopeError):
    """The webhook is not stored."""

    code = "webhook_rejected"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    http_status: ClassVar[int] = 400


class BodyTooLarge(WebhookRejected):
    """The body is larger than 1 MiB."""

    code = "body_too_large"
    remedy = "Neither Stripe nor Intuit sends anything that large: check who calls this address."
    http_status = 413


class BodyInvalid(WebhookRejected):
    """The body is no JSON object that looks like a Stripe event."""

    code = "body_invalid"
    remedy = "Check that the address is entered in Stripe as a webhook end point, and that no proxy changes the body."


class SignatureMissing(WebhookRejected):
    """The header Stripe-Signature is missing."""

    code = "signature_missing"
    remedy = "Check who calls this address; Stripe signs every delivery."


class SignatureInvalid(WebhookRejected):
    """No configured secret made the signature."""

    code = "signature_invalid"
    remedy = "Put the end point's signing secret into WESCOPE_STRIPE_WEBHOOK_SECRETS; while rolling, put in both."


class TimestampOutsideTolerance(WebhookRejected):
    """The signature's time is more than 300 s away from now."""

    code = "timestamp_outside_tolerance"
    remedy = "Check this machine's clock (`wescope doctor`); an old copy of a delivery is refused on purpose."


class StripeError(WescopeError):
    """Stripe could not be read."""

    code = "stripe_error"
    owner = Owner.STRIPE


class StripeUnavailable(StripeError):
    """Stripe did not answer, or asked to come again later."""

    code = "stripe_unavailable"
    remedy = "Nothing: it is tried again by itself; see status.stripe.com if it lasts."


class StripeRefused(StripeError):
    """Stripe refused the API key, or the key lacks a permission."""

    code = "stripe_refused"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Give the restricted key read access to the resource that is named, or set WESCOPE_STRIPE_API_KEY anew."


class ObjectNotFound(StripeError):
    """Stripe has no object with this id."""

    code = "object_not_found"
    retry = Retry.NEVER
    remedy = "Check the id, and that the key belongs to the same account and mode (live or test)."


class MalformedId(StripeError):
    """This is not the id of a Stripe object that has documents."""

    code = "malformed_id"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "Give an id such as in_..., ch_..., pi_..., inpay_... or evt_...."


class ObjectUnreadable(StripeError):
    """A field that the posting rules need is absent, or has an unknown value."""

    code = "object_unreadable"
    owner = Owner.US
    retry = Retry.NEVER
    remedy = "Report the object id and the field that is named."


class QboError(WescopeError):
    """A call to QBO failed."""

    code = "qbo_error"
    owner = Owner.QBO


class QboNotSent(QboError):
    """QBO surely did not process the request: it never left, or was turned away at the gateway."""

    code = "qbo_not_sent"
    remedy = "Nothing: it is tried again by itself."


class WritesHeld(QboNotSent):
    """Nothing is written to QBO: it waits for a review, or an operator has stopped it."""

    code = "writes_held"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = (
        "Review what waits and release it (`wescope setup --release`, or the page /setup/dry-run); what waited then "
        "follows by itself."
    )


class QboThrottled(QboNotSent):
    """QBO's request limit is reached; the realm pauses."""

    code = "qbo_throttled"


class QboReadsBlocked(QboThrottled):
    """The month's metered reads of QBO are used up; writes go on."""

    code = "qbo_reads_blocked"
    owner = Owner.OPERATOR
    remedy = (
        "Nothing: what must be read is tried again each hour and next month, and what needs no read is posted. To read "
        "sooner, have Intuit raise the app's tier and set monthly_reads under [qbo] in wescope.toml."
    )


class QboOutcomeUnknown(QboError):
    """QBO may or may not have processed the request."""

    code = "qbo_outcome_unknown"
    remedy = "Nothing: the document is looked up and, if it is not there, sent again with the same request id."


class QboDisconnected(QboError):
    """The connection to QBO was revoked or has expired."""

    code = "qbo_disconnected"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = (
        "Connect QuickBooks Online on the page /setup/connect, or run `wescope connect`; all work is kept until then, "
        "and goes on by itself."
    )


class QboAppRefused(QboDisconnected):
    """Intuit does not accept the app's client id and secret."""

    code = "qbo_app_refused"
    remedy = (
        "Correct WESCOPE_QBO_CLIENT_ID and WESCOPE_QBO_CLIENT_SECRET (the keys of the app at developer.intuit.com) "
        "and start again; the connection itself may be well, and all work is kept."
    )


class QboRefused(QboError):
    """QBO answered with a fault and wrote nothing."""

    code = "qbo_refused"
    retry = Retry.WHEN_MENDED
    remedy = "Look up the fault code in the error reference and mend its cause."

    def __init__(self, detail: str = "", *, fault_code: str = "", intuit_tid: str = "", **details: str | int) -> None:
        super().__init__(detail, fault_code=fault_code, intuit_tid=intuit_tid, **details)
        self.fault_code = fault_code
        self.intuit_tid = intuit_tid


class DuplicateRequestId(QboRefused):
    """QBO has seen this request id before: an earlier attempt may have landed."""

    code = "qbo_600"
    retry = Retry.NOW
    remedy = "Nothing: the document is looked up."


class ObjectGone(QboRefused):
    """The object was deleted or made inactive in QBO."""

    code = "qbo_610"
    owner = Owner.OPERATOR
    remedy = "Restore the object in QBO, or decide about the document in `wescope parked`."


class InvalidReference(QboRefused):
    """The document refers to something that QBO does not have."""

    code = "qbo_2500"
    owner = Owner.OPERATOR
    remedy = "Check accounts and items with `wescope doctor`."


class StaleObject(QboRefused):
    """The object was changed in QBO since it was read."""

    code = "qbo_5010"
    retry = Retry.NOW
    remedy = "Nothing: it is read again and decided anew."


class TransientRefusal(QboRefused):
    """QBO could not save at this moment."""

    code = "qbo_6000_transient"
    retry = Retry.LATER
    remedy = "Nothing: it is tried again by itself."


class DuplicateDocNumber(QboRefused):
    """Another document has this number."""

    code = "qbo_6140"
    owner = Owner.OPERATOR
    remedy = "Compare both documents; delete or renumber the one that was entered by hand."


class PeriodClosed(QboRefused):
    """The date lies in a closed period."""

    code = "qbo_6210"
    owner = Owner.OPERATOR
    remedy = "Move the closing date in QBO, then retry."


class DuplicateName(QboRefused):
    """A customer, vendor or employee already has this name."""

    code = "qbo_6240"
    owner = Owner.OPERATOR
    remedy = "Nothing: the next name is tried."
