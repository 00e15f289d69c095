"""What the command `alerts` does: show what is on and how the targets fare, or send a test."""

from collections.abc import Sequence

from rich.console import Console

from wescope.cli.commands import open_runtime
from wescope.cli.output import ExitCode, print_json
from wescope.cli.outputs import AlertsSent
from wescope.cli.tables import show_alerts
from wescope.engine.notifier import TargetReport
from wescope.errors import ConfigurationError


async def show(*, as_json: bool) -> ExitCode:
    """Show the alerts that are on; somebody is needed while one is, or while a target is not reached."""
    async with open_runtime() as runtime:
        report = await runtime.watching.notifier.report()
    if as_json:
        print_json(report)
    else:
        console = Console()
        if not report.alerts:
            console.print("No alert is on.")
        show_alerts(report.alerts, console)
        _show_targets(report.targets, console)
    is_well = not report.alerts and all(target.ok is not False for target in report.targets)
    return ExitCode.GOOD if is_well else ExitCode.NEEDS_YOU


async def send_test(*, as_json: bool) -> ExitCode:
    """Send a test to all targets.

    Raises:
        ConfigurationError: there is none.
    """
    async with open_runtime() as runtime:
        targets = tuple(await runtime.watching.notifier.test())
    if not targets:
        raise ConfigurationError(
            "There is nobody to tell: set WESCOPE_ALERT_WEBHOOK_URL, or WESCOPE_SMTP_URL, WESCOPE_ALERT_EMAIL_FROM"
            " and WESCOPE_ALERT_EMAIL_TO."
        )
    if as_json:
        print_json(AlertsSent(targets=targets))
    else:
        _show_targets(targets, Console())
    return ExitCode.GOOD if all(target.ok for target in targets) else ExitCode.NEEDS_YOU


def _show_targets(targets: Sequence[TargetReport], console: Console) -> None:
    if not targets:
        console.print("\nNobody is told: see docs/alerts.md.")
    for target in targets:
        state = {None: "nothing was sent yet", True: "reached", False: f"not reached ({target.code})"}[target.ok]
        at = f", last at {target.sent_at:%Y-%m-%d %H:%M %Z}" if target.sent_at else ""
        console.print(f"{target.target}: {state}{at}")
        if target.remedy:
            console.print(f"  {target.remedy}")
