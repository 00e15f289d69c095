"""The sandbox as a process: greeting, clean end, and books that survive SIGKILL."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import httpx2
import pytest

SOURCE = Path(__file__).parents[2] / "src"
LINE: dict[str, Any] = {
    "Amount": 100,
    "DetailType": "SalesItemLineDetail",
    "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
}
INVOICE = {"CustomerRef": {"value": "1"}, "Line": [LINE]}


async def start(*arguments: str) -> tuple[Process, dict[str, str]]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = (sys.executable, "-m", "wescope.sandbox.qbo", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    assert process.stdout is not None
    greeting: dict[str, str] = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    return process, greeting


async def connect(http: httpx2.AsyncClient, greeting: dict[str, str]) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": greeting["refresh_token"]}
    pair = (greeting["client_id"], greeting["client_secret"])
    granted = (await http.post("/oauth2/v1/tokens/bearer", data=form, auth=pair)).json()
    http.headers.update({"Authorization": f"Bearer {granted['access_token']}", "Accept": "application/json"})


@pytest.mark.slow
async def test_answered_writes_survive_sigkill(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path), "--knob", "enforce_limits=false")
    process, greeting = await start(*state)
    url = f"/v3/company/{greeting['realm_id']}/invoice"
    answered: list[str] = []

    async def write(http: httpx2.AsyncClient) -> None:
        for number in range(10_000):
            response = await http.post(
                url, json={**INVOICE, "DocNumber": f"K{number}"}, params={"requestid": f"r{number}"}
            )
            answered.append(response.json()["Invoice"]["Id"])
            if len(answered) == 40:
                process.send_signal(signal.SIGKILL)

    async with httpx2.AsyncClient(base_url=greeting["url"], timeout=10) as http:
        await connect(http, greeting)
        with pytest.raises(httpx2.TransportError):
            await write(http)
        token = http.headers["Authorization"]
    assert await process.wait() == -signal.SIGKILL
    process, second = await start(*state)
    assert (second["realm_id"], second["client_id"]) == (greeting["realm_id"], greeting["client_id"])
    assert second["refresh_token"] != greeting["refresh_token"]
    async with httpx2.AsyncClient(base_url=second["url"], timeout=10) as http:
        http.headers.update({"Authorization": token, "Accept": "application/json"})
        kept = [one["Id"] for one in (await http.get("/_sandbox/objects/Invoice")).json()["Invoice"]]
        assert set(answered) <= set(kept)
        assert len(kept) - len(answered) in {0, 1}
        ledger = (await http.get("/_sandbox/ledger")).json()
        assert (ledger["trial_balance"], ledger["receivable_total"]) == (0, 100 * len(kept))
        response = await http.post(url, json={**INVOICE, "DocNumber": "K0"}, params={"requestid": "r0"})
        assert response.json()["Invoice"]["Id"] == answered[0]
        response = await http.post(url, json=INVOICE)
        assert response.json()["Invoice"]["Id"] == str(int(kept[-1]) + 1)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_the_environment_file_is_what_the_service_needs(tmp_path: Path) -> None:
    keys = tmp_path / "qbo.env"
    process, greeting = await start("--env-file", str(keys))
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert keys.stat().st_mode & 0o777 == 0o600
    values = dict(line.removeprefix("export WESCOPE_QBO_").split("=", 1) for line in keys.read_text().splitlines())
    assert values["TOKEN_URL"] == f"{greeting['url']}/oauth2/v1/tokens/bearer"
    same = {name.upper(): greeting[name] for name in ("client_id", "client_secret", "realm_id", "refresh_token")}
    assert {name: values[name] for name in same} == same


async def test_wrong_use_ends_with_two() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = (sys.executable, "-m", "wescope.sandbox.qbo", "--knob", "nothing=1")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    _, complaint = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, b"no such knob" in complaint) == (2, True)
