"""The pages that start runs: a preview first, faults beside their fields, and what was typed is kept."""

from dataclasses import replace
from datetime import UTC, date, datetime

import httpx2
import pytest

from tests.unit.web.console.test_runs import send
from tests.unit.web.fakes import FakeServices
from tests.unit.web.history_fakes import FAULT, WARNING
from wescope.engine.replay import ReplayChoice
from wescope.engine.runs import RunUnfinished
from wescope.engine.sweep import SweepChoice
from wescope.links.runs import Run

PERIOD = {"since": "2026-01-01", "until": "2026-02-01"}


def begun(services: FakeServices) -> bool:
    return ("backfill", date(2026, 1, 1), date(2026, 2, 1)) in services.history.asked


async def test_a_backfill_is_checked_without_being_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.checks = (WARNING,)
    page = await send(client, "/runs/backfill", action="preview", **PERIOD)
    assert page.status_code == 200
    assert '<span class="badge attention">warning</span>' in page.text
    assert "Set it." in page.text
    assert 'value="2026-01-01"' in page.text
    assert not begun(services)


async def test_a_backfill_begins_and_leads_to_its_run(client: httpx2.AsyncClient, services: FakeServices) -> None:
    taken = await send(client, "/runs/backfill", action="start", **PERIOD)
    assert (taken.status_code, taken.headers["location"]) == (303, "/runs/12")
    assert begun(services)


async def test_warnings_must_be_accepted_and_errors_cannot_be(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.history.checks = (WARNING,)
    page = await send(client, "/runs/backfill", action="start", **PERIOD)
    assert page.status_code == 422
    assert "Tick this to begin" in page.text
    assert not begun(services)
    services.history.checks = (WARNING, FAULT)
    page = await send(client, "/runs/backfill", action="start", accept_warnings="yes", **PERIOD)
    assert "Create it." in page.text
    assert 'value="start"' not in page.text
    assert not begun(services)
    services.history.checks = (WARNING,)
    assert (await send(client, "/runs/backfill", action="start", accept_warnings="yes", **PERIOD)).status_code == 303
    assert begun(services)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"since": "yesterday"}, "This is no day. Write it like 2026-10-31."),
        ({"until": "2026-02-01"}, "Say where to begin."),
    ],
)
async def test_what_does_not_fit_is_said_beside_its_field_and_kept(
    client: httpx2.AsyncClient, services: FakeServices, typed: dict[str, str], told: str
) -> None:
    page = await send(client, "/runs/backfill", action="start", **typed)
    assert page.status_code == 422
    assert told in page.text
    assert 'aria-describedby="hint-since fault-since" aria-invalid="true"' in page.text
    assert all(f'value="{value}"' in page.text for value in typed.values())
    assert services.history.asked == []


async def test_what_was_typed_is_escaped(client: httpx2.AsyncClient) -> None:
    page = await send(client, "/runs/backfill", action="start", since='"><b>x')
    assert "<b>x" not in page.text


async def test_a_dry_run_of_a_backfill_is_a_run(client: httpx2.AsyncClient, services: FakeServices) -> None:
    taken = await send(client, "/runs/backfill", action="forecast", **PERIOD)
    assert (taken.status_code, taken.headers["location"]) == (303, "/runs/12")
    assert services.history.asked == [("start_forecast", date(2026, 1, 1), date(2026, 2, 1), "local")]
    answer = await client.post("/api/v1/backfill/forecast", json=PERIOD)
    assert answer.json()["run_id"] == 12


async def test_an_unfinished_run_of_the_kind_is_told_on_the_form(
    client: httpx2.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> Run:
        raise RunUnfinished(run=3)

    monkeypatch.setattr(services.history, "start_backfill", refuse)
    monkeypatch.setattr(services.history, "start_sweep", refuse)
    for path in ("/runs/backfill", "/runs/sweep"):
        page = await send(client, path, action="start", since="2026-01-01")
        assert page.status_code == 409
        assert "run_unfinished" in page.text
        assert 'value="2026-01-01"' in page.text


async def test_a_replay_is_counted_or_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    page = await send(
        client, "/runs/replay", action="preview", ids="in_1, ch_2\nin_1", failed="yes", since="2026-11-20 08:00"
    )
    assert "<li>3 invoice</li>" in page.text
    assert "in_1, ch_2" in page.text
    since = datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert services.history.asked == [ReplayChoice(subjects=("in_1", "ch_2"), failed=True, since=since)]
    taken = await send(client, "/runs/replay", action="start", events="evt_1")
    assert (taken.status_code, taken.headers["location"]) == (303, "/runs/12")
    services.history.found = 0
    assert "There is none." in (await send(client, "/runs/replay", action="start", failed="yes")).text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"ids": "in_1 <b>"}, "&lt;b&gt; is no id of Stripe&#39;s."),
        ({"ids": " ".join(f"in_{number}" for number in range(101))}, "These are 101 ids; 100 at most fit here."),
        ({"since": "once"}, "This is no moment."),
    ],
)
async def test_a_replay_of_what_is_no_id_is_refused(
    client: httpx2.AsyncClient, services: FakeServices, typed: dict[str, str], told: str
) -> None:
    page = await send(client, "/runs/replay", action="start", **typed)
    assert page.status_code == 422
    assert told in page.text
    assert services.history.asked == []


async def test_a_sweep_is_counted_or_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    page = await send(client, "/runs/sweep", action="preview", since="2026-11-20", events_only="yes")
    assert "<td>events</td><td>invoice</td>" in page.text
    assert "Stripe may have forgotten events" in page.text
    assert services.history.asked == [SweepChoice(since=datetime(2026, 11, 20, tzinfo=UTC), events_only=True)]
    assert (await send(client, "/runs/sweep", action="start")).headers["location"] == "/runs/12"
    early = await send(client, "/runs/sweep", action="start", since="2001-01-01")
    assert early.status_code == 422
    assert "Stripe has nothing from before" in early.text


async def test_a_preview_that_takes_too_long_is_given_up(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.interrupted = True
    page = await send(client, "/runs/sweep", action="preview")
    assert page.status_code == 503
    assert "preview_too_long" in page.text


async def test_a_verification_says_what_it_would_do(client: httpx2.AsyncClient, services: FakeServices) -> None:
    page = await send(client, "/runs/verify", action="preview", mode="full", stripe="yes")
    assert "a thousand with each metered read" in page.text
    assert "read from Stripe again" in page.text
    assert services.drift.asked == []
    taken = await send(client, "/runs/verify", action="start", mode="auto", rebuild="yes")
    assert taken.status_code == 303
    assert (await send(client, "/runs/verify", action="start", mode="hinted")).status_code == 422


async def test_a_run_without_steps_has_no_bar(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.report = replace(services.history.report, counts={})
    assert "<progress" not in (await client.get("/runs/12")).text


async def test_a_method_that_there_is_not_is_answered_by_those_of_page_and_form(client: httpx2.AsyncClient) -> None:
    refused = await client.delete("/runs/backfill", headers={"accept": "text/html"})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert (await client.post("/api/v1/runs")).headers["allow"] == "GET"
