"""What the commands `verify` and `drift` do: compare, show, ask, repair, accept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from rich.console import Console

from wescope.books.money import Money
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import DriftList, DriftRepaired, Verified
from wescope.cli.ports import Runtime
from wescope.cli.progress import Reporter
from wescope.cli.runs import Told, leave
from wescope.engine.drift_desk import DriftFilter, DriftItem
from wescope.engine.history import History, RunReport
from wescope.engine.verify import VerifyMode
from wescope.errors import WrongUse
from wescope.links.runs import Run, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """As they were typed."""

    kinds: Sequence[str]
    full: bool = False
    stripe: bool = False
    rebuild_links: bool = False
    repair: bool = False
    yes: bool = False
    as_json: bool = False


async def verify(options: VerifyOptions) -> ExitCode:
    """Compare, and repair if that is wanted; somebody is needed while something is open.

    Raises:
        WrongUse: nobody can be asked, or there is no such kind.
        RunUnfinished: an earlier one is not finished.
    """
    _check_asking(repair=options.repair, yes=options.yes, as_json=options.as_json)
    async with open_runtime() as runtime:
        desk = runtime.drift
        mode = VerifyMode.FULL if options.full or options.rebuild_links else VerifyMode.AUTO
        run = await desk.start(mode, stripe=options.stripe, rebuild=options.rebuild_links)
        report = await _followed(runtime.history, run)
        chosen = DriftFilter(kinds=tuple(options.kinds))
        items = await desk.items(chosen)
        if not options.as_json:
            _show_items(items, Console(), f"{report.counts.get('listed', 0)} records looked at")
        repaired = await _repaired(runtime, chosen, items, yes=options.yes) if options.repair else None
        after = await desk.items(DriftFilter()) if repaired else items
        if options.as_json:
            print_json(Verified(run=report, drift=tuple(items), repair=repaired, open=len(after)))
        elif repaired:
            _show_items(after, Console(), "after the repair")
    ended = report.state == RunState.DONE
    return ExitCode.GOOD if ended and not after else ExitCode.NEEDS_YOU


async def show(kinds: Sequence[str], states: Sequence[str], *, as_json: bool) -> ExitCode:
    """List findings; somebody is needed if one is open.

    Raises:
        WrongUse: there is no such kind or state.
    """
    async with open_runtime() as runtime:
        items = await runtime.drift.items(DriftFilter(kinds=tuple(kinds), states=tuple(states)))
    if as_json:
        print_json(DriftList(drift=tuple(items)))
    else:
        _show_items(items, Console(), "found")
    return ExitCode.NEEDS_YOU if any(item.state == "open" for item in items) else ExitCode.GOOD


async def accept(ids: Sequence[int], *, as_json: bool) -> ExitCode:
    """Let findings stay.

    Raises:
        DriftNotFound: one of them is not open.
    """
    async with open_runtime() as runtime:
        items = await runtime.drift.accept(ids, actor="cli")
    if as_json:
        print_json(DriftList(drift=tuple(items)))
    else:
        _show_items(items, Console(), "accepted")
    return ExitCode.GOOD


async def repair(ids: Sequence[int], *, yes: bool, as_json: bool) -> ExitCode:
    """Put findings right; somebody is needed if one of them is open still.

    Raises:
        WrongUse: nobody can be asked.
        DriftNotFound: one of them is not open.
    """
    _check_asking(repair=True, yes=yes, as_json=as_json)
    chosen = DriftFilter(ids=tuple(ids))
    async with open_runtime() as runtime:
        desk = runtime.drift
        items = await desk.items(chosen)
        if not as_json:
            _show_items(items, Console(), "to be repaired")
        report = await _repaired(runtime, chosen, items, yes=yes)
        left = [item for item in await desk.items(DriftFilter()) if item.id in ids] if report else list(items)
    if as_json:
        print_json(DriftRepaired(repair=report, open=len(left)))
    return ExitCode.NEEDS_YOU if left else ExitCode.GOOD


async def revert(ids: Sequence[int], *, as_json: bool) -> ExitCode:
    """Take repairs back; somebody is needed if one could not be.

    Raises:
        DriftNotFound: one of them was not repaired.
    """
    async with open_runtime() as runtime:
        items = await runtime.drift.revert(ids, actor="cli")
    if as_json:
        print_json(DriftList(drift=tuple(items)))
    else:
        _show_items(items, Console(), "after taking back")
    return ExitCode.NEEDS_YOU if any(item.state == "repaired" for item in items) else ExitCode.GOOD


async def _repaired(
    runtime: Runtime, chosen: DriftFilter, items: Sequence[DriftItem], *, yes: bool
) -> RunReport | None:
    possible = [item for item in items if item.repair]
    if not possible or not (yes or typer.confirm(f"Put {len(possible)} of them right in QBO now?")):
        return None
    run = await runtime.drift.start_repair(chosen, actor="cli")
    return await _followed(runtime.history, run) if run else None


async def _followed(history: History, run: Run) -> RunReport:
    try:
        with Reporter() as progress:
            return await history.follow(run.id, Told(progress))
    except asyncio.CancelledError:
        report = await leave(history.cancel(run.id))
        typer.echo("Canceled: what was found stays listed (`wescope drift`).", err=True)
        return report


def _check_asking(*, repair: bool, yes: bool, as_json: bool) -> None:
    if repair and as_json and not yes:
        raise WrongUse("With --json nobody is asked: add --yes.")


def _show_items(items: Sequence[DriftItem], console: Console, title: str) -> None:
    if not items:
        console.print(f"No drift ({title}): QBO is as it was posted.", markup=False)
        return
    noun = "finding" if len(items) == 1 else "findings"
    console.print(f"{len(items)} {noun} ({title})", markup=False)
    for item in items:
        money = Money(amount=item.amount, currency=item.currency)
        state = "" if item.state == "open" else f"  [{item.state}]"
        place = f"{item.document_key or '-'}  {item.entity}/{item.qbo_id}"
        console.print(f"{item.id:>6}  {item.kind}  {place}  {money}{state}", markup=False, soft_wrap=True)
        if item.fields:
            console.print(f"        {item.fields}", markup=False, soft_wrap=True)
    console.print()
    for item in {item.kind: item for item in reversed(items) if item.state == "open"}.values():
        console.print(f"{item.kind}: {item.text} {_advice(item)}", markup=False)


def _advice(item: DriftItem) -> str:
    """What a repair does, and whether it can be taken back; else what a person can do."""
    if item.repair is None:
        return item.remedy
    kept = "" if item.revertible else " What was there is not kept."
    return f"Repair: {item.repair}{kept} {item.remedy}"
