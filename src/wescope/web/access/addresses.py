"""Addresses: which paths a browser may be sent back to, and whether a request was sent by a page of our own."""

from urllib.parse import quote, urlsplit

from fastapi import Request

SIGN_IN = "/sign-in"
_MAX_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}


def local_path(text: str | None) -> str:
    """A path of ours with its query, or `/`: never an address that leads elsewhere."""
    if not text or len(text) > _MAX_CHARACTERS or not text.isascii() or not text.isprintable():
        return "/"
    # Browsers read a backslash as a slash, and two slashes as the beginning of a host.
    if not text.startswith("/") or text.startswith(("//", SIGN_IN)) or "\\" in text:
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else text


def sign_in_address(wanted: str) -> str:
    """Where to sign in so as to come to a path of ours."""
    path = local_path(wanted)
    return SIGN_IN if path == "/" else f"{SIGN_IN}?next={quote(path, safe='/')}"


def is_same_origin(request: Request, public_url: str | None = None) -> bool:
    """True unless a browser says that a page of another site has sent the request.

    It says so in Sec-Fetch-Site, or, an older one, in Origin, which must be ours: the public address, or the host that
    was asked. Who says neither is no browser that a page can use.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"none", "same-origin"}
    origin = request.headers.get("origin")
    if origin is None:
        return True
    if public_url is not None and _origin(origin) == _origin(public_url):
        return True
    host = _host(origin)  # none of an origin that is hidden (`null`)
    return host is not None and host == _host_of(request)


def _origin(address: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def _host(origin: str) -> tuple[str, int | None] | None:
    found = _origin(origin)
    return (found[1], found[2]) if found and found[0] in _PORTS else None


def _host_of(request: Request) -> tuple[str, int | None] | None:
    """The host that was asked; without a port in it, that of the scheme which the origin names."""
    scheme = (request.headers.get("origin") or "").partition(":")[0]
    return _host(f"{scheme}://{request.headers.get('host', '')}") if scheme in _PORTS else None
