"""`wescope connect` beside a running service, all as processes: revoked, reconnected in the browser, worked off."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.processes import Bench, Process, _bare_environment, bench, until


def _lost(the: Bench, service: Process) -> Mapping[str, Any] | None:
    status = the.status(service)
    return status if status["qbo_connection"] == "reconnect" else None


def _connect(the: Bench, *arguments: str, decision: str = "connect") -> tuple[int, str, str]:
    """`wescope connect` with a person who opens its address, decides, and follows the way back."""
    environment = _bare_environment() | the.environment(
        WESCOPE_QBO_AUTHORIZE_URL=f"{the.qbo.url}/connect/oauth2", WESCOPE_QBO_REFRESH_TOKEN=""
    )
    command = [sys.executable, "-m", "wescope.cli.main", "connect", "--json", *arguments]
    with subprocess.Popen(
        command,
        env=environment | {"PATH": os.environ["PATH"]},
        cwd=the.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        address = ""
        while not address:
            line = process.stderr.readline()
            assert line
            address = line.strip() if line.startswith("http") else ""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert "decision" in the.client.get(address).text
        answer = the.client.post(f"{the.qbo.url}/connect/oauth2", data={**asked, "decision": decision})
        back = answer.headers["location"]
        if "--paste" in arguments:
            stdout, stderr = process.communicate(back + "\n", timeout=60)
        else:
            the.client.get(back.replace("localhost", "127.0.0.1"))
            stdout, stderr = process.communicate(timeout=60)
        assert "code=" not in stdout + stderr
        return process.returncode, stdout, stderr


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_a_revoked_connection_is_mended_by_connect(tmp_path: Path) -> None:
    with bench(tmp_path, customers=6) as the:
        service = the.serve()
        the.client.post(f"{the.qbo.url}/_sandbox/tokens/revoke")
        the.deliver(service)
        lost = until(lambda: _lost(the, service), timeout_s=30, what="the loss is noticed")
        assert lost["qbo_connection_code"] == "invalid_grant"
        assert lost["alerts"][0]["code"] == "qbo_reconnect"
        assert the.metrics(service)["wescope_qbo_connected"] == 0
        assert "qbo_reconnect" in the.client.get(service.url).text
        assert until(lambda: the.status(service)["backlog"], timeout_s=10, what="a backlog")

        code, stdout, stderr = _connect(the, "--no-browser", "--port", "0", decision="cancel")
        assert (code, json.loads(stdout)["error"]["code"]) == (1, "connect_denied"), stderr
        code, stdout, stderr = _connect(the, "--no-browser", "--port", "0")
        assert code == 0, stderr
        assert json.loads(stdout)["refresh_token_days_left"] == 100
        began = time.monotonic()
        until(lambda: the.ledger()["counts"]["Customer"], timeout_s=15, what="work goes on")
        assert time.monotonic() - began < 10
        the.until_idle(service)
        the.check_books(service)
        assert the.status(service)["qbo_connection"] == "connected"
        log = service.log_text()
        assert log.count("QBO connection lost") == 1
        assert log.count("QBO connection is back") == 1
        assert not re.search(r"RT1-|XAB|eyJ", log)


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_the_first_connection_needs_no_token_in_the_environment(tmp_path: Path) -> None:
    with bench(tmp_path, customers=2) as the:
        service = the.serve(WESCOPE_QBO_REFRESH_TOKEN="")
        assert the.status(service)["qbo_connection_code"] == "not_connected"
        the.deliver(service)
        code, _stdout, stderr = _connect(the, "--paste")
        assert code == 0, stderr
        the.until_idle(service)
        the.check_books(service)
