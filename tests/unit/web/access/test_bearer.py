"""Programs from elsewhere: a token is for the API alone, and says who it is."""

import pytest

from tests.unit.web.access.conftest import OPERATOR_TOKEN, TOKENS, VIEWER_TOKEN, app_of, browser_of, oidc_of
from tests.unit.web.access.provider import FakeProvider
from tests.unit.web.access.proxy import proxy_access
from tests.unit.web.fakes import FakeServices
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.guard import Access, LocalAccess


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(params=["local", "oidc", "iap"])
def any_access(request: pytest.FixtureRequest, provider: FakeProvider) -> Access:
    match request.param:
        case "local":
            return LocalAccess(ApiTokens(TOKENS))
        case "oidc":
            return oidc_of(provider)
    return proxy_access()


async def test_a_token_says_who_and_what(any_access: Access) -> None:
    services = FakeServices()
    program = browser_of(app_of(any_access, services))
    assert (await program.get("/api/v1/status", headers=bearer(VIEWER_TOKEN))).status_code == 200
    refused = await program.post("/api/v1/sync", json={"ids": ["in_1"]}, headers=bearer(VIEWER_TOKEN))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    retried = await program.post("/api/v1/parked/retry", json={"all": True}, headers=bearer(OPERATOR_TOKEN))
    assert retried.status_code == 200
    assert services.asked == [("hint", ("in_1:invoice",), "api:ops")]


async def test_a_wrong_token_is_refused_and_many_of_them_must_wait(any_access: Access) -> None:
    program = browser_of(app_of(any_access))
    answers = [await program.get("/api/v1/status", headers=bearer(f"guess{n}")) for n in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert answers[0].json()["error"]["code"] == "not_signed_in"
    assert int(answers[-1].headers["retry-after"]) > 0
    # Whose address was used for guessing waits, too: a right guess must not be told from a wrong one.
    assert (await program.get("/api/v1/status", headers=bearer(VIEWER_TOKEN))).status_code == 429


@pytest.mark.parametrize("path", ["/", "/api/v2/status", "/api/v1x"])
async def test_a_token_opens_nothing_but_the_api(any_access: Access, path: str) -> None:
    answer = await browser_of(app_of(any_access)).get(path, headers=bearer(OPERATOR_TOKEN))
    assert answer.status_code in {303, 401, 403, 404}
    assert "Are the books" not in answer.text


async def test_a_page_of_another_site_sends_no_token_but_would_be_refused(any_access: Access) -> None:
    program = browser_of(app_of(any_access))
    headers = bearer(OPERATOR_TOKEN) | {"sec-fetch-site": "cross-site"}
    assert (await program.post("/api/v1/sync", json={"ids": ["in_1"]}, headers=headers)).status_code == 403


async def test_on_this_machine_no_token_is_needed() -> None:
    local = browser_of(app_of(LocalAccess()), address="127.0.0.1", url="http://127.0.0.1:8080")
    assert (await local.get("/api/v1/status")).status_code == 200
    assert (await local.get("/api/v1/status", headers=bearer("x"))).status_code == 401
