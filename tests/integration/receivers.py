"""Receivers of alerts on this machine: a webhook that answers as it is told, and a mail server."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(slots=True)
class Hook:
    """A webhook: what it was sent, and what it answers next (200 once there is nothing left of that)."""

    url: str = ""
    texts: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    hold: threading.Event | None = None
    """If there is one, an answer waits for it."""


@contextlib.contextmanager
def hook() -> Iterator[Hook]:
    """A webhook on a free port."""
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if told.hold is not None:
                told.hold.wait(timeout=30)
            status, headers = told.answers.pop(0) if told.answers else (200, {})
            if status == 200:
                told.texts.append(body["text"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            with contextlib.suppress(ConnectionError):
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/secret"
    try:
        yield told
    finally:
        if told.hold is not None:
            told.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@dataclass(slots=True)
class MailServer:
    """A mail server: what it took, from whom, for whom; and what it answers to a receiver's address."""

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    refusal: str = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a receiver, or not."""
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert envelope.rcpt_tos == [part.strip() for part in mail["To"].split(",")]
        self.mails.append(mail)
        return "250 OK"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        """Only one password is right."""
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"p@ss:word", handled=False)


@contextlib.asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server on a free port; whoever logs in must know the password."""
    told = MailServer()

    def serve() -> SMTP:
        return SMTP(told, hostname="localhost", authenticator=told.authenticate, auth_require_tls=False)

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    told.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield told
    finally:
        server.close()
