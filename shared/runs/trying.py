"""A trial of a sweep, which is a job of its own: how it is told what to try, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.errors import SettingsRefused
from shared.model_yaml.search_space import Dimension, dimension

METRIC = "baton_validation"
"""The name under which a trial logs its value, for the platform to compare trials by."""
TRIAL_OF = "BATON_TRIAL_OF"
"""The variable that names the sweep in a trial's environment."""


def parameters_of(arguments: Sequence[str]) -> dict[str, str]:
    """What the platform chose, from the pairs `--name value` of a trial's command.

    >>> parameters_of(["--alpha", "-0.5", "--max-depth", "3"])
    {'alpha': '-0.5', 'max-depth': '3'}
    """
    names, values = arguments[::2], arguments[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise SettingsRefused(
            f"a run's arguments are pairs of --name and value, not {list(arguments)}.",
            next="start runs through a trainer",
        )
    return {name.removeprefix("--"): value for name, value in zip(names, values, strict=True)}


def as_asked(space: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters as train.py gets them, whichever way the platform writes numbers; within their ranges.

    >>> as_asked({"depth": "1 to 9", "alpha": "0.01 to 1, log"}, {"depth": "3.0", "alpha": "1.0000000000000002", "rows": "all"})
    {'depth': '3', 'alpha': '1.0', 'rows': 'all'}
    """
    dimensions = {name: found for name, words in space.items() if (found := dimension(words)) is not None}
    return {
        name: _as_asked(dimensions[name], text) if name in dimensions else text for name, text in parameters.items()
    }


def _as_asked(found: Dimension, text: str) -> str:
    if found.choices:
        return text
    number = min(max(float(text), found.low), found.high)
    return str(round(number)) if found.whole else repr(number)
