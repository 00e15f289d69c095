"""Doctor on access: who may see the console, and whether people could sign in."""

from typing import Any

import pytest
from pydantic import SecretStr

from wescope.config import PolicyFile, Settings
from wescope.config.access_roles import AccessRoles
from wescope.engine.doctor_access import examine_access
from wescope.engine.results import Check, Severity
from wescope.errors import DatabaseUnavailable

OIDC: dict[str, Any] = {
    "access": "oidc",
    "public_url": "https://books.example.com",
    "oidc_issuer": "https://accounts.example.com",
    "oidc_client_id": "console",
    "oidc_client_secret": SecretStr("secret"),
}
OPERATORS = AccessRoles(operators=("ann@example.com",), viewers=("@example.com",))
DRAWN = "0123456789abcdef" * 4


async def answers() -> str:
    return "the provider answers"


async def is_away() -> str:
    raise DatabaseUnavailable


async def checks(roles: AccessRoles = OPERATORS, ask: Any = answers, **settings: Any) -> dict[str, Check]:
    found = await examine_access(Settings(**settings), PolicyFile(access=roles), ask)
    assert all(bool(check.remedy) is not check.ok for check in found)
    return {check.code: check for check in found}


async def test_on_this_machine_nothing_is_asked_and_no_role_is_needed() -> None:
    found = await checks(AccessRoles(), is_away)
    assert [(code, check.ok, check.detail) for code, check in found.items()] == [("access", True, "this machine only")]


async def test_people_who_sign_in() -> None:
    found = await checks(**OIDC, host="0.0.0.0")  # noqa: S104 - nothing listens
    assert {code: (check.ok, check.detail) for code, check in found.items()} == {
        "access": (True, "OpenID Connect"),
        "access_roles": (True, "entries for operators: 1, for viewers: 1"),
        "access_sign_in": (True, "the provider answers"),
    }


@pytest.mark.parametrize(
    ("settings", "severity", "detail", "remedy"),
    [
        ({**OIDC, "oidc_client_id": None}, Severity.ERROR, "missing: WESCOPE_OIDC_CLIENT_ID", "Set WESCOPE_OIDC"),
        ({"access": "iap"}, Severity.ERROR, "missing: WESCOPE_IAP_AUDIENCE", "Set WESCOPE_IAP_AUDIENCE."),
        ({"host": "10.0.0.7"}, Severity.WARNING, "it listens at 10.0.0.7", "Set WESCOPE_ACCESS to oidc or iap"),
        (
            {**OIDC, "host": "10.0.0.7", "public_url": "http://localhost:8080"},
            Severity.WARNING,
            "sent back to http://localhost:8080",
            "https address that people open",
        ),
    ],
)
async def test_settings_that_let_nobody_in(
    settings: dict[str, Any], severity: Severity, detail: str, remedy: str
) -> None:
    found = await checks(**settings)
    assert (found["access"].ok, found["access"].severity) == (False, severity)
    assert detail in found["access"].detail
    assert remedy in found["access"].remedy
    assert ("access_sign_in" in found) is (severity is Severity.WARNING and settings.get("access") == "oidc")


@pytest.mark.parametrize(
    ("roles", "fault", "severity"),
    [
        (AccessRoles(), "nobody may sign in", Severity.ERROR),
        (AccessRoles(viewer_groups=("finance",)), "nobody may decide or start work", Severity.WARNING),
        (AccessRoles(operator_groups=("finance",)), "", Severity.ERROR),
    ],
)
async def test_roles(roles: AccessRoles, fault: str, severity: Severity) -> None:
    found = (await checks(roles, **OIDC))["access_roles"]
    assert found.ok is not bool(fault)
    assert found.place == "access.operators (default)"
    assert fault in found.detail
    assert found.severity == severity


async def test_a_provider_that_does_not_answer_is_told_with_its_remedy() -> None:
    found = (await checks(ask=is_away, **OIDC))["access_sign_in"]
    assert (found.ok, found.severity, found.remedy) == (False, Severity.ERROR, DatabaseUnavailable.remedy)


async def test_tokens_of_programs_are_named_and_never_shown() -> None:
    tokens = f"report:viewer:{DRAWN},ops:operator:{'o' * 40}"
    found = (await checks(api_tokens=tokens))["access_tokens"]
    assert (found.ok, found.severity, found.detail) == (False, Severity.WARNING, "easily guessed: those of ops")
    good = (await checks(api_tokens=f"report:viewer:{DRAWN}"))["access_tokens"]
    assert (good.ok, good.detail) == (True, "report (viewer)")


async def test_a_process_without_a_console_says_only_that() -> None:
    found = await checks(AccessRoles(), is_away, **OIDC, expose="webhooks")
    assert [check.detail for check in found.values()] == ["no console here: WESCOPE_EXPOSE is webhooks"]
