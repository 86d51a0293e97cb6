"""The charts of a drop's report: its own profile beside that of the files accepted before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared import log
from shared.effects.parts import Parts
from shared.errors import Permanent
from shared.files.keeping import DATASETS
from shared.storage.port import BlobMissing

if TYPE_CHECKING:  # numpy and datasketches load where profiles are read
    from shared.data.profile import Profile

FILES = 20
"""So many accepted files at most, the newest, are what a drop is drawn beside."""


def drawn(parts: Parts, model: str, profile: bytes) -> str:
    """The charts as HTML; empty where there is no profile, or it cannot be read: a report is never held up by them."""
    if not profile:
        return ""
    from shared.data.charts import charts
    from shared.data.profile import merged, read_profile

    try:
        now = read_profile(profile)
        before = list(_before(parts, model))
        return charts(now, merged(before) if before else None, files=len(before))
    except (Permanent, ArithmeticError, LookupError, ValueError) as error:
        log.warning("report without charts", model=model, why=f"{type(error).__name__}: {error}"[:300])
        return ""


def _before(parts: Parts, model: str) -> Iterator[Profile]:
    from shared.data.profile import read_profile

    head = parts.book.head(model)
    last = head.next_file - 1 if head else 0
    for number in range(last, max(0, last - FILES), -1):
        file = parts.book.file(model, number)
        if file is not None and file.profile:
            try:
                yield read_profile(parts.blobs.read(DATASETS, file.profile))
            except BlobMissing:
                continue  # it was forgotten
