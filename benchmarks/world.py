"""The processes that every part needs: both stand-ins, an embedded PostgreSQL, and our service in its roles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wescope.cli.children import bare_environment


def environment(home: Path, stripe: Mapping[str, Any], qbo: Mapping[str, Any], *secrets: str) -> dict[str, str]:
    """The service's environment for two stand-ins, on a free port.

    Args:
        home: `WESCOPE_HOME`.
        stripe: what Stripe's stand-in has announced.
        qbo: what QBO's stand-in has announced.
        secrets: of further webhook end points.
    """
    return bare_environment() | {
        "NO_PROXY": "127.0.0.1,localhost",
        "WESCOPE_HOME": str(home),
        "WESCOPE_PORT": "0",
        "WESCOPE_LOG_LEVEL": "warning",
        "WESCOPE_STRIPE_API_BASE": stripe["url"],
        "WESCOPE_STRIPE_API_KEY": stripe["api_key"],
        "WESCOPE_STRIPE_WEBHOOK_SECRETS": ",".join((stripe["webhook_secret"], *secrets)),
        "WESCOPE_QBO_API_BASE": qbo["url"],
        "WESCOPE_QBO_TOKEN_URL": f"{qbo['url']}/oauth2/v1/tokens/bearer",
        "WESCOPE_QBO_CLIENT_ID": qbo["client_id"],
        "WESCOPE_QBO_CLIENT_SECRET": qbo["client_secret"],
        "WESCOPE_QBO_REALM_ID": qbo["realm_id"],
        "WESCOPE_QBO_REFRESH_TOKEN": qbo["refresh_token"],
    }
