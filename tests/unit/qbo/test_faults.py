"""Of a fault's text only codes, ids, lengths and field names are let through."""

from typing import Any

import pytest

from tests.unit.qbo.doubles import shared_data
from wescope.errors import QboRefused
from wescope.qbo.faults import from_json, from_xml, to_error


def details(code: str, detail: str, element: Any = "") -> dict[str, Any]:
    fault = from_json({"Fault": {"Error": [{"code": code, "Message": "m", "Detail": detail, "element": element}]}})
    assert fault is not None
    found = dict(to_error(fault, intuit_tid="t").details)
    assert (found.pop("fault_code"), found.pop("intuit_tid")) == (code, "t")
    return found


@pytest.mark.parametrize(
    ("code", "detail", "element", "expected"),
    [
        (
            "2050",
            "Min:0 Max:1,000 supported. Supplied length:1,016",
            "Customer Memo",
            {"element": "Customer Memo", "longest": "1000", "length": "1016"},
        ),
        ("2020", "Required parameter Line is missing in the request", "Line", {"element": "Line", "parameter": "Line"}),
        ("2500", "Invalid Reference Id : Accounts element id 7 not found", "", {"list": "Accounts", "element_id": "7"}),
        ("2500", "Something you're trying to use has been made inactive.", None, {"reason": "inactive"}),
        ("610", "Object Not Found : Another user has deleted this transaction.", "", {"reason": "deleted"}),
        ("6240", "The name supplied already exists. : Jane Roe", "", {}),
        ("2030", "Supplied value:Jane", "Jane Roe <jane@roe.example>", {}),
    ],
)
def test_safe_parts(code: str, detail: str, element: Any, expected: dict[str, str]) -> None:
    assert details(code, detail, element) == expected


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        "x",
        {"Fault": None},
        {"Fault": {}},
        {"Fault": {"Error": []}},
        {"Fault": {"Error": ["x"]}},
        {"fault": 1},
    ],
)
def test_what_is_no_fault(content: Any) -> None:
    assert from_json(content) is None


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("fault.xml", ("2050", "2080")),
        ("generic_error.xml", ("10000",)),
        ("throttle_exceeded_error.xml", ("3001",)),
        ("too_many_requests_error.xml", ("3001",)),
        ("query_validation_error.xml", ("4001",)),
        ("customer_duplicate_error.xml", ("6240",)),
    ],
)
def test_recorded_xml_faults(name: str, codes: tuple[str, ...]) -> None:
    text = (shared_data() / "qbo" / "xml_fixtures" / name).read_text()
    fault = from_xml(text)
    assert fault is not None
    assert fault.codes == codes
    assert from_xml(text[: text.rindex("</Fault>")]) is None


def test_a_transient_text_beside_a_real_reason_is_not_transient() -> None:
    entries = [{"code": "6000", "Detail": "You can only add or edit one name at a time"}, {"code": "2020"}]
    fault = from_json({"Fault": {"Error": entries}})
    assert fault is not None
    error = to_error(fault, intuit_tid="")
    assert type(error) is QboRefused
    assert error.fault_code == "2020"
