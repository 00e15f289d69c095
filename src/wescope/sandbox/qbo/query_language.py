"""Reads QBO's query language into values (facts/qbo.md 5.1): SELECT ... FROM ... WHERE ... AND ... ORDERBY ..."""

import re
from dataclasses import dataclass

from wescope.sandbox.qbo import faults

DEFAULT_RESULTS = 100
MOST_RESULTS = 1000
OPERATORS = frozenset({"=", "<", ">", "<=", ">="})
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<number>-?\d+(?:\.\d+)?)(?![\w.])
    | (?P<word>[A-Za-z_][\w.]*)
    | (?P<sign><=|>=|=|<|>|\(|\)|,|\*)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison; LIKE and IN are operators too. Values are texts without quotes."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One field to sort by."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query as asked: `fields` None is *, `count` is COUNT(*)."""

    entity: str
    fields: tuple[str, ...] | None
    count: bool
    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    start: int = 1
    results: int = DEFAULT_RESULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    column: int


def parse(text: str) -> Query:
    """Reads a query.

    Args:
        text: the query, already URL-decoded.

    Returns:
        What it asks for; whether entity and fields exist is not checked here.

    Raises:
        QboFault: 4000 for wrong grammar, 4001 for a position or size out of range.
    """
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise _unreadable(text[position:].strip()[:20], position + 1)
        tokens.append(_Token(kind=found.lastgroup, text=found.group(found.lastgroup), column=found.start() + 1))
        position = found.end()
    return tokens


def _unreadable(what: str, column: int) -> faults.QboFault:
    return faults.query_unreadable(f'Encountered " {what} "" at line 1, column {column}.')


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def query(self) -> Query:
        """Reads the whole query; raises 4000 or 4001."""
        self._keyword("SELECT")
        fields, count = self._selection()
        self._keyword("FROM")
        entity = self._take("word").text
        conditions = self._conditions() if self._optional("WHERE") else ()
        orders = self._orders() if self._optional("ORDERBY") else ()
        start, results = self._page()
        if self._peek() is not None:
            raise self._unexpected()
        return Query(
            entity=entity,
            fields=fields,
            count=count,
            conditions=conditions,
            orders=orders,
            start=start,
            results=results,
        )

    def _selection(self) -> tuple[tuple[str, ...] | None, bool]:
        if self._optional("*"):
            return None, False
        if self._optional("COUNT"):
            for sign in ("(", "*", ")"):
                self._keyword(sign)
            return None, True
        fields = [self._take("word").text]
        while self._optional(","):
            fields.append(self._take("word").text)
        return tuple(fields), False

    def _conditions(self) -> tuple[Condition, ...]:
        found = [self._condition()]
        while self._optional("AND"):
            found.append(self._condition())
        return tuple(found)

    def _condition(self) -> Condition:
        field = self._take("word").text
        token = self._next()
        if token.text in OPERATORS:
            return Condition(field=field, operator=token.text, values=(self._value(),))
        operator = token.text.upper()
        if operator == "LIKE":
            return Condition(field=field, operator=operator, values=(self._value(),))
        if operator == "IN":
            return Condition(field=field, operator=operator, values=self._values())
        self._position -= 1
        raise self._unexpected()

    def _values(self) -> tuple[str, ...]:
        self._keyword("(")
        values = [self._value()]
        while self._optional(","):
            values.append(self._value())
        self._keyword(")")
        return tuple(values)

    def _value(self) -> str:
        token = self._next()
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if token.kind == "number" or token.text.lower() in {"true", "false"}:
            return token.text
        self._position -= 1
        raise self._unexpected()

    def _orders(self) -> tuple[Order, ...]:
        found = [self._order()]
        while self._optional(","):
            found.append(self._order())
        return tuple(found)

    def _order(self) -> Order:
        field = self._take("word").text
        descending = self._optional("DESC")
        if not descending:
            self._optional("ASC")
        return Order(field=field, descending=descending)

    def _page(self) -> tuple[int, int]:
        start, results = 1, DEFAULT_RESULTS
        while self._peek() is not None:
            if self._optional("STARTPOSITION"):
                start = self._number(None)
            elif self._optional("MAXRESULTS"):
                results = self._number(MOST_RESULTS)
            else:
                raise self._unexpected()
        return start, results

    def _number(self, most: int | None) -> int:
        token = self._take("number")
        if not token.text.lstrip("-").isdigit():
            self._position -= 1
            raise self._unexpected()
        value = int(token.text)
        if value < 1:
            raise faults.query_invalid(f"value {value} is too small. Min allowed value is 1")
        if most is not None and value > most:
            raise faults.query_invalid(f"value {value} is too large. Max allowed value is {most}")
        return value

    def _peek(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise self._unexpected()
        self._position += 1
        return token

    def _take(self, kind: str) -> _Token:
        token = self._next()
        if token.kind != kind:
            self._position -= 1
            raise self._unexpected()
        return token

    def _optional(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.kind == "text" or token.text.upper() != word:
            return False
        self._position += 1
        return True

    def _keyword(self, word: str) -> None:
        if not self._optional(word):
            raise self._unexpected()

    def _unexpected(self) -> faults.QboFault:
        token = self._peek()
        return _unreadable(token.text if token else "<EOF>", token.column if token else len(self._tokens) + 1)
