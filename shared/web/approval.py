"""What an approver must see beside the numbers: the parts of the rows that lose, and how the data differs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.state import Release
from shared.verdict import Document, number
from shared.web.words import count


@dataclass(frozen=True, slots=True)
class Losing:
    """A slice in which the candidate is worse: by how much, between which bounds, on how many rows; `sure` if shown so."""

    name: str
    gain: float
    lower: float | None
    upper: float | None
    rows: float | None
    sure: bool


def losing_slices(evidence: Document | None) -> tuple[Losing, ...] | None:
    """The slices of the evidence whose gain is below 0, the worst first; None if no slice was looked at.

    >>> [one] = losing_slices({"slices": [{"slice": "SEX=1", "rows": 40, "gain": {"mean": -3, "lower": -5, "upper": -1}}]})
    >>> one.name, one.gain, one.sure
    ('SEX=1', -3.0, True)
    """
    found = (evidence or {}).get("slices")
    if not isinstance(found, list):
        return None
    each = (_losing(part) for part in found if isinstance(part, dict))
    return tuple(sorted((part for part in each if part is not None), key=lambda part: part.gain))


def _losing(part: Document) -> Losing | None:
    mean = number(part, "gain", "mean")
    if mean is None or mean >= 0:
        return None
    upper = number(part, "gain", "upper")
    name = str(part.get("slice", "?"))[:80]
    return Losing(
        name, mean, number(part, "gain", "lower"), upper, number(part, "rows"), upper is not None and upper < 0
    )


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
