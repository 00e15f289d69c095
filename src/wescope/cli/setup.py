"""What the command `setup` does: show which accounts and items QBO lacks, ask, and make them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import typer
from rich.console import Console

from wescope.cli import tables
from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import SetUp
from wescope.cli.progress import Reporter
from wescope.engine.setup_plan import SetupAction, SetupPlan, SetupRow
from wescope.errors import WrongUse

_WORDS: Mapping[SetupAction, str] = {
    SetupAction.CREATE: "make",
    SetupAction.CREATED: "made",
    SetupAction.NOTHING: "there",
    SetupAction.REFUSE: "NEEDS YOU",
    SetupAction.FAILED: "FAILED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupOptions:
    """As they were typed; `incomes` are income accounts of items by role."""

    incomes: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


def incomes_of(words: Sequence[str]) -> Mapping[str, str]:
    """The income accounts in `ITEM=ACCOUNT`.

    Raises:
        BadParameter: one is written otherwise.
    """
    pairs = [word.partition("=") for word in words]
    if not all(item and account.strip() for item, _, account in pairs):
        raise typer.BadParameter("--income is ITEM=ACCOUNT, such as sales=Services")
    return {item: account for item, _, account in pairs}


async def setup(options: SetupOptions) -> ExitCode:
    """Do what the options say; somebody is needed if something is missing afterwards.

    Raises:
        WrongUse: there is no such item, or nobody can be asked.
        QboError: QBO does not answer.
    """
    if options.as_json and not (options.yes or options.dry_run):
        raise WrongUse("With --json nobody is asked: add --yes, or --dry-run.")
    async with open_runtime() as runtime:
        with Reporter() as progress:
            progress("reading QBO", 0, 0)
            plan = await runtime.setup.plan(options.incomes)
        if not options.as_json:
            _show(plan, Console())
        if options.dry_run or not plan.missing:
            return _end(plan, options, dry_run=options.dry_run)
        if not options.yes and not typer.confirm(f"Make these {len(plan.missing)} in QBO now?"):
            return ExitCode.NEEDS_YOU
        with Reporter() as progress:
            done = await runtime.setup.apply(options.incomes, actor="cli", progress=progress)
    if not options.as_json:
        Console().print()
        _show(done, Console())
    return _end(done, options, dry_run=False)


def _end(plan: SetupPlan, options: SetupOptions, *, dry_run: bool) -> ExitCode:
    if options.as_json:
        print_json(SetUp(dry_run=dry_run, rows=plan.rows))
    elif plan.needs_somebody:
        _show_remedies(plan.rows, Console())
    else:
        Console().print("\nQBO has all that the policy names. `wescope doctor` checks the rest.")
    return ExitCode.NEEDS_YOU if plan.needs_somebody else ExitCode.GOOD


def _show(plan: SetupPlan, console: Console) -> None:
    rows = (
        (_WORDS[row.action], row.entity, row.name, _kind(row), row.qbo_id or "", ", ".join(row.keys))
        for row in plan.rows
    )
    tables.show_rows(("", "Entity", "Name", "Type", "QBO id", "For"), rows, console)
    for row in plan.missing:
        if row.like:
            console.print(f"\n{row.place}: QBO has {row.like}, but no {row.name!r}. Misspelled?", markup=False)


def _kind(row: SetupRow) -> str:
    currency = f", {row.currency.upper()}" if row.currency else ""
    posts_to = f", posts to {row.income_account}" if row.income_account else ""
    return f"{row.type}{currency}{posts_to}"


def _show_remedies(rows: Sequence[SetupRow], console: Console) -> None:
    for row in rows:
        if row.reason:
            console.print(f"\n{row.place}: {row.entity} {row.name!r}: {row.reason}\n{row.remedy}", markup=False)
