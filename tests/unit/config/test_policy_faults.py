"""Broken policy files: everything that is wrong is told at once, with line, column, key, and what was meant."""

import json
from pathlib import Path

import pytest

from wescope.cli.output import report
from wescope.config.policy_file import load_policy_file, read_policy_file
from wescope.config.policy_where import key_text, places
from wescope.config.settings import Settings
from wescope.errors import PolicyError, PolicyFault


def faults(folder: Path, text: str | bytes) -> tuple[PolicyFault, ...]:
    path = folder / "policy.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PolicyError) as raised:
        read_policy_file(path)
    assert all(fault.file == str(path) for fault in raised.value.faults)
    return raised.value.faults


BROKEN = [
    # text, line, column, key, a part of the message, what was meant
    ("[books]\ntimezone = 'New York'", 2, 12, "books.timezone", "IANA", '"America/New_York"'),
    ("[books]\ntimezone = 'Europe/Berln'", 2, 12, "books.timezone", '"Europe/Berln" must be', '"Europe/Berlin"'),
    ("[books]\ntimezone = '..'", 2, 12, "books.timezone", "IANA", None),
    ("[books]\nhome_currency = 'usx'", 2, 17, "books.home_currency", "ISO 4217", None),
    ("[books]\nhome_currency = 5", 2, 17, "books.home_currency", "5 must be a string", '"5"'),
    ("[books]\nstart_date = 2026", 2, 14, "books.start_date", "date", None),
    ("[books]\nreversals = 'dates'", 2, 13, "books.reversals", "'month', 'dated' or 'void'", '"dated"'),
    ("[books]\ndry_run = 'yes'", 2, 11, "books.dry_run", "true or false", "true"),
    ("[books]\ndryrun = true", 2, 1, "books.dryrun", "unknown key", "dry_run"),
    ("[book]\ndry_run = true", 1, 2, "book", "allowed here: access, accounts, alerts, books", "books"),
    ("books = 5", 1, 9, "books", "[books] on a line of its own", None),
    ("timezone = 'UTC'", 1, 1, "timezone", "unknown key", "books.timezone"),
    ("[accounts]\nsales = 'x'", 2, 1, "accounts.sales", "unknown key", "sales_tax or items.sales"),
    ("[accounts]\nbank.EURO = 'x'", 2, 6, "accounts.bank.EURO", "three-letter", None),
    ("[accounts]\nbank = {EUR = 'a', eur = 'b'}", 2, 8, "accounts.bank", "EUR and eur are the same", None),
    ("[accounts]\nbank = {}", 2, 8, "accounts.bank", "must not be empty", None),
    ("[accounts.bank]\nEUR = 7", 2, 7, "accounts.bank.EUR", "7 must be a string", '"7"'),
    ("[accounts]\nbank = ['x']", 2, 8, "accounts.bank", "must be a string", None),
    ("[categories]\nname = ''", 2, 8, "categories.name", "at least 1 character", None),
    ("[items.rules]\nprice = 'x'", 1, 8, "items.rules", "[[items.rules]]", None),
    ("[[items.rules]]\nprice='p'\nitem='i'\n\n[[items.rules]]\nclss='x'", 6, 1, "items.rules[1].clss", "", "class"),
    ("[items]\nrules = [\n  {item = 'x', prize = 'y'},\n]", 3, 16, "items.rules[0].prize", "unknown", "price"),
    ("[customers]\nfields = ['e-mail']", 2, 11, "customers.fields[0]", "'email'", '"email"'),
    ("[customers]\nfields = 'email'", 2, 10, "customers.fields", "must be a list", None),
    ("[qbo]\nsettle_s = '30'", 2, 12, "qbo.settle_s", "integer", "30"),
    ("[qbo]\nsettle_s = 3", 2, 12, "qbo.settle_s", "3 must be greater than or equal to 5", None),
    ("[alerts]\nparked_amounts = {EUR = 1, eur = 2}", 2, 18, "alerts.parked_amounts", "EUR and eur", None),
    ("[tax]\ncodes.txr_1 = 5", 2, 15, "tax.codes.txr_1", "5 must be a string", '"5"'),
    # what is no TOML
    ("[books]\ntimezone = America/Denver", 2, 12, "books.timezone", "stands in quotes", '"America/Denver"'),
    ("[books]\ndry_run = True", 2, 11, "books.dry_run", "written small", "true"),
    ("[books]\ndry_run = yes # now", 2, 11, "books.dry_run", "true or false", "true"),
    ("[books]\ndry_run = 'off'", 2, 11, "books.dry_run", "true or false", "false"),
    ("[alerts]\nsweep_age = off", 2, 13, "alerts.sweep_age", "not TOML", 'false or "off"'),
    ("[books]\ntimezone =\n", 2, None, "books.timezone", "no value follows", None),
    ("[books\ntimezone = 'UTC'", 1, 7, "", "expected ']'", None),
    ('[accounts]\nbank = "x"\nfees = """x\n\n', 3, None, "accounts.fees", "unterminated", None),
    ("[books]\ntimezone = 'UTC", 2, None, "books.timezone", "not TOML", None),
    ("[books]\ntimezone", 2, None, "books", "not TOML", None),
    ("[books]\ndry_run = true\ndry_run = false", 3, 16, "books.dry_run", "first in line 2", None),
    ("[books]\n[accounts]\n[books]\n", 3, 7, "books", "first in line 1", None),
    ("[accounts]\nbank = 'a'\nbank.EUR = 'b'", 3, None, "accounts.bank.EUR", "first in line 2", None),
    ("[accounts]\nbank.EUR = 'b'\nbank = 'a'", 3, None, "accounts.bank", "one name or a table by currency", None),
    ("[accounts]\nbank = {EUR = 'a', EUR = 'b'}", 2, None, "accounts.bank", "given twice", None),
]


@pytest.mark.parametrize(("text", "line", "column", "key", "message", "meant"), BROKEN)
def test_a_broken_file(  # noqa: PLR0917 - pytest hands them over by name
    tmp_path: Path, text: str, line: int, column: int | None, key: str, message: str, meant: str | None
) -> None:
    (fault,) = faults(tmp_path, text)
    assert (fault.line, fault.key, fault.did_you_mean) == (line, key, meant), str(fault)
    assert column is None or fault.column == column, str(fault)
    assert message in fault.message


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "[books]\ntimezone = Denver/America\nhome_currency = 'xxx'\n\n"
        "[accounts]\nbank = 'a'\nbank.EUR = 'b'\nfes = 'x'\n"
        "[qbo]\nsettle_s = 'x'\n"
    )
    found = faults(tmp_path, text)
    assert [(fault.line, fault.key) for fault in found] == [
        (2, "books.timezone"),
        (3, "books.home_currency"),
        (7, "accounts.bank.EUR"),
        (8, "accounts.fes"),
        (10, "qbo.settle_s"),
    ]


def test_what_stands_before_a_broken_header_is_looked_at(tmp_path: Path) -> None:
    found = faults(tmp_path, "[books]\nzone = 'UTC'\n[accounts\nbank = 'x'\n")
    assert [(fault.line, fault.key) for fault in found] == [(2, "books.zone"), (3, "books")]


def test_names_with_strange_signs_keep_their_places(tmp_path: Path) -> None:
    text = '[accounts]\nclearing = """\nA = [b]\n# c"""  # d\nbank."EUR" = "x # y"\n"fees" = 5\n'
    (fault,) = faults(tmp_path, text)
    assert (fault.line, fault.key) == (6, "accounts.fees")


def test_places_of_lists_and_tables_in_them() -> None:
    found = places("a = [1, [2, {b.c = '''\n'''}],\n 3]\nd = 1\n[[e]]\nf=1\n[[e]]\n[e.g]\nh = 1\n")
    shown = {key_text(path): (place.line, place.column) for path, place in found.keys.items()}
    assert shown["a[1][1].b.c"] == (1, 16)
    assert shown["a[2]"] == (3, 2)
    assert (shown["d"], shown["e[1].g.h"], shown["e[0].f"]) == ((4, 1), (9, 1), (6, 1))


@pytest.mark.parametrize(
    ("raw", "told", "line"),
    [
        (b"[books]\n# caf\xe9\n", "it is not UTF-8", 2),
        ("[books]\n".encode("utf-16"), "it is UTF-16", None),
    ],
)
def test_a_file_that_is_not_utf_8(tmp_path: Path, raw: bytes, told: str, line: int | None) -> None:
    (fault,) = faults(tmp_path, raw)
    assert told in fault.message
    assert fault.line == line


def test_a_byte_order_mark_line_ends_of_windows_and_an_empty_file_are_well(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xef\xbb\xbf[books]\r\ndry_run = true\r\n")
    assert read_policy_file(path).dry_run
    path.write_bytes(b"")
    assert not read_policy_file(path).dry_run
    (fault,) = faults(tmp_path, "\ufeff[books]\r\n\r\ndry_run = 1\r\n")
    assert (fault.line, fault.column) == (3, 11)


def test_what_is_no_readable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wescope.toml").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError, match="it is a directory"):
        load_policy_file(Settings())
    (tmp_path / "wescope.toml").rmdir()
    (tmp_path / "wescope.toml").symlink_to("nowhere")
    with pytest.raises(PolicyError, match="there is no such file"):
        load_policy_file(Settings())

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PolicyError, match="this user may not read it"):
        read_policy_file(tmp_path / "x.toml")


def test_where_a_key_stands(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[accounts]\nclearing = 'C'\nbank.EUR = 'B'\n", encoding="utf-8")
    found = read_policy_file(path)
    assert found.place("accounts.bank.eur", "accounts.bank") == f"{path}, line 3, accounts.bank.eur"
    assert found.place("accounts.clearing.EUR", "accounts.clearing") == f"{path}, line 2, accounts.clearing"
    assert found.place("accounts.fees") == "accounts.fees (default)"


def test_how_it_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = faults(tmp_path, "[books]\nzone = 'UTC'\ntimezone = 'Mars'\n")
    report(PolicyError(faults=found), as_json=True)
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["faults"][1]["key"] == "books.timezone"
    assert (error["code"], error["faults"][0]["line"], error["faults"][0]["did_you_mean"]) == (
        "policy_invalid",
        2,
        "timezone",
    )
    first, second, third, remedy = told.err.rstrip().split("\n")
    assert first == "[policy_invalid] The policy file is wrong. 2 faults:"
    assert second.strip().startswith(f"{found[0].file}, line 2, column 1, books.zone: unknown key")
    assert "books.timezone" in third
    assert "wescope.toml" in remedy
