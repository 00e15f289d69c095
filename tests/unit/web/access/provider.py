"""A provider of OpenID Connect in this process, as strict as a real one: discovery, code with PKCE, keys that roll."""

import base64
import functools
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "console", "s3cret/with+signs:and=such"


@functools.cache
def key_of(key_id: str, generation: int = 0) -> RSAKey:
    """A signing key; making one takes longer than all the rest of a test."""
    del generation
    return RSAKey.generate_key(2048, {"kid": key_id})


@dataclass(kw_only=True)
class FakeProvider:
    """What it says of whom, and how it lies if it is told to. `claims` are added to what an ID token holds."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    methods: tuple[str, ...] = ("client_secret_basic",)
    signing: RSAKey | ECKey = field(default_factory=lambda: key_of("first"))
    published: list[Mapping[str, Any]] | None = None
    forge: str = ""
    """`none`: an unsigned token. `symmetric`: one signed with the public key as a shared secret."""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    broken: bool = False

    def roll(self, key_id: str) -> None:
        """Sign with a new key from now on."""
        self.signing = key_of(key_id, generation=1)

    def authorize(self, address: str) -> Mapping[str, str]:
        """What a browser that was sent to this address comes back with."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert given["response_type"] == "code"
        assert given["code_challenge_method"] == "S256"
        assert given["client_id"] == CLIENT_ID
        code = f"code-{len(self.codes)}"
        self.codes[code] = given
        return {"code": code, "state": given["state"]}

    def answer(self, path: str, form: Mapping[str, str], authorization: str) -> tuple[int, Mapping[str, Any]]:
        self.asked.append(path)
        if self.broken:
            return 500, {}
        match path:
            case "/.well-known/openid-configuration":
                return 200, {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "token_endpoint_auth_methods_supported": list(self.methods),
                }
            case "/keys":
                return 200, {"keys": self.published or [dict(self.signing.as_dict(private=False))]}
            case "/token":
                return self._token(form, authorization)
        return 404, {}

    def _token(self, form: Mapping[str, str], authorization: str) -> tuple[int, Mapping[str, Any]]:
        given = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if given is None or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != given["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if self._client(form, authorization) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if form["redirect_uri"] != given["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.id_token(given["nonce"]), "access_token": "at", "token_type": "Bearer"}

    def _client(self, form: Mapping[str, str], authorization: str) -> tuple[str, str]:
        if "client_secret_basic" not in self.methods:
            return form["client_id"], form["client_secret"]
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return unquote(name), unquote(secret)

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": "u-1", "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": nonce,
        } | self.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.forge:
            algorithm = "none" if self.forge == "none" else "HS256"
            signed = f"{text_of({'alg': algorithm, 'kid': self.signing.kid})}.{text_of(claims)}"
            made = hmac.digest(self.signing.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}." if self.forge == "none" else f"{signed}.{base64_of(made)}"
        algorithm = "RS256" if isinstance(self.signing, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": self.signing.kid, **self.header}, claims, self.signing)


def base64_of(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def text_of(part: Mapping[str, Any]) -> str:
    return base64_of(json.dumps(part).encode())


@contextmanager
def running_provider() -> Iterator[FakeProvider]:
    """A provider that listens on this machine for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/authorize?"):
                return self._answer({})
            given = parse_qs(urlsplit(self.path).query)
            back = urlencode(provider.authorize(self.path))
            self.send_response(302)
            self.send_header("location", f"{given['redirect_uri'][0]}?{back}")
            return self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: Mapping[str, str]) -> None:
            status, content = provider.answer(self.path, form, self.headers.get("authorization", ""))
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = FakeProvider(issuer=f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
