"""Answers queries over the books: filters, order, pages, projections, lag (facts/qbo.md 5.1)."""

import operator
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from wescope.sandbox.qbo import exchange_rates, faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import parsed
from wescope.sandbox.qbo.company_info import SINGLETONS
from wescope.sandbox.qbo.entity import EntityRules
from wescope.sandbox.qbo.query_language import Condition, Query, parse
from wescope.sandbox.qbo.registry import RULES
from wescope.sandbox.qbo.shapes import Kind, Property
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.tables import META_DATA
from wescope.sandbox.qbo.wire import Json

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
IDS_TAKE = frozenset({"=", "IN"})
ALWAYS_SELECTED = {"domain": "QBO", "sparse": True}


def run(unit: Unit, text: str) -> Json:
    """Answers a query.

    Args:
        unit: a unit of work, only read from.
        text: the query.

    Returns:
        The value of "QueryResponse": empty when nothing is found.

    Raises:
        QboFault: 4000 or 4001.
    """
    query = parse(text)
    if query.entity in SINGLETONS:
        return {query.entity: [SINGLETONS[query.entity](unit)], "startPosition": 1, "maxResults": 1}
    if query.entity.lower() == "exchangerate":
        return exchange_rates.query(unit, query)
    rules = RULES.get(query.entity)
    if rules is None:
        raise faults.query_invalid(f"invalid context declaration: {query.entity}")
    _check_fields(rules, query)
    found = _matching(unit, rules, query)
    if query.count:
        return {"totalCount": len(found)}
    page = found[query.start - 1 : query.start - 1 + query.results]
    if not page:
        return {}
    shown = [_projected(doc, query.fields) for doc in page]
    return {rules.name: shown, "startPosition": query.start, "maxResults": len(shown)}


def _matching(unit: Unit, rules: EntityRules, query: Query) -> list[Json]:
    stored = [one for one in query.conditions if one.field not in rules.derived]
    derived = [one for one in query.conditions if one.field in rules.derived]
    only_active = rules.is_list and not any(one.field == "Active" for one in query.conditions)
    records = (
        record
        for record in _visible(unit, rules)
        if (not only_active or record.doc["Active"]) and all(_holds(unit, rules, one, record.doc) for one in stored)
    )
    docs = [rules.shown(unit, record) for record in records]
    docs = [doc for doc in docs if all(_holds(unit, rules, one, doc) for one in derived)]
    docs.sort(key=_default_order(rules), reverse=not rules.is_list)
    for order in reversed(query.orders):
        docs.sort(key=_sort_key(rules, order.field), reverse=order.descending)
    return docs


def _visible(unit: Unit, rules: EntityRules) -> Iterator[Record]:
    """Yields what a lagging read sees: each object as it was so many milliseconds ago."""
    if unit.knobs.query_lag_ms <= 0:
        yield from unit.books.all(rules.name)
        return
    for present in unit.books.everything(rules.name):
        record = unit.books.as_of(present, unit.now_ms - unit.knobs.query_lag_ms)
        if record is not None and not record.deleted:
            yield record


def _default_order(rules: EntityRules) -> Callable[[Json], Any]:
    if rules.is_list:
        return lambda doc: str(doc.get("FullyQualifiedName") or doc.get("DisplayName") or doc.get("Name")).casefold()
    return lambda doc: (doc["TxnDate"], int(doc["Id"]))


def _check_fields(rules: EntityRules, query: Query) -> None:
    for name in query.fields or ():
        known = _property(rules, name)
        if known.kind in {Kind.OBJECT, Kind.ANY} and not name.endswith("Ref") and name not in {"MetaData", "Line"}:
            raise _unknown(rules, name)
    for name in [one.field for one in query.conditions] + [one.field for one in query.orders]:
        _property(rules, name)
        if name not in rules.filterable:
            raise faults.query_invalid(f"property '{name}' is not queryable")
    for one in query.conditions:
        if one.field == "Id" and one.operator not in IDS_TAKE:
            raise faults.query_invalid(f"operator {one.operator} is not supported for property Id")


def _property(rules: EntityRules, name: str) -> Property:
    head, _, tail = name.partition(".")
    known = rules.shape.properties.get(head)
    if known is None:
        raise _unknown(rules, name)
    if not tail:
        return known
    inner = META_DATA.properties.get(tail) if head == "MetaData" else None
    if inner is None:
        raise _unknown(rules, name)
    return inner


def _unknown(rules: EntityRules, name: str) -> faults.QboFault:
    return faults.query_invalid(f"Property {name} not found for Entity {rules.name}")


def _holds(unit: Unit, rules: EntityRules, condition: Condition, doc: Json) -> bool:
    value = _field(doc, condition.field)
    if value is None:
        return False
    if condition.operator == "LIKE":
        return _like(str(value), condition.values[0], case=unit.knobs.query_case_sensitive)
    ours = _comparable(unit, rules, condition.field, value)
    theirs = [_comparable(unit, rules, condition.field, one) for one in condition.values]
    if condition.operator == "IN":
        return ours in theirs
    return bool(COMPARISONS[condition.operator](ours, theirs[0]))


def _field(doc: Json, name: str) -> Any:
    value: Any = doc
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value.get("value") if isinstance(value, dict) else value


def _comparable(unit: Unit, rules: EntityRules, name: str, value: Any) -> Any:
    """Turns a stored value or a query's text into something that compares as the property's kind does."""
    kind = _property(rules, name).kind
    try:
        if name.startswith("MetaData."):
            return parsed(value)
        if kind is Kind.DECIMAL:
            return Decimal(str(value))
        if kind is Kind.BOOLEAN:
            return {"true": True, "false": False}[str(value).lower()]
    except (ValueError, KeyError, InvalidOperation) as problem:
        raise faults.query_invalid(f"value {value} is not valid for property {name}") from problem
    return str(value) if unit.knobs.query_case_sensitive or kind is Kind.ID else str(value).casefold()


def _like(value: str, pattern: str, *, case: bool) -> bool:
    wanted = ".*".join(re.escape(part) for part in pattern.split("%"))
    return re.fullmatch(wanted, value, re.DOTALL if case else re.DOTALL | re.IGNORECASE) is not None


def _sort_key(rules: EntityRules, name: str) -> Callable[[Json], Any]:
    kind = _property(rules, name).kind

    def key(doc: Json) -> tuple[bool, Any]:
        value = _field(doc, name)
        if value is None:
            return (False, 0)
        if name == "Id":  # numbers first; TAX and NON of a US company are none
            return (True, (not value.isdigit(), int(value) if value.isdigit() else 0, value))
        if name.startswith("MetaData."):
            return (True, parsed(value))
        return (True, value if kind in {Kind.DECIMAL, Kind.BOOLEAN} else str(value))

    return key


def _projected(doc: Json, fields: tuple[str, ...] | None) -> Json:
    if fields is None:
        return doc
    heads = {name.partition(".")[0] for name in fields}
    return {**{name: value for name, value in doc.items() if name in heads}, **ALWAYS_SELECTED}
