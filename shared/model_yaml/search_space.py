"""What a hyper-parameter search may try, as model.yaml says it: one dimension for each parameter. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
RANGE = re.compile(rf"({NUMBER}) to ({NUMBER})(, log)?")
WORDS = 'ranges like "1 to 9" (whole numbers), "0.01 to 100, log", or choices like "ridge | lasso"'


@dataclass(frozen=True, slots=True)
class Dimension:
    """A range of numbers, whole ones or not, even on a logarithmic scale with `log`; or `choices`."""

    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    log: bool = False
    choices: tuple[str, ...] = ()

    def holds(self, text: str) -> bool:
        """Whether a value, as train.py gets it, is one of those."""
        if self.choices:
            return text in self.choices
        try:
            number = float(text)
        except ValueError:
            return False
        return self.low <= number <= self.high and (number.is_integer() or not self.whole)


def dimension(words: str) -> Dimension | None:
    """The dimension that the words say; None if they say none.

    >>> dimension("0.01 to 100, log")
    Dimension(low=0.01, high=100.0, whole=False, log=True, choices=())
    >>> dimension("1 to 9").whole, dimension("ridge | lasso").choices, dimension("9 to 1")
    (True, ('ridge', 'lasso'), None)
    """
    found = RANGE.fullmatch(words.strip())
    if found is None:
        choices = tuple(choice.strip() for choice in words.split("|"))
        distinct = len(set(choices)) == len(choices) > 1 and all(choices)
        return Dimension(choices=choices) if distinct else None
    low, high, log = float(found[1]), float(found[2]), bool(found[3])
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or (log and low <= 0):
        return None
    whole = all(re.fullmatch(r"[-+]?\d+", text) for text in (found[1], found[2]))
    return Dimension(low, high, whole, log)
