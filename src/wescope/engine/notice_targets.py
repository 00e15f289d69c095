"""Targets: whom alerts are sent to, a webhook in Slack's shape or mailboxes, as the environment names them."""

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import ClassVar, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import httpx2

from wescope.books.parking import Owner
from wescope.config import Settings
from wescope.config.settings import MAIL_SETTINGS
from wescope.errors import Retry, WescopeError

WEBHOOK, EMAIL = "webhook", "email"
TIMEOUT_S = 10.0
_LIMITED_FOR_S, _LONGEST_LIMIT_S = 60, 3600
_SMTP_PORTS = {"smtp": 587, "smtps": 465}
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class NoticeFailed(WescopeError):
    """A message about an alert did not arrive."""

    code = "notice_failed"
    owner = Owner.OPERATOR
    retry = Retry.LATER
    remedy = "Check WESCOPE_ALERT_WEBHOOK_URL, or WESCOPE_SMTP_URL and the addresses; then `wescope alerts test`."


class NoticeLimited(NoticeFailed):
    """The receiver of alerts wants fewer messages; the next one goes when it allows."""

    code = "notice_limited"
    remedy = "Nothing: it is sent when the receiver allows."

    def __init__(self, *, wait_s: int) -> None:
        super().__init__(wait_s=wait_s)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent: a line that says what it is about, and the text. Codes, amounts, ids and remedies only."""

    subject: str
    text: str


class Target(Protocol):
    """Takes messages."""

    name: ClassVar[str]

    async def send(self, message: Message) -> None:
        """Deliver a message.

        Raises:
            NoticeFailed: it did not arrive, or nobody knows.
            NoticeLimited: the receiver wants it later.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """An incoming webhook of Slack's, or of what takes the same: `{"text": ...}`."""

    name: ClassVar[str] = WEBHOOK
    url: str = field(repr=False)
    timeout_s: float = TIMEOUT_S

    async def send(self, message: Message) -> None:
        """Post the message. Slack reads `&`, `<` and `>` as markup, so they are escaped as it wants it."""
        text = f"{message.subject}\n{message.text}"
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        try:
            async with asyncio.timeout(self.timeout_s), httpx2.AsyncClient(timeout=self.timeout_s) as client:
                answer = await client.post(self.url, json={"text": escaped})
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
            # `from None`: the library's error names the address, which is a secret.
            raise NoticeFailed(reason=type(error).__name__) from None
        if answer.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            raise NoticeLimited(wait_s=_wait_s(answer.headers.get("retry-after", "")))
        if not answer.is_success:
            raise NoticeFailed(reason=f"http_{answer.status_code}")


def _wait_s(retry_after: str) -> int:
    wanted = int(retry_after) if retry_after.isdecimal() else _LIMITED_FOR_S
    return min(_LONGEST_LIMIT_S, max(1, wanted))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailTarget:
    """Mailboxes, through a mail server (`smtps://`: TLS from the start; `smtp://`: STARTTLS where it is offered)."""

    name: ClassVar[str] = EMAIL
    server: str = field(repr=False)
    sender: str = field(repr=False)
    receivers: tuple[str, ...] = field(repr=False)
    timeout_s: float = TIMEOUT_S

    async def send(self, message: Message) -> None:
        """Hand the message to the mail server, in a thread that nobody waits for at the end of the process."""
        try:
            # Each answer of the server has its time; all of them together must not take as long as a claim holds.
            async with asyncio.timeout(3 * self.timeout_s):
                await _in_thread(lambda: self._deliver(message))
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise NoticeFailed(reason=f"smtp_{codes[0] if codes else 'refused'}") from None
        except smtplib.SMTPResponseException as error:
            raise NoticeFailed(reason=f"smtp_{error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NoticeFailed(reason=type(error).__name__) from None

    def _deliver(self, message: Message) -> None:
        parts = urlsplit(self.server)
        with self._connect(parts) as connection:
            if parts.scheme == "smtp":
                self._secure(connection, parts)
            if parts.username:
                connection.login(unquote(parts.username), unquote(parts.password or ""))
            connection.send_message(self._mail(message))

    def _connect(self, parts: SplitResult) -> smtplib.SMTP:
        host, port = parts.hostname or "", parts.port or _SMTP_PORTS[parts.scheme]
        if parts.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=self.timeout_s, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=self.timeout_s)

    @staticmethod
    def _secure(connection: smtplib.SMTP, parts: SplitResult) -> None:
        """Encrypt if the server can; a password never goes to another machine in clear.

        Raises:
            SMTPNotSupportedError: it would.
        """
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
        elif parts.username and parts.hostname not in _LOCAL:
            raise smtplib.SMTPNotSupportedError

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.subject, self.sender, ", ".join(self.receivers)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self.sender.partition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


async def _in_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread of its own. asyncio's threads would keep the process until a silent server gives up."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as raised:  # noqa: BLE001 - it is raised where it is waited for
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="notice", daemon=True).start()
    await done


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """The targets that the environment names; mail only if server, sender and receivers are all set."""
    targets: list[Target] = []
    if settings.alert_webhook_url is not None:
        targets.append(WebhookTarget(url=settings.alert_webhook_url.get_secret_value()))
    if settings.smtp_url and settings.alert_email_from and settings.alert_email_to:
        server = settings.smtp_url.get_secret_value()
        targets.append(EmailTarget(server=server, sender=settings.alert_email_from, receivers=settings.alert_email_to))
    return tuple(targets)


def missing_mail_settings(settings: Settings) -> tuple[str, ...]:
    """The variables that mail lacks although some of them are set; empty if it is complete, or not wanted."""
    missing = settings.missing(*MAIL_SETTINGS)
    return missing if len(missing) < len(MAIL_SETTINGS) else ()
