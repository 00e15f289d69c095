"""What the service lets out, and what must not be in it: people's names and addresses, keys and tokens."""

import json
from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from tests.acceptance.history import PEOPLE, REGULARS, TWIN_NAME
from tests.acceptance.world import World
from wescope.links.embedded import embedded_postgres

_ROUTES = (
    "status", "payouts", "tieout", "runs", "parked", "drift", "export/links.csv", "export/attempts.csv",
    "export/payout-rows.csv",
)  # fmt: skip


def outputs(world: World) -> Mapping[str, str]:
    """Logs of all processes so far, metrics, the API's answers, alerts, and every table of the database, as text."""
    get = world.bench.client.get
    answers = {path: get(f"{world.service.url}/api/v1/{path}").raise_for_status().text for path in _ROUTES}
    return {
        "logs": "\n".join(process.log_text() for process in world.bench.services),
        "metrics": get(f"{world.service.url}/metrics").raise_for_status().text,
        "alerts": "\n".join(world.told.texts),
        "database": tables(world),
        **answers,
    }


def tables(world: World) -> str:
    """Every row of every table, as JSON."""
    found: list[str] = []
    with embedded_postgres(world.bench.home) as server, psycopg.connect(server.conninfo) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            query = sql.SQL("SELECT to_jsonb(one) FROM {} one").format(sql.Identifier(name))
            found += [json.dumps(row[0]) for row in connection.execute(query)]
    return "\n".join(found)


def personal(world: World) -> list[str]:
    """Names and e-mail addresses of the business's customers, as Stripe has them."""
    ours = {*PEOPLE, *REGULARS, TWIN_NAME}
    people = [one for one in world.stripe.objects["customers"] if one["name"] in ours]
    assert len(people) >= len(ours)
    return [text for one in people for text in (one["name"], one["email"])]


def secrets_of(world: World) -> list[str]:
    """The keys, secrets and tokens of both services, and the key that encrypts what is stored."""
    stripe, qbo = world.bench.stripe.announced, world.bench.qbo.announced
    connection = world.bench.get(world.bench.qbo, "/_sandbox/connection")
    given = [stripe["api_key"], stripe["webhook_secret"], qbo["client_secret"], qbo["refresh_token"]]
    return [*given, connection["refresh_token"], world.token_key()]


def found_in(told: Mapping[str, str], wanted: Iterable[str]) -> list[tuple[str, str]]:
    """Where something is that must not be there."""
    texts = {place: text.lower() for place, text in told.items()}
    return [(place, one) for one in wanted for place, text in texts.items() if one.lower() in text]
