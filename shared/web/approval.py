"""What an approver must see beside the numbers: the parts of the rows that lose, and how the data differs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.gating.verdict import Document, number
from shared.state import Release
from shared.web.words import count


@dataclass(frozen=True, slots=True)
class Losing:
    """A slice in which the candidate is worse: by how much, on how many rows, and the chance of that if it is not worse."""

    name: str
    gain: float
    p_worse: float | None
    rows: float | None


def losing_slices(evidence: Document | None) -> tuple[Losing, ...] | None:
    """The slices of the evidence whose gain is below 0, the surest loss first; None if no slice was looked at.

    >>> [one] = losing_slices({"slices": [{"slice": "SEX=1", "rows": 140, "gain": -3, "p_worse": 0.01}]})
    >>> one.name, one.gain, one.p_worse
    ('SEX=1', -3.0, 0.01)
    """
    found = (evidence or {}).get("slices")
    if not isinstance(found, list):
        return None
    each = (_losing(part) for part in found if isinstance(part, dict))
    return tuple(sorted((part for part in each if part is not None), key=_surest))


def _losing(part: Document) -> Losing | None:
    gain = number(part, "gain")
    if gain is None or gain >= 0:
        return None
    return Losing(str(part.get("slice", "?"))[:80], gain, number(part, "p_worse"), number(part, "rows"))


def _surest(part: Losing) -> tuple[float, float]:
    return (1.0 if part.p_worse is None else part.p_worse, part.gain)


def data_change(release: Release, before: Release | None) -> str:
    """How the release's data differs from what the champion was trained on."""
    if not release.train_run or release.files == 0:
        return "not trained by a release of Baton, so its data is not known"
    mine = f"{count(release.files, 'file')}"
    if release.pinned:
        return f"{mine}, the version {release.pinned.rsplit('/', 1)[-1][:16]} that a person pinned"
    if before is None or before.files == 0:
        return f"{mine}, all of them new to production"
    if release.files == before.files:
        return f"the same {mine} as version {before.version} of {before.id}"
    return f"{mine}, {release.files - before.files} of them since version {before.version} of {before.id}"
