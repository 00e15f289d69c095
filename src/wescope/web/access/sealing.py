"""Sealing: what a browser keeps for us, encrypted and for a limited time, under keys that all web processes share."""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32


def derived(key: str, purpose: str) -> bytes:
    """The key of one purpose, from a Fernet key that has another."""
    material = base64.urlsafe_b64decode(key)
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"wescope {purpose}".encode()).derive(material)


class Seal:
    """Seals values of one purpose; opens what any of the keys has sealed, for `lives_s`."""

    def __init__(
        self, keys: Sequence[str], purpose: str, *, lives_s: int, now: Callable[[], float] = time.time
    ) -> None:
        """Take the token keys, the newest first, and for how long what is sealed holds, in seconds."""
        self.lives_s, self._now = lives_s, now
        self._cipher = MultiFernet([Fernet(base64.urlsafe_b64encode(derived(key, purpose))) for key in keys])

    def close(self, value: Mapping[str, Any]) -> str:
        """The value as a text that only these keys open."""
        sealed = self._cipher.encrypt_at_time(json.dumps(value).encode(), int(self._now())).decode()
        return sealed.rstrip("=")  # which a cookie could only hold in quotes

    def open(self, text: str | None) -> Mapping[str, Any] | None:
        """The value; null if it is none of ours, was changed, or is too old."""
        if not text:
            return None
        padded = text + "=" * (-len(text) % 4)
        try:
            value = json.loads(self._cipher.decrypt_at_time(padded.encode(), self.lives_s, int(self._now())))
        except (InvalidToken, ValueError):
            return None
        return value if isinstance(value, dict) else None
