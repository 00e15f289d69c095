"""Names of runs: the newest ones, for a shell that completes what somebody types. Waits for nothing."""

from pathlib import Path

import psycopg

from wescope.links.database import conninfo
from wescope.links.embedded import running


def newest_runs(database_url: str | None, home: Path, *, limit: int, timeout_s: int) -> list[tuple[int, str]]:
    """The newest runs, the newest first: their numbers, and kind and state in words.

    Args:
        database_url: of the database; null for the embedded one, which is asked only if it runs.
        home: WESCOPE_HOME.
        limit: how many at most.
        timeout_s: how long the database may take, each for the connection and the answer.

    Raises:
        psycopg.Error: it does not answer in time.
    """
    if database_url is None:
        server = running(home)
        if server is None:
            return []
        database_url = server.url
    options = f"-c statement_timeout={timeout_s}s"
    with psycopg.connect(conninfo(database_url), connect_timeout=timeout_s, options=options) as connection:
        rows = connection.execute("SELECT id, kind, state FROM runs ORDER BY id DESC LIMIT %s", (limit,)).fetchall()
    return [(run_id, f"{kind}, {state}") for run_id, kind, state in rows]
