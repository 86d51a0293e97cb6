"""What a contract demands of a file, as frozen values: columns of a kind, and rules that count rows.

Every rule has the same form: a test that picks rows, and a limit that their number must keep to. `required`, ranges
and keys are rules whose number must be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

from shared.data.shown import figure

Kind = Literal["string", "integer", "number", "boolean", "date", "timestamp"]
Severity = Literal["error", "warning"]
Sign = Literal["<", "<=", ">", ">="]
Scalar: TypeAlias = str | int | float | bool | date | datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """Picks rows without a value, or with one of the values that stand for none."""

    also: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Beyond:
    """Picks rows whose value is `sign` the limit: ("<", 18) picks those below 18."""

    sign: Sign
    limit: Scalar


@dataclass(frozen=True, slots=True)
class NoMultiple:
    """Picks rows whose number is no whole multiple of `of`, which is above 0; of fractions, as close as their 53 bits tell."""

    of: float


@dataclass(frozen=True, slots=True)
class Outside:
    """Picks rows whose number in `column` is below `low` or above `high`."""

    column: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Length:
    """Picks rows whose text has a length in characters that is `sign` the limit."""

    sign: Sign
    limit: int


@dataclass(frozen=True, slots=True)
class Unlike:
    """Picks rows in whose text the pattern is found nowhere (RE2 syntax; `^` and `$` make it the whole text)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class NotIn:
    """Picks rows whose value is none of these."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Picks rows whose values together are none that `columns` have, in this order, in the current version of another model's
    `dataset`. A row with a missing value among them is not picked.
    """

    dataset: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.columns)
        return f"{self.dataset}.{named}" if len(self.columns) == 1 else f"{self.dataset}.({named})"


@dataclass(frozen=True, slots=True)
class Repeated:
    """Picks rows that repeat the values of an earlier row; a row with a missing value repeats nothing."""


@dataclass(frozen=True, slots=True)
class AnyRow:
    """Picks every row."""


@dataclass(frozen=True, slots=True)
class Where:
    """Picks rows for which an SQL condition is true. It calls the file `table`."""

    table: str
    condition: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Picks no rows: a number of one numeric column (avg, sum, min or max) is held against the limit."""

    column: str
    function: str


@dataclass(frozen=True, slots=True)
class Query:
    """Picks no rows: the one number that an SQL query gives for the whole file is held against the limit."""

    table: str
    sql: str


Test: TypeAlias = (
    Missing
    | Beyond
    | NoMultiple
    | Outside
    | Length
    | Unlike
    | NotIn
    | Foreign
    | Repeated
    | AnyRow
    | Where
    | Measured
    | Query
)

OPERATORS: Mapping[str, tuple[str, Callable[[float, tuple[float, ...]], bool]]] = {
    "mustBe": ("exactly {}", lambda found, limit: found == limit[0]),
    "mustNotBe": ("anything but {}", lambda found, limit: found != limit[0]),
    "mustBeGreaterThan": ("more than {}", lambda found, limit: found > limit[0]),
    "mustBeGreaterOrEqualTo": ("at least {}", lambda found, limit: found >= limit[0]),
    "mustBeLessThan": ("less than {}", lambda found, limit: found < limit[0]),
    "mustBeLessOrEqualTo": ("at most {}", lambda found, limit: found <= limit[0]),
    "mustBeBetween": ("{} to {}", lambda found, limit: limit[0] <= found <= limit[1]),
    "mustNotBeBetween": ("outside {} to {}", lambda found, limit: not limit[0] <= found <= limit[1]),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows may be picked: an operator of the standard with its one or two (inclusive) values."""

    operator: str = "mustBe"
    values: tuple[float, ...] = (0,)
    percent: bool = False

    def holds(self, count: int, rows: int) -> bool:
        """Whether `count` of `rows` is within the limit. Of no rows a percentage does not exist, and does not hold."""
        if self.percent and not rows:
            return False
        return self.allows(100 * count / rows if self.percent else count)

    def allows(self, number: float) -> bool:
        """Whether a number itself is within the limit."""
        return OPERATORS[self.operator][1](number, self.values)

    def __str__(self) -> str:
        unit = " %" if self.percent else ""
        return OPERATORS[self.operator][0].format(*map(figure, self.values)) + unit


NONE = Limit()


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is the standard's word for the rule; `columns` is empty if it is about whole rows.

    `says` is what the contract's writer calls it, told where the test itself says little.
    """

    name: str
    columns: tuple[str, ...]
    test: Test
    limit: Limit = NONE
    severity: Severity = "error"
    says: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that must be there, and what kind its cells are; of a `personal` one no value is shown."""

    name: str
    kind: Kind
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A service level: the newest (freshness) or oldest (retention) value of a column is at most `age` old, `says` in words."""

    name: str
    column: str
    says: str
    age: timedelta
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How text is written in drops, where neither its bytes nor the header tell: each "" if the contract says nothing.

    `encoding` is Python's name for it. `delimiter` is tried before those that are always recognised.
    """

    encoding: str = ""
    delimiter: str = ""
    quote: str = ""


PLAIN = Dialect()


@dataclass(frozen=True, slots=True)
class Contract:
    """A whole contract. `not_checked` is what it says in prose: told with every verdict, checked by nobody.

    `version` is the contract's own, as its writer counts. `ends_lines` says that a text file must end with a line end.
    With `floor_percent`, rows that break a rule are refused alone, as long as so large a share of the rows is accepted; without
    (None), one row refuses the file.
    """

    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    not_checked: tuple[str, ...] = ()
    version: str = ""
    ends_lines: bool = False
    levels: tuple[Level, ...] = ()
    floor_percent: float | None = None
    dialect: Dialect = PLAIN

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def personal(self) -> frozenset[str]:
        """The names of the columns of which no value is shown."""
        return frozenset(column.name for column in self.columns if column.personal)
