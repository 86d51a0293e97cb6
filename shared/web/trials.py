"""The trials of a release's search for hyper-parameters, as its page shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.gating.verdict import Document, at, number
from shared.web.words import number as shown

ERROR_ROOM = 200


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial in words; `value` is why there is none where it failed."""

    number: int
    parameters: str
    value: str
    seconds: str
    is_best: bool
    failed: bool


@dataclass(frozen=True, slots=True)
class Trials:
    """A search: what ended it and what was best, and every trial."""

    says: str
    trials: tuple[Trial, ...]


def trials(training: Document | None, listed: Document | None) -> Trials | None:
    """What a training run's result and its list of trials say; None where nothing was searched.

    >>> found = trials({"search": {"metric": "mse", "trials": 1, "best": {"number": 0, "value": 2.5}, "ended": "all"}}, None)
    >>> found.says if found else ""
    'trial 0 is the candidate: mse 2.5 on the validation rows, which are among those for training; 1 trials, all'
    """
    search = (training or {}).get("search")
    if not isinstance(search, Mapping):
        return None
    best, value = number(search, "best", "number"), number(search, "best", "value")
    says = (
        f"trial {shown(best or 0)} is the candidate: {search.get('metric')} {shown(value) if value is not None else '?'} on the "
        f"validation rows, which are among those for training; {search.get('trials')} trials, {search.get('ended')}"
    )
    found = at(listed or {}, "trials")
    each = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    return Trials(says, tuple(_trial(one, best) for one in each))


def _trial(told: Document, best: float | None) -> Trial:
    place, value, seconds = (number(told, name) for name in ("number", "value", "seconds"))
    parameters = told.get("parameters")
    named = parameters.items() if isinstance(parameters, Mapping) else ()
    return Trial(
        number=int(place or 0),
        parameters=", ".join(f"{name} {given}" for name, given in named),
        value=shown(value) if value is not None else str(told.get("error", "no value"))[:ERROR_ROOM],
        seconds=f"{shown(seconds)} s" if seconds is not None else "–",
        is_best=place == best,
        failed=value is None,
    )
