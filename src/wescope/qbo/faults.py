"""Faults: QBO's refusals in all their envelopes, reduced to codes and ids, and the error that each one is.

Message and Detail may quote tokens and people's names (facts/qbo.md 2.4): only what matches a pattern of codes,
ids, lengths and field names leaves this module.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from wescope.errors import (
    DuplicateDocNumber,
    DuplicateName,
    DuplicateRequestId,
    InvalidReference,
    ObjectGone,
    PeriodClosed,
    QboDisconnected,
    QboError,
    QboRefused,
    QboThrottled,
    StaleObject,
    TransientRefusal,
)

TOKEN_EXPIRED = "3200"  # noqa: S105 - a fault code
THROTTLED = "3001"
SYSTEM_FAILURE = "10000"

# The realm cannot be worked with until somebody acts (facts/qbo.md 2.4: pause or stop the realm).
DISCONNECTED: Mapping[str, str] = MappingProxyType(
    {
        "120": "The connecting user is no longer an administrator.",
        "3100": "The app is not authorised for this company.",
        "6190": "The company's QBO subscription has ended.",
        "10200": "The company was reset in QBO.",
    }
)

REFUSALS: Mapping[str, type[QboRefused]] = MappingProxyType(
    {
        "600": DuplicateRequestId,
        "610": ObjectGone,
        "2500": InvalidReference,
        "5010": StaleObject,
        "6140": DuplicateDocNumber,
        "6200": PeriodClosed,
        "6210": PeriodClosed,
        "6240": DuplicateName,
    }
)

KNOWN_CODES = frozenset({TOKEN_EXPIRED, THROTTLED, SYSTEM_FAILURE, "2020", "2030", "6000", *DISCONNECTED, *REFUSALS})
"""Codes that have a name of their own in metrics (facts/qbo.md 2.4)."""

_TRANSIENT = re.compile(
    r"unexpected error occurred while accessing or saving your data|only add or edit one name at a time", re.IGNORECASE
)
_CODE = re.compile(r"[0-9]{1,8}")
_ELEMENT = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,60}(?: [A-Za-z0-9_.]{1,30}){0,3}")
_SAFE_PARTS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "txn_id": re.compile(r"TxnId=(\d{1,20})"),
        "txn_type": re.compile(r"TxnType=([A-Za-z]{1,30})\b"),
        "list": re.compile(r": (Accounts|Klasses|Depts|Names|Items|Terms|TaxCodes) element id "),
        "element_id": re.compile(r" element id (\d{1,20})"),
        "longest": re.compile(r"Max:([\d,]{1,9})"),
        "length": re.compile(r"Supplied length:([\d,]{1,12})"),
        "parameter": re.compile(r"Required parameter ([A-Za-z.]{1,60}) is missing"),
    }
)

_XML_FAULT = re.compile(r"<(?:\w+:)?Fault\b.*?</(?:\w+:)?Fault>", re.DOTALL)
_XML_ERROR = re.compile(r"<(?:\w+:)?Error\b([^>]*)>(.*?)</(?:\w+:)?Error>", re.DOTALL)
_XML_ATTRIBUTE = re.compile(r"""\b(code|element)\s*=\s*["']([^"']*)["']""")
_XML_TEXT = re.compile(r"<(?:\w+:)?(Message|Detail)>(.*?)</(?:\w+:)?\1>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultError:
    """One error of a fault: its code without leading zeros, QBO's field name, and what else is safe to show."""

    code: str
    element: str = ""
    transient: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A refusal by QBO; `errors` has at least one entry."""

    errors: tuple[FaultError, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all errors, in QBO's order."""
        return tuple(error.code for error in self.errors)

    def error_with(self, codes: Mapping[str, Any]) -> FaultError | None:
        """The first error whose code is one of `codes`."""
        return next((error for error in self.errors if error.code in codes), None)


def from_json(content: Any) -> Fault | None:
    """The fault inside parsed JSON, in the engine's or the gateway's envelope; null if there is none."""
    envelope = _get(content, "Fault", "fault")
    entries = _get(envelope, "Error", "error")
    if not isinstance(entries, list):
        return None
    errors = tuple(_from_entry(entry) for entry in entries if isinstance(entry, Mapping))
    return Fault(errors=errors) if errors else None


def from_xml(text: str) -> Fault | None:
    """The fault inside XML, which the gateway sends although JSON is asked for; null if it is none or is cut."""
    found = _XML_FAULT.search(text)
    if not found:
        return None
    errors = []
    for attributes, inner in _XML_ERROR.findall(found.group()):
        named = {name: html.unescape(value) for name, value in _XML_ATTRIBUTE.findall(attributes)}
        texts = " ".join(html.unescape(value) for _, value in _XML_TEXT.findall(inner))
        errors.append(_fault_error(named.get("code"), named.get("element"), texts))
    return Fault(errors=tuple(errors)) if errors else None


def to_error(fault: Fault, *, intuit_tid: str) -> QboError:
    """The error that a fault is: throttled, disconnected, or a refusal of a known or unknown kind.

    An unauthorised (3200) or broken (10000) server is the caller's to judge: these say nothing about the document.
    """
    if THROTTLED in fault.codes:
        return QboThrottled(fault_code=THROTTLED, intuit_tid=intuit_tid)
    if gone := fault.error_with(DISCONNECTED):
        return QboDisconnected(DISCONNECTED[gone.code], fault_code=gone.code, intuit_tid=intuit_tid)
    if known := fault.error_with(REFUSALS):
        return _refusal(REFUSALS[known.code], known, fault, intuit_tid)
    if all(error.transient for error in fault.errors):
        return _refusal(TransientRefusal, fault.errors[0], fault, intuit_tid)
    first = next(error for error in fault.errors if not error.transient)
    return _refusal(QboRefused, first, fault, intuit_tid)


def _refusal(kind: type[QboRefused], error: FaultError, fault: Fault, intuit_tid: str) -> QboRefused:
    details = dict(error.details)
    if error.element:
        details["element"] = error.element
    if len(fault.errors) > 1:
        details["codes"] = ",".join(fault.codes)
    return kind("", fault_code=error.code, intuit_tid=intuit_tid, **details)


def _from_entry(entry: Mapping[str, Any]) -> FaultError:
    texts = f"{_get(entry, 'Message', 'message') or ''} {_get(entry, 'Detail', 'detail') or ''}"
    return _fault_error(_get(entry, "code", "Code"), _get(entry, "element", "Element"), texts)


def _fault_error(code: Any, element: Any, texts: str) -> FaultError:
    digits = str(code).strip() if code is not None else ""
    plain = (digits.lstrip("0") or "0") if _CODE.fullmatch(digits) else "unknown"
    named = element if isinstance(element, str) and _ELEMENT.fullmatch(element) else ""
    transient = plain == "6000" and bool(_TRANSIENT.search(texts))
    return FaultError(code=plain, element=named, transient=transient, details=_safe_details(texts))


def _safe_details(texts: str) -> dict[str, str]:
    found = {name: pattern.search(texts) for name, pattern in _SAFE_PARTS.items()}
    details = {name: match.group(1).replace(",", "") for name, match in found.items() if match}
    if "made inactive" in texts:
        details["reason"] = "inactive"
    elif "has deleted this transaction" in texts:
        details["reason"] = "deleted"
    return details


def _get(value: Any, *names: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return next((value[name] for name in names if value.get(name) is not None), None)
