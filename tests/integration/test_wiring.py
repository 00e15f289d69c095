"""Wiring: what it needs to open, on the real database."""

import pytest
from pydantic import SecretStr

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from wescope.config import PolicyFile
from wescope.errors import ConfigurationError
from wescope.wiring import assemble


async def test_a_stored_refresh_token_serves_when_the_environment_has_none(desk: Desk, database: str) -> None:
    invoice = desk.shop.invoice(desk.shop.customer())
    await desk.sync(invoice)
    settings = desk.runtime.patient.settings.model_copy(update={"qbo_refresh_token": None})
    async with assemble(settings, PolicyFile(), database) as runtime:
        assert (await runtime.status()).posted == 2
        assert all(check.ok for check in await runtime.doctor() if check.name == "QBO connection")


async def test_without_any_refresh_token_the_variable_is_named(make_desk: OpenDesk, database: str) -> None:
    async with make_desk() as desk:
        given = desk.runtime.patient.settings
        settings = given.model_copy(update={"qbo_refresh_token": None, "qbo_realm_id": "1234"})
        with pytest.raises(ConfigurationError, match="WESCOPE_QBO_REFRESH_TOKEN"):
            async with assemble(settings, PolicyFile(), database):
                pass


async def test_a_wrong_token_key_is_named_and_nothing_is_lost(desk: Desk, database: str) -> None:
    await desk.sync(desk.shop.invoice(desk.shop.customer()))
    other = SecretStr("x" * 43 + "=")
    settings = desk.runtime.patient.settings.model_copy(update={"token_key": other})
    with pytest.raises(ConfigurationError, match="WESCOPE_TOKEN_KEY"):
        async with assemble(settings, PolicyFile(), database):
            pass
    assert (await desk.runtime.status()).posted == 2
