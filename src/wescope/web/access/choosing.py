"""Choosing: the way of access that the settings name, put together."""

from collections.abc import Sequence

from wescope.config import Settings, token_keys
from wescope.config.access_roles import AccessRoles
from wescope.errors import ConfigurationError
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.guard import Access, LocalAccess
from wescope.web.access.iap import ProxyAccess
from wescope.web.access.keys import Keys
from wescope.web.access.oidc import OidcAccess
from wescope.web.access.provider import Provider


def access_of(settings: Settings, roles: AccessRoles) -> Access:
    """The way of access of a process that shows the console.

    Args:
        settings: the environment.
        roles: who may what, as the policy file says it.

    Raises:
        ConfigurationError: settings of this way are missing, or nobody could do anything with it.
    """
    tokens = ApiTokens(settings.api_tokens)
    if settings.access == "local":
        return LocalAccess(tokens, public_url=settings.public_url)
    if settings.access == "oidc":
        client = settings.require_oidc()
        _require_somebody(roles)
        return OidcAccess(client, roles, keys=_keys(settings), tokens=tokens)
    proxy = settings.require_iap()
    _require_somebody(roles)
    return ProxyAccess(proxy, roles, keys=_keys(settings), tokens=tokens, public_url=settings.public_url)


async def ask_sign_in(settings: Settings) -> str:
    """Whether people could sign in now, for the doctor: asks for what every sign-in needs, and signs nobody in.

    Args:
        settings: the environment; its way of access is not `local`.

    Returns:
        What the provider must know of us, in words.

    Raises:
        ConfigurationError: settings of this way are missing.
        ProviderUnavailable: the provider or the proxy's keys cannot be reached or believed.
    """
    if settings.access == "iap":
        proxy = settings.require_iap()

        async def keys_url() -> str:
            return proxy.keys_url

        await Keys(keys_url).holding(None)
        return f"the proxy's keys are there; its audience is {proxy.audience}"
    provider = Provider(settings.require_oidc())
    await provider.ask()
    return f"the provider answers; it must know the redirect address {provider.redirect_uri}"


def _keys(settings: Settings) -> Sequence[str]:
    return token_keys(settings)


def _require_somebody(roles: AccessRoles) -> None:
    if not (roles.viewers or roles.operators or roles.viewer_groups or roles.operator_groups):
        raise ConfigurationError(
            "Nobody may sign in: name operators (and viewers) under [access] in wescope.toml.",
            variable="WESCOPE_ACCESS",
        )
