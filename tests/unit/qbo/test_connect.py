"""The authorise address and the answer to it: what connects, and what is refused with which remedy."""

from urllib.parse import parse_qs, urlsplit

import pytest

from wescope.qbo.connect import (
    ConnectAnswerForeign,
    ConnectAnswerInvalid,
    ConnectDenied,
    NotConnected,
    WrongCompany,
    authorize_url,
    new_state,
    read_answer,
)


def test_the_address_asks_for_the_books_of_one_company() -> None:
    url = authorize_url(
        "https://intuit.test/connect", client_id="AB1", redirect_uri="http://localhost:1/callback", state="s-1"
    )
    assert url.startswith("https://intuit.test/connect?")
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["AB1"],
        "response_type": ["code"],
        "scope": ["com.intuit.quickbooks.accounting"],
        "redirect_uri": ["http://localhost:1/callback"],
        "state": ["s-1"],
    }
    assert new_state() != new_state()


@pytest.mark.parametrize("start", ["http://localhost:1/callback?", "/callback?", "?", "", "  https://x.test/y?a=b&"])
@pytest.mark.parametrize("realm_id", ["9130", None])
def test_a_good_answer(start: str, realm_id: str | None) -> None:
    grant = read_answer(f"{start}code=XAB1&state=s-1&realmId=9130\n", state="s-1", realm_id=realm_id)
    assert (grant.code, grant.realm_id) == ("XAB1", "9130")
    assert "XAB1" not in repr(grant)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", ConnectAnswerInvalid),
        ("what?", ConnectAnswerInvalid),
        ("code=XAB1&realmId=9130", ConnectAnswerForeign),
        ("code=XAB1&state=s-2&realmId=9130", ConnectAnswerForeign),
        ("code=XAB1&state=\u00e9&realmId=9130", ConnectAnswerForeign),
        ("error=access_denied&state=s-1", ConnectDenied),
        ("error=%3Cscript%3E&state=s-1", ConnectDenied),
        ("state=s-1&realmId=9130", ConnectAnswerInvalid),
        ("code=XAB1&state=s-1", ConnectAnswerInvalid),
        ("code=XAB1&state=s-1&realmId=%0A", ConnectAnswerInvalid),
        ("code=XAB1&state=s-1&realmId=77", WrongCompany),
        ("http://[::1", ConnectAnswerInvalid),
    ],
)
def test_what_does_not_connect(answer: str, kind: type[NotConnected]) -> None:
    with pytest.raises(NotConnected) as caught:
        read_answer(answer, state="s-1", realm_id="9130")
    assert type(caught.value) is kind
    assert "XAB1" not in str(caught.value)
    assert "script" not in str(caught.value)
