"""Identifiers that look like Stripe's and repeat exactly for the same seed and order of creation."""

import hashlib
from collections import Counter

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CODE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Recorded ids hold their creation second in base 62, counted from here:
# in_1SRzoC... was created at 1762799240 (events/pay-rails-recorded 2025-10-29.clover/invoice_023).
ID_EPOCH = 1_342_389_380


def base62(number: int, width: int) -> str:
    """Write ``number`` (>= 0) in base 62 with at least ``width`` digits, most significant first."""
    digits = ""
    while number or len(digits) < width:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


class Identifiers:
    """Makes every identifier of one account.

    Args:
        seed: Two accounts with different seeds share no id.
    """

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._counts: Counter[str] = Counter()
        self.suffix = self.text("account", length=10)
        self.account = f"acct_1{self.text('account', length=5)}{self.suffix}"

    def text(self, kind: str, *, length: int, alphabet: str = BASE62) -> str:
        """Return the next text of ``kind``: ``length`` characters of ``alphabet``."""
        self._counts[kind] += 1
        seed = f"{self._seed}/{kind}/{self._counts[kind]}".encode()
        number = int.from_bytes(hashlib.shake_256(seed).digest(length))
        letters = []
        for _ in range(length):
            number, digit = divmod(number, len(alphabet))
            letters.append(alphabet[digit])
        return "".join(letters)

    def dated(self, prefix: str, created: int) -> str:
        """Return an id such as ``in_1SRzoCKXBGcbgpbZpmw3WNsV``.

        Args:
            prefix: With its generation digit, ``in_1`` or ``ch_3``.
            created: Unix seconds.
        """
        return f"{prefix}{base62(max(created - ID_EPOCH, 0), 5)}{self.suffix}{self.text(prefix, length=8)}"

    def plain(self, prefix: str) -> str:
        """Return an id such as ``cus_TOnOcioLlQifd9``: the prefix and 14 characters."""
        return f"{prefix}{self.text(prefix, length=14)}"

    def code(self, kind: str, *, length: int = 8) -> str:
        """Return a code of digits and capitals, such as the invoice prefix ``E2L97VN8``."""
        return self.text(kind, length=length, alphabet=CODE)

    def thin(self, event_id: str) -> str:
        """Return the id of the thin event that belongs to the snapshot event ``event_id``; it is always the same."""
        number = int.from_bytes(hashlib.blake2b(f"{self._seed}/{event_id}".encode(), digest_size=64).digest())
        return f"evt_test_{base62(number, 54)[:54]}"
