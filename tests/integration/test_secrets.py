"""Secret Manager under the real parts: secrets roll while the service runs, and a lost database costs no connection."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from tests.integration.conftest import MakeDatabase, OpenDesk
from tests.integration.desk import Desk
from tests.integration.processes import sign
from tests.secret_manager import FakeSecrets, fake_secret_manager
from tests.unit.qbo.doubles import UnlimitedLimits
from wescope.config import PolicyFile, Settings, load_settings
from wescope.engine.connecting import Connector
from wescope.engine.runtime import Runtime
from wescope.errors import ConfigurationError, QboDisconnected, SignatureInvalid
from wescope.links.database import transaction
from wescope.links.schema import tokens
from wescope.sandbox.qbo.webhooks import Change, body_of
from wescope.sandbox.qbo.webhooks import sign as sign_qbo
from wescope.wiring import assemble, open_connector

TOKEN = "wescope-qbo-refresh-token"

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True, slots=True)
class Cloud:
    """Both sandboxes, their secrets in Secret Manager, and how a process starts there."""

    desk: Desk
    secrets: FakeSecrets
    database: str

    @contextlib.asynccontextmanager
    async def process(self, database: str | None = None) -> AsyncIterator[Runtime]:
        opening = assemble(load_settings(), PolicyFile(), database or self.database, limits=UnlimitedLimits())
        async with opening as runtime:
            yield runtime

    async def expire(self, runtime: Runtime) -> None:
        """Let the access token end, so that the next one must be asked for."""
        async with transaction(runtime.engine) as connection:
            past = datetime.now(UTC) - timedelta(hours=1)
            await connection.execute(sa.update(tokens).values(access_expires_at=past))
        runtime.tokens._pair = None

    async def refresh(self, runtime: Runtime) -> str:
        """A new pair of tokens; its refresh token, which is then backed up."""
        await self.expire(runtime)
        await runtime.tokens.access_token()
        await backed_up(runtime)
        return self.desk.qbo.tokens.refresh_token


async def said_yes(desk: Desk, connector: Connector) -> None:
    """A person who is asked by Intuit, and says yes."""
    redirect = "http://localhost:1/callback"
    address = connector.authorize_url(redirect)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    async with httpx2.AsyncClient(trust_env=False) as http:
        form = {**asked, "realm_id": desk.qbo.realm_id, "decision": "connect"}
        answer = await http.post(f"{desk.qbo.url}/connect/oauth2", data=form)
    await connector.connect(answer.headers["location"], redirect)


async def backed_up(runtime: Runtime) -> None:
    task = runtime.tokens._store._backup._task  # type: ignore[attr-defined]  # a test may look inside
    if task is not None:
        await task


@pytest.fixture
def fake() -> Iterator[FakeSecrets]:
    with fake_secret_manager() as running:
        yield running


@pytest.fixture
async def cloud(
    make_desk: OpenDesk, database: str, fake: FakeSecrets, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cloud]:
    async with make_desk() as desk:
        given = desk.runtime.patient.settings
        for name in sorted(set(Settings.model_fields) & {"qbo_client_id", "qbo_realm_id"} | _addresses()):
            monkeypatch.setenv(f"WESCOPE_{name.upper()}", str(getattr(given, name)))
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        fake.put("wescope-stripe-api-key", desk.stripe.api_key)
        fake.put("wescope-stripe-webhook-secrets", desk.stripe.webhook_secret)
        fake.put("wescope-qbo-client-secret", desk.qbo.tokens.client_secret)
        fake.put(TOKEN, desk.qbo.tokens.refresh_token)
        fake.put("wescope-token-key", Fernet.generate_key().decode())
        monkeypatch.setattr("wescope.config.secret_source.SOONEST_AGAIN_S", 0.0)
        yield Cloud(desk, fake, database)


def _addresses() -> set[str]:
    return {"stripe_api_base", "qbo_api_base", "qbo_token_url"}


def event(cloud: Cloud) -> bytes:
    invoice = cloud.desk.shop.invoice(cloud.desk.shop.customer())
    moment = int(time.time())
    body = {
        "object": "event",
        "id": f"evt_{time.monotonic_ns()}",
        "type": "invoice.paid",
        "created": moment,
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "data": {"object": {"object": "invoice", "id": invoice, "customer": "cus_1"}},
    }
    return json.dumps(body).encode()


async def test_every_secret_rolls_while_the_process_runs(cloud: Cloud) -> None:
    async with cloud.process() as runtime:
        body = event(cloud)
        with pytest.raises(SignatureInvalid):
            await runtime.accept(body, sign(body, "whsec_rolled"))
        cloud.secrets.put("wescope-stripe-webhook-secrets", f"whsec_rolled,{cloud.desk.stripe.webhook_secret}")
        for secret in ("whsec_rolled", cloud.desk.stripe.webhook_secret):
            fresh = event(cloud)
            assert (await runtime.accept(fresh, sign(fresh, secret))).outcome == "stored"

        change = Change(operation="updated", entity="Invoice", id="1")
        told = body_of([change], cloud.desk.qbo.realm_id, legacy=False, number=1).encode()
        cloud.secrets.put("wescope-qbo-webhook-verifier", "verifier-1")
        assert (await runtime.accept_qbo(told, sign_qbo(told, "verifier-1"))).stored == 1
        cloud.secrets.put("wescope-qbo-webhook-verifier", "verifier-2")
        assert (await runtime.accept_qbo(told, sign_qbo(told, "verifier-2"))).duplicates == 1

        rolled = f"{cloud.desk.stripe.api_key}rolled"
        cloud.desk.shop.business.account.api_key = rolled
        cloud.secrets.put("wescope-stripe-api-key", rolled)
        assert (await runtime.reader._api.get("/v1/balance"))["object"] == "balance"

        cloud.desk.qbo.tokens.client_secret = "rolled-secret"
        cloud.secrets.put("wescope-qbo-client-secret", "rolled-secret")
        await cloud.expire(runtime)
        assert await runtime.tokens.access_token()
        await backed_up(runtime)


async def test_the_newest_refresh_token_is_kept_beside_the_database_and_survives_its_loss(
    cloud: Cloud, make_database: MakeDatabase
) -> None:
    async with cloud.process() as runtime:
        newest = [await cloud.refresh(runtime) for _ in range(3)]
        seed, *ours = cloud.secrets.values[TOKEN]
        assert ours == [None, None, newest[-1]], "one version of ours, and what a person has put there is left alone"
        assert seed is not None
        calls = len(cloud.secrets.calls)
        runtime.tokens._store._backup.keep(cloud.desk.qbo.realm_id)  # type: ignore[attr-defined]
        await backed_up(runtime)
        assert cloud.secrets.calls[calls:] == [f"access {TOKEN}"], "what is there already is not written again"
    async with cloud.process(make_database(True)) as runtime:
        await runtime.tokens.access_token()
        assert (await runtime.status()).qbo_connection == "connected"


async def test_a_connection_that_is_made_elsewhere_is_taken_from_the_secret(
    cloud: Cloud, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud.process() as runtime:
        await runtime.tokens.access_token()
        await backed_up(runtime)
        cloud.desk.qbo.tokens.revoke_all()
        with pytest.raises(QboDisconnected):
            await cloud.refresh(runtime)
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("WESCOPE_DATABASE_URL", make_database(True))
            elsewhere.setenv("WESCOPE_GCP_SECRETS", "qbo-client-secret,qbo-refresh-token,token-key")
            elsewhere.setenv("WESCOPE_QBO_AUTHORIZE_URL", f"{cloud.desk.qbo.url}/connect/oauth2")
            async with open_connector(load_settings()) as connector:
                await said_yes(cloud.desk, connector)
        assert cloud.secrets.values[TOKEN][-1] == cloud.desk.qbo.tokens.refresh_token
        await runtime.secrets._read(["qbo_refresh_token"])  # as every five minutes
        await runtime.connection._watch_once()
        await runtime.tokens.access_token()
        await backed_up(runtime)


async def test_a_backup_that_fails_costs_nothing_but_a_warning(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloud.process() as runtime:
        cloud.secrets.denied.add(TOKEN)
        with capture_logs() as logs:
            token = await cloud.refresh(runtime)
        assert {line["code"] for line in logs if line["event"] == "refresh token not backed up"} == {"secret_refused"}
        assert cloud.secrets.values[TOKEN][-1] != token
    cloud.secrets.denied.clear()
    async with cloud.process() as runtime:
        await backed_up(runtime)
        assert cloud.secrets.values[TOKEN][-1] == token, "done at the next start"
    monkeypatch.setenv("WESCOPE_GCP_REFRESH_TOKEN_BACKUP", "false")
    async with cloud.process() as runtime:
        await cloud.expire(runtime)
        await runtime.tokens.access_token()
        assert cloud.secrets.values[TOKEN][-1] == token, "the setting switches it off"


async def test_token_keys_roll_without_a_new_connection(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WESCOPE_GCP_REFRESH_TOKEN_BACKUP", "false")
    (old,) = cloud.secrets.values["wescope-token-key"]
    new = Fernet.generate_key().decode()
    async with cloud.process() as runtime:
        token = await runtime.tokens.access_token()
    cloud.secrets.put("wescope-token-key", new)
    with pytest.raises(ConfigurationError, match="WESCOPE_TOKEN_KEY"):
        async with cloud.process():
            pass
    for keys in (f"{old},{new}", f"{new},{old}", new):
        cloud.secrets.put("wescope-token-key", keys)
        async with cloud.process() as runtime:
            assert await runtime.tokens.access_token() == token
    cloud.secrets.put("wescope-token-key", str(old))
    with pytest.raises(ConfigurationError, match="another key"):
        async with cloud.process():
            pass
