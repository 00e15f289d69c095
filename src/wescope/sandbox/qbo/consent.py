"""The page on which a person lets an app into a company, or does not (facts/qbo.md 3.1)."""

import html
from collections.abc import Mapping
from urllib.parse import urlsplit

from wescope.sandbox.qbo.oauth import SCOPE

OTHER_COMPANY = "9130350000000000999"
"""A company that the person may choose, too; this sandbox has no books for it."""

CONNECT = "connect"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Connect - sandbox</title></head>
<body><h1>An app wants to work with your company</h1>
<p>It may read and write its books. ({scope})</p>
<form method="post" action="/connect/oauth2">{hidden}
<p><label>Company <select name="realm_id">{companies}</select></label></p>
<button type="submit" name="decision" value="connect">Connect</button>
<button type="submit" name="decision" value="cancel">No thanks</button>
</form></body></html>
"""


def fault(asked: Mapping[str, str], client_id: str) -> str:
    """Returns what is wrong with a request for access (an OAuth error), or an empty text.

    Args:
        asked: its parameters.
        client_id: of the app that the sandbox knows.
    """
    redirect = urlsplit(asked.get("redirect_uri", ""))
    is_address = redirect.scheme in {"http", "https"} and bool(redirect.netloc) and not redirect.fragment
    if asked.get("client_id") != client_id or not asked.get("state") or not is_address:
        return "invalid_request"
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    return "" if SCOPE in asked.get("scope", "").split() else "invalid_scope"


def page(asked: Mapping[str, str], realm_id: str) -> str:
    """Returns the page as HTML.

    Args:
        asked: the request's parameters.
        realm_id: of the sandbox's company.
    """
    kept = ("client_id", "response_type", "scope", "redirect_uri", "state")
    hidden = "".join(f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">' for name in kept)
    names = {realm_id: "Sandbox company", OTHER_COMPANY: "Another company"}
    companies = "".join(f'<option value="{one}">{name} ({one})</option>' for one, name in names.items())
    return _PAGE.format(scope=html.escape(SCOPE), hidden=hidden, companies=companies)
