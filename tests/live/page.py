"""The page docs/api-discovery.md: the table of what is relied on, with the latest real result of each probe."""

from collections.abc import Iterable, Iterator, Mapping

from tests.live.model import Kind, Reliance, Side, Verdict
from tests.live.probes import PROBES
from tests.live.reliances import RELIANCES
from tests.live.report import RealResult

_NAMES = {Side.STRIPE: "Stripe", Side.QBO: "QuickBooks Online"}
_HEAD = (
    "# API discovery: what WeScope relies on, and how sure it is",
    "",
    "Generated from `tests/live/reliances` and `docs/confidence.json` by `make docs`. Each row names something of",
    "Stripe's or QBO's without which the product would not work rightly, where the code uses it, where we know it",
    "from, and the probe that asks the real service. `make test-live` makes the probes",
    "([live-tests.md](live-tests.md)); only results of real accounts appear here.",
    "",
    "**How sure.** The marks are those of the collected facts (stripe.md and qbo.md, which are not part of this",
    "repository), with the section.",
    "",
    "| mark | the fact is |",
    "|---|---|",
    "| R, REC, REAL | seen in a recording or in data of the real service |",
    "| D, DOC, SPEC, PY, NODE | stated by Intuit or Stripe: documentation, specification, or their SDK |",
    "| P, SW | reported by practitioners, or recorded by the authors of a simulator |",
    "| K | general knowledge, not looked up |",
    "| ? | not known: the product must be right either way |",
    "",
    "*If it is not so* says what the product does then. Where it says nothing, the product would stop, or leave",
    "documents parked with their reason. Every answer of QBO is compared with what was meant",
    "([exactly-once.md](exactly-once.md)), and the tie-out compares the books with Stripe's balance",
    "([keeping-equal.md](keeping-equal.md)), so that a row that is not so does not stay hidden.",
)


def discovery_page(confidence: Mapping[str, RealResult]) -> str:
    """The page.

    Args:
        confidence: the latest real results, by probe.
    """
    lines = [*_HEAD, "", "## Real results so far", "", *_summary(confidence)]
    for side in Side:
        lines += ["", f"## {_NAMES[side]}"]
        for kind in Kind:
            rows = [one for one in RELIANCES if one.side is side and one.kind is kind]
            if rows:
                lines += ["", f"### {_NAMES[side]}: {kind}", "", *_table(kind, rows, confidence)]
    return "\n".join([*lines, "", *_questions(confidence), ""])


def _summary(confidence: Mapping[str, RealResult]) -> Iterator[str]:
    known = [confidence[name] for name in PROBES if name in confidence]
    if not known:
        yield "None yet: no run with keys of a Stripe test account or of a QBO sandbox company is recorded."
        return
    counts = ", ".join(
        f"{sum(one.verdict is verdict for one in known)} {verdict}"
        for verdict in (Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNCLEAR)
    )
    days = sorted(one.day for one in known)
    yield f"{len(known)} of {len(PROBES)} probes, from {days[0]} to {days[-1]} (UTC): {counts}."


def _table(kind: Kind, rows: Iterable[Reliance], confidence: Mapping[str, RealResult]) -> Iterator[str]:
    yield "| what | relied on | used in | how sure | if it is not so | probe | real result |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        what = f"`{row.name}`" if kind in {Kind.END_POINT, Kind.EVENT, Kind.FIELDS} else row.name
        cells = (
            what,
            row.relied_on + _listed(row),
            "<br>".join(f"`{place.removeprefix('wescope.')}`" for place in row.places),
            f"{', '.join(mark.value for mark in row.marks)} ({row.source})",
            row.copes,
            f"`{row.probe}`" if row.probe else "",
            _result(confidence.get(row.probe)),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _listed(row: Reliance) -> str:
    parts = (("sends", row.parameters), ("fields", row.fields), ("also taken, may be absent", row.optional))
    return "".join(f"<br>{title}: {' '.join(f'`{name}`' for name in names)}" for title, names in parts if names)


def _result(found: RealResult | None) -> str:
    if found is None:
        return "not tried"
    seen = "" if found.verdict is Verdict.CONFIRMED else f", saw: {found.seen}"
    return f"{found.verdict} {found.day}{seen}"


def _questions(confidence: Mapping[str, RealResult]) -> Iterator[str]:
    yield "## The probes"
    yield ""
    yield "| probe | asks | needs | expected | also known | real result |"
    yield "|---|---|---|---|---|---|"
    for probe in PROBES.values():
        others = "; ".join(f"{name}{'' if copes else ' (product not right)'}" for name, copes in probe.others.items())
        needs = " and ".join(_NAMES[side] for side in Side if side in probe.needs)
        cells = (f"`{probe.name}`", probe.asks, needs, probe.expected, others, _result(confidence.get(probe.name)))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
