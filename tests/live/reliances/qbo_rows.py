"""How the rows about QBO are written."""

from tests.live.model import Kind, Mark, Reliance, Side


def relied(
    kind: Kind,
    name: str,
    relied_on: str,
    *places: str,
    marks: str,
    section: str,
    probe: str = "",
    copes: str = "",
) -> Reliance:
    """A row; `marks` and `section` are those of facts/qbo.md."""
    return Reliance(
        side=Side.QBO,
        kind=kind,
        name=name,
        relied_on=relied_on,
        places=places,
        marks=tuple(Mark(mark) for mark in marks.split()),
        source=f"qbo.md {section}",
        probe=probe,
        copes=copes,
    )


def behaviour(
    name: str, relied_on: str, *places: str, marks: str, section: str, probe: str, copes: str = ""
) -> Reliance:
    """A row about how QBO behaves."""
    return relied(Kind.BEHAVIOUR, name, relied_on, *places, marks=marks, section=section, probe=probe, copes=copes)


def limit(name: str, relied_on: str, place: str, *, marks: str = "D", probe: str = "", copes: str = "") -> Reliance:
    """A row about a limit of section 1."""
    return relied(Kind.LIMIT, name, relied_on, place, marks=marks, section="1", probe=probe, copes=copes)
