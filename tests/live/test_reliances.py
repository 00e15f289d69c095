"""The table is true: what the product asks, reads and listens to is in it, and all that it names exists."""

import asyncio
import importlib
import inspect
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.live.bench import Unlimited
from tests.live.model import Kind, Mark, Reliance, Side
from tests.live.probes import PROBES
from tests.live.probes.stripe_reading import LISTS, asked_of_lists
from tests.live.recording import _names, asked_of_stripe, recorded_fields
from tests.live.reliances import RELIANCES
from tests.live.reliances.queried import QUERIED
from tests.live.stripe_story import Story
from tests.unit.qbo.doubles import MemoryTokenStore, pair, shared_data
from wescope.books.documents import Entity
from wescope.engine.doctor_stripe import RESOURCES
from wescope.errors import WescopeError
from wescope.qbo.client import QboClient
from wescope.qbo.connect import authorize_url
from wescope.qbo.records import TAKEN_BACK_BY, BatchIdentity
from wescope.qbo.token_endpoint import TokenEndpoint
from wescope.qbo.tokens import TokenSource
from wescope.stripe.events import handled_types

SOURCE = Path(__file__).parents[2] / "src" / "wescope"
REALM = "123"


def rows(side: Side, kind: Kind) -> dict[str, Reliance]:
    return {one.name: one for one in RELIANCES if one.side is side and one.kind is kind}


@pytest.mark.parametrize("place", sorted({place for one in RELIANCES for place in one.places}))
def test_every_place_exists(place: str) -> None:
    module, _, names = place.partition(":")
    found: Any = importlib.import_module(module)
    for name in filter(None, names.split(".")):
        found = getattr(found, name)


def test_names_are_unique() -> None:
    counts = Counter((one.side, one.kind, one.name) for one in RELIANCES)
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_row_says_what_where_and_from_where() -> None:
    assert [one.name for one in RELIANCES if not (one.relied_on and one.places and one.marks and one.source)] == []


def test_every_probe_that_is_named_exists_and_every_probe_is_named() -> None:
    assert {one.probe for one in RELIANCES if one.probe} == set(PROBES)


def test_what_is_not_sure_has_a_probe() -> None:
    assert [one.name for one in RELIANCES if not one.probe and (not one.is_sure or Mark.UNKNOWN in one.marks)] == []


def test_a_probe_asks_the_side_that_it_is_about() -> None:
    assert [one.name for one in RELIANCES if one.probe and one.side not in PROBES[one.probe].needs] == []


def test_the_expected_outcome_is_not_among_the_others() -> None:
    assert [probe.name for probe in PROBES.values() if probe.expected in probe.others] == []


def test_every_fact_stands_with_its_mark_in_the_section_that_is_named() -> None:
    facts = {
        path.name: sections(path.read_text(encoding="utf-8")) for path in (shared_data().parent / "facts").glob("*.md")
    }
    if not facts:
        pytest.skip("the facts are absent")
    missing = []
    for one in RELIANCES:
        page, section = one.source.split()
        text = facts[page].get(section, "")
        missing += [
            f"{one.name} {mark}" for mark in one.marks if not re.search(PATTERNS.get(mark, written(mark)), text)
        ]
    assert missing == []


PATTERNS = {Mark.UNKNOWN: r"\(\?\)|\?\]|\[\?"}


def written(mark: Mark) -> str:
    """As facts write it: alone, with others, or with its source, in square brackets."""
    return rf"\[[^\]]*\b{re.escape(mark.value)}\b"


def sections(text: str) -> dict[str, str]:
    """The text below each numbered heading, with that of the headings below it."""
    parts = re.split(r"^#{2,3} ([\d.]+?)\.? .*$", text, flags=re.MULTILINE)[1:]
    own = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: "".join(part for other, part in own.items() if f"{other}.".startswith(f"{name}.")) for name in own}


# --- Stripe ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What the readers ask of Stripe, and which fields they read."""
    with recorded_fields() as fields:
        asked = asyncio.run(asked_of_stripe())
    return asked, fields


def test_every_end_point_that_stripe_is_asked_is_in_the_table(recorded: tuple[Any, Any]) -> None:
    asked, _ = recorded
    table = {name.removeprefix("GET "): one for name, one in rows(Side.STRIPE, Kind.END_POINT).items()}
    assert set(asked) - set(table) == set()
    paging = {"limit", "starting_after"}
    unknown = {path: names - paging - set(table[path].parameters) for path, names in asked.items()}
    assert {path: names for path, names in unknown.items() if names} == {}


def test_everything_in_the_table_is_asked_of_stripe(recorded: tuple[Any, Any]) -> None:
    # What the stand-in's business does not bring about must at least be written in a module that is named.
    asked, _ = recorded
    for name, one in rows(Side.STRIPE, Kind.END_POINT).items():
        path = name.removeprefix("GET ")
        text = source_of(one)
        assert path in asked or path.split("/")[2] in text, name
        rest = set(one.parameters) - asked.get(path, set())
        assert [word for word in rest if key_word(word) not in text] == [], name


def source_of(one: Reliance) -> str:
    modules = [importlib.import_module(place.partition(":")[0]) for place in one.places]
    return "\n".join(inspect.getsource(module) for module in modules)


def key_word(parameter: str) -> str:
    """The word by which the code names a parameter: `source`, or of an expansion its last path."""
    return parameter.removeprefix("expand[]=data.").removeprefix("expand[]=").partition("[")[0]


def test_every_field_that_is_read_is_in_the_table_and_the_other_way_round(recorded: tuple[Any, Any]) -> None:
    _, fields = recorded
    table = {name: set(one.fields) | set(one.optional) for name, one in rows(Side.STRIPE, Kind.FIELDS).items()}
    read = {kind: leaves({re.sub(r"\[\d+\]", "", name) for name in names}) for kind, names in fields.items()}
    assert read == table


def leaves(names: set[str]) -> set[str]:
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def test_every_event_that_is_handled_is_in_the_table() -> None:
    assert set(rows(Side.STRIPE, Kind.EVENT)) == set(handled_types())


def test_the_probe_of_lists_asks_all_that_the_table_says() -> None:
    ids = {name: f"id_{name}" for name in Story.__dataclass_fields__}
    asked = asked_of_lists(Story(**ids), "pi_1")
    table = rows(Side.STRIPE, Kind.END_POINT)
    for path, sets in asked.items():
        names = {name for parameters in sets for name in _names(parameters)}
        wanted = set(table[f"GET {path}"].parameters) - {"payout", "payment[payment_record]"}
        assert wanted <= names, path
    assert set(asked) == set(LISTS) == {f"/v1/{name}" for name in RESOURCES}


# --- QBO ------------------------------------------------------------------------------------------------------------


async def asked_of_qbo() -> dict[str, set[str]]:
    """End points with the names of their parameters, of every call that the client can make for the engine."""
    asked: dict[str, set[str]] = defaultdict(set)

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked[end_point(request)] |= set(parameters_of(request))
        return httpx2.Response(400, json={"Fault": {"Error": [{"code": "2020", "Message": "m", "Detail": "d"}]}})

    transport = httpx2.MockTransport(answer)
    tokens = TokenSource(
        realm_id=REALM,
        store=MemoryTokenStore(stored=pair()),
        client_id="c",
        client_secret="s",
        token_url="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
        now=lambda: pair().access_expires_at.replace(hour=0),
        transport=transport,
    )
    client = QboClient(
        api_base="https://qbo.test", realm_id=REALM, tokens=tokens, limits=Unlimited(), attempts=1, transport=transport
    )
    for call in calls_of(client):
        with pytest.raises(WescopeError):
            await call
    endpoint = TokenEndpoint(
        realm_id=REALM, url="https://x.test/oauth2/v1/tokens/bearer", client_id="c", client_secret="s",
        transport=transport,
    )  # fmt: skip
    for told in (endpoint.refreshed("r", generation=1), endpoint.exchanged("c", "u", generation=1)):
        with pytest.raises(WescopeError):
            await told
    address = authorize_url("https://x.test/connect/oauth2", client_id="c", redirect_uri="u", state="s")
    answer(httpx2.Request("GET", address))
    await client.aclose()
    await endpoint.aclose()
    return asked


def calls_of(client: QboClient) -> Iterator[Any]:
    key = {"Id": "1", "SyncToken": "0"}
    for entity in Entity:
        yield client.create(entity.value, {}, request_id="r", alone=True)
        if entity is Entity.CUSTOMER:
            continue
        yield client.update(entity.value, key, request_id="r", alone=True)
        if TAKEN_BACK_BY[entity] == "void":
            yield client.void(entity.value, "1", "0", request_id="r", alone=True)
        yield client.delete(entity.value, "1", "0", request_id="r", alone=True)
    for made in ("Account", "Item"):
        yield client.create(made, {}, request_id="r", alone=True)
    yield client.read("Invoice", "1")
    yield client.query("SELECT * FROM Invoice")
    yield client.changes(["Invoice"], datetime(2026, 11, 1, tzinfo=UTC))
    yield client.preferences()
    yield client.company_info()
    yield client.exchange_rate("eur", date(2026, 11, 1))
    yield client.create("Invoice", {}, request_id="r", batch=BatchIdentity(batch_id="b" * 32, item="1"))


def end_point(request: httpx2.Request) -> str:
    path = request.url.path.removeprefix(f"/v3/company/{REALM}")
    path = re.sub(r"^/invoice/1$", "/:entity/:id", path).replace(f"companyinfo/{REALM}", "companyinfo/:realm")
    return f"{request.method} {path}"


def parameters_of(request: httpx2.Request) -> Iterator[str]:
    for name, value in request.url.params.items():
        yield f"{name}={value}" if name in {"operation", "include"} else name
    if request.url.path.endswith("bearer"):
        yield from (part.partition("=")[0] for part in request.content.decode().split("&"))


async def test_every_end_point_that_qbo_is_asked_is_in_the_table_and_the_other_way_round() -> None:
    table = {name: set(one.parameters) for name, one in rows(Side.QBO, Kind.END_POINT).items()}
    assert await asked_of_qbo() == table


def test_the_properties_of_queries_are_those_in_the_code() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py") if "sandbox" not in path.parts]
    filtered = {name for text in texts for name in re.findall(r'where_[a-z]+\(\s*"([\w.]+)"', text)}
    written = {"AccountType", "Active", "Id"}  # in statements of their own, and in `including_inactive`
    assert {name for names in QUERIED.values() for name in names} == filtered | written
    listed = {name for text in texts for name in re.findall(r'\b(?:query_all|select)\(\s*"([A-Z]\w+)"', text)}
    assert set(QUERIED) == listed | {entity.value for entity in Entity}
