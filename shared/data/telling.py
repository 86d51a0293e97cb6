"""Problems in words: what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared.data.rules import (
    NONE,
    AnyRow,
    Beyond,
    Foreign,
    Kind,
    Length,
    Limit,
    Measured,
    Missing,
    NoMultiple,
    NotIn,
    Outside,
    Query,
    Repeated,
    Rule,
    Sign,
    Test,
    Unlike,
    Where,
)
from shared.data.shown import figure, shown
from shared.data.tally import Count
from shared.data.verdict import Problem

ROWS_IN_A_SENTENCE = 5
KIND_WORDS: Mapping[Kind, str] = {
    "string": "text in UTF-8",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a time",
}
KIND_REMEDIES: Mapping[Kind, str] = {
    "string": "save the file as UTF-8 (it looks like Latin-1); an object or a list goes into columns of its own",
    "integer": "write whole numbers like 42, and leave the cell empty where there is none",
    "number": "write numbers like 1234.5, with a point and nothing else, and leave the cell empty where there is none",
    "boolean": "write true or false, and leave the cell empty where it is not known",
    "date": "write dates like 2026-03-31, and leave the cell empty where there is none",
    "timestamp": "write times like 2026-03-31T12:00:00Z, and leave the cell empty where there is none",
}
OR_WIDEN = "; if they are right, widen the rule in contract.yaml and publish the folder"
COMPARE = "compare the values with those of an earlier file (another unit, another column, other cases?)"
ASK_ALL = (
    "mend the values that the query cannot take; or write it so that it takes all (TRY_CAST), and publish the folder"
)
BEYOND: Mapping[Sign, str] = {"<": "below {}", "<=": "not above {}", ">": "above {}", ">=": "not below {}"}
LENGTH: Mapping[Sign, str] = {"<": "shorter than {} characters", ">": "longer than {} characters"}


def wrong_kind(name: str, kind: Kind, count: Count, rows: tuple[int, ...], total: int) -> Problem:
    """The problem of cells that are not of the column's kind."""
    what = f"{name}: {count.count} of {total} values {_are(count.count)} not {KIND_WORDS[kind]}{_in(rows, count.count)}"
    return Problem("type", name, count.count, rows, tuple(count.samples), what, KIND_REMEDIES[kind])


def broken_rule(
    rule: Rule, count: Count, rows: tuple[int, ...], total: int, *, hides: bool = False
) -> Iterator[Problem]:
    """The problem of a rule whose limit does not hold; nothing if it does. `hides` tells no number that may be a value."""
    if isinstance(rule.test, Measured | Query) or count.failed:
        yield from _number(rule, count, total, hides=hides)
        return
    found = total if isinstance(rule.test, AnyRow) else count.count
    if rule.limit.holds(found, total):
        return
    names = ", ".join(rule.columns)
    if isinstance(rule.test, AnyRow):
        what, remedy = f"the file has {total} rows, must be {rule.limit}", "drop a file with that many rows"
    else:
        picked, remedy = _words(rule.test)
        limit = "" if rule.limit == NONE else f", must be {rule.limit}"
        values = "rows" if isinstance(rule.test, Where) else f"values {_are(found)}"
        what = f"{rule.says or names}: {found} of {total} {values} {picked}{_in(rows, found)}{limit}"
    yield Problem(rule.name, names, found, rows, tuple(count.samples), what, remedy, rule.severity)


def _number(rule: Rule, count: Count, total: int, *, hides: bool) -> Iterator[Problem]:
    """The problem of a number that is outside its limit, or that a query could not give."""
    number = count.measured
    if number is not None and rule.limit.allows(number):
        return
    if isinstance(rule.test, Measured):
        said = f"{', '.join(rule.columns)}: {rule.test.function}"
    elif isinstance(rule.test, Where):
        said = rule.says or f"rows where {shown(rule.test.condition, 120)}"
    else:
        said = shown(rule.says, 120)
    if number is None:
        found = f"cannot be asked of this file ({count.failed})" if count.failed else "is there for no row"
    else:
        found = "is not told, since the column is personal" if hides else f"is {_beyond(number, rule.limit)}"
    what = f"{said} {found}, must be {rule.limit}"
    remedy = ASK_ALL if count.failed else COMPARE + OR_WIDEN
    yield Problem(rule.name, ", ".join(rule.columns), total, (), (), what, remedy, rule.severity)


def _beyond(number: float, limit: Limit) -> str:
    """A number outside a limit, with as many digits as show that it is."""
    short = f"{number:.6g}"
    return figure(number) if limit.allows(float(short)) or "e+" in short else short


def _words(test: Test) -> tuple[str, str]:
    """What the picked values are, and how to mend them."""
    if isinstance(test, Missing):
        return "missing", "fill them in, or leave these rows out"
    if isinstance(test, Repeated):
        return "there in an earlier row already", "send each row once"
    if isinstance(test, Foreign):
        return _wrong(test), f"correct them; if they are right, a version of {test.dataset} must hold them first"
    return _wrong(test), "correct them" + OR_WIDEN


def _wrong(test: Test) -> str:
    """What the picked values of a column are."""
    match test:
        case Beyond(sign, limit):
            return BEYOND[sign].format(figure(limit) if isinstance(limit, int | float) else limit)
        case Unlike(pattern):
            return f"not like {shown(pattern)}"
        case NotIn():
            return f"none of {_listed(test)}"
        case Where(_, condition):
            return f"where {shown(condition, 120)}"
    return _measure(test)


def _listed(test: NotIn) -> str:
    return shown(", ".join(map(str, test.values)), 100)


def _measure(test: Test) -> str:
    match test:
        case NoMultiple(of):
            return f"no multiple of {figure(of)}"
        case Outside(_, low, high):
            return f"outside {figure(low)} to {figure(high)}"
        case Length(sign, most):
            return LENGTH[sign].format(most)
        case Foreign():
            return f"not among {test}"
    return "there"


def reason(what: Rule | str, kinds: Mapping[str, Kind]) -> str:
    """Why a row is refused: the rule that it breaks, or the column whose cell is of another kind."""
    if isinstance(what, str):
        return f"{what}: not {KIND_WORDS[kinds[what]]}"
    return f"{what.says or ', '.join(what.columns)}: {_words(what.test)[0]}"


def demand(rule: Rule) -> str:
    """What a rule demands, in a few words."""
    if isinstance(rule.test, Measured):
        return f"{rule.test.function} {rule.limit}"
    if isinstance(rule.test, Query):
        return f"{shown(rule.says, 80)} {rule.limit}"
    if isinstance(rule.test, AnyRow):
        return f"rows: {rule.limit}"
    if isinstance(rule.test, NotIn) and rule.limit == NONE:
        return f"only {_listed(rule.test)}"
    words = _words(rule.test)[0]
    return f"none {words}" if rule.limit == NONE else f"{words}: {rule.limit}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _in(rows: Sequence[int], count: int) -> str:
    if not rows:
        return ""
    listed = ", ".join(map(str, rows[:ROWS_IN_A_SENTENCE]))
    return f" (row{'' if count == 1 else 's'} {listed}{', …' if count > ROWS_IN_A_SENTENCE else ''})"
