"""Names: legal, deterministic names and numbers for QBO out of Stripe's texts and ids (facts/qbo.md 4.1, 4.2, 4.7).

Lengths are counted in UTF-16 units, the stricter of the two ways in which a service may count.
"""

import base64
import hashlib
import unicodedata

DISPLAY_NAME_LENGTH = 500
DOC_NUMBER_LENGTH = 21
REFERENCE_LENGTH = 21

_JOINERS = frozenset("\u200c\u200d")
_UNFIT_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_INVISIBLE_CATEGORIES = frozenset({"Cf", "Cn", "Zs", "Mn", "Me"})
_HASH_LENGTH = 10
"""Base 32, so 50 bits: a million shortened numbers are still different."""


def clean(text: str) -> str:
    """`text` on one line in NFC: without control characters, lone surrogates and invisible marks, spaces collapsed."""
    kept = "".join(_fit(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(unicodedata.normalize("NFC", kept).split())


def cut(text: str, length: int) -> str:
    """The longest beginning of `text` that has at most `length` UTF-16 units, without a space at its end."""
    if _units(text) <= length:
        return text
    room = length
    for index, character in enumerate(text):
        room -= _units(character)
        if room < 0:
            return text[:index].rstrip()
    return text


def display_names(name: str | None, customer_id: str, suffix: str = "") -> tuple[str, ...]:
    """Names for a QBO customer, the wanted one first; each later one is for the case that those before are taken.

    Args:
        name: Stripe's name; without a visible character in it the Stripe id takes its place.
        customer_id: Stripe's id; the second and later candidates hold it, so two customers never share them.
        suffix: what tells the QBO customers of one Stripe customer apart, such as `EUR`; every candidate ends in it.

    Returns:
        One or more different names, each legal in QBO: 1 to 500 characters, no colon, tab or newline.
    """
    base = _visible(_name(name or "")) or _name(customer_id)
    plain = _ascii(base)
    tail = f" {suffix}" if suffix else ""
    marked = f"{tail} ({customer_id})"
    candidates = (
        _join(base, tail),
        _join(base, marked),
        _join(plain, marked) if plain else "",
        _join(_name(customer_id), tail),
    )
    return tuple(dict.fromkeys(candidate for candidate in candidates if candidate))


def doc_number(number: str | None, invoice_id: str, prefix: str = "") -> str:
    """QBO's number of an invoice: prefix and Stripe's number (or id, if it has none), at most 21 characters.

    What is longer keeps its beginning and gets a hash of the whole at its end, so different numbers stay different.
    """
    whole = clean(prefix + (clean(number or "") or _without_prefix(invoice_id)))
    if _units(whole) <= DOC_NUMBER_LENGTH:
        return whole
    digest = base64.b32encode(hashlib.sha256(whole.encode()).digest()).decode()[:_HASH_LENGTH]
    return f"{cut(whole, DOC_NUMBER_LENGTH - _HASH_LENGTH - 1)}-{digest}"


def payment_reference(source_id: str) -> str:
    """QBO's PaymentRefNum of a movement of money: its id without the prefix, or the last 21 characters of it."""
    return _without_prefix(source_id)[-REFERENCE_LENGTH:]


def _fit(character: str) -> str:
    category = unicodedata.category(character)
    if category in _UNFIT_CATEGORIES:
        return " "
    return "" if category == "Cf" and character not in _JOINERS else character


def _name(text: str) -> str:
    return clean(text.replace(":", " "))


def _visible(text: str) -> str:
    seen = any(unicodedata.category(character) not in _INVISIBLE_CATEGORIES for character in text)
    return text if seen else ""


def _ascii(text: str) -> str:
    return _name(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode())


def _join(base: str, tail: str) -> str:
    return cut(base, DISPLAY_NAME_LENGTH - _units(tail)) + tail


def _without_prefix(stripe_id: str) -> str:
    return stripe_id.partition("_")[2] or stripe_id


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
