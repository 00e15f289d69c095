"""The commands `backfill`, `replay`, `sweep`, `undo`, `runs`: names, options, help; the work is imported later."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from wescope.cli.completion import run_ids, run_words
from wescope.cli.options import Json, Yes, examples
from wescope.cli.output import perform
from wescope.cli.suggestions import meant

BACKFILL_EXAMPLES = examples(
    "wescope backfill --since 2024-01-01 --dry-run",
    "wescope backfill --since 2024-01-01 --until 2026-10-31 --yes",
    "wescope backfill --resume",
    "wescope backfill --opening-balance",
)
REPLAY_EXAMPLES = examples(
    "wescope replay evt_1ABC evt_2DEF",
    "wescope replay --failed",
    "wescope replay --since 36h --yes --json",
    "wescope replay --subject in_1ABC",
)
SWEEP_EXAMPLES = examples(
    "wescope sweep", "wescope sweep --dry-run", "wescope sweep --events --json", "wescope sweep --since 2026-10-01"
)
UNDO_EXAMPLES = examples("wescope undo 12 --dry-run", "wescope undo 12", "wescope undo 12 --yes --json")
RUNS_EXAMPLES = examples(
    "wescope runs", "wescope runs 12", "wescope runs pause 12", "wescope runs resume 12", "wescope runs cancel 12"
)

_ACTIONS = ("pause", "resume", "cancel")


def backfill(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", formats=["%Y-%m-%d"], help="The first day, in the books' calendar; start_date if left out."
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day; today if left out.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be posted, adopted and parked; write nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest unfinished backfill.")] = False,
    opening_balance: Annotated[
        bool, typer.Option("--opening-balance", help="Only show what clearing must hold at the start date.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Post everything of a period that QBO does not have yet, the oldest first.

    First it is checked whether QBO has all that is needed. It may be stopped at any moment, also by force: --resume
    goes on where it was, and running it again posts nothing twice. A service that runs meanwhile shares the work.
    What `undo` took back of the period is posted again.
    """
    from wescope.cli import backfill as work  # noqa: PLC0415 - see the module's docstring

    options = work.BackfillOptions(
        since=_day(since),
        until=_day(until),
        dry_run=dry_run,
        resume=resume,
        opening=opening_balance,
        yes=yes,
        as_json=as_json,
    )
    perform(lambda: work.backfill(options), as_json=as_json)


def replay(
    events: Annotated[list[str] | None, typer.Argument(metavar="[EVENT_ID]...", help="Events: evt_1ABC.")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed or has something parked.")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="All that was hinted at since: 36h, 7d, 2026-11-20, a moment."),
    ] = None,
    subject: Annotated[
        list[str] | None, typer.Option("--subject", metavar="ID", help="A Stripe object; may be given several times.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Look at Stripe objects again, after showing which.

    What QBO has already costs it nothing, and what `undo` took back is written again. Ctrl-C, or
    `wescope runs cancel ID`, takes back what is still queued.
    """
    from wescope.cli import replay as work  # noqa: PLC0415 - see the module's docstring

    options = work.ReplayOptions(
        events=events or [], subjects=subject or [], failed=failed, since=since, yes=yes, as_json=as_json
    )
    perform(lambda: work.replay(options), as_json=as_json)


def sweep(
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Look back at least so far: 36h, 7d, 2026-10-01, a moment."),
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Only Stripe's events, without the lists of what is open.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be looked at; write nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest unfinished sweep.")] = False,
    as_json: Json = False,
) -> None:
    """Look for what webhooks have not told, and post it.

    Events that were not delivered or came since the last sweep; everything since then, if that is so long ago that
    Stripe may have forgotten some; and, independent of events, open invoices, refunds, disputes, payouts and customers'
    balances. What is known costs QBO nothing. A service does this by itself: events every hour, all of it every night.
    """
    from wescope.cli import sweep as work  # noqa: PLC0415 - see the module's docstring

    options = work.SweepOptions(since=since, events_only=events, dry_run=dry_run, resume=resume, as_json=as_json)
    perform(lambda: work.sweep(options), as_json=as_json)


def undo(
    run_id: Annotated[
        int, typer.Argument(metavar="RUN_ID", min=1, help="A run: `wescope runs` lists them.", autocompletion=run_ids)
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be taken back and what stays; write nothing.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take back what a backfill, a replay or another run posted, the newest first.

    What it created is voided, or deleted where QBO has no void. It stays what somebody has edited in QBO, what lies in
    a closed period, and what later documents hang on: each is listed with the reason and what helps (exit code 1).
    Nothing of it is written again by itself: `sync`, `replay` or `backfill` do that. It may be stopped at any moment:
    the same command goes on.
    """
    from wescope.cli import undo as work  # noqa: PLC0415 - see the module's docstring

    options = work.UndoOptions(run_id=run_id, dry_run=dry_run, yes=yes, as_json=as_json)
    perform(lambda: work.undo(options), as_json=as_json)


def runs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[pause|resume|cancel] [ID]", help="A run, and what to do with it.", autocompletion=run_words
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """List backfills, replays and other runs; show, pause, resume or cancel one.

    A paused run stops listing, and what it has queued is worked off. A canceled one takes back what it has queued;
    what is written stays (see `wescope undo`). A resumed one is taken up by a service that runs, or by
    `wescope backfill --resume`.
    """
    from wescope.cli import runs as work  # noqa: PLC0415 - see the module's docstring

    action, run_id = _action(words or [])
    if action is None or run_id is None:
        perform(lambda: work.show(run_id, as_json=as_json), as_json=as_json)
    else:
        chosen = {"pause": work.pause, "resume": work.resume, "cancel": work.cancel}[action]
        perform(lambda: chosen(run_id, as_json=as_json), as_json=as_json)


def _action(words: list[str]) -> tuple[str | None, int | None]:
    action = words[0] if words and words[0] in _ACTIONS else None
    rest = words[1:] if action else words
    if len(rest) > 1 or (action and not rest) or not all(word.isdecimal() for word in rest):
        hint = "" if action or not words else meant(words[0], _ACTIONS)
        raise typer.BadParameter(f"give the number of a run, after pause, resume or cancel if one is meant.{hint}")
    return action, int(rest[0]) if rest else None


def _day(moment: datetime | None) -> date | None:
    return moment.replace(tzinfo=UTC).date() if moment else None
