"""Logs: nothing but allowed fields, constant texts, and exceptions without their messages."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from wescope.errors import QboRefused
from wescope.observe import bound, configure_logs, get_logger

PERSON = "jenny.rosen@example.com"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    target = io.StringIO()
    configure_logs("info", stream=target, human=False)
    yield target
    root.handlers, root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_allowed_fields_pass_and_all_others_are_withheld(stream: io.StringIO) -> None:
    get_logger("wescope.test").info(
        "hint stored", event_id="evt_1", amount=1200, email=PERSON, payload={"name": PERSON}
    )
    (line,) = lines(stream)
    assert line["message"] == "hint stored"
    assert (line["event_id"], line["amount"]) == ("evt_1", 1200)
    assert (line["email"], line["payload"]) == ("withheld", "withheld")
    assert (line["severity"], line["logger"]) == ("INFO", "wescope.test")
    assert line["time"].endswith("Z")


def test_an_allowed_field_holds_only_plain_short_values(stream: io.StringIO) -> None:
    get_logger("wescope.test").info("hint stored", subject={"email": PERSON}, code="x" * 201)
    (line,) = lines(stream)
    assert (line["subject"], line["code"]) == ("withheld", "withheld")


def test_a_text_with_data_in_it_is_withheld(stream: io.StringIO) -> None:
    get_logger("wescope.test").info(f"stored for {PERSON}")
    assert lines(stream)[0]["message"] == "withheld"
    assert PERSON not in stream.getvalue()


def test_bound_fields_are_on_every_line_of_the_block(stream: io.StringIO) -> None:
    with bound(run_id=17, subject=None):
        get_logger("wescope.test").info("one")
    get_logger("wescope.test").info("two")
    assert [line.get("run_id") for line in lines(stream)] == [17, None]
    assert "subject" not in lines(stream)[0]


def test_an_exception_is_shown_without_messages(stream: io.StringIO) -> None:
    try:
        try:
            int(PERSON)
        except ValueError as error:
            raise QboRefused(PERSON, fault_code="6000") from error
    except QboRefused:
        get_logger("wescope.test").exception("write failed")
    (line,) = lines(stream)
    assert line["exception"].startswith("QboRefused[qbo_refused] at ")
    assert "from ValueError at " in line["exception"]
    assert "test_logs.py:" in line["exception"]
    assert PERSON not in stream.getvalue()


def test_a_librarys_line_keeps_its_place_and_no_data(stream: io.StringIO) -> None:
    library = logging.getLogger("some.library")
    library.warning("mail to %s", PERSON)
    library.error("mail to " + PERSON, extra={"email": PERSON})
    try:
        int(PERSON)
    except ValueError:
        library.exception("failed for %s", PERSON)
    assert [line["message"] for line in lines(stream)] == ["library message"] * 3
    assert lines(stream)[0]["place"].startswith("test_logs:test_a_librarys_line")
    assert "ValueError" in lines(stream)[2]["exception"]
    assert PERSON not in stream.getvalue()


def test_a_trusted_library_keeps_its_template(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    library = logging.getLogger("uvicorn.error")
    # Another test's server may have turned it down; the service leaves it as it is (log_config=None).
    monkeypatch.setattr(library, "level", logging.NOTSET)
    monkeypatch.setattr(library, "propagate", True)
    monkeypatch.setattr(library.parent, "propagate", True)
    monkeypatch.setattr(library.parent, "level", logging.NOTSET)
    library._cache.clear()  # type: ignore[attr-defined]  # of isEnabledFor
    library.warning("Shutting down %s", PERSON)
    assert lines(stream)[0]["message"] == "Shutting down .."
    assert PERSON not in stream.getvalue()


@pytest.mark.parametrize("name", ["stripe", "httpx", "httpx2", "httpcore", "uvicorn.access", "sqlalchemy.engine"])
def test_libraries_that_print_addresses_and_bodies_are_silent(stream: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("GET https://api.stripe.com/v1/customers?email=%s", PERSON)
    assert not stream.getvalue()


def test_the_level_is_respected(stream: io.StringIO) -> None:
    get_logger("wescope.test").debug("too much")
    assert not stream.getvalue()


def test_the_readable_form_withholds_too() -> None:
    target = io.StringIO()
    configure_logs("info", stream=target, human=True)
    try:
        get_logger("wescope.test").info("hint stored", email=PERSON, event_id="evt_1")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers = []
    assert "evt_1" in target.getvalue()
    assert PERSON not in target.getvalue()
