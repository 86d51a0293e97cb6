"""Whether one rule demands no more than another: every file that keeps to the one keeps to the other."""

from __future__ import annotations

import math

from shared.data.rules import Beyond, Length, Limit, Missing, NoMultiple, NotIn, Outside, Rule, Test


def implied(rule: Rule, *, by: Rule) -> bool:
    """Whether a file that keeps to rule `by` is certain to keep to `rule`. `False` where that cannot be shown.

    >>> old, new = Rule("minimum", ("A",), Beyond("<", 5)), Rule("minimum", ("A",), Beyond("<", 3))
    >>> implied(new, by=old), implied(old, by=new)
    (True, False)
    """
    if rule.columns != by.columns:
        return False
    if rule.test == by.test:
        return _wider(rule.limit, by.limit)
    return (
        _picks_fewer(rule.test, by.test)
        and _at_most(rule.limit)
        and _at_most(by.limit)
        and _wider(rule.limit, by.limit)
    )


def _picks_fewer(test: Test, other: Test) -> bool:
    """Whether every row that `test` picks is picked by `other` too."""
    match test, other:
        case (Beyond(sign, limit), Beyond(other_sign, other_limit)) if sign[0] == other_sign[0]:
            lower, upper = (limit, other_limit) if sign[0] == "<" else (other_limit, limit)
            return bool(lower < upper or (lower == upper and len(sign) <= len(other_sign)))  # type: ignore[operator]  # both of the column's kind
        case (Length(sign, limit), Length(other_sign, other_limit)) if sign == other_sign:
            return limit <= other_limit if sign == "<" else limit >= other_limit
        case (Outside(_, low, high), Outside(_, other_low, other_high)):
            return low <= other_low and high >= other_high
    return _picks_fewer_values(test, other)


def _picks_fewer_values(test: Test, other: Test) -> bool:
    match test, other:
        case (NotIn(values), NotIn(other_values)):
            return {*values} >= {*other_values}
        case (Missing(also), Missing(other_also)):
            return {*also} <= {*other_also}
        case (NoMultiple(of), NoMultiple(other_of)):
            return isinstance(of, int) and isinstance(other_of, int) and other_of % of == 0
    return False


def _interval(limit: Limit) -> tuple[float, float] | None:
    """The numbers that a limit allows, ends included; None for one that leaves out a middle."""
    least, most = limit.values[0], limit.values[-1]
    match limit.operator:
        case "mustBe" | "mustBeBetween":
            return least, most
        case "mustBeLessThan":
            return -math.inf, math.nextafter(most, -math.inf)
        case "mustBeLessOrEqualTo":
            return -math.inf, most
        case "mustBeGreaterThan":
            return math.nextafter(least, math.inf), math.inf
        case "mustBeGreaterOrEqualTo":
            return least, math.inf
    return None


def _at_most(limit: Limit) -> bool:
    """Whether fewer rows are always as good."""
    allowed = _interval(limit)
    return allowed is not None and allowed[0] <= 0


def _wider(limit: Limit, other: Limit) -> bool:
    """Whether `limit` allows what `other` does."""
    if limit == other:
        return True
    allowed, others = _interval(limit), _interval(other)
    none = other.values == (0,) and other.operator == "mustBe"  # no rows are no rows, in percent too
    if allowed is None or others is None or (limit.percent != other.percent and not none):
        return False
    return allowed[0] <= others[0] and allowed[1] >= others[1]
