"""Doctor on access: who may see the console, whether anybody can, and whether whom they sign in with answers."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from wescope.config import PolicyFile, Settings
from wescope.config.settings import IAP_SETTINGS, OIDC_SETTINGS
from wescope.engine.doctor_checks import checked, failed
from wescope.engine.results import Check, Severity
from wescope.errors import WescopeError

AskSignIn = Callable[[], Awaitable[str]]
"""Asks whom people sign in with, as a sign-in would; answers what is to be known of them."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_WAYS: Final = {"local": "this machine only", "oidc": "OpenID Connect", "iap": "Google's identity-aware proxy"}
_NEEDED: Final = {"local": (), "oidc": OIDC_SETTINGS, "iap": IAP_SETTINGS}
_FEWEST_CHARACTERS: Final = 8
"""A token of so few different characters was thought up and not drawn: hexadecimal ones have 16."""


async def examine_access(settings: Settings, policy_file: PolicyFile, ask_sign_in: AskSignIn) -> tuple[Check, ...]:
    """Who may see the console and ask the API; of a process that shows neither, only that.

    Args:
        settings: the environment.
        policy_file: its roles are for people who sign in.
        ask_sign_in: asked only if people sign in and nothing that it needs is missing; raises what `WescopeError` it
            may.
    """
    if settings.expose != "all":
        return (checked("access", code="access", seen=f"no console here: WESCOPE_EXPOSE is {settings.expose}"),)
    found = [_way(settings)]
    if settings.access != "local":
        found.append(_roles(policy_file))
        if not settings.missing(*_NEEDED[settings.access]):
            found.append(await _sign_in(ask_sign_in))
    return (*found, *_tokens(settings))


def _way(settings: Settings) -> Check:
    missing = ", ".join(settings.missing(*_NEEDED[settings.access]))
    if missing:
        fault, remedy, severity = f"missing: {missing}", f"Set {missing}.", Severity.ERROR
    elif settings.access == "local" and settings.host not in _LOOPBACK:
        fault = f"it listens at {settings.host}, but shows the console to this machine only"
        remedy = "Set WESCOPE_ACCESS to oidc or iap; or WESCOPE_EXPOSE=webhooks, if nothing else is to come from there."
        severity = Severity.WARNING
    elif (
        settings.access == "oidc" and settings.host not in _LOOPBACK and (settings.public_url or "").startswith("http:")
    ):
        fault = f"it listens at {settings.host}, but people are sent back to {settings.public_url}, their own machine"
        remedy = "Set WESCOPE_PUBLIC_URL to the https address that people open."
        severity = Severity.WARNING
    else:
        fault, remedy, severity = "", "", Severity.ERROR
    return checked("access", code="access", seen=_WAYS[settings.access], fault=fault, remedy=remedy, severity=severity)


def _roles(policy_file: PolicyFile) -> Check:
    roles = policy_file.access
    operators = len(roles.operators) + len(roles.operator_groups)
    viewers = len(roles.viewers) + len(roles.viewer_groups)
    fault = (
        "nobody may sign in" if not operators + viewers else "nobody may decide or start work" if not operators else ""
    )
    return checked(
        "access roles",
        code="access_roles",
        seen=f"entries for operators: {operators}, for viewers: {viewers}",
        fault=fault,
        remedy="Name operators under [access] in wescope.toml.",
        severity=Severity.WARNING if viewers else Severity.ERROR,
        place=policy_file.place("access.operators", "access.operator_groups"),
    )


async def _sign_in(ask_sign_in: AskSignIn) -> Check:
    try:
        return checked("sign-in", code="access_sign_in", seen=await ask_sign_in())
    except WescopeError as error:
        return failed("sign-in", error, code="access_sign_in")


def _tokens(settings: Settings) -> Iterator[Check]:
    """Of the programs with a token; of none there is nothing to say. That a token is long the settings see to."""
    programs = [one.get_secret_value().split(":", 2) for one in settings.api_tokens]
    if programs:
        weak = [name for name, _, token in programs if len(set(token)) < _FEWEST_CHARACTERS]
        yield checked(
            "API tokens",
            code="access_tokens",
            seen=", ".join(f"{name} ({role})" for name, role, _ in programs),
            fault=f"easily guessed: those of {', '.join(weak)}" if weak else "",
            remedy="Make each anew: openssl rand -hex 32, and set WESCOPE_API_TOKENS.",
            severity=Severity.WARNING,
        )
