"""Connect: the address where a person lets us into a company, and what Intuit's answer to it says (facts/qbo.md 3.1).

The answer is an address that the browser is sent to. It holds a code that is worth a connection: no part of it may
reach a log or an error.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from wescope.books.parking import Owner
from wescope.errors import QboError, Retry

SCOPE = "com.intuit.quickbooks.accounting"
"""Reads and writes: Intuit has no scope that only reads."""

_REALM = re.compile(r"[A-Za-z0-9_-]{1,40}")
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")


class NotConnected(QboError):
    """The company was not connected; nothing has changed."""

    code = "connect_failed"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Connect again, on the page /setup/connect or by `wescope connect`."


class ConnectDenied(NotConnected):
    """Access was not given in QuickBooks Online."""

    code = "connect_denied"
    remedy = (
        "Connect again (page /setup/connect, or `wescope connect`) and choose Connect; you must be an administrator of "
        "the company."
    )


class ConnectAnswerForeign(NotConnected):
    """This answer belongs to another attempt to connect."""

    code = "connect_answer_foreign"
    remedy = (
        "Begin again on the page /setup/connect and finish within ten minutes in the same browser; with `wescope "
        "connect` use the address that it has just printed, and the answer to it."
    )


class ConnectAnswerInvalid(NotConnected):
    """This is not an answer of Intuit's."""

    code = "connect_answer_invalid"
    remedy = "Paste the whole address to which Intuit sent the browser: it has code=, state= and realmId= in it."


class WrongCompany(NotConnected):
    """Another company was chosen than the one whose books are kept."""

    code = "connect_wrong_company"
    remedy = (
        "Connect again (page /setup/connect, or `wescope connect`) and choose the company whose realm id is in "
        "WESCOPE_QBO_REALM_ID; to mirror into another company, change that variable and use a database of its own."
    )


class ConnectCodeRefused(NotConnected):
    """Intuit does not accept the code: it was used before, is older than some minutes, or is for another address."""

    code = "connect_code_refused"
    remedy = "Connect again (page /setup/connect, or `wescope connect`), and finish within some minutes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a person gave: a code that can be traded for tokens once, and Intuit's id of the company."""

    code: str = field(repr=False)
    realm_id: str


def new_state() -> str:
    """A word that nobody can guess: it ties the answer to the attempt."""
    return secrets.token_urlsafe(32)


def authorize_url(base: str, *, client_id: str, redirect_uri: str, state: str) -> str:
    """The address where a person is asked.

    Args:
        base: Intuit's authorise end point.
        client_id: of the app.
        redirect_uri: where the answer goes; it must be registered for the app at Intuit, letter by letter.
        state: from `new_state`.
    """
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "scope": SCOPE,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    return f"{base}?{urlencode(asked)}"


def read_answer(answer: str, *, state: str, realm_id: str | None) -> Grant:
    """What an answer gives.

    Args:
        answer: the whole address, or what follows its question mark.
        state: of this attempt.
        realm_id: of the company that must be chosen; null if it may be any.

    Raises:
        ConnectAnswerForeign: it belongs to another attempt.
        ConnectDenied: access was not given.
        ConnectAnswerInvalid: it lacks the code or the company.
        WrongCompany: it is for another company.
    """
    given = _parameters(answer)
    if not given:
        raise ConnectAnswerInvalid
    if not secrets.compare_digest(given.get("state", "").encode(), state.encode()):
        raise ConnectAnswerForeign
    if error := given.get("error"):
        raise ConnectDenied(reason=error if _OAUTH_ERROR.fullmatch(error) else "unknown")
    code, chosen = given.get("code"), given.get("realmId", "")
    if not code or not _REALM.fullmatch(chosen):
        raise ConnectAnswerInvalid
    if realm_id is not None and chosen != realm_id:
        raise WrongCompany(chosen=chosen, configured=realm_id)
    return Grant(code=code, realm_id=chosen)


def state_of(answer: str) -> str:
    """The word in an answer that says to which attempt it belongs; empty if there is none."""
    return _parameters(answer).get("state", "")


def _parameters(answer: str) -> Mapping[str, str]:
    text = answer.strip()
    try:
        query = urlsplit(text).query or text.partition("?")[2] or text
        return {name: values[0] for name, values in parse_qs(query, max_num_fields=50).items()}
    except ValueError:
        return {}
