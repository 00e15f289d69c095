"""Identities: no creation is sent under another identity while one of the same document may still land.

A creation's identity is its request id, or its batch's request id and its own id in there (facts/qbo.md 2.1). Whoever
sends the same document under another one, before QBO has given the first one up, relies on luck. The second look would
remove what that doubles; so it is looked at here, on the wire.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

_MARKER = re.compile(r"wescope:\S+")
_NOTES = ("PrivateNote", "Notes")
_ANSWERED = frozenset({"6240", "6140"})
"""A number or a name that is taken is taken for every other attempt, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """One creation on its way: the marker of its document, and under which identity it is sent."""

    marker: str
    identity: str
    b_id: str = ""


def creations(path: str, query: str, body: bytes) -> tuple[Creation, ...]:
    """What a request to QBO is to create."""
    request_id = parse_qs(query).get("requestid", [""])[0]
    if not request_id:
        return ()
    content = json.loads(body)
    if not path.endswith("/batch"):
        marker = _marker(content)
        return (Creation(marker=marker, identity=request_id),) if marker and "Id" not in content else ()
    return tuple(_of_batch(content["BatchItemRequest"], request_id))


def _of_batch(items: Sequence[Mapping[str, Any]], request_id: str) -> Iterator[Creation]:
    for item in items:
        content = next((value for value in item.values() if isinstance(value, Mapping)), {})
        if item.get("operation") == "create" and (marker := _marker(content)):
            yield Creation(marker=marker, identity=f"{request_id} {item['bId']}", b_id=item["bId"])


def _marker(content: Mapping[str, Any]) -> str:
    found = [_MARKER.search(str(content.get(name) or "")) for name in _NOTES]
    return next((one.group() for one in found if one), "")


@dataclass(slots=True)
class Identities:
    """Creations of which nobody has heard yet, by marker and identity. Moments are virtual seconds."""

    may_land_for_s: float
    unheard: dict[str, dict[str, float]] = field(default_factory=dict)

    def wrong(self, sent: Sequence[Creation], now_s: float) -> str:
        """What must not be sent now, if anything."""
        for one in sent:
            for other, at_s in self.unheard.get(one.marker, {}).items():
                if other != one.identity and now_s - at_s < self.may_land_for_s:
                    return f"{one.marker} as {one.identity} {now_s - at_s:.1f} s after {other}"
        return ""

    def leave(self, sent: Sequence[Creation], now_s: float) -> None:
        """From now on they may land, until QBO says what became of them."""
        for one in sent:
            self.unheard.setdefault(one.marker, {})[one.identity] = now_s

    def heard(self, sent: Sequence[Creation], before: Mapping[str, Mapping[str, float]], body: bytes) -> None:
        """QBO has answered. What it refuses now may still have been done before."""
        for one in sent:
            was_at_s = before.get(one.marker, {}).get(one.identity)
            if was_at_s is None or _is_known(_part(body, one)):
                self.unheard[one.marker].pop(one.identity, None)
            else:
                self.unheard[one.marker][one.identity] = was_at_s


def _part(body: bytes, creation: Creation) -> str:
    if not creation.b_id:
        return body.decode(errors="replace")
    found = json.loads(body)
    return next((json.dumps(item) for item in found["BatchItemResponse"] if item.get("bId") == creation.b_id), "")


def _is_known(text: str) -> bool:
    return bool(text) and ("Fault" not in text or any(f'"{code}"' in text for code in _ANSWERED))
