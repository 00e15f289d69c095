"""The notifier: people are told once when an alert begins, again while it lasts, and when it is over."""

import asyncio
import contextlib
import smtplib
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.receivers import Hook, MailServer, hook, mail_server, tls_of_localhost
from wescope.config import Settings
from wescope.config.alerts import AlertThresholds
from wescope.engine.notice_targets import EmailTarget, Message, NoticeFailed, Target, WebhookTarget, targets_of
from wescope.engine.notifier import Notifier
from wescope.engine.situation import LastTieOut, Situation
from wescope.links.database import open_engine, transaction
from wescope.links.notices import TargetState, target_states
from wescope.observe.metrics import Metrics

REALM = "9341453"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WELL = Situation(now=NOW)
DIFFERS = replace(WELL, tieout=LastTieOut(difference="1.50", at=NOW))
SILENT = replace(WELL, webhook_at=NOW - timedelta(days=2))
BOTH = replace(DIFFERS, webhook_at=NOW - timedelta(days=2))
NONE = timedelta()
TEST = Message(subject="s", text="t")


@dataclass(slots=True)
class World:
    """What an observer sees."""

    seen: Situation = WELL

    async def look(self) -> Situation:
        return self.seen


@dataclass(slots=True)
class Office:
    """A database, a receiver, and notifiers like those of so many processes."""

    engine: AsyncEngine
    world: World
    hook: Hook
    metrics: Metrics

    def notifier(self, *targets: Target, quiet: timedelta = NONE) -> Notifier:
        return Notifier(
            engine=self.engine,
            realm_id=REALM,
            observer=self.world,  # type: ignore[arg-type]  # it only looks
            thresholds=AlertThresholds(),
            targets=targets or (WebhookTarget(url=self.hook.url, timeout_s=5),),
            metrics=self.metrics,
            quiet=quiet,
            pause=NONE,
            again_first=NONE,
        )

    async def tick(self, seen: Situation, notifier: Notifier | None = None) -> list[str]:
        """Look once at this situation; the messages that came of it."""
        before, self.world.seen = len(self.hook.texts), seen
        await (notifier or self.notifier()).tick()
        return self.hook.texts[before:]

    async def execute(self, statement: str) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(sa.text(statement))

    async def state(self) -> TargetState:
        async with transaction(self.engine) as connection:
            (state,) = await target_states(connection, REALM)
        return state

    def counted(self, outcome: str) -> bool:
        return f'wescope_notices_total{{outcome="{outcome}",target="webhook"}}' in self.metrics.render().decode()


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


@pytest.fixture
async def mails() -> AsyncIterator[MailServer]:
    async with mail_server() as opened:
        yield opened


@pytest.fixture
async def office(database: str, receiver: Hook) -> AsyncIterator[Office]:
    engine = open_engine(database)
    yield Office(engine, World(), receiver, Metrics())
    await engine.dispose()


async def test_an_alert_is_told_when_it_begins_and_when_it_is_over(office: Office) -> None:
    assert await office.tick(WELL) == []
    (began,) = await office.tick(DIFFERS)
    assert began.splitlines() == [
        f"WeScope Sync, company {REALM}: ALERT tieout_differs",
        "ALERT tieout_differs: The last tie-out differs by 1.50.",
        "Since 2026-11-22 12:00 UTC.",
        "What to do: Run `wescope tieout`: it lists the documents that make the difference up, with their reasons.",
        "Runbook: docs/runbooks/tieout_differs.md",
    ]
    assert await office.tick(DIFFERS) == []
    (over,) = await office.tick(WELL)
    assert over.splitlines()[0].endswith("OVER tieout_differs")
    assert "It began at 2" in over
    assert await office.tick(WELL) == []
    assert len(await office.tick(DIFFERS)) == 1, "the next one is told anew"
    assert office.counted("sent")


async def test_a_restart_does_not_tell_again_and_what_ended_meanwhile_is_told(office: Office) -> None:
    assert len(await office.tick(DIFFERS)) == 1
    await office.execute("UPDATE notices SET seen_at = now() - interval '3 hours'")  # nobody looked for so long
    assert await office.tick(DIFFERS, office.notifier(quiet=timedelta(minutes=5))) == []
    await office.execute("UPDATE notices SET seen_at = now() - interval '3 hours'")
    (over,) = await office.tick(WELL, office.notifier(quiet=timedelta(minutes=5)))
    assert "OVER" in over


async def test_processes_that_look_at_once_tell_once(office: Office) -> None:
    office.world.seen = BOTH
    await asyncio.gather(*(office.notifier().tick() for _ in range(6)))
    (text,) = office.hook.texts
    assert "ALERT tieout_differs, ALERT webhooks_silent" in text, "what comes together is told together"
    office.world.seen = WELL
    await asyncio.gather(*(office.notifier().tick() for _ in range(6)))
    assert len(office.hook.texts) == 2


async def test_an_alert_that_flickers_is_told_once(office: Office) -> None:
    patient = office.notifier(quiet=timedelta(minutes=5))
    told = [await office.tick(seen, patient) for seen in (DIFFERS, WELL, DIFFERS, WELL, DIFFERS)]
    assert [len(messages) for messages in told] == [1, 0, 0, 0, 0]


async def test_what_lasts_is_told_again_after_a_day(office: Office) -> None:
    await office.tick(DIFFERS)
    await office.execute("UPDATE notices SET told_at = now() - interval '23 hours'")
    assert await office.tick(DIFFERS) == []
    await office.execute("UPDATE notices SET told_at = now() - interval '25 hours'")
    (again,) = await office.tick(DIFFERS)
    assert "STILL ON tieout_differs" in again
    assert await office.tick(DIFFERS) == []


async def test_messages_keep_their_distance(office: Office) -> None:
    slow = replace(office.notifier(), pause=timedelta(minutes=1))
    assert len(await office.tick(DIFFERS, slow)) == 1
    assert await office.tick(BOTH, slow) == []
    await office.execute("UPDATE notice_targets SET not_before = now() - interval '1 second'")
    (later,) = await office.tick(BOTH, slow)
    assert "ALERT webhooks_silent" in later
    assert "tieout_differs" not in later


async def test_a_receiver_that_is_down_gets_it_when_it_is_back(office: Office) -> None:
    office.hook.answers = [(500, {}), (503, {})]
    assert await office.tick(DIFFERS) == []
    assert await office.tick(DIFFERS) == []
    state = await office.state()
    assert (state.failures, state.last_code, state.sent_at) == (2, "http_503", None)
    report = (await office.notifier().report()).targets[0]
    assert (report.ok, report.code) == (False, "http_503")
    assert "wescope alerts test" in report.remedy
    (told,) = await office.tick(DIFFERS)
    assert "ALERT tieout_differs" in told
    state = await office.state()
    assert (state.failures, state.last_code) == (0, None)
    assert office.counted("failed")


async def test_each_failure_waits_longer_than_the_one_before(office: Office) -> None:
    hasty = replace(office.notifier(), again_first=timedelta(seconds=30))
    waits = []
    for _ in range(7):
        office.hook.answers = [(500, {})]
        await office.execute("UPDATE notice_targets SET not_before = NULL")
        await office.tick(DIFFERS, hasty)
        not_before = (await office.state()).not_before
        assert not_before is not None
        waits.append(round((not_before - datetime.now(UTC)).total_seconds() / 10) * 10)
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert await office.tick(DIFFERS, hasty) == [], "not before its time"


async def test_a_receiver_that_asks_to_wait_is_heeded(office: Office) -> None:
    office.hook.answers = [(429, {"Retry-After": "120"})]
    assert await office.tick(DIFFERS) == []
    not_before = (await office.state()).not_before
    assert not_before is not None
    assert timedelta(seconds=100) < not_before - datetime.now(UTC) <= timedelta(seconds=120)
    assert await office.tick(DIFFERS) == []
    await office.execute("UPDATE notice_targets SET not_before = now()")
    assert len(await office.tick(DIFFERS)) == 1
    assert office.counted("limited")


async def test_what_came_and_went_untold_is_not_told(office: Office) -> None:
    office.hook.answers = [(500, {})]
    assert await office.tick(DIFFERS) == []
    assert await office.tick(WELL) == []


async def test_a_process_that_dies_while_it_sends_is_stood_in_for(office: Office) -> None:
    office.hook.hold = threading.Event()
    office.world.seen = DIFFERS
    dying = asyncio.create_task(office.notifier().tick())
    for _ in range(500):
        await asyncio.sleep(0.01)
        async with transaction(office.engine) as connection:
            if await connection.scalar(sa.text("SELECT count(*) FROM notice_targets WHERE claimed_until > now()")):
                break
    dying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dying
    assert await office.tick(DIFFERS) == [], "somebody is sending"
    office.hook.hold.set()
    office.hook.hold = None
    office.hook.texts.clear()
    await office.execute("UPDATE notice_targets SET claimed_until = now() - interval '1 second'")
    await office.tick(DIFFERS)
    assert "ALERT tieout_differs" in office.hook.texts[-1]


async def test_a_silent_receiver_is_given_up_on(office: Office) -> None:
    office.hook.hold = threading.Event()
    with pytest.raises(NoticeFailed) as failed:
        await WebhookTarget(url=office.hook.url, timeout_s=0.2).send(TEST)
    assert "secret" not in str(failed.value), "the address is one"


async def test_nobody_there(office: Office, unused_tcp_port: int) -> None:
    target = WebhookTarget(url=f"http://127.0.0.1:{unused_tcp_port}/secret", timeout_s=5)
    assert await office.tick(DIFFERS, office.notifier(target)) == []
    state = await office.state()
    assert state.last_code == "ConnectError"


async def test_slacks_markup_is_escaped(receiver: Hook) -> None:
    await WebhookTarget(url=receiver.url).send(Message(subject="<!channel>", text="a & b"))
    assert receiver.texts == ["&lt;!channel&gt;\na &amp; b"]


async def test_a_slow_target_does_not_keep_another_waiting(office: Office, mails: MailServer) -> None:
    office.hook.hold = threading.Event()
    office.world.seen = DIFFERS
    mail = EmailTarget(server=mails.url, sender="wescope@example.com", receivers=("ops@example.com",))
    ticking = asyncio.create_task(office.notifier(WebhookTarget(url=office.hook.url, timeout_s=20), mail).tick())
    for _ in range(1000):
        if mails.mails:
            break
        await asyncio.sleep(0.01)
    assert mails.mails
    assert not ticking.done()
    office.hook.hold.set()
    await ticking
    assert len(office.hook.texts) == 1


# --- mail -------------------------------------------------------------------------------------------------------------


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg, arg-type]  # as the environment gives them


async def test_mail_goes_to_all_receivers_with_login(mails: MailServer) -> None:
    server = mails.url.replace("smtp://", "smtp://alerts:p%40ss%3Aword@")
    (target,) = targets_of(
        settings(
            smtp_url=SecretStr(server),
            alert_email_from="wescope@example.com",
            alert_email_to=("ops@example.com", "books@example.com"),
        )
    )
    await target.send(Message(subject="WeScope Sync: ALERT drift_found", text="Line one.\n\nÄ line with 1.50 €."))
    (mail,) = mails.mails
    assert (mail["From"], mail["To"]) == ("wescope@example.com", "ops@example.com, books@example.com")
    assert mail["Subject"] == "WeScope Sync: ALERT drift_found"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == ["Line one.", "", "Ä line with 1.50 €."]
    assert mails.users == ["alerts"]


@pytest.mark.parametrize(
    ("login", "refusal", "reason"),
    [("", "550 no such mailbox", "smtp_550"), ("", "450 later", "smtp_450"), ("alerts:wrong@", "", "smtp_535")],
)
async def test_a_mail_server_that_refuses(mails: MailServer, login: str, refusal: str, reason: str) -> None:
    mails.refusal = refusal
    server = mails.url.replace("smtp://", f"smtp://{login}")
    target = EmailTarget(server=server, sender="wescope@example.com", receivers=("ops@example.com",))
    with pytest.raises(NoticeFailed) as failed:
        await target.send(TEST)
    assert failed.value.details == {"reason": reason}
    assert "example.com" not in str(failed.value)


@pytest.mark.parametrize("way", ["implicit", "starttls"])
async def test_mail_is_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    theirs, ours = tls_of_localhost(tmp_path)
    async with mail_server(**{way: theirs}) as server:
        url = server.url.replace("://", "://alerts:p%40ss%3Aword@")
        target = EmailTarget(server=url, sender="wescope@example.com", receivers=("ops@example.com",))
        with pytest.raises(NoticeFailed) as refused:
            await target.send(TEST)
        assert refused.value.details == {"reason": "SSLCertVerificationError"}, "nobody has vouched for it"
        monkeypatch.setattr(ssl, "create_default_context", lambda: ours)
        await target.send(TEST)
        assert (len(server.mails), server.users) == (1, ["alerts"])


class InClear:
    """A mail server that cannot encrypt."""

    def ehlo(self) -> None:
        """Greeted."""

    def has_extn(self, name: str) -> bool:
        return name != "starttls"


@pytest.mark.parametrize(
    ("server", "goes"),
    [
        ("smtp://user:password@mail.example.com", False),
        ("smtp://mail.example.com", True),
        ("smtp://user:password@localhost", True),
    ],
)
def test_a_password_never_goes_to_another_machine_in_clear(server: str, goes: bool) -> None:
    with contextlib.nullcontext() if goes else pytest.raises(smtplib.SMTPNotSupportedError):
        EmailTarget._secure(InClear(), urlsplit(server))  # type: ignore[arg-type]  # as far as it is asked


async def test_a_test_message_says_that_it_is_one(office: Office, mails: MailServer) -> None:
    mails.refusal = "550 no such mailbox"
    mail = EmailTarget(server=mails.url, sender="wescope@example.com", receivers=("ops@example.com",))
    good, bad = await office.notifier(WebhookTarget(url=office.hook.url), mail).test()
    assert (good.target, good.ok, good.code) == ("webhook", True, None)
    assert (bad.target, bad.ok, bad.code) == ("email", False, "smtp_550")
    assert "test" in office.hook.texts[0]


def test_targets_need_all_that_they_are() -> None:
    assert targets_of(settings()) == ()
    assert targets_of(settings(smtp_url=SecretStr("smtps://mail.example.com"), alert_email_from="a@example.com")) == ()
    (only,) = targets_of(settings(alert_webhook_url=SecretStr("https://hooks.example.com/x")))
    assert only.name == "webhook"
    assert "hooks" not in repr(only)
