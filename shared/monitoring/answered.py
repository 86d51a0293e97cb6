"""What a model answered lately, fetched beside a drop, so that its own output is not taken for new data (`data/own_output.py`)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from shared.data.answers import ANSWERED, About
from shared.gating.metric_facts import OF_TWO
from shared.monitoring.labels import SCORED
from shared.spec import Spec
from shared.storage.port import BlobMissing, Blobs, BlobSeen

DAYS = 7
MOST_BYTES = 16 * 1024 * 1024
MOST_SEGMENTS = 200
BINARY = (*OF_TWO, "log_loss", "accuracy")


def fetch_answered(blobs: Blobs, model: str, spec: Spec, drop: Path, *, now: datetime) -> None:
    """Fetch the newest segments of the last `DAYS` days, `MOST_BYTES` and `MOST_SEGMENTS` at most, into `answered` beside the drop.

    No folder where nothing was answered, or `data.own_output_percent` is 100. A segment that goes meanwhile is left out.
    """
    if spec.data.own_output_percent >= 100:
        return
    segments = _newest(blobs, model, now)
    if not segments:
        return
    into = drop.with_name(ANSWERED)
    into.mkdir(exist_ok=True)
    for number, segment in enumerate(segments, start=1):
        with suppress(BlobMissing):
            blobs.fetch(SCORED, segment.name, into / f"{number:06d}.jsonl", etag=segment.etag)
    about(model, spec).save(into)


def about(model: str, spec: Spec) -> About:
    """What is compared: all of the contract's columns but keys and the time, and the target as the gates read it."""
    compare = spec.gates.compare
    return About(
        model=model,
        target=spec.data.target,
        without=tuple({*spec.data.key, spec.data.time} - {"", spec.data.target}),
        most_percent=spec.data.own_output_percent,
        classes=compare.classes,
        threshold=compare.threshold,
        is_binary=spec.gates.metric in BINARY and not compare.classes,
    )


def _newest(blobs: Blobs, model: str, now: datetime) -> list[BlobSeen]:
    """The newest segments first, day by day, until enough are found."""
    found: list[BlobSeen] = []
    room = MOST_BYTES
    for day in (now - timedelta(days=back) for back in range(DAYS)):
        prefix = f"{model}/{day:%Y/%m/%d}/"
        for segment in sorted(blobs.listed(SCORED, prefix), key=lambda one: one.name, reverse=True):
            room -= segment.size
            if room < 0 or len(found) == MOST_SEGMENTS:
                return found
            found.append(segment)
    return found
