"""Suggestions: what was probably meant by a word that is none of those there are. Light: every command imports it."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

_NO_CHOICE = re.compile(r"^(?:Value error, )?'(?P<word>[^']*)' is not one of (?P<words>'.*')\.?$")
_WRAPPED = "Value error, "


def meant(word: str, words: Iterable[str]) -> str:
    """` Did you mean x?`, if a word looks like one of the words; else nothing."""
    close = get_close_matches(word.lower(), sorted(words), n=1)
    return f" Did you mean {close[0]}?" if close else ""


class SuggestingGroup(TyperGroup):
    """All commands, where a value that is none of the choices is answered by the one that looks like it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.BadParameter: a value is wrong; it says which one was probably meant.
        """
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = told(error.message)
            raise


def told(message: str) -> str:
    """What a wrong value is answered with, without the words of who has looked at it, and with a suggestion."""
    plain = message.removeprefix(_WRAPPED)
    found = _NO_CHOICE.match(plain)
    return plain if found is None else plain + meant(found["word"], re.findall("'([^']*)'", found["words"]))
