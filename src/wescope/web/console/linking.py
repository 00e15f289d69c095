"""Linking: ids within texts of ours become links to what they name."""

import re
from urllib.parse import quote

from markupsafe import Markup, escape

_ID = re.compile(
    r"\brun (?P<run>[0-9]+)\b"
    r"|\b(?:request|batch|intuit_tid) (?P<call>[A-Za-z0-9_-]{3,64})"
    r"|(?P<id>\b(?:[A-Z][A-Za-z]+/[0-9]+|(?:[a-z_]+/)?[a-z]{2,8}_[A-Za-z0-9]+(?::[a-z_]+)*)\b)"
)
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
"""`looks_like` is written as an id is: ids of Stripe have digits or capital letters."""

_SHOWN = 8
"""Characters of the id of a call that are shown: nobody reads more of it, and its link names it whole."""


def linked(text: str) -> Markup:
    """A text of ours as HTML, with a link on every id that it names."""
    pieces, done = [Markup()], 0
    for found in _ID.finditer(text):
        name = next(name for name, value in found.groupdict().items() if value is not None)
        one, begins, ends = found[name], found.start(name), found.end(name)
        if name == "id" and _CODE.fullmatch(one):
            continue
        address = f"/runs/{one}" if name == "run" else story_path(one)
        pieces += [escape(text[done:begins]), _link(address, _shown(one) if name == "call" else one)]
        done = ends
    return Markup().join([*pieces, escape(text[done:])])


def _link(address: str, text: str) -> Markup:
    return Markup('<a class="id" href="{}">{}</a>').format(address, text)


def _shown(call: str) -> str:
    return f"{call[:_SHOWN]}…" if len(call) > 2 * _SHOWN else call


def story_path(identifier: str) -> str:
    """Where the story of an id is told."""
    return f"/story/{quote(identifier, safe='/:')}"


def target_path(target: str) -> str:
    """Where the target of an entry of the audit log is shown: a run has a page of its own."""
    kind, _, number = target.partition("/")
    return f"/runs/{number}" if kind == "run" and number.isdecimal() else story_path(target)
