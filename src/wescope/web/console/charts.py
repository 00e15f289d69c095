"""Charts: bars of days as geometry, which templates draw as inline SVG; a table says the same in text."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 96
_TOP, _BOTTOM = 14, 80
_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its place in units of the drawing, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars of one series, or of two: `behind` are the bars of the second one, at the same places.

    `highest` is what the line at the top stands for, `first` and `last` the labels below.
    """

    title: str
    highest: str
    first: str
    last: str
    bars: tuple[Bar, ...]
    behind: tuple[Bar, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to draw."""
        return not any(bar.height for bar in (*self.bars, *self.behind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One day of a series: how it is called, its value (null: not measured), and how that is written."""

    label: str
    value: float | None
    text: str


def chart(title: str, points: Sequence[Point], behind: Sequence[Point] = ()) -> Chart:
    """A chart of days from left to right; both series have the same days and one scale."""
    highest = max((point for point in (*points, *behind) if point.value), key=_value, default=None)
    top = _value(highest) if highest else 0
    return Chart(
        title=title,
        highest=highest.text if highest else "0",
        first=points[0].label if points else "",
        last=points[-1].label if points else "",
        bars=_bars(points, top),
        behind=_bars(behind, top),
    )


def _value(point: Point) -> float:
    return point.value or 0


def _bars(points: Sequence[Point], top: float) -> tuple[Bar, ...]:
    step = WIDTH / max(1, len(points))
    bars = []
    for place, point in enumerate(points):
        height = round((_BOTTOM - _TOP) * _value(point) / top, 1) if top else 0.0
        text = f"{point.label}: {point.text}"
        x, width = round(place * step + _GAP / 2, 1), round(step - _GAP, 1)
        bars.append(Bar(x=x, y=round(_BOTTOM - height, 1), width=width, height=height, text=text))
    return tuple(bars)
