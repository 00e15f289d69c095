"""Local only: what shows the books or starts work answers nobody but this machine, until access control exists."""

import ipaddress
from typing import ClassVar

from fastapi import Request

from wescope.books.parking import Owner
from wescope.errors import Retry, WescopeError


class NotLocal(WescopeError):
    """Only this machine may ask for this."""

    code = "not_local"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    http_status: ClassVar[int] = 403
    remedy = "Ask from the machine that runs the service (127.0.0.1), or through a tunnel to it."


async def only_local(request: Request) -> None:
    """Refuse callers of other machines, and web pages of other origins that a local browser has open.

    Raises:
        NotLocal: the caller's address is not a loopback address, or a browser sent the request for another site.
    """
    if not is_loopback(request.client.host if request.client else ""):
        raise NotLocal
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise NotLocal("A page of another site sent this request.")
    if not _is_local_name(request.url.hostname or ""):
        raise NotLocal("The host name of the request is not a local one.")


async def from_this_machine(request: Request) -> None:
    """Refuse callers of other machines, by whatever name they call us: a collector of metrics may say 0.0.0.0.

    Raises:
        NotLocal: the caller's address is not a loopback address.
    """
    if not is_loopback(request.client.host if request.client else ""):
        raise NotLocal


def is_loopback(host: str) -> bool:
    """True if `host` is a loopback address (also an IPv4 one written as IPv6)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_local_name(name: str) -> bool:
    """True unless a foreign name was made to point here (DNS rebinding)."""
    return name == "localhost" or is_loopback(name.strip("[]"))
